"""A user's machine for the tests with real editors: a home of its own, a project, and a scripted model."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.editors.provider import Provider, provider

SHOP = '''\
"""What things cost."""


def total(prices, discount):
    return sum(prices) * (1 - discount)


def cheapest(prices):
    return min(prices)
'''

DOCUMENTED = '''\
def total(prices, discount):
    """Add the prices up and take the discount off."""
    return sum(prices) * (1 - discount)'''

DOCUMENTED_SHOP = SHOP.replace(
    "discount):\n", 'discount):\n    """Add the prices up and take the discount off."""\n', 1
)

TESTS = """\
from shop import total


def test_total():
    assert total([1, 2], 0) == 3"""

CONFIGURATION = """\
model = "test/model"

[models."test/model"]
provider_model = "openai/test"
api_base = "{api_base}"
api_key_env = "PHASR_TEST_KEY"
edit_format = "region"
"""


@pytest.fixture(scope="module")
def model() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh_script(model: Provider) -> None:  # pyright: ignore[reportUnusedFunction]
    model.server.load({})
    model.server.hang_ups = 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home: Path, model: Provider) -> Mapping[str, str]:
    """The environment of an editor whose user has configured the scripted model and nothing else."""
    folders = {f"XDG_{name}_HOME": home / name.lower() for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    configuration = folders["XDG_CONFIG_HOME"] / "phasr" / "config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(CONFIGURATION.format(api_base=model.server.openai_base), encoding="utf-8")
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "TMPDIR": str(home),
        "PHASR_TEST_KEY": "not-a-real-key",
        **{name: str(path) for name, path in folders.items()},
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with shop.py in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP, encoding="utf-8")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "Sell things"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder
