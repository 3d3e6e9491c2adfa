"""The ways of a task from state to state."""

from itertools import product

import pytest

from phasr_lsp.domain.task import AT_WORK, WAITING, IllegalTransition, TaskEvent, TaskState, transition

ARROWS = {
    ("queued", "start", "running"),
    ("queued", "cancel", "cancelled"),
    ("queued", "fail", "failed"),
    ("queued", "interrupt", "interrupted"),
    ("running", "replied", "verifying"),
    ("running", "cancel", "cancelled"),
    ("running", "fail", "failed"),
    ("running", "interrupt", "interrupted"),
    ("verifying", "verified", "ready"),
    ("verifying", "try again", "running"),
    ("verifying", "cancel", "cancelled"),
    ("verifying", "fail", "failed"),
    ("verifying", "interrupt", "interrupted"),
    ("ready", "apply", "applying"),
    ("ready", "discard", "discarded"),
    ("applying", "applied", "applied"),
    ("applying", "clashed", "conflicted"),
    ("applying", "not applied", "ready"),
    ("applying", "fail", "failed"),
    ("applying", "interrupt", "interrupted"),
    ("conflicted", "apply", "applying"),
    ("conflicted", "discard", "discarded"),
    ("applied", "undo", "undone"),
}


def reached(state: TaskState, event: TaskEvent) -> TaskState | None:
    try:
        return transition(state, event)
    except IllegalTransition:
        return None


def test_there_are_no_other_ways_from_state_to_state() -> None:
    found = {
        (state.value, event.value, after.value)
        for state, event in product(TaskState, TaskEvent)
        if (after := reached(state, event))
    }
    assert found == ARROWS


def test_an_illegal_event_names_itself_and_the_state() -> None:
    with pytest.raises(IllegalTransition, match="no 'apply' in state failed"):
        transition(TaskState.FAILED, TaskEvent.APPLY)


def test_an_edit_that_was_sent_cannot_be_cancelled() -> None:
    assert reached(TaskState.APPLYING, TaskEvent.CANCEL) is None


def test_every_state_is_at_work_waits_for_a_decision_or_is_an_end() -> None:
    ends = {state for state in TaskState if all(reached(state, event) is None for event in TaskEvent)}
    assert ends == {
        TaskState.FAILED,
        TaskState.CANCELLED,
        TaskState.DISCARDED,
        TaskState.INTERRUPTED,
        TaskState.UNDONE,
    }
    assert set(TaskState) == AT_WORK | WAITING | ends | {TaskState.APPLIED}
