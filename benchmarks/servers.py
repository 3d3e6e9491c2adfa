"""The servers that are compared, and the machine that they see: an empty home and one configured model."""

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.raw_client import RawClient

REPOSITORY = Path(__file__).parent.parent
PHASR = (str(Path(sys.executable).with_name("phasr")), "serve")
SMALLEST = (sys.executable, str(Path(__file__).with_name("smallest_server.py")))

_EDITOR = REPOSITORY / "tests" / "data" / "client-capabilities" / "vscode-1.139-languageclient-9.json"


@dataclass(frozen=True)
class Desk:
    """A home without anything in it, and a project."""

    home: Path
    project: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "BENCHMARK_KEY": "none",
        }

    def configure(self, openai_base: str) -> None:
        """Make the provider at that address the default model."""
        file = self.home / "config" / "phasr" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            'model = "benchmark/model"\n\n'
            '[models."benchmark/model"]\n'
            'provider_model = "openai/benchmark"\n'
            f'api_base = "{openai_base}"\n'
            'api_key_env = "BENCHMARK_KEY"\n'
            'edit_format = "region"\n',
            "utf-8",
        )

    def write(self, name: str, text: str) -> Path:
        path = self.project / name
        path.write_text(text, "utf-8")
        return path

    def start(self, command: tuple[str, ...]) -> RawClient:
        return RawClient(command, self.environment)

    def greet(self, client: RawClient) -> None:
        """What an editor does first, up to `initialized`."""
        client.initialize(capabilities(), self.project)
        client.notify("initialized", {})


@contextmanager
def desk() -> Generator[Desk]:
    with TemporaryDirectory(prefix="phasr-benchmark-") as folder:
        made = Desk(Path(folder, "home"), Path(folder, "project"))
        made.home.mkdir()
        made.project.mkdir()
        yield made


def capabilities() -> dict[str, Any]:
    """What VS Code says of itself; and that it listens to `phasr/taskChanged`, as our extension does."""
    said = json.loads(_EDITOR.read_text("utf-8"))["capabilities"]
    return said | {"experimental": {"phasr": {"taskChanged": True}}}
