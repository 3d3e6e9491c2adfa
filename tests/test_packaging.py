"""What people who install Phasr get: a plain `pip install .`, a complete wheel, locks that name no host."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from phasr_lsp import __version__
from tests.fault_server import fault_server_process
from tests.raw import message

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "server" / "phasr_lsp"
NODE_LOCKS = sorted(path for path in REPOSITORY.glob("*/*/package-lock.json") if "node_modules" not in path.parts)
pip_installs = [pytest.mark.timeout(600), pytest.mark.xdist_group("packaging")]


# The locks.


def test_every_requirement_is_pinned_and_has_hashes() -> None:
    lock = (REPOSITORY / "requirements" / "lock.txt").read_text("utf-8")
    requirements = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(requirements) > 50
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+(\[[\w,-]+\])?==\S+ ", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("name", ["lock.txt", "overrides.txt"])
def test_the_python_lock_names_no_host(name: str) -> None:
    text = (REPOSITORY / "requirements" / name).read_text("utf-8")
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host", text)


@pytest.mark.parametrize("path", NODE_LOCKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_node_lock_names_no_host(path: Path) -> None:
    packages: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package.get("link") or package["integrity"].startswith("sha512-"), name


def test_every_lock_was_looked_at() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*package-lock.json"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {path.relative_to(REPOSITORY).as_posix() for path in NODE_LOCKS} >= set(tracked)


def test_compromised_releases_are_out_of_the_question() -> None:
    lock = (REPOSITORY / "requirements" / "lock.txt").read_text("utf-8")
    (version,) = re.findall(r"^litellm==(\S+)", lock, re.MULTILINE)
    assert version not in {"1.82.7", "1.82.8", "1.107.0"}
    assert not re.search(r"^litellm-core==", lock, re.MULTILINE)


# The wheel.


def copy_of_the_tree(folder: Path) -> Path:
    """What git knows of, and what is new and not ignored, as it stands in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        source, target = REPOSITORY / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return folder


@pytest.mark.timeout(120)
def test_the_wheel_holds_all_that_the_server_reads(tmp_path: Path) -> None:
    source = copy_of_the_tree(tmp_path / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([*build, source], check=True, timeout=100)
    (wheel,) = tmp_path.glob("phasr_lsp-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (metadata,) = (name for name in held if name.endswith("/METADATA"))
        described = archive.read(metadata).decode()
    files = {
        f"phasr_lsp/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= held
    assert {name for name in files if name.endswith((".toml", ".md"))} > {
        "phasr_lsp/domain/kinds/tests.md",
        "phasr_lsp/domain/languages.toml",
        "phasr_lsp/domain/profiles.toml",
        "phasr_lsp/domain/providers.toml",
        "phasr_lsp/domain/embedded_models.toml",
        "phasr_lsp/lsp/clients.toml",
    }
    assert {name.split("/")[0] for name in held} == {"phasr_lsp", metadata.split("/")[0]}
    assert "\nName: phasr-lsp\n" in described
    assert "\nLicense-Expression: Apache-2.0\n" in described


# A plain installation.


@dataclass(frozen=True)
class Installed:
    scripts: Path
    home: Path

    def run(self, *command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command of the installation, with a home folder in which nothing is."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        program = [self.scripts / command[0], *command[1:]]
        return subprocess.run(
            program, input=stdin, capture_output=True, env=environment, cwd=self.home, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Phasr as plain pip installs it, from whatever index pip is set up for."""
    folder = tmp_path_factory.mktemp("installed")
    source = copy_of_the_tree(folder / "source")
    home = folder / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
    made = Installed(folder / "venv" / "bin", home)
    subprocess.run(
        [made.scripts / "pip", "install", "--quiet", "--disable-pip-version-check", source],
        cwd=home,
        check=True,
        timeout=500,
    )
    shutil.rmtree(source)
    return made


class TestPlainInstallation:
    pytestmark = pip_installs

    def test_its_requirements_fit_one_another(self, installed: Installed) -> None:
        checked = installed.run("pip", "check")
        assert checked.returncode == 0, checked.stdout.decode()

    def test_it_knows_its_version(self, installed: Installed) -> None:
        assert installed.run("phasr", "--version").stdout.decode() == f"phasr {__version__}\n"

    def test_the_doctor_says_what_works(self, installed: Installed) -> None:
        done = installed.run("phasr", "doctor")
        assert done.returncode in (0, 1)
        assert b"Traceback" not in done.stdout + done.stderr
        assert b"\nReady: " in done.stdout if done.returncode == 0 else b"\nNot ready: " in done.stdout

    def test_the_server_answers(self, installed: Installed) -> None:
        stream = b"".join(
            (
                message("initialize", {"capabilities": {}, "processId": None, "rootUri": None}, 1),
                message("shutdown", None, 2),
                message("exit", None),
            )
        )
        done = installed.run("phasr", "serve", stdin=stream)
        assert done.returncode == 0, done.stderr.decode()
        header, _, rest = done.stdout.partition(b"\r\n\r\n")
        first = json.loads(rest[: int(header.split(b":")[1])])
        assert first["result"]["serverInfo"] == {"name": "phasr", "version": __version__}
        assert first["result"]["capabilities"]["codeActionProvider"]

    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_model_can_be_asked(self, streamed: bool, installed: Installed) -> None:
        with fault_server_process(
            {"rules": [{"text": "It works.", "input_tokens": 7, "output_tokens": 3}]}
        ) as urls:
            asked = ASK.format(base=urls.openai_base, on_text="print" if streamed else "None")
            done = installed.run("python", "-c", asked)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout.decode().endswith(
            "It works.|stop|Usage(input_tokens=7, output_tokens=3, cached_tokens=0)\n"
        )


ASK = """
import asyncio
from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
from phasr_lsp.domain.model import Endpoint, Message, ModelRequest

async def ask():
    gateway = LiteLLMGateway(key_for=lambda model: "sk-test")
    endpoint = Endpoint("test/model", "openai/test", api_base="{base}")
    reply = await gateway.complete(ModelRequest(endpoint, (Message("user", "Well?"),), 100), {on_text})
    await gateway.aclose()
    print(reply.text, reply.finish, reply.usage, sep="|")

asyncio.run(ask())
"""
