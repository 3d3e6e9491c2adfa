"""Runs many tasks at once: starts them, cancels them, carries their results to the editor."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import PurePosixPath
from typing import Protocol
from weakref import WeakValueDictionary

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.errors import Conflict, EditorRefused, PhasrError, RequestError, TargetError, UnknownTask
from phasr_lsp.domain.kind import Kind
from phasr_lsp.domain.language import Language
from phasr_lsp.domain.model import Reply
from phasr_lsp.domain.route import Choice
from phasr_lsp.domain.task import (
    CANCELLABLE,
    ENDED,
    WAITING,
    Task,
    TaskEvent,
    TaskRequest,
    TaskState,
    transition,
)
from phasr_lsp.engine.agent import Agent, Watcher
from phasr_lsp.engine.aim import Aim, find_target, take_aim
from phasr_lsp.engine.limiter import Limiter
from phasr_lsp.engine.ports import Editor, Files, Gateway, Record, Syntax
from phasr_lsp.engine.threads import Threads

_log = logging.getLogger(__name__)

REMEMBERED = 500
"""How many tasks that have ended are still listed."""

STREAMED = 2
"""While so many tasks run, each one's reply is streamed to show how it grows. Nobody watches twenty of them, and
their chunks would take more time than all the rest that Phasr does."""


class Settings(Protocol):
    """What the user has configured, as it is now: it changes while tasks run."""

    @property
    def languages(self) -> Mapping[str, Language]: ...

    @property
    def request_seconds(self) -> float:
        """How long a provider may stay silent."""
        ...

    def kind(self, name: str) -> Kind:
        """Raises `UnknownKind`."""
        ...

    def choose(self, kind: Kind, model: str | None) -> Choice:
        """Raises `NoModel` or `UnknownModel`."""
        ...

    def reviewed(self, kind: Kind) -> bool:
        """Whether results of this kind wait for the user's word."""
        ...


@dataclass(frozen=True)
class World:
    """What a fleet works with."""

    gateway: Gateway
    syntax: Syntax
    files: Files
    editor: Editor
    settings: Settings
    now: Callable[[], float]
    """Seconds, monotonic."""
    record: Record


class Fleet:
    """All tasks of one server. Its state changes on the event loop alone, in synchronous code."""

    def __init__(
        self,
        world: World,
        *,
        parallel: Callable[[], int],
        on_change: Callable[[Task], None],
        on_text: Callable[[str, str], None] | None = None,
    ) -> None:
        """`parallel` says how many tasks may run at once, and is asked each time.

        `on_change` gets a task after each change of its state; `on_text` its id and each piece
        of a reply that arrives, where somebody watches, while at most `STREAMED` tasks run."""
        self._world = world
        self._threads = Threads()
        self._agent = Agent(world.gateway, world.syntax, self._threads, world.files, world.record)
        self._slots = Limiter(parallel)
        self._on_change = on_change
        self._on_text = on_text
        self._tasks: dict[str, Task] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By document: results are applied one after another, however they were made. Those that hold a lock or
        wait for it keep it."""
        self._ids = (f"t{number}" for number in count(1))

    def tasks(self) -> tuple[Task, ...]:
        """All tasks, oldest first."""
        return tuple(self._tasks.values())

    def get(self, task_id: str) -> Task:
        """Raises `UnknownTask`."""
        try:
            return self._tasks[task_id]
        except KeyError:
            raise UnknownTask(f"There is no task {task_id}.", "phasr.status lists those there are.") from None

    def waiting(self) -> tuple[Task, ...]:
        """The tasks whose results wait for the user's decision, oldest first."""
        return tuple(task for task in self.tasks() if task.state in WAITING and task.id not in self._running)

    def cancellable(self) -> tuple[Task, ...]:
        """The tasks that can still be stopped, oldest first."""
        return tuple(task for task in self.tasks() if task.state in CANCELLABLE or self._on_its_way(task))

    def start(self, request: TaskRequest, problem: PhasrError | None = None) -> Task:
        """Queue a task and return at once; with a problem, or for an unknown kind, it has failed by then."""
        task = Task(
            id=next(self._ids),
            title=f"{request.kind} · {PurePosixPath(request.file.name).name}",
            request=request,
            started=self._world.now(),
        )
        self._tasks[task.id] = task
        self._forget()
        try:
            if problem is not None:
                raise problem
            kind = self._world.settings.kind(request.kind)
        except PhasrError as error:
            self._fail(task.id, error)
            return self._tasks[task.id]
        title = kind.title.replace("{detail}", request.diagnostic or request.instruction or "comment")
        task = replace(task, title=f"{title} · {PurePosixPath(request.file.name).name}")
        self._put(task)
        self._spawn(task.id, self._run(task.id, kind))
        return task

    def cancel(self, task_id: str) -> bool:
        """Stop the task; False if it has ended, its result waits or the editor has it. Raises `UnknownTask`.

        A result that waits for another edit on its file is discarded.
        """
        task = self.get(task_id)
        if self._on_its_way(task):
            self._stop(task_id, TaskEvent.DISCARD)
        elif task.state in CANCELLABLE:
            self._stop(task_id, TaskEvent.CANCEL)
        else:
            return False
        return True

    def apply(self, task_id: str) -> None:
        """Begin to apply a kept result. Raises `UnknownTask`, or `RequestError` if there is none."""
        task = self._with_result(task_id)
        if self._on_its_way(task):
            raise RequestError(f"{task.title} is on its way: another edit comes first.")
        self._spawn(task_id, self._guarded(task_id, lambda: self._apply(task_id)))

    def discard(self, task_id: str) -> None:
        """Drop a kept result. Raises `UnknownTask`, or `RequestError` if there is none."""
        self._with_result(task_id)
        self._stop(task_id, TaskEvent.DISCARD)

    async def aclose(self) -> None:
        """Cancel all that is at work and wait for it to stop."""
        running = list(self._running.items())
        for task_id, work in running:
            # A result that is on its way isn't discarded here.
            if self._tasks[task_id].state in CANCELLABLE:
                self._step(task_id, TaskEvent.CANCEL)
            work.cancel()
        await asyncio.gather(*(work for _, work in running), return_exceptions=True)
        self._threads.close()

    def _with_result(self, task_id: str) -> Task:
        task = self.get(task_id)
        if task.state not in WAITING:
            raise RequestError(f"{task.title} has no result that waits: it is {task.state}.")
        return task

    def _on_its_way(self, task: Task) -> bool:
        """Whether its result is to be applied as soon as other edits on its files are through."""
        return task.state in WAITING and task.id in self._running

    def _stop(self, task_id: str, event: TaskEvent) -> None:
        # The state goes first: whatever the task still does on its way out counts no more.
        self._step(task_id, event)
        running = self._running.get(task_id)
        if running:
            running.cancel()

    def _spawn(self, task_id: str, work: Coroutine[None, None, None]) -> None:
        running = asyncio.create_task(work, name=f"phasr {task_id}")
        self._running[task_id] = running
        running.add_done_callback(lambda _: self._running.pop(task_id, None))

    async def _run(self, task_id: str, kind: Kind) -> None:
        async with self._slots:
            await self._guarded(task_id, lambda: self._generate(task_id, kind))

    async def _guarded(self, task_id: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """The boundary of a task: an error ends this task alone, with its reason."""
        try:
            await work()
        except PhasrError as error:
            self._fail(task_id, error)
        except Exception:  # noqa: BLE001 - a mistake in one task ends this task alone
            _log.exception("task %s failed", task_id)
            self._fail(task_id, PhasrError("Phasr made a mistake; its log says which.", "Please report it."))

    async def _generate(self, task_id: str, kind: Kind) -> None:
        request = self._tasks[task_id].request
        choice = self._world.settings.choose(kind, request.model)
        self._step(task_id, TaskEvent.START, model=choice.endpoint.model, message=choice.why)
        languages = self._world.settings.languages
        target = find_target(kind, request.file, self._world.files, languages)
        syntax = self._world.syntax
        aim = await self._threads.run(
            max(len(request.file.text), len(target.text)),
            lambda: take_aim(kind, request, choice.profile, target=target, syntax=syntax, languages=languages),
        )
        watch = Watcher(
            event=lambda event: self._step(task_id, event),
            reply=lambda reply: self._book(task_id, reply),
            text=self._reader(task_id),
        )
        changes = await self._agent.run(aim, choice, self._world.settings.request_seconds, watch)
        self._step(task_id, TaskEvent.VERIFIED, changes=changes)
        if self._tasks[task_id].state is TaskState.CANCELLED:
            return
        why = _why_reviewed(changes, aim) or ("" if self._world.settings.reviewed(kind) else None)
        if why is not None and not changes.empty:
            await self._world.editor.review(task_id, self._tasks[task_id].title, changes)
            self._put(replace(self._tasks[task_id], message=f"Waits for your review{why}."))
        else:
            await self._apply(task_id)

    async def _apply(self, task_id: str) -> None:
        changes = self._tasks[task_id].changes
        if changes is None or changes.empty:
            self._step(task_id, TaskEvent.APPLY)
            self._step(task_id, TaskEvent.APPLIED, message="There was nothing to change.")
            return
        async with AsyncExitStack() as locks:
            for uri in sorted({uri for file in changes.files for uri in (file.uri, file.destination.uri)}):
                await locks.enter_async_context(self._locks.setdefault(uri, asyncio.Lock()))
            self._step(task_id, TaskEvent.APPLY)
            try:
                await self._world.editor.apply(self._tasks[task_id].title, changes)
            except Conflict as error:
                self._step(task_id, TaskEvent.CLASHED, message=str(error), error=error)
            except (EditorRefused, TargetError) as error:
                self._step(task_id, TaskEvent.NOT_APPLIED, message=str(error), error=error)
            else:
                self._step(task_id, TaskEvent.APPLIED)

    def _reader(self, task_id: str) -> Callable[[str], None] | None:
        report = self._on_text
        if report is None or len(self._running) > STREAMED:
            return None
        return partial(report, task_id)

    def _book(self, task_id: str, reply: Reply) -> None:
        """Add what a reply cost to what the task has cost; one unknown part makes the sum unknown."""
        task = self._tasks[task_id]
        first = task.attempts == 0
        usage = reply.usage if first else (task.usage and reply.usage and task.usage + reply.usage)
        known = reply.cost is not None and (first or task.cost is not None)
        cost = (task.cost or 0) + reply.cost if known and reply.cost is not None else None
        self._tasks[task_id] = replace(task, usage=usage, cost=cost, attempts=task.attempts + 1)

    def _fail(self, task_id: str, error: PhasrError) -> None:
        """End the task, unless it has a result by now: that is paid for and stays."""
        task = self._tasks[task_id]
        if task.state in WAITING:
            self._put(replace(task, message=str(error), error=error))
        else:
            self._step(task_id, TaskEvent.FAIL, message=str(error), error=error)

    def _step(
        self,
        task_id: str,
        event: TaskEvent,
        *,
        message: str | None = None,
        error: PhasrError | None = None,
        model: str | None = None,
        changes: ChangeSet | None = None,
    ) -> None:
        task = self._tasks[task_id]
        if task.state is TaskState.CANCELLED:
            return
        state = transition(task.state, event)
        self._put(
            replace(
                task,
                state=state,
                ended=self._world.now() if state in ENDED else None,
                message=message,
                error=error,
                model=model or task.model,
                changes=changes or task.changes,
            )
        )

    def _forget(self) -> None:
        """Drop the tasks that ended first, where there are too many."""
        ended = [task for task in self.tasks() if task.state in ENDED and task.id not in self._running]
        ended.sort(key=lambda task: task.ended or 0.0)
        for task in ended[:-REMEMBERED]:
            del self._tasks[task.id]

    def _put(self, task: Task) -> None:
        if task.state in ENDED:
            task = task.without_texts()
        self._tasks[task.id] = task
        self._on_change(task)


def _why_reviewed(changes: ChangeSet, aim: Aim) -> str | None:
    """What about a result a person has to see before it is applied, whatever is configured; None for nothing."""
    if changes.fuzzy:
        return ": a part of it only resembles what is there"
    others = sorted({change.destination.name for change in changes.files if change.uri != aim.files.target.uri})
    return f": it also changes {', '.join(others)}" if others else None
