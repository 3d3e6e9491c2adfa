"""Carries results into the editor's buffers, and looks afterwards whether they arrived.

`applied: true` is a claim. Editors debounce what they report, apply a part, or answer never; so an edit counts as
applied once the buffer shows it, and a file as renamed or deleted once the disk does, whatever the answer was.
What an editor can't do with files, Phasr does on disk: what is new before the edit is sent, since that can be
taken back, the rest once the edit has arrived.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from phasr_lsp.adapters import disk
from phasr_lsp.domain.change import ChangeSet, FileChange, counts, unified_diff
from phasr_lsp.domain.errors import Conflict, EditorRefused, PhasrError
from phasr_lsp.engine.ports import Syntax
from phasr_lsp.lsp.background import log_failure
from phasr_lsp.lsp.client import Client
from phasr_lsp.lsp.documents import Documents
from phasr_lsp.lsp.jsonrpc import PhasrProtocol
from phasr_lsp.lsp.rebase import KEPT, alike, rebased
from phasr_lsp.lsp.to_proto import Write, workspace_edit
from phasr_lsp.lsp.workspace import Workspace, path_of, uri_of

_log = logging.getLogger(__name__)

SHOWN_WITHIN = 2.0
"""Seconds in which a buffer shows an edit that the editor says it applied; Neovim debounces by 0.15 s."""

LOOKED_AT_EVERY = 0.02
"""Seconds between two looks at the disk, which doesn't tell."""

TRIES = 4
"""How often an edit is sent anew because the user typed while it was on its way."""

ANSWER_WITHIN = 3600.0
"""Seconds that a question to the user stays open."""


class Decide(Protocol):
    """What a person decided about a result that was shown."""

    def __call__(self, task: str, *, apply: bool) -> None: ...


@dataclass
class _Arrival:
    """Waits for a buffer to show a text."""

    write: Write
    event: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def uris(self) -> tuple[str, ...]:
        """Where the text may show up: a file that moves is told of as two."""
        write = self.write
        return (write.uri, write.moved_to.uri) if write.moved_to else (write.uri,)


@dataclass
class _Begun:
    """What was done to carry out a set, as long as it may have to be taken back."""

    made: dict[str, str] = field(default_factory=dict[str, str])
    """New files on disk, with their texts, by URI."""
    attempted: dict[str, Write] = field(default_factory=dict[str, Write])
    """What was sent last for each file, by URI, whether or not it arrived."""

    def sent(self) -> list[Write]:
        """The writes that were sent, the last one first."""
        return list(reversed(self.attempted.values()))


class BufferEditor:
    """The engine's `Editor`, over `workspace/applyEdit`."""

    def __init__(
        self,
        protocol: PhasrProtocol,
        client: Client,
        workspace: Workspace,
        syntax: Syntax,
        *,
        client_seconds: Callable[[], float],
        reviews: Path,
    ) -> None:
        """`reviews` is this session's folder for the documents in which results are shown; it ends with it."""
        self._protocol = protocol
        self._client = client
        self._workspace = workspace
        self._syntax = syntax
        self._client_seconds = client_seconds
        self._reviews = reviews
        self._questions: set[asyncio.Task[None]] = set()
        self.decide: Decide | None = None
        """Told what the user answers when a result is shown."""

    @property
    def _documents(self) -> Documents:
        return self._protocol.documents

    async def apply(self, label: str, changes: ChangeSet) -> None:
        """Raises `Conflict`, `EditorRefused` or `TargetError`.

        A set arrives as a whole or not at all: when a part of it doesn't, those that did are taken back, and the
        error names the files in which that can't be done.

        An edit that didn't arrive because the user typed is merged and sent anew. That can't apply it twice:
        what the buffer already holds of it isn't in the new edit.
        """
        begun = _Begun()
        try:
            await self._apply(label, changes, begun)
        except PhasrError as error:
            left = [write.name for write in begun.sent() if not await self._taken_back(label, write)]
            self._take_away(begun.made)
            if not left:
                raise
            what = f"{', '.join(left)} had been changed by then, and that can't be taken back."
            raise type(error)(f"{error.message} {what}", error.advice) from error
        except BaseException:
            self._take_away(begun.made)
            raise
        for uri, text in begun.made.items():
            if text and self._client.create == "write":
                await self._show(uri)

    async def _apply(self, label: str, changes: ChangeSet, begun: _Begun) -> None:
        """As `apply`; what it does until it raises stays, and is noted."""
        for attempt in range(1, TRIES + 1):
            writes = rebased(changes, self._workspace, self._syntax)
            on_disk = [write for write in writes if self._is_ours(write)]
            for write in on_disk:
                self._check_free(write)
            writes = [self._begun(write, begun.made) for write in writes if write not in on_disk]
            writes = [
                write for write in writes if write.uri not in begun.made or begun.made[write.uri] != write.then
            ]
            parts = [[write] for write in writes] if self._client.one_by_one else [writes]
            if await self._arrived(label, parts, begun, last=attempt == TRIES):
                self._finish_on_disk(on_disk)
                for write in on_disk:
                    if write.moved_to:
                        await self._show(write.moved_to.uri)
                return

    async def _arrived(self, label: str, parts: Sequence[Sequence[Write]], begun: _Begun, *, last: bool) -> bool:
        """Send the parts, one after the other; False when one has to be merged anew since the user typed.

        Raises `EditorRefused`, also for typing if it is the last time.
        """
        for part in filter(None, parts):
            begun.attempted.update((write.uri, write) for write in part)
            try:
                await self._send(label, part)
            except EditorRefused:
                if last or not any(self._moved_on(write) for write in part):
                    raise
                return False
        return True

    async def _taken_back(self, label: str, write: Write) -> bool:
        """Undo what has arrived of a write, in the text as it is now; False where that can't be done."""
        begun = _Begun()
        try:
            await self._apply(label, _inverse(write), begun)
        except PhasrError as error:
            _log.warning("%s can't be taken back: %s", write.name, error)
            self._take_away(begun.made)
            return False
        return True

    # On disk, where the editor can't.

    def _is_ours(self, write: Write) -> bool:
        """Whether Phasr does it on disk once the rest has arrived."""
        if write.then is None:
            return not self._client.delete
        return write.moved_to is not None and not self._client.rename

    def _begun(self, write: Write, made: dict[str, str]) -> Write:
        """Make a new file, or an empty one, where the editor wants that."""
        path = path_of(write.uri)
        if write.new and path and write.then is not None and self._client.create != "edit":
            text = write.then if self._client.create == "write" else ""
            disk.create(path, text)
            made[write.uri] = text
            write = replace(write, new=False)
        return replace(write, made=made.get(write.uri) == "")

    def _check_free(self, write: Write) -> None:
        """Whether the file can be renamed or deleted behind the editor's back.

        Raises `EditorRefused` if a buffer of it has unsaved changes, `TargetError` if the disk wouldn't let us.
        """
        path = path_of(write.uri)
        if path is None:
            return
        disk.check_removable(path)
        if self._workspace.unsaved(write.uri):
            what = "deleted" if write.then is None else "renamed"
            raise EditorRefused(
                f"{write.name} is to be {what}, which this editor leaves to Phasr, and has unsaved changes.",
                f"Save it first. {KEPT}",
            )

    def _finish_on_disk(self, writes: Sequence[Write]) -> None:
        """Rename and delete, as one; nothing waits between the look at a file and its end.

        Raises `Conflict`, `EditorRefused` or `TargetError`.
        """
        with ExitStack() as undo:
            for write in writes:
                path, target = path_of(write.uri), path_of(write.moved_to.uri) if write.moved_to else None
                self._check_free(write)
                now = self._workspace.find(write.uri)
                if path is None or now is None or now.text != write.now:
                    raise Conflict(f"{write.name} changed while the rest of the result was applied.", KEPT)
                if target:
                    undo.callback(disk.move(path, target, None if write.then == write.now else write.then))
                else:
                    undo.callback(disk.remove(path))
            undo.pop_all()

    def _take_away(self, made: dict[str, str]) -> None:
        """Remove files that were made for an edit which didn't arrive, unless a buffer has text for them."""
        for uri, text in made.items():
            path, document = path_of(uri), self._documents.get(uri)
            if path and (document is None or alike(document.text, text) or not document.text.strip()):
                disk.take_back(path, text)

    # By the editor.

    async def _send(self, label: str, writes: Sequence[Write]) -> None:
        """One edit, and the wait until the buffers show it. Raises `EditorRefused`."""
        arrivals = [_Arrival(write) for write in writes if write.then not in (None, write.now) or write.new]
        listener = self._listener(arrivals)
        self._documents.on_change.append(listener)
        try:
            # Between the merge and this line nothing waits: the edit is for the text that it was made for.
            params = types.ApplyWorkspaceEditParams(
                workspace_edit(writes, label, self._client, self._documents.encoding), label
            )
            asked = self._protocol.ask(types.WORKSPACE_APPLY_EDIT, params)
            answered = await self._delivered(asked, writes, arrivals)
            self._judge(writes, arrivals, answered=answered)
        finally:
            self._documents.on_change.remove(listener)

    async def _delivered(
        self,
        asked: asyncio.Future[types.ApplyWorkspaceEditResult],
        writes: Sequence[Write],
        arrivals: Sequence[_Arrival],
    ) -> bool:
        """Wait until the edit is seen, or until it won't be any more; whether the editor answered.

        Raises `EditorRefused` when it says no.
        """
        shown = asyncio.create_task(_all_shown(writes, arrivals))
        try:
            limit = self._client_seconds()
            await asyncio.wait({asked, shown}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                return False
            _check_answer(asked)
            open_still = any(self._open(arrival) and not arrival.event.is_set() for arrival in arrivals)
            if open_still or not all(map(_moved_or_gone, writes)):
                await asyncio.wait({shown}, timeout=SHOWN_WITHIN)
        finally:
            asked.cancel()
            shown.cancel()
        return True

    def _open(self, arrival: _Arrival) -> bool:
        return any(self._documents.get(uri) for uri in arrival.uris)

    def _listener(self, arrivals: Sequence[_Arrival]) -> Callable[[str], None]:
        def on_change(uri: str) -> None:
            document = self._documents.get(uri)
            for arrival in arrivals:
                same = document is not None and any(
                    document is self._documents.get(each) for each in arrival.uris
                )
                if document is not None and same and alike(document.text, arrival.write.then or ""):
                    arrival.event.set()

        return on_change

    def _judge(self, writes: Sequence[Write], arrivals: Sequence[_Arrival], *, answered: bool) -> None:
        """Look at what the buffers and the disk hold now. Raises `EditorRefused`."""
        missing = [each for each in arrivals if not each.event.is_set() and (self._open(each) or not answered)]
        if missing:
            claim = "says that it applied the edit, but the buffer doesn't show it"
            raise EditorRefused(f"The editor {claim if answered else 'did not answer the edit'}.", KEPT)
        there = next((write for write in writes if not _moved_or_gone(write)), None)
        if there:
            claim = f"says that it applied the edit, but {there.name} is still in its place"
            raise EditorRefused(f"The editor {claim if answered else 'did not answer the edit'}.", KEPT)

    def _moved_on(self, write: Write) -> bool:
        document = self._documents.get(write.uri)
        return document is not None and document.version != write.version

    async def review(self, task: str, label: str, changes: ChangeSet) -> None:
        """Show the changes as a diff, and ask; editors that can't ask have commands and code actions.

        Raises `TargetError` when the diff can't be written.
        """
        path = self._reviews / f"{task}.diff"
        disk.write(path, unified_diff(changes))
        asking = asyncio.create_task(self._question(task, label, changes, path), name=f"review {task}")
        self._questions.add(asking)
        asking.add_done_callback(self._questions.discard)
        asking.add_done_callback(log_failure)

    async def _question(self, task: str, label: str, changes: ChangeSet, path: Path) -> None:
        await self._show(uri_of(path))
        added, removed = counts(changes)
        text = f"{label}: +{added} -{removed} lines, shown in {path.name}. It waits for your decision."
        answer = await self.ask(types.MessageType.Info, text, ("Apply", "Discard"))
        if answer and self.decide:
            self.decide(task, apply=answer == "Apply")

    async def ask(
        self, kind: types.MessageType, text: str, answers: Sequence[str], *, plainly: str | None = None
    ) -> str | None:
        """Ask the user with buttons; None when there is no answer. It may take as long as it takes.

        Where the editor can't ask, or doesn't say that it can, the user is told `plainly`, by default the `text`.
        """
        told = not self._client.asks
        if told:
            self.tell(kind, plainly or text)
        params = types.ShowMessageRequestParams(kind, text, [types.MessageActionItem(each) for each in answers])
        try:
            chosen: types.MessageActionItem | None = await self._protocol.request(
                types.WINDOW_SHOW_MESSAGE_REQUEST, params, ANSWER_WITHIN
            )
        except (TimeoutError, ConnectionResetError):
            return None
        except JsonRpcException as error:
            _log.info("the editor doesn't ask: %s", error)
            if not told:
                self.tell(kind, plainly or text)
            return None
        return chosen.title if chosen else None

    def tell(self, kind: types.MessageType, text: str) -> None:
        """Show a message that needs no answer."""
        self._protocol.notify(types.WINDOW_SHOW_MESSAGE, types.ShowMessageParams(kind, text))

    async def _show(self, uri: str) -> None:
        if not self._client.show_document:
            return
        params = types.ShowDocumentParams(uri, external=False, take_focus=False)
        try:
            await self._protocol.request(types.WINDOW_SHOW_DOCUMENT, params, self._client_seconds())
        except (TimeoutError, JsonRpcException, ConnectionResetError):
            _log.info("the editor doesn't show %s", uri)

    async def aclose(self) -> None:
        """Give up on questions that are open, and take away what was shown."""
        for asking in tuple(self._questions):
            asking.cancel()
        await asyncio.gather(*self._questions, return_exceptions=True)
        shutil.rmtree(self._reviews, ignore_errors=True)


async def _all_shown(writes: Sequence[Write], arrivals: Sequence[_Arrival]) -> None:
    for arrival in arrivals:
        await arrival.event.wait()
    while not all(map(_moved_or_gone, writes)):  # noqa: ASYNC110 - the disk has no event to wait for
        await asyncio.sleep(LOOKED_AT_EVERY)


def _inverse(write: Write) -> ChangeSet:
    """The step back from what a write leaves."""
    before = None if write.new else write.now
    return ChangeSet((FileChange(write.uri, write.name, before, write.then, write.moved_to),)).inverted()


def _moved_or_gone(write: Write) -> bool:
    """Whether the disk shows the renaming or deletion that is asked for, if one is."""
    path, target = path_of(write.uri), path_of(write.moved_to.uri) if write.moved_to else None
    if path is None or not (target or write.then is None):
        return True
    return not disk.exists(path) and (target is None or disk.exists(target))


def _check_answer(asked: asyncio.Future[types.ApplyWorkspaceEditResult]) -> None:
    """Raises `EditorRefused` when the editor says no."""
    try:
        answer = asked.result()
    except (JsonRpcException, ConnectionResetError) as error:
        raise EditorRefused(f"The editor can't apply the edit: {error}.", KEPT) from error
    if not answer.applied:
        reason = f": {answer.failure_reason}" if answer.failure_reason else ""
        raise EditorRefused(f"The editor didn't apply the edit{reason}.", KEPT)
