"""One editor's session: the engine, wired to the buffers, the progress bars and the messages of one client."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from phasr_lsp.adapters.config_files import MAX_BYTES, editor_settings
from phasr_lsp.domain.errors import NoModel, PhasrError, RequestError
from phasr_lsp.domain.kind import Scope
from phasr_lsp.domain.language import language_of
from phasr_lsp.domain.task import WAITING, Task, TaskState
from phasr_lsp.engine.fleet import Fleet, World
from phasr_lsp.engine.ports import Gateway, Record, Syntax
from phasr_lsp.lsp import from_proto, to_proto
from phasr_lsp.lsp.background import log_failure
from phasr_lsp.lsp.client import Client
from phasr_lsp.lsp.documents import TextLines
from phasr_lsp.lsp.editor import BufferEditor
from phasr_lsp.lsp.jsonrpc import MsgId, PhasrProtocol
from phasr_lsp.lsp.progress import Progress
from phasr_lsp.lsp.protocol import TASK_CHANGED, RunParams, TasksResult
from phasr_lsp.lsp.settings import LiveSettings
from phasr_lsp.lsp.workspace import Workspace, path_of, uri_of

_log = logging.getLogger(__name__)

INSTALLING = "phasr: install the embedded model"
"""The token of that progress bar."""

_INSTALL = "Install the embedded model"
_REMEMBERED = 256
"""How many requests are remembered so that `$/cancelRequest` finds the task that each of them started."""


class Preloader(Protocol):
    """Something that is slow to load."""

    async def warm_up(self) -> None: ...


Install = Callable[[str | None, Callable[[str, int], None]], Awaitable[None]]
"""Installs the embedded model of that name, or the one that suits the machine; it is also given what reports a
message and the per cent done, on the event loop. Raises `PhasrError`."""


@dataclass(frozen=True)
class Parts:
    """What a session is made of, from the composition root."""

    gateway: Gateway
    preloader: Preloader
    syntax: Syntax
    settings: LiveSettings
    record: Record
    install_model: Install
    reviews: Path
    """The folder for documents that show results."""


@dataclass(frozen=True)
class Place:
    """Where the user last asked for code actions."""

    uri: str
    range: types.Range
    version: int | None


class Session:
    """Everything behind the handlers."""

    def __init__(
        self, protocol: PhasrProtocol, client: Client, parts: Parts, folders: list[str], options: Any
    ) -> None:
        """`folders` are URIs, `options` the client's initializationOptions: any JSON value."""
        self.protocol = protocol
        self.client = client
        self.settings = parts.settings
        self.documents = protocol.documents
        self.workspace = Workspace(
            self.documents, parts.settings.languages, lambda: self.settings.config.limits.max_file_bytes
        )
        self.editor = BufferEditor(
            protocol,
            client,
            self.workspace,
            parts.syntax,
            client_seconds=self._client_seconds,
            reviews=parts.reviews,
        )
        self.editor.decide = self._decide
        self.last_place: Place | None = None
        self._parts = parts
        self._options = cast("dict[str, Any]", options) if isinstance(options, dict) else {}
        self._editor_settings = self._options
        self._published: set[Path] = set()
        self._started_by: dict[MsgId, str] = {}
        self._installing: asyncio.Task[None] | None = None
        self._missing: str | None = None
        """The embedded model that a task wanted last and that wasn't there."""
        self._background: set[asyncio.Task[None]] = set()
        self.set_folders(folders)
        self.fleet = Fleet(
            World(
                parts.gateway,
                parts.syntax,
                self.workspace,
                self.editor,
                parts.settings,
                time.monotonic,
                parts.record,
            ),
            parallel=lambda: self.settings.config.limits.tasks,
            on_change=self._task_changed,
            on_text=self._text if client.progress else None,
        )
        self.progress = Progress(protocol, self.fleet.get, time.monotonic, client_seconds=self._client_seconds)

    def _client_seconds(self) -> float:
        return self.settings.config.limits.client_seconds

    # Configuration.

    def set_folders(self, uris: list[str]) -> None:
        """The workspace folders, by URI."""
        self.workspace.folders = tuple(path for path in map(path_of, uris) if path)
        self.reload()

    def configure(self, settings: dict[str, Any]) -> None:
        """Take over the editor's settings; what they leave open is as the initializationOptions had it."""
        self._editor_settings = editor_settings(self._options, settings)
        self.reload()

    def reload(self) -> None:
        """Read the configuration anew and say what is wrong in it."""
        self.settings.reload(self.workspace.folders, self._editor_settings)
        self._publish_problems()
        if self.settings.config.preload:
            self.spawn(self._parts.preloader.warm_up())

    async def pull_configuration(self) -> None:
        """Ask the editor for its settings, where it can be asked."""
        params = types.ConfigurationParams([types.ConfigurationItem(section="phasr")])
        try:
            answer = await self.protocol.request(types.WORKSPACE_CONFIGURATION, params, self._client_seconds())
        except (TimeoutError, JsonRpcException, ConnectionResetError):
            _log.info("the editor doesn't answer workspace/configuration")
            return
        first = answer[0] if answer else None
        if isinstance(first, dict):
            self.configure(cast("dict[str, Any]", first))

    async def watch_configuration(self) -> None:
        """Have the editor say when a configuration file changes on disk."""
        patterns = ("**/.phasr/config.toml", "**/.phasr/kinds/*.md")
        options = types.DidChangeWatchedFilesRegistrationOptions(
            [types.FileSystemWatcher(each) for each in patterns]
        )
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        params = types.RegistrationParams([types.Registration("phasr-configuration", method, options)])
        try:
            await self.protocol.request(types.CLIENT_REGISTER_CAPABILITY, params, self._client_seconds())
        except (TimeoutError, JsonRpcException, ConnectionResetError):
            _log.info("the editor doesn't watch the configuration")

    def _publish_problems(self) -> None:
        by_file: dict[Path, list[types.Diagnostic]] = {path: [] for path in self._published}
        for problem in self.settings.problems:
            if problem.source is None:
                self.editor.tell(types.MessageType.Warning, str(problem))
                continue
            lines = TextLines(_text_of(problem.source), self.documents.encoding)
            by_file.setdefault(problem.source, []).append(to_proto.diagnostic(problem, lines))
        for path, diagnostics in by_file.items():
            self.protocol.notify(
                types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS,
                types.PublishDiagnosticsParams(uri_of(path), diagnostics),
            )
        self._published = {path for path, diagnostics in by_file.items() if diagnostics}

    # Tasks.

    def run(self, params: RunParams, msg_id: MsgId | None = None) -> Task:
        """Start a task; one that can't start is recorded as failed, with its reason."""
        if self.settings.reload_if_changed():
            self._publish_problems()
        problem: RequestError | None = None
        try:
            request = from_proto.task_request(params, self.workspace, self.documents)
        except RequestError as error:
            request, problem = from_proto.request_for(params), error
        task = self.fleet.start(request, problem)
        if msg_id is not None:
            self._started_by[msg_id] = task.id
            if len(self._started_by) > _REMEMBERED:
                del self._started_by[next(iter(self._started_by))]
        return task

    async def offer_kinds(self) -> None:
        """Let the user choose a kind for the place of the last code-action request."""
        place = self.last_place
        if place is None:
            text = "Put the cursor on a function and open the code-action menu, or run phasr.run from there."
            self.editor.tell(types.MessageType.Info, text)
            return
        offered = self._offered(place.uri)
        name = PurePosixPath(place.uri).name
        if not offered:
            self.editor.tell(types.MessageType.Info, f"No kind of task is for files like {name}.")
            return
        text = f"What is to be done at line {place.range.start.line + 1} of {name}?"
        plainly = f"{text} Where no choice is shown, take it from the code-action menu."
        answer = await self.editor.ask(types.MessageType.Info, text, tuple(offered), plainly=plainly)
        if answer in offered:
            self.run(RunParams(offered[answer], place.uri, place.range, place.version))

    def _offered(self, uri: str) -> dict[str, str]:
        """The names of the kinds that can be run anywhere in the document, by what to call each."""
        document = self.documents.get(uri)
        editor_id = document.language_id if document else None
        language = language_of(uri, editor_id, self.settings.languages.values())
        anywhere = (Scope.DEFINITION, Scope.IMPORTS, Scope.FILE)
        kinds = [
            kind for kind in self.settings.kinds.values() if kind.scope in anywhere and kind.speaks(language)
        ]
        titles = Counter(kind.title for kind in kinds)
        return {
            kind.title if titles[kind.title] == 1 else f"{kind.title} ({kind.name})": kind.name for kind in kinds
        }

    def cancel_request(self, msg_id: MsgId) -> None:
        """Stop the task which that request started."""
        task_id = self._started_by.get(msg_id)
        if task_id:
            self.fleet.cancel(task_id)

    def cancel_progress(self, token: types.ProgressToken) -> None:
        """Stop the task, or the installation, whose progress bar has that token."""
        task_id = self.progress.task_of(token)
        if task_id:
            self.fleet.cancel(task_id)
        elif token == INSTALLING and self._installing:
            self._installing.cancel()

    def newest(self, states: frozenset[TaskState]) -> str:
        """The newest task in one of the states. Raises `RequestError`."""
        for task in reversed(self.fleet.tasks()):
            if task.state in states and (task.state not in WAITING or task in self.waiting()):
                return task.id
        raise RequestError(f"No task is {' or '.join(sorted(states))}.", "phasr.status lists them all.")

    def cancellable(self) -> tuple[Task, ...]:
        return self.fleet.cancellable()

    def waiting(self) -> tuple[Task, ...]:
        return self.fleet.waiting()

    def result(self, task_ids: list[str]) -> TasksResult:
        """The tasks as the editor gets to see them."""
        now = time.monotonic()
        return TasksResult(tuple(to_proto.task_info(self.fleet.get(task_id), now) for task_id in task_ids))

    def _task_changed(self, task: Task) -> None:
        if self.client.progress:
            self.progress.update(task)
        if self.client.task_changed:
            self.protocol.notify(TASK_CHANGED, to_proto.task_info(task, time.monotonic()))
        kind = _MESSAGE_KINDS.get(task.state)
        if kind is None and task.state is TaskState.APPLIED and task.message:
            kind = types.MessageType.Info
        if kind is None and task.state is TaskState.READY and task.error:
            kind = types.MessageType.Warning
        if kind is None:
            return
        text = f"{task.title}: {task.message}"
        if isinstance(task.error, NoModel):
            self._missing = task.error.model
            self.spawn(self._offer_model(text))
        else:
            self.editor.tell(kind, text)

    def _text(self, task_id: str, piece: str) -> None:
        self.progress.read(task_id, piece)

    def _decide(self, task: str, *, apply: bool) -> None:
        try:
            (self.fleet.apply if apply else self.fleet.discard)(task)
        except RequestError as error:
            self.editor.tell(types.MessageType.Info, str(error))

    # The embedded model.

    async def _offer_model(self, text: str) -> None:
        if await self.editor.ask(types.MessageType.Error, text, (_INSTALL,)) == _INSTALL:
            self.install_model()

    def install_model(self) -> None:
        """Install the embedded model that was missing, or else the user's choice, in the background.

        A second call while one runs does nothing.
        """
        if self._installing is None or self._installing.done():
            self._installing = self.spawn(self._install(self._missing or self.settings.embedded_model))

    async def _install(self, model: str | None) -> None:
        async with self.progress.bar(INSTALLING, "Phasr: install the embedded model") as report:
            try:
                await self._parts.install_model(model, report)
            except PhasrError as error:
                self.editor.tell(types.MessageType.Error, str(error))
            else:
                self.editor.tell(types.MessageType.Info, "The embedded model is installed.")

    # Life.

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background that ends with the session."""
        task = asyncio.create_task(work, name=work.__qualname__)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if log_failure(task) and task is self._installing:
            text = "The embedded model isn't installed: Phasr made a mistake; its log says which."
            self.editor.tell(types.MessageType.Error, text)

    async def aclose(self) -> None:
        """Stop all work, and what was started for it."""
        await self.fleet.aclose()
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.progress.aclose()
        await self.editor.aclose()
        await self._parts.gateway.aclose()
        await asyncio.to_thread(self._parts.record.close)


_MESSAGE_KINDS = {
    TaskState.FAILED: types.MessageType.Error,
    TaskState.CONFLICTED: types.MessageType.Warning,
}


def _text_of(path: Path) -> str:
    """The start of the file, which holds all places that are reported; "" for a link to a device and the like."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ""
