"""A real server process on a real wire, an editor with the habits of a real one, a scripted provider."""

import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from lsprotocol import converters, types
from pytest_lsp import ClientServerConfig, LanguageClient

from examples.editor import Editor, Habits
from tests.fault_server import FaultServer

CAPABILITIES = Path(__file__).parent.parent / "data" / "client-capabilities"

HABITS = {
    "vscode-1.139-languageclient-9": Habits(),
    "vscode-1.139-languageclient-11": Habits(),
    "neovim-0.11.4": Habits(stale="claim"),
    "helix-25.01": Habits(),
    "emacs-30.1-eglot-1.17": Habits(creates=False),
    "emacs-28.2-eglot-1.9": Habits(creates=False),
    "vim-9.0-ale-3.3": Habits(creates=False, answers=False, stale="ignore"),
}
"""What each editor does with an edit, by the name of the file that holds its real `initialize`."""

PRESETS = tuple(HABITS)


@dataclass
class World:
    """One test's machine: a home, a project, a provider."""

    home: Path
    project: Path
    provider: FaultServer
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, name: str, text: str | bytes) -> Path:
        """A file of the project; text is written as it is, line endings included."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def configure(self, text: str) -> None:
        """Write the user's configuration."""
        path = self.home / "config" / "phasr" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def models(self) -> str:
        """The configuration of the models that the provider serves."""
        return MODELS.format(openai=self.provider.openai_base, anthropic=self.provider.anthropic_base)

    async def asked(self) -> None:
        """Wait until the provider has a request to answer; the first one waits for a library to load."""
        await self.provider.until(lambda: self.provider.open == 1, timeout_seconds=30)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "PYTHONUNBUFFERED": "1",
            **self.variables,
        }


MODELS = """\
model = "test/model"

[models."test/model"]
provider_model = "openai/test"
api_base = "{openai}"
api_key_env = "TEST_KEY"
input_price = 1
output_price = 10
edit_format = "region"

[models."test/strong"]
provider_model = "openai/strong"
api_base = "{openai}"
api_key_env = "TEST_KEY"
edit_format = "search_replace"

[models."test/claude"]
provider_model = "anthropic/claude-test"
api_base = "{anthropic}"
api_key_env = "TEST_KEY"
edit_format = "region"
"""


@pytest.fixture
async def provider() -> AsyncGenerator[FaultServer]:
    async with FaultServer() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, provider: FaultServer) -> World:
    project = tmp_path / "project"
    project.mkdir()
    made = World(tmp_path / "home", project, provider, {"TEST_KEY": "sk-canary-0123456789"})
    made.configure(made.models)
    return made


def initialize_params(preset: str) -> types.InitializeParams:
    """What that editor really sends, and that it listens to our notification."""
    sent = json.loads((CAPABILITIES / f"{preset}.json").read_text())
    capabilities = converters.get_converter().structure(sent["capabilities"], types.ClientCapabilities)
    capabilities.experimental = {"phasr": {"taskChanged": True}}
    info = sent.get("clientInfo")
    return types.InitializeParams(
        capabilities=capabilities,
        client_info=types.ClientInfo(info["name"], info.get("version")) if info else None,
        process_id=os.getpid(),
    )


Start = Callable[..., Awaitable[Editor]]


@asynccontextmanager
async def server_process(
    world: World,
    preset: str,
    *,
    folders: tuple[Path, ...] | None = None,
    options: dict[str, Any] | None = None,
    encoding: str | None = None,
    habits: Habits | None = None,
    log_level: str = "info",
    recording: Path | None = None,
) -> AsyncGenerator[Editor]:
    """An initialized editor; the server is shut down in order, and must have been alive until then.

    All that the server writes is also in the files `stdout` and `stderr` of the folder `recording`.
    """
    command = [sys.executable, "-m", "phasr_lsp", "serve", "--log-level", log_level]
    if recording:
        command = ["sh", "-c", '"$@" 2>"$0/stderr" | tee "$0/stdout"', str(recording), *command]
    client = cast("LanguageClient", await ClientServerConfig(command, LanguageClient, world.environment).start())
    editor = Editor(client, habits or HABITS[preset])
    params = initialize_params(preset)
    if encoding and params.capabilities.general:
        params.capabilities.general.position_encodings = [types.PositionEncodingKind(encoding)]
    opened = (world.project,) if folders is None else folders
    params.workspace_folders = [types.WorkspaceFolder(path.as_uri(), path.name) for path in opened]
    params.initialization_options = options
    result = await client.initialize_session(params)
    editor.encoding = str(result.capabilities.position_encoding or "utf-16")
    try:
        yield editor
    finally:
        editor.leaving.set()
        await client.shutdown_session()
        await client.stop()


@pytest.fixture
async def start(world: World) -> AsyncGenerator[Start]:
    """Starts servers: `await start()` is an editor like VS Code in the project's folder."""
    async with AsyncExitStack() as stack:

        async def begin(preset: str = PRESETS[0], **options: Any) -> Editor:
            return await stack.enter_async_context(server_process(world, preset, **options))

        yield begin


def fenced(code: str, language: str = "python") -> str:
    """A reply as models write it."""
    return f"Here it is:\n\n```{language}\n{code}```\n"
