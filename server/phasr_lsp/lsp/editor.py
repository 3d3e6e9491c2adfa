"""Carries results into the editor's buffers, and looks afterwards whether they arrived.

`applied: true` is a claim. Editors debounce what they report, apply a part, or answer never; so an edit counts as
applied once the buffer shows it, whatever the answer was.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from phasr_lsp.adapters import disk
from phasr_lsp.domain.change import ChangeSet, FileChange, counts, unified_diff
from phasr_lsp.domain.errors import Conflict, EditorRefused, TargetError
from phasr_lsp.domain.merge import merge
from phasr_lsp.domain.text import FileText, to_lf
from phasr_lsp.engine.ports import Syntax
from phasr_lsp.lsp.background import log_failure
from phasr_lsp.lsp.client import Client
from phasr_lsp.lsp.documents import Documents
from phasr_lsp.lsp.jsonrpc import PhasrProtocol
from phasr_lsp.lsp.to_proto import Write, workspace_edit
from phasr_lsp.lsp.workspace import Workspace, path_of, uri_of

_log = logging.getLogger(__name__)

SHOWN_WITHIN = 2.0
"""Seconds in which a buffer shows an edit that the editor says it applied; Neovim debounces by 0.15 s."""

TRIES = 4
"""How often an edit is sent anew because the user typed while it was on its way."""

ANSWER_WITHIN = 3600.0
"""Seconds that a question to the user stays open."""

_KEPT = "Its result is kept: run phasr.apply to try again, phasr.discard to drop it."


class Decide(Protocol):
    """What a person decided about a result that was shown."""

    def __call__(self, task: str, *, apply: bool) -> None: ...


@dataclass
class _Arrival:
    """Waits for a buffer to show a text."""

    uri: str
    text: str
    event: asyncio.Event


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

        An edit that didn't arrive because the user typed is merged and sent anew. That can't apply it twice:
        what the buffer already holds of it isn't in the new edit.
        """
        made: set[Path] = set()
        try:
            await self._apply(label, changes, made)
        except BaseException:
            self._take_away(made)
            raise

    async def _apply(self, label: str, changes: ChangeSet, made: set[Path]) -> None:
        """As `apply`; the files that it makes are added to `made`."""
        for attempt in range(1, TRIES + 1):
            writes = [self._write(change, made) for change in changes.files]
            writes = [write for write in writes if write.then != write.now or write.create]
            try:
                for part in [[write] for write in writes] if self._client.one_by_one else [writes]:
                    await self._send(label, part)
            except EditorRefused:
                if attempt == TRIES or not any(self._moved_on(write) for write in writes):
                    raise
            else:
                return

    def _take_away(self, made: set[Path]) -> None:
        """Remove files that were made for an edit which didn't arrive, unless a buffer has text for them."""
        for path in made:
            document = self._documents.get(uri_of(path))
            if document is None or not document.text.strip():
                disk.remove_empty(path)

    def _write(self, change: FileChange, made: set[Path]) -> Write:
        """The change merged onto what the file says now. Raises `Conflict` or `TargetError`."""
        path = path_of(change.uri)
        document = self._documents.get(change.uri)
        now = self._workspace.read(change.uri) if document or (path and disk.exists(path)) else None
        if now and _alike(now.text, change.after):
            return Write(change.uri, change.name, now.text, now.text, now.version)
        if change.before is None:
            if now and now.text.strip():
                raise Conflict(f"{change.name} was made by somebody else meanwhile.", _KEPT)
            return self._new_file(change, made, exists=now is not None)
        if now is None:
            raise Conflict(f"{change.name} was deleted or renamed meanwhile; nothing was written.", _KEPT)
        merged = merge(change.before, change.after, now.text)
        if isinstance(merged, str):
            self._check_merge(change, now, merged)
            return Write(change.uri, change.name, now.text, merged, now.version)
        places = ", ".join(
            f"{clash.first_line}"
            if clash.first_line == clash.last_line
            else f"{clash.first_line}-{clash.last_line}"
            for clash in merged
        )
        raise Conflict(
            f"{change.name} changed meanwhile where the result goes, at line {places}; nothing was written.",
            _KEPT,
        )

    def _check_merge(self, change: FileChange, now: FileText, merged: str) -> None:
        """Two changes that each parse may not together. Raises `Conflict`."""
        if merged in (change.after, now.text):
            return
        line = self._syntax.first_error(replace(now, text=merged))
        if line is not None and self._syntax.first_error(now) is None:
            raise Conflict(
                f"{change.name} changed meanwhile, and with the result it would no longer parse (line {line}); "
                "nothing was written.",
                _KEPT,
            )

    def _new_file(self, change: FileChange, made: set[Path], *, exists: bool) -> Write:
        path = path_of(change.uri)
        if path is None:
            raise TargetError(f"{change.name} has no place on disk.", "Save it first.")
        disk.confine(path, self._workspace.folders)
        if not exists and self._client.create == "touch":
            disk.create(path)
            made.add(path)
        document = self._documents.get(change.uri)
        return Write(
            change.uri,
            change.name,
            now="",
            then=change.after,
            version=document.version if document else None,
            create=not exists and self._client.create == "edit",
            made=path in made,
        )

    async def _send(self, label: str, writes: Sequence[Write]) -> None:
        """One edit, and the wait until the buffers show it. Raises `EditorRefused` or `Conflict`."""
        by_server = [write for write in writes if self._written_by_server(write)]
        for write in by_server:
            path = path_of(write.uri)
            if path:
                disk.create(path, write.then)
                await self._show(write.uri)
        writes = [write for write in writes if write not in by_server]
        if not writes:
            return
        arrivals = [_Arrival(write.uri, write.then, asyncio.Event()) for write in writes]
        listener = self._listener(arrivals)
        self._documents.on_change.append(listener)
        try:
            # Between the merge and this line nothing waits: the edit is for the text that it was made for.
            params = types.ApplyWorkspaceEditParams(
                workspace_edit(writes, label, self._client, self._documents.encoding), label
            )
            asked = self._protocol.ask(types.WORKSPACE_APPLY_EDIT, params)
            answered = await self._delivered(asked, arrivals)
            self._judge(writes, arrivals, answered=answered)
        finally:
            self._documents.on_change.remove(listener)

    async def _delivered(
        self, asked: asyncio.Future[types.ApplyWorkspaceEditResult], arrivals: Sequence[_Arrival]
    ) -> bool:
        """Wait until the buffers show the edit, or until they won't any more; whether the editor answered.

        Raises `EditorRefused` when it says no.
        """
        shown = asyncio.create_task(_all_shown(arrivals))
        try:
            limit = self._client_seconds()
            await asyncio.wait({asked, shown}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                return False
            _check_answer(asked)
            if any(self._documents.get(arrival.uri) and not arrival.event.is_set() for arrival in arrivals):
                await asyncio.wait({shown}, timeout=SHOWN_WITHIN)
        finally:
            asked.cancel()
            shown.cancel()
        return True

    def _written_by_server(self, write: Write) -> bool:
        path = path_of(write.uri)
        new = self._documents.get(write.uri) is None and path is not None and not disk.exists(path)
        return new and self._client.create == "write"

    def _listener(self, arrivals: Sequence[_Arrival]) -> Callable[[str], None]:
        def on_change(uri: str) -> None:
            document = self._documents.get(uri)
            for arrival in arrivals:
                same = document is not None and document is self._documents.get(arrival.uri)
                if document is not None and same and _alike(document.text, arrival.text):
                    arrival.event.set()

        return on_change

    def _judge(self, writes: Sequence[Write], arrivals: Sequence[_Arrival], *, answered: bool) -> None:
        """Look at what the buffers hold now. Raises `EditorRefused`."""
        for write, arrival in zip(writes, arrivals, strict=True):
            document = self._documents.get(write.uri)
            if arrival.event.is_set() or (document is None and answered):
                continue
            claim = "says that it applied the edit, but the buffer doesn't show it"
            raise EditorRefused(f"The editor {claim if answered else 'did not answer the edit'}.", _KEPT)

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


def _alike(one: str, other: str) -> bool:
    """Whether texts are the same but for their line endings, which are the editor's to choose for a new file."""
    return one == other or to_lf(one) == to_lf(other)


async def _all_shown(arrivals: Sequence[_Arrival]) -> None:
    for arrival in arrivals:
        await arrival.event.wait()


def _check_answer(asked: asyncio.Future[types.ApplyWorkspaceEditResult]) -> None:
    """Raises `EditorRefused` when the editor says no."""
    try:
        answer = asked.result()
    except (JsonRpcException, ConnectionResetError) as error:
        raise EditorRefused(f"The editor can't apply the edit: {error}.", _KEPT) from error
    if not answer.applied:
        reason = f": {answer.failure_reason}" if answer.failure_reason else ""
        raise EditorRefused(f"The editor didn't apply the edit{reason}.", _KEPT)
