"""A task: what was asked, where it stands, and the only ways from one state to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.errors import PhasrError
from phasr_lsp.domain.model import Usage
from phasr_lsp.domain.text import FileText, Span


class TaskState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    READY = "ready"
    APPLYING = "applying"
    APPLIED = "applied"
    CONFLICTED = "conflicted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    INTERRUPTED = "interrupted"
    UNDONE = "undone"


class TaskEvent(StrEnum):
    START = "start"
    REPLIED = "replied"
    TRY_AGAIN = "try again"
    VERIFIED = "verified"
    APPLY = "apply"
    APPLIED = "applied"
    CLASHED = "clashed"
    NOT_APPLIED = "not applied"
    DISCARD = "discard"
    FAIL = "fail"
    CANCEL = "cancel"
    INTERRUPT = "interrupt"
    UNDO = "undo"


AT_WORK = frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.VERIFYING, TaskState.APPLYING})
"""States in which something is going on."""

CANCELLABLE = AT_WORK - {TaskState.APPLYING}
"""States that can be cancelled: an edit that was sent to the editor can't be called back."""

WAITING = frozenset({TaskState.READY, TaskState.CONFLICTED})
"""States in which a result is kept for the user's decision."""

TRANSITIONS: Mapping[tuple[TaskState, TaskEvent], TaskState] = {
    (TaskState.QUEUED, TaskEvent.START): TaskState.RUNNING,
    (TaskState.RUNNING, TaskEvent.REPLIED): TaskState.VERIFYING,
    (TaskState.VERIFYING, TaskEvent.TRY_AGAIN): TaskState.RUNNING,
    (TaskState.VERIFYING, TaskEvent.VERIFIED): TaskState.READY,
    (TaskState.READY, TaskEvent.APPLY): TaskState.APPLYING,
    (TaskState.CONFLICTED, TaskEvent.APPLY): TaskState.APPLYING,
    (TaskState.APPLYING, TaskEvent.APPLIED): TaskState.APPLIED,
    (TaskState.APPLYING, TaskEvent.CLASHED): TaskState.CONFLICTED,
    (TaskState.APPLYING, TaskEvent.NOT_APPLIED): TaskState.READY,
    (TaskState.READY, TaskEvent.DISCARD): TaskState.DISCARDED,
    (TaskState.CONFLICTED, TaskEvent.DISCARD): TaskState.DISCARDED,
    (TaskState.APPLIED, TaskEvent.UNDO): TaskState.UNDONE,
    **{(state, TaskEvent.CANCEL): TaskState.CANCELLED for state in CANCELLABLE},
    **{(state, TaskEvent.FAIL): TaskState.FAILED for state in AT_WORK},
    **{(state, TaskEvent.INTERRUPT): TaskState.INTERRUPTED for state in AT_WORK},
}


ENDED = frozenset(TaskState) - AT_WORK - WAITING
"""States in which nothing goes on and nothing is kept for the user."""


class IllegalTransition(ValueError):
    """A state can't follow that event: a mistake in Phasr, never in what the user did."""


def transition(state: TaskState, event: TaskEvent) -> TaskState:
    """The state after the event. Raises `IllegalTransition`."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"no '{event}' in state {state}") from None


@dataclass(frozen=True)
class TaskRequest:
    """What the user asked for, frozen at that moment."""

    kind: str
    file: FileText
    selection: Span
    """Offsets in `file.text`; empty at the cursor."""
    instruction: str | None = None
    model: str | None = None
    """The model named for this task alone."""
    diagnostic: str | None = None
    """The message of the diagnostic to fix."""


@dataclass(frozen=True)
class Task:
    """A task as it stands; every change of state makes a new one."""

    id: str
    title: str
    """What a person calls it: `Write tests · shop.py`."""
    request: TaskRequest = field(repr=False)
    state: TaskState = TaskState.QUEUED
    model: str | None = None
    started: float = 0.0
    """Seconds on the engine's monotonic clock."""
    ended: float | None = None
    message: str | None = None
    """Why it failed, or what it waits for."""
    error: PhasrError | None = field(default=None, repr=False)
    """What made it fail, or kept its result from arriving."""
    usage: Usage | None = None
    cost: Decimal | None = None
    """US dollars so far; None until a reply came, and unknown once a price is."""
    attempts: int = 0
    """Replies that were paid for."""
    changes: ChangeSet | None = None
    """The verified result; None until there is one."""

    def without_texts(self) -> "Task":
        """What stays of a task that has ended: which files it was about, and not what stands in them."""
        request = replace(self.request, file=replace(self.request.file, text=""), selection=Span(0, 0))
        if self.changes is None:
            return replace(self, request=request)
        files = tuple(
            replace(
                file,
                before=None if file.before is None else "",
                after=None if file.after is None else "",
            )
            for file in self.changes.files
        )
        return replace(self, request=request, changes=ChangeSet(files))
