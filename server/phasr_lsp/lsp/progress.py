"""Work-done progress: one bar for each task, made by the server since few editors send a token with a command."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from phasr_lsp.domain.formats.progress import Watch
from phasr_lsp.domain.model import ANEW
from phasr_lsp.domain.task import AT_WORK, Task
from phasr_lsp.lsp.background import log_failure
from phasr_lsp.lsp.jsonrpc import PhasrProtocol

_log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between reports of the time that passes; a change of state is reported at once."""


class Progress:
    """The bars of one editor."""

    def __init__(
        self,
        protocol: PhasrProtocol,
        task: Callable[[str], Task],
        now: Callable[[], float],
        *,
        client_seconds: Callable[[], float],
    ) -> None:
        self._protocol = protocol
        self._task = task
        self._now = now
        self._client_seconds = client_seconds
        self._bars: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._characters: Counter[str] = Counter()
        self._watches: dict[str, Watch] = {}
        """What the reply holds that is being written, by task."""

    def update(self, task: Task) -> None:
        """Show the task as it stands; it needn't be known before."""
        if task.id in self._bars:
            self._changed[task.id].set()
        elif task.state in AT_WORK:
            self._changed[task.id] = asyncio.Event()
            bar = asyncio.create_task(self._show(task.id), name=f"progress {task.id}")
            self._bars[task.id] = bar
            bar.add_done_callback(lambda _: self._forget(task.id))
            bar.add_done_callback(log_failure)

    def read(self, task_id: str, piece: str) -> None:
        """A piece of a reply has arrived; nobody sees it where the editor took no bar."""
        if task_id not in self._bars:
            return
        if piece == ANEW:
            self._characters[task_id] = 0
            self._watches[task_id] = Watch()
        elif watch := self._watches.get(task_id):
            self._characters[task_id] += len(piece)
            watch.feed(piece)

    @asynccontextmanager
    async def bar(self, token: str, title: str) -> AsyncGenerator[Callable[[str, int], None]]:
        """A bar for something that isn't a task; yields what takes a message and the per cent done."""
        shown = await self._create(token)
        if shown:
            self._send(token, types.WorkDoneProgressBegin(title, cancellable=True, percentage=0))
        try:
            yield (
                lambda message, percent: (
                    self._send(
                        token, types.WorkDoneProgressReport(cancellable=True, message=message, percentage=percent)
                    )
                    if shown
                    else None
                )
            )
        finally:
            if shown:
                self._send(token, types.WorkDoneProgressEnd())

    def task_of(self, token: types.ProgressToken) -> str | None:
        """The task whose bar has that token."""
        return next((task_id for task_id in self._bars if self._token(self._task(task_id)) == token), None)

    async def aclose(self) -> None:
        """Take the bars away."""
        bars = tuple(self._bars.values())
        for bar in bars:
            bar.cancel()
        await asyncio.gather(*bars, return_exceptions=True)

    def _forget(self, task_id: str) -> None:
        self._bars.pop(task_id, None)
        self._changed.pop(task_id, None)
        self._characters.pop(task_id, None)
        self._watches.pop(task_id, None)

    async def _show(self, task_id: str) -> None:
        task = self._task(task_id)
        token = self._token(task)
        if not await self._create(token):
            return
        self._send(
            token,
            types.WorkDoneProgressBegin(
                title=f"Phasr: {task.title}", cancellable=True, message=self._message(task)
            ),
        )
        changed = self._changed[task_id]
        while (task := self._task(task_id)).state in AT_WORK:
            try:
                async with asyncio.timeout(EVERY):
                    await changed.wait()
            except TimeoutError:
                pass
            changed.clear()
            self._send(
                token, types.WorkDoneProgressReport(cancellable=True, message=self._message(self._task(task_id)))
            )
        self._send(token, types.WorkDoneProgressEnd(message=self._message(task)))

    async def _create(self, token: str) -> bool:
        """Announce a bar; False where the editor doesn't want it."""
        params = types.WorkDoneProgressCreateParams(token)
        try:
            await self._protocol.request(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params, self._client_seconds())
        except (TimeoutError, JsonRpcException, ConnectionResetError):
            _log.info("the editor takes no progress for %s", token)
            return False
        return True

    def _send(
        self,
        token: str,
        value: types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd,
    ) -> None:
        self._protocol.notify(types.PROGRESS, types.ProgressParams(token, value))

    def _message(self, task: Task) -> str:
        seconds = (self._now() if task.ended is None else task.ended) - task.started
        parts = (
            task.state.value,
            task.model or "",
            self._received(task.id) if task.state in AT_WORK else "",
            f"{seconds:.0f} s",
        )
        return " · ".join(part for part in parts if part)

    def _received(self, task_id: str) -> str:
        """What there is of the reply: its finished blocks, or its characters until there are any."""
        watch = self._watches.get(task_id)
        if watch and (seen := watch.seen).blocks:
            files = "1 file" if seen.files == 1 else f"{seen.files} files"
            return f"{files}, +{seen.added} -{seen.removed}"
        characters = self._characters[task_id]
        return f"{characters:,} characters" if characters else ""

    def _token(self, task: Task) -> str:
        """Readable, since Helix shows it to the user, and unique."""
        return f"phasr: {task.title} ({task.id})"
