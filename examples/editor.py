"""A small editor over LSP, without a window: buffers, undo, code actions, edits that are really applied.

The demo shows Phasr with it, and the tests give it the habits of real editors. It converts positions and applies
edits with code of its own, so that a mistake in the server's can't hide behind the same mistake here.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import BaseLanguageClient

_LINE_END = re.compile(r"\r\n|\n|\r")
_CODEC = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def offset_of(text: str, position: types.Position, encoding: str) -> int:
    """The code-point offset of an LSP position. Raises `ValueError` outside of the text or inside a character."""
    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    if position.line == len(starts) and position.character == 0:
        return len(text)
    start = starts[position.line] if position.line < len(starts) else -1
    if start < 0:
        raise ValueError(f"no line {position.line}")
    end = _LINE_END.search(text, start)
    line = text[start : end.start() if end else len(text)]
    codec, width = _CODEC[encoding]
    data = line.encode(codec)
    if position.character * width > len(data):
        raise ValueError(f"line {position.line} has no character {position.character}")
    return start + len(data[: position.character * width].decode(codec))


def position_of(text: str, offset: int, encoding: str) -> types.Position:
    """The LSP position of a code-point offset."""
    before = text[:offset]
    ends = list(_LINE_END.finditer(before))
    codec, width = _CODEC[encoding]
    line = before[ends[-1].end() :] if ends else before
    return types.Position(len(ends), len(line.encode(codec)) // width)


@dataclass
class Buffer:
    uri: str
    text: str
    version: int
    undo: list[str] = field(default_factory=list[str])
    """What one undo each goes back to, newest last."""


@dataclass(frozen=True)
class Habits:
    """How an editor treats an edit that a server sends."""

    document_changes: bool = True
    creates: bool = True
    """It makes files that an edit asks for."""
    moves: bool = True
    """It renames and deletes files where an edit asks for that."""
    lazy: bool = False
    """It leaves files where they are, and says that it did what was asked."""
    stale: str = "refuse"
    """An edit for an old version: `refuse` it, `claim` to have applied it, or `ignore` the version."""
    answers: bool = True
    """Whether it answers `workspace/applyEdit`."""
    opens_edited: bool = True
    """Whether a file that an edit changes is open afterwards."""


@dataclass(frozen=True)
class Applied:
    """One edit as it was applied."""

    label: str
    before: dict[str, str | None]
    """By URI; None for a file that wasn't there."""
    after: dict[str, str]
    """What was deleted or renamed isn't in it."""


class Editor:
    """Holds the buffers of one client."""

    def __init__(self, client: BaseLanguageClient, habits: Habits = Habits()) -> None:
        self.client = client
        self.habits = habits
        self.encoding = "utf-16"
        self.buffers: dict[str, Buffer] = {}
        self.applied: list[Applied] = []
        self.refused: list[str] = []
        self.messages: list[str] = []
        self.questions: list[types.ShowMessageRequestParams] = []
        self.shown: list[str] = []
        self.progress: dict[types.ProgressToken, list[Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        """The last `phasr/taskChanged` of each task."""
        self.answer: Callable[[types.ShowMessageRequestParams], str | None] = lambda _: None
        """What the user answers when asked."""
        self.on_edit: Callable[[types.ApplyWorkspaceEditParams], None] = lambda _: None
        """Called with each edit as it arrives."""
        self.diagnostics: dict[str, Sequence[types.Diagnostic]] = {}
        self.pulled = 0
        """How often the server asked for the configuration."""
        self.before_apply: Callable[[], None] = lambda: None
        """Called when an edit has arrived and before it is applied: the user may type just then."""
        self.configuration: dict[str, Any] = {}
        self.leaving = asyncio.Event()
        """Set it before the client is stopped: what still waits ends then."""
        self._changed = asyncio.Event()
        self._attach()

    # What a user does.

    def open(self, path: Path, language: str = "python", text: str | None = None) -> str:
        """Open a file, or a text that isn't saved; returns its URI."""
        uri = path.as_uri()
        content = path.read_bytes().decode("utf-8-sig") if text is None else text
        buffer = Buffer(uri, content, 1)
        self.buffers[uri] = buffer
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, buffer.version, content))
        )
        return uri

    def close(self, uri: str) -> None:
        del self.buffers[uri]
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def type(self, uri: str, offset: int, text: str, remove: int = 0) -> None:
        """Replace `remove` characters at the offset."""
        self._replace(self.buffers[uri], [(offset, offset + remove, text)])

    def undo(self, uri: str) -> None:
        """Take the last edit back."""
        buffer = self.buffers[uri]
        text = buffer.undo.pop()
        self._replace(buffer, [(0, len(buffer.text), text)], remember=False)

    def text(self, uri: str) -> str:
        """The buffer's text, or the file's where it isn't open."""
        if uri in self.buffers:
            return self.buffers[uri].text
        return _path(uri).read_bytes().decode("utf-8-sig")

    def range(self, uri: str, start: int, end: int | None = None) -> types.Range:
        text = self.buffers[uri].text
        return types.Range(
            position_of(text, start, self.encoding),
            position_of(text, start if end is None else end, self.encoding),
        )

    async def actions(
        self, uri: str, offset: int, diagnostics: Sequence[types.Diagnostic] = ()
    ) -> dict[str, types.CodeAction]:
        """The code-action menu at the offset, by title."""
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            self.range(uri, offset),
            types.CodeActionContext(list(diagnostics)),
        )
        found = await self.client.text_document_code_action_async(params)
        return {action.title: action for action in found or [] if isinstance(action, types.CodeAction)}

    async def choose(self, action: types.CodeAction) -> str:
        """Carry out an action's command; returns the id of the task that it starts."""
        assert action.command
        return (await self.execute(action.command.command, *(action.command.arguments or ())))["task"]

    async def execute(self, command: str, *arguments: Any) -> Any:
        answer = await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(command, list(arguments) or None)
        )
        return plain(answer)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that arrives from the server makes the condition true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def ended(self, task: str) -> dict[str, Any]:
        """Wait for the task to end, or to wait for a decision; returns its last state."""
        await self.until(lambda: task in self.tasks and _rests(self.tasks[task]))
        return self.tasks[task]

    # What the server asks for.

    def _attach(self) -> None:
        # lsprotocol takes every code action with a command for a bare command.
        self.client.protocol.fm.converter.register_structure_hook(
            types.Command | types.CodeAction,
            lambda value, _: self.client.protocol.fm.converter.structure(
                value, types.Command if isinstance(value.get("command"), str) else types.CodeAction
            ),
        )
        feature = self.client.feature
        answering = self._noting(self._apply_edit)
        feature(types.WORKSPACE_APPLY_EDIT)(answering if self.habits.answers else self._never_answering())
        feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(self._noting(self._create_progress))
        feature(types.PROGRESS)(self._noting(self._progress))
        feature(types.WINDOW_SHOW_MESSAGE)(self._noting(lambda params: self.messages.append(params.message)))
        feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(self._noting(self._question))
        feature(types.WINDOW_SHOW_DOCUMENT)(self._noting(self._show))
        feature(types.WINDOW_LOG_MESSAGE)(lambda params: None)
        feature(types.WORKSPACE_CONFIGURATION)(self._noting(self._configure))
        feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(self._noting(self._diagnose))
        feature(types.CLIENT_REGISTER_CAPABILITY)(self._noting(lambda params: None))
        feature("phasr/taskChanged")(self._noting(self._task_changed))

    def _noting(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def handle(params: Any) -> Any:
            result = handler(params)
            self._changed.set()
            return result

        return handle

    def _configure(self, params: types.ConfigurationParams) -> list[dict[str, Any]]:
        self.pulled += 1
        return [self.configuration] * len(params.items)

    def _diagnose(self, params: types.PublishDiagnosticsParams) -> None:
        self.diagnostics[params.uri] = params.diagnostics

    def _create_progress(self, params: types.WorkDoneProgressCreateParams) -> None:
        self.progress[params.token] = []

    def _progress(self, params: types.ProgressParams) -> None:
        self.progress.setdefault(params.token, []).append(plain(params.value))

    def _question(self, params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        self.questions.append(params)
        self.messages.append(params.message)
        answer = self.answer(params)
        return types.MessageActionItem(answer) if answer else None

    def _show(self, params: types.ShowDocumentParams) -> types.ShowDocumentResult:
        self.shown.append(params.uri)
        return types.ShowDocumentResult(True)

    def _task_changed(self, params: Any) -> None:
        task = plain(params)
        self.tasks[task["task"]] = task

    def _apply_edit(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        self.on_edit(params)
        self.before_apply()
        refusal = self._apply(params)
        if refusal:
            self.refused.append(refusal)
        return types.ApplyWorkspaceEditResult(applied=refusal is None, failure_reason=refusal)

    def _never_answering(self) -> Callable[[Any], Any]:
        """As some editors do: carry the edit out, and say nothing."""

        async def handle(params: types.ApplyWorkspaceEditParams) -> None:
            self._apply_edit(params)
            self._changed.set()
            await self.leaving.wait()

        return handle

    def _apply(self, params: types.ApplyWorkspaceEditParams) -> str | None:
        """Apply the edit as a whole; the reason where it is refused."""
        edit = params.edit
        if edit.document_changes is not None and not self.habits.document_changes:
            return "documentChanges aren't supported"
        before: dict[str, str | None] = {}
        after: dict[str, str] = {}
        for change in edit.document_changes or ():
            if isinstance(change, types.CreateFile):
                refusal = self._create(change)
                before[change.uri], after[change.uri] = None, ""
            elif isinstance(change, types.TextDocumentEdit):
                document = change.text_document
                refusal = self._edit(document.uri, document.version, change.edits, before, after)
            else:
                refusal = self._move(change, before, after)
            if refusal == "claim":
                return None
            if refusal:
                return refusal
        for uri, edits in (edit.changes or {}).items():
            refusal = self._edit(uri, None, edits, before, after)
            if refusal:
                return refusal
        self.applied.append(Applied(params.label or "", before, after))
        return None

    def _create(self, change: types.CreateFile) -> str | None:
        path = _path(change.uri)
        if not self.habits.creates:
            return "files can't be created"
        if path.exists() and not (change.options and change.options.ignore_if_exists):
            return f"{path} exists"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return None

    def _move(
        self,
        change: types.RenameFile | types.DeleteFile,
        before: dict[str, str | None],
        after: dict[str, str],
    ) -> str | None:
        """Rename or delete; a buffer goes with its file, unsaved text included."""
        if not self.habits.moves:
            return "files can't be renamed or deleted"
        if self.habits.lazy:
            return None
        uri = change.old_uri if isinstance(change, types.RenameFile) else change.uri
        if not _path(uri).exists():
            return f"{_path(uri)} doesn't exist"
        text = self.text(uri)
        if isinstance(change, types.RenameFile):
            target = _path(change.new_uri)
            if target.exists():
                return f"{target} exists"
            target.parent.mkdir(parents=True, exist_ok=True)
            _path(uri).rename(target)
            before[change.new_uri], after[change.new_uri] = None, text
        else:
            _path(uri).unlink()
        before.setdefault(uri, text)
        after.pop(uri, None)
        if uri in self.buffers:
            self.close(uri)
            if isinstance(change, types.RenameFile):
                self.open(_path(change.new_uri), text=text)
        return None

    def _edit(
        self,
        uri: str,
        version: int | None,
        edits: Sequence[Any],
        before: dict[str, str | None],
        after: dict[str, str],
    ) -> str | None:
        buffer = self.buffers.get(uri)
        if buffer is not None and version is not None and version != buffer.version:
            if self.habits.stale == "refuse":
                return f"the version is {buffer.version}, not {version}"
            if self.habits.stale == "claim":
                return "claim"
        text = self.text(uri)
        before.setdefault(uri, text)
        places = [
            (
                offset_of(text, edit.range.start, self.encoding),
                offset_of(text, edit.range.end, self.encoding),
                edit.new_text,
            )
            for edit in edits
        ]
        if buffer is None and self.habits.opens_edited:
            self.open(_path(uri))
            buffer = self.buffers[uri]
        if buffer is None:
            _path(uri).write_bytes(_replaced(text, places).encode())
        else:
            self._replace(buffer, places)
        after[uri] = self.text(uri)
        return None

    def _replace(self, buffer: Buffer, places: Sequence[tuple[int, int, str]], remember: bool = True) -> None:
        """Change the buffer and tell the server, the last place first so that the earlier ones stay true."""
        if remember:
            buffer.undo.append(buffer.text)
        changes: list[types.TextDocumentContentChangeEvent] = []
        for start, end, new in sorted(places, reverse=True):
            place = types.Range(
                position_of(buffer.text, start, self.encoding), position_of(buffer.text, end, self.encoding)
            )
            changes.append(types.TextDocumentContentChangePartial(place, new))
            buffer.text = buffer.text[:start] + new + buffer.text[end:]
        buffer.version += 1
        document = types.VersionedTextDocumentIdentifier(buffer.version, buffer.uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))


def _rests(task: dict[str, Any]) -> bool:
    """Whether a task has ended or waits; one that is ready without a message is on its way to the buffer."""
    if task["state"] == "ready":
        return task["message"] is not None
    return task["state"] not in {"queued", "running", "verifying", "applying"}


def _replaced(text: str, places: Sequence[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _path(uri: str) -> Path:
    from pygls.uris import to_fs_path

    return Path(to_fs_path(uri) or "")


def plain(value: Any) -> Any:
    """pygls hands over unknown JSON objects as named tuples; this makes them dicts again."""
    if hasattr(value, "_asdict"):
        return {key: plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
