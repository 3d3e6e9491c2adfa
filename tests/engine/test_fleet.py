"""Many tasks at once: states, slots, cancellation, results on their way to the files, and what all of it cost."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.errors import (
    EditorRefused,
    NoModel,
    PhasrError,
    RequestError,
    TargetError,
    UnknownTask,
)
from phasr_lsp.domain.model import Reply, Usage
from phasr_lsp.domain.task import AT_WORK, TRANSITIONS, WAITING, Task, TaskState
from phasr_lsp.engine.fleet import REMEMBERED
from tests.engine.scripted import Scene, answer, fenced

SOURCE = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"
ONE = 'def one():\n    """One."""\n    return 1\n'
TWO = 'def two():\n    """Two."""\n    return 2\n'
TO_THE_END = "queued running verifying ready applying applied"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path)
    yield made
    await made.fleet.aclose()


async def begun(scene: Scene, name: str = "shop.py", *, kind: str = "document", at: str = "return 1") -> str:
    """A task whose question has reached the provider."""
    uri = scene.write(name, SOURCE)
    before = len(scene.gateway.calls)
    task = scene.start(kind, uri, at)
    await scene.calls(before + 1)
    return task


async def kept(scene: Scene) -> str:
    """A task whose result waits for a decision."""
    scene.choices.reviewed_kinds = {"document"}
    task = await begun(scene)
    scene.gateway.calls[-1].answer.set_result(answer(fenced(ONE)))
    await scene.reached(task, TaskState.READY)
    await scene.turn()
    return task


# From state to state.


async def test_a_task_goes_from_the_queue_to_the_file(scene: Scene) -> None:
    scene.now = 5.0
    task = await begun(scene)
    assert scene.fleet.get(task) == Task(
        id="t1",
        title="Document · shop.py",
        request=scene.fleet.get(task).request,
        state=TaskState.RUNNING,
        model="test/model",
        started=5.0,
        message="your default",
    )
    scene.now = 7.5
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    done = await scene.reached(task, TaskState.APPLIED)
    assert scene.states(task) == TO_THE_END
    assert (done.ended, done.message, done.attempts) == (7.5, None, 1)
    assert done.changes == ChangeSet(
        (FileChange((scene.folder / "shop.py").as_uri(), "shop.py", before="", after=""),)
    )
    assert scene.read("shop.py") == ONE + SOURCE[24:]


async def test_the_file_is_taken_as_it_was_at_the_start(scene: Scene) -> None:
    task = await begun(scene)
    scene.write("shop.py", SOURCE.replace("return 2", "return 22"))
    call = scene.gateway.calls[0]
    assert "return 22" not in call.prompt
    call.answer.set_result(answer(fenced(ONE)))
    await scene.reached(task, TaskState.APPLIED)
    assert scene.read("shop.py") == ONE + SOURCE[24:].replace("return 2", "return 22")


async def test_nothing_to_change_is_applied_without_an_edit(scene: Scene) -> None:
    task = await begun(scene)
    scene.gateway.calls[0].answer.set_result(answer(fenced(SOURCE[:24])))
    done = await scene.reached(task, TaskState.APPLIED)
    assert scene.states(task) == TO_THE_END
    assert done.message == "There was nothing to change."
    assert scene.editor.applied == []


async def test_what_cannot_start_has_failed_when_start_returns(scene: Scene) -> None:
    uri = scene.write("shop.py", SOURCE)
    unknown = scene.fleet.get(scene.start("dokument", uri))
    assert (unknown.state, unknown.message) == (TaskState.FAILED, 'No kind is called "dokument".')
    gone = TargetError("It is gone.", "Save it.")
    request = unknown.request
    refused = scene.fleet.start(request, gone)
    assert (refused.state, refused.message, refused.error) == (TaskState.FAILED, "It is gone. Save it.", gone)
    assert [task.id for task in scene.fleet.tasks()] == ["t1", "t2"]


async def test_without_a_model_a_task_fails_with_the_reason(scene: Scene) -> None:
    scene.choices.no_model = NoModel("There is no model.", "Install one.")
    task = scene.start("document", scene.write("shop.py", SOURCE), "return 1")
    done = await scene.reached(task, TaskState.FAILED)
    assert scene.states(task) == "queued failed"
    assert done.error is scene.choices.no_model


async def test_an_unusable_reply_fails_the_task_and_not_the_file(scene: Scene) -> None:
    task = await begun(scene)
    for number in range(3):
        (await scene.calls(number + 1))[number].answer.set_result(answer("No."))
    done = await scene.reached(task, TaskState.FAILED)
    assert scene.states(task) == "queued running verifying running verifying running verifying failed"
    assert done.attempts == 3
    assert scene.read("shop.py") == SOURCE


# Cancelling.


async def test_a_running_task_is_cancelled_and_its_call_with_it(scene: Scene) -> None:
    task = await begun(scene)
    scene.now = 3.0
    assert scene.fleet.cancel(task)
    await scene.until(lambda: scene.gateway.calls[0].answer.cancelled())
    assert scene.states(task) == "queued running cancelled"
    assert scene.fleet.get(task).ended == 3.0
    assert not scene.fleet.cancel(task)


async def test_a_queued_task_is_cancelled_before_it_asks_anybody(tmp_path: Path) -> None:
    scene = Scene(tmp_path, parallel=1)
    first = await begun(scene)
    second = await begun_in_queue(scene)
    third = await begun_in_queue(scene)
    assert scene.fleet.cancel(second)
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    await scene.reached(first, TaskState.APPLIED)
    await scene.reached(third, TaskState.RUNNING)
    assert scene.states(second) == "queued cancelled"
    assert len(await scene.calls(2)) == 2
    await scene.fleet.aclose()


async def begun_in_queue(scene: Scene) -> str:
    return scene.start("document", (scene.folder / "shop.py").as_uri(), "return 1")


@pytest.mark.parametrize("reviewed", [False, True])
async def test_a_task_is_cancelled_while_its_reply_is_checked(reviewed: bool, scene: Scene) -> None:
    scene.choices.reviewed_kinds = {"document"} if reviewed else set()
    task = await begun(scene)

    def cancel(changed: Task) -> None:
        if changed.state is TaskState.VERIFYING:
            assert scene.fleet.cancel(changed.id)

    scene.on_change = cancel
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    await scene.reached(task, TaskState.CANCELLED)
    await scene.turn(5)
    assert scene.states(task) == "queued running verifying cancelled"
    assert (scene.editor.applied, scene.editor.reviews) == ([], [])
    assert scene.fleet.get(task).attempts == 1
    assert scene.read("shop.py") == SOURCE


async def test_an_edit_on_its_way_is_not_cancelled(scene: Scene) -> None:
    go = scene.editor.hold["shop.py"] = asyncio.Event()
    task = await begun(scene)
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    await scene.until(lambda: bool(scene.editor.applying))
    assert not scene.fleet.cancel(task)
    go.set()
    await scene.reached(task, TaskState.APPLIED)


async def test_a_result_that_waits_is_not_cancelled_but_discarded(scene: Scene) -> None:
    task = await kept(scene)
    assert not scene.fleet.cancel(task)
    scene.fleet.discard(task)
    assert scene.states(task) == "queued running verifying ready discarded"


async def test_a_cancelled_task_frees_its_slot(tmp_path: Path) -> None:
    scene = Scene(tmp_path, parallel=1)
    first = await begun(scene)
    second = await begun_in_queue(scene)
    scene.fleet.cancel(first)
    await scene.reached(second, TaskState.RUNNING)
    await scene.fleet.aclose()


async def test_the_end_cancels_all_and_waits_for_it(scene: Scene) -> None:
    tasks = [await begun(scene, f"f{number}.py") for number in range(3)]
    await scene.fleet.aclose()
    assert [scene.fleet.get(task).state for task in tasks] == [TaskState.CANCELLED] * 3
    assert scene.gateway.open == []


async def test_the_end_may_come_right_after_an_apply(scene: Scene) -> None:
    task = await kept(scene)
    scene.fleet.apply(task)
    await scene.fleet.aclose()
    assert scene.read("shop.py") == SOURCE


# Long files.

LONG = "".join(f"def f{number}():\n    return {number}\n\n\n" for number in range(3000))


async def test_a_long_file_is_worked_on_beside_the_loop(scene: Scene) -> None:
    uri = scene.write("long.py", LONG)
    task = scene.start("document", uri, "return 1\n")
    [call] = await scene.calls(1)
    new = 'def f1():\n    """One."""\n    return 1\n'
    call.answer.set_result(answer(fenced(new)))
    await scene.reached(task, TaskState.VERIFYING)
    await scene.turn()
    assert scene.fleet.get(task).state is TaskState.VERIFYING
    await scene.reached(task, TaskState.APPLIED)
    assert scene.read("long.py") == LONG.replace("def f1():\n    return 1\n", new)


async def test_what_is_wrong_in_a_long_file_is_said_too(scene: Scene) -> None:
    uri = scene.write("long.py", LONG + "# end\n")
    done = await scene.reached(scene.start("refactor", uri, "# end"), TaskState.FAILED)
    assert done.message
    assert done.message.startswith("There is no function, method or type at line 12001 of long.py.")


async def test_a_task_is_cancelled_while_a_long_reply_is_checked(scene: Scene) -> None:
    uri = scene.write("long.py", LONG)
    task = scene.start("refactor", uri, "return 1\n")
    [call] = await scene.calls(1)
    call.answer.set_result(answer(fenced("def f1():\n    return 2\n")))
    await scene.reached(task, TaskState.VERIFYING)
    await scene.turn()
    assert scene.fleet.cancel(task)
    await scene.turn(5)
    assert scene.states(task) == "queued running verifying cancelled"
    assert scene.read("long.py") == LONG


# Many at once.


async def test_no_more_tasks_run_than_there_are_slots(tmp_path: Path) -> None:
    scene = Scene(tmp_path, parallel=2)
    uri = scene.write("shop.py", SOURCE)
    tasks = [scene.start("document", uri, "return 1") for _ in range(6)]
    for number in range(6):
        calls = await scene.calls(number + 1)
        assert sum(scene.fleet.get(task).state in (TaskState.RUNNING, TaskState.VERIFYING) for task in tasks) <= 2
        calls[number].answer.set_result(answer(fenced(ONE)))
    for task in tasks:
        await scene.reached(task, TaskState.APPLIED)
    assert scene.gateway.most_at_once == 2


async def test_a_changed_number_of_slots_counts_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, parallel=1)
    first = await begun(scene)
    second, third, fourth = [await begun_in_queue(scene) for _ in range(3)]
    scene.parallel = 3
    fifth = await begun_in_queue(scene)
    calls = await scene.calls(3)
    await scene.turn(5)
    assert [scene.fleet.get(task).state for task in (first, second, third)] == [TaskState.RUNNING] * 3
    scene.parallel = 1
    for number, task in enumerate((first, second)):
        calls[number].answer.set_result(answer(fenced(ONE)))
        await scene.reached(task, TaskState.APPLIED)
    await scene.turn(5)
    assert [scene.fleet.get(task).state for task in (fourth, fifth)] == [TaskState.QUEUED] * 2
    calls[2].answer.set_result(answer(fenced(ONE)))
    await scene.reached(fourth, TaskState.RUNNING)
    await scene.fleet.aclose()


async def test_tasks_on_different_files_do_not_wait_for_each_other(scene: Scene) -> None:
    scene.editor.hold["a.py"] = asyncio.Event()
    slow, quick = await begun(scene, "a.py"), await begun(scene, "b.py")
    for call in scene.gateway.calls:
        call.answer.set_result(answer(fenced(ONE)))
    await scene.reached(quick, TaskState.APPLIED)
    assert scene.fleet.get(slow).state is TaskState.APPLYING
    scene.editor.hold["a.py"].set()
    await scene.reached(slow, TaskState.APPLIED)


@pytest.mark.parametrize("first", [0, 1])
async def test_results_for_one_file_are_applied_one_after_another(first: int, scene: Scene) -> None:
    go = scene.editor.hold["shop.py"] = asyncio.Event()
    tasks = [await begun(scene), await begun(scene, at="return 2")]
    replies = [ONE, TWO]
    second = 1 - first
    scene.gateway.calls[first].answer.set_result(answer(fenced(replies[first])))
    await scene.reached(tasks[first], TaskState.APPLYING)
    scene.gateway.calls[second].answer.set_result(answer(fenced(replies[second])))
    await scene.reached(tasks[second], TaskState.READY)
    await scene.turn(5)
    assert len(scene.editor.applying) == 1
    assert scene.fleet.get(tasks[second]).state is TaskState.READY
    go.set()
    await scene.reached(tasks[second], TaskState.APPLIED)
    assert scene.read("shop.py") == f"{ONE}\n\n{TWO}"


async def in_line(scene: Scene) -> tuple[str, str]:
    """A task whose edit the editor has, and one whose result waits for that edit."""
    scene.editor.hold["shop.py"] = asyncio.Event()
    first, second = await begun(scene), await begun(scene, at="return 2")
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    await scene.reached(first, TaskState.APPLYING)
    scene.gateway.calls[1].answer.set_result(answer(fenced(TWO)))
    await scene.reached(second, TaskState.READY)
    await scene.turn(5)
    return first, second


@pytest.mark.parametrize("cancel", [False, True])
async def test_a_result_that_waits_for_another_edit_can_be_dropped(cancel: bool, scene: Scene) -> None:
    first, second = await in_line(scene)
    assert scene.fleet.waiting() == ()
    assert [task.id for task in scene.fleet.cancellable()] == [second]
    with pytest.raises(RequestError, match="is on its way"):
        scene.fleet.apply(second)
    if cancel:
        assert scene.fleet.cancel(second)
    else:
        scene.fleet.discard(second)
    scene.editor.hold["shop.py"].set()
    await scene.reached(first, TaskState.APPLIED)
    await scene.turn(5)
    assert scene.states(second) == "queued running verifying ready discarded"
    assert scene.read("shop.py") == ONE + SOURCE[24:]


async def test_what_waits_for_the_user_is_told_apart(scene: Scene) -> None:
    task = await kept(scene)
    assert [each.id for each in scene.fleet.waiting()] == [task]
    assert scene.fleet.cancellable() == ()


async def test_the_end_discards_no_result(scene: Scene) -> None:
    _, second = await in_line(scene)
    await scene.fleet.aclose()
    assert scene.fleet.get(second).state is TaskState.READY


async def test_a_crash_ends_its_own_task_alone(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    crashing, other = await begun(scene, "a.py"), await begun(scene, "b.py")
    with caplog.at_level(logging.ERROR):
        scene.gateway.calls[0].answer.set_exception(ZeroDivisionError("sk-canary"))
        crashed = await scene.reached(crashing, TaskState.FAILED)
    assert crashed.message == "Phasr made a mistake; its log says which. Please report it."
    assert [record.message for record in caplog.records] == ["task t1 failed"]
    assert scene.fleet.get(other).state is TaskState.RUNNING
    scene.gateway.calls[1].answer.set_result(answer(fenced(ONE)))
    await scene.reached(other, TaskState.APPLIED)


async def test_a_crash_while_applying_frees_the_file(scene: Scene) -> None:
    scene.editor.problem = ZeroDivisionError()
    first = await begun(scene)
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    await scene.reached(first, TaskState.FAILED)
    scene.editor.problem = None
    second = await begun(scene)
    scene.gateway.calls[1].answer.set_result(answer(fenced(ONE)))
    await scene.reached(second, TaskState.APPLIED)


@pytest.mark.parametrize("many", [False, True])
async def test_replies_are_streamed_while_few_tasks_run(many: bool, scene: Scene) -> None:
    uri = scene.write("shop.py", SOURCE)
    tasks = [scene.start("document", uri, "return 1") for _ in range(3 if many else 2)]
    calls = await scene.calls(len(tasks))
    assert [call.streamed for call in calls] == [not many] * len(tasks)
    for call in calls:
        call.answer.set_result(answer(fenced(ONE)))
    for task in tasks:
        await scene.reached(task, TaskState.APPLIED)
    assert scene.characters == ({} if many else dict.fromkeys(tasks, len(fenced(ONE))))


# Results that wait.


async def test_a_reviewed_result_waits_for_the_users_word(scene: Scene) -> None:
    task = await kept(scene)
    assert scene.fleet.get(task).message == "Waits for your review."
    assert scene.editor.reviews == [task]
    assert scene.read("shop.py") == SOURCE
    scene.fleet.apply(task)
    await scene.reached(task, TaskState.APPLIED)
    assert scene.read("shop.py") == ONE + SOURCE[24:]


@pytest.mark.parametrize("problem", [TargetError("The folder is full.", "Empty it."), OSError("disk full")])
async def test_a_result_that_cannot_be_shown_is_kept(problem: Exception, scene: Scene) -> None:
    scene.editor.problem = problem
    task = await kept(scene)
    shown = scene.fleet.get(task)
    assert shown.state is TaskState.READY
    assert shown.message == str(shown.error)
    scene.editor.problem = None
    scene.fleet.apply(task)
    await scene.reached(task, TaskState.APPLIED)


async def test_a_clash_keeps_the_result_until_it_fits(scene: Scene) -> None:
    task = await begun(scene, kind="refactor")
    scene.write("shop.py", SOURCE.replace("return 1", "return 11"))
    scene.gateway.calls[0].answer.set_result(answer(fenced("def one():\n    return 2 - 1\n")))
    done = await scene.reached(task, TaskState.CONFLICTED)
    assert done.message == "shop.py changed meanwhile. Its result is kept."
    assert scene.read("shop.py") == SOURCE.replace("return 1", "return 11")
    scene.write("shop.py", SOURCE)
    await scene.turn()
    scene.fleet.apply(task)
    done = await scene.reached(task, TaskState.APPLIED)
    assert (done.message, done.error) == (None, None)
    assert scene.read("shop.py") == SOURCE.replace("return 1", "return 2 - 1")


@pytest.mark.parametrize("problem", [EditorRefused, TargetError])
async def test_a_result_that_does_not_arrive_is_kept(problem: type[PhasrError], scene: Scene) -> None:
    scene.editor.problem = problem("It said no.", "Try again.")
    task = await begun(scene)
    scene.gateway.calls[0].answer.set_result(answer(fenced(ONE)))
    await scene.until(lambda: scene.fleet.get(task).error is not None)
    refused = scene.fleet.get(task)
    assert (refused.state, refused.message) == (TaskState.READY, "It said no. Try again.")
    scene.editor.problem = None
    await scene.turn()
    scene.fleet.apply(task)
    await scene.reached(task, TaskState.APPLIED)


async def test_what_a_tasks_state_does_not_allow_is_refused(scene: Scene) -> None:
    running = await begun(scene)
    for decide in (scene.fleet.apply, scene.fleet.discard):
        with pytest.raises(RequestError, match=r"Document · shop\.py has no result that waits: it is running"):
            decide(running)
        with pytest.raises(UnknownTask, match="There is no task t9"):
            decide("t9")
    with pytest.raises(UnknownTask):
        scene.fleet.cancel("t9")
    assert scene.states(running) == "queued running"


async def test_a_result_is_applied_once_however_often_it_is_asked_for(scene: Scene) -> None:
    task = await kept(scene)
    scene.fleet.apply(task)
    with pytest.raises(RequestError, match=r"Document · shop\.py is on its way: another edit comes first"):
        scene.fleet.apply(task)
    await scene.reached(task, TaskState.APPLIED)
    assert scene.editor.applied == ["Document · shop.py"]


# What is remembered.


async def test_a_task_that_has_ended_keeps_no_text(scene: Scene) -> None:
    task = await kept(scene)
    [change] = (scene.fleet.get(task).changes or ChangeSet()).files
    assert (change.before, scene.fleet.get(task).request.file.text) == (SOURCE, SOURCE)
    scene.fleet.discard(task)
    discarded = scene.fleet.get(task)
    assert discarded.changes == ChangeSet((FileChange(change.uri, change.name, "", ""),))
    assert (discarded.request.file.uri, discarded.request.file.text) == (change.uri, "")


async def test_the_tasks_that_ended_first_are_forgotten(scene: Scene) -> None:
    waits = await kept(scene)
    request = scene.fleet.get(waits).request
    ended: list[str] = []
    for number in range(REMEMBERED + 3):
        scene.now = float(number)
        ended.append(scene.fleet.start(request, TargetError("It is gone.", "")).id)
    # The newest ended after the others were counted.
    assert [task.id for task in scene.fleet.tasks()] == [waits, *ended[2:]]
    with pytest.raises(UnknownTask):
        scene.fleet.get(ended[0])


async def test_a_file_that_nobody_changes_has_no_lock(scene: Scene) -> None:
    before = locks()
    first, second = await in_line(scene)
    assert locks() == before + 1
    scene.editor.hold["shop.py"].set()
    for task in (first, second):
        await scene.reached(task, TaskState.APPLIED)
    await scene.turn()
    assert locks() == before


def locks() -> int:
    gc.collect()
    return sum(isinstance(each, asyncio.Lock) for each in gc.get_objects())


# What it costs.

KNOWN, UNKNOWN = Decimal("0.01"), None
TOKENS, NO_TOKENS = Usage(100, 10, 5), None


@pytest.mark.parametrize(
    ("costs", "total"),
    [
        ([KNOWN], KNOWN),
        ([KNOWN, Decimal("0.002")], Decimal("0.012")),
        ([Decimal(0), Decimal(0)], Decimal(0)),
        ([UNKNOWN], None),
        ([UNKNOWN, KNOWN], None),
        ([KNOWN, UNKNOWN, KNOWN], None),
    ],
)
async def test_costs_are_summed_and_an_unknown_one_makes_the_sum_unknown(
    costs: list[Decimal | None], total: Decimal | None, tmp_path: Path
) -> None:
    bad = [answer("No.", cost=cost) for cost in costs[:-1]]
    done = await paid(tmp_path, *bad, answer(fenced(ONE), cost=costs[-1]))
    assert (done.cost, done.attempts) == (total, len(costs))


@pytest.mark.parametrize(
    ("usages", "total"),
    [
        ([TOKENS], TOKENS),
        ([TOKENS, TOKENS], Usage(200, 20, 10)),
        ([NO_TOKENS, TOKENS], None),
        ([TOKENS, NO_TOKENS, TOKENS], None),
    ],
)
async def test_so_are_tokens(usages: list[Usage | None], total: Usage | None, tmp_path: Path) -> None:
    bad = [answer("No.", usage=usage) for usage in usages[:-1]]
    done = await paid(tmp_path, *bad, answer(fenced(ONE), usage=usages[-1]))
    assert done.usage == total


async def paid(folder: Path, *script: Reply) -> Task:
    scene = Scene(folder, *script)
    task = scene.start("document", scene.write("shop.py", SOURCE), "return 1")
    return await scene.reached(task, TaskState.APPLIED)


async def test_a_failed_task_has_cost_what_it_cost(scene: Scene) -> None:
    task = await begun(scene)
    for number in range(3):
        (await scene.calls(number + 1))[number].answer.set_result(answer("No.", cost=KNOWN))
    assert (await scene.reached(task, TaskState.FAILED)).cost == KNOWN * 3


# Whatever happens, in whatever order.

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "good", "bad", "down", "crash", "cancel", "apply", "discard", "turn", "refuse"]
        ),
        st.integers(0, 5),
    ),
    max_size=30,
)


@given(actions=ACTIONS, parallel=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_no_order_of_events_leads_astray(
    actions: list[tuple[str, int]], parallel: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scene = asyncio.run(played(actions, parallel, tmp_path_factory.mktemp("play")))
    ways = {(state, after) for (state, _), after in TRANSITIONS.items()}
    for states in scene.history.values():
        assert states[0] is TaskState.QUEUED
        assert all(pair in ways for pair in pairwise(states))
    assert scene.gateway.most_at_once <= parallel
    assert not any(task.state in AT_WORK for task in scene.fleet.tasks())
    assert all(task.changes for task in scene.fleet.tasks() if task.state in WAITING)


async def played(actions: list[tuple[str, int]], parallel: int, folder: Path) -> Scene:
    """The scene after the actions, when what was still at work was cancelled."""
    scene = Scene(folder, parallel=parallel)
    scene.choices.reviewed_kinds = {"refactor"}
    uri = scene.write("shop.py", SOURCE)
    for action, number in actions:
        act(scene, uri, action, number)
        await scene.turn(number)
    while any(task.state is TaskState.APPLYING for task in scene.fleet.tasks()):
        await scene.turn()
    await scene.fleet.aclose()
    return scene


def act(scene: Scene, uri: str, action: str, number: int) -> None:
    tasks, calls = scene.fleet.tasks(), scene.gateway.open
    call = calls[number % len(calls)] if calls else None
    task = tasks[number % len(tasks)].id if tasks else None
    match action:
        case "start":
            scene.start("refactor" if number % 2 else "document", uri, "return 1")
        case "refuse":
            scene.editor.problem = EditorRefused("No.", "") if number % 2 else None
        case "good" if call:
            call.answer.set_result(answer(fenced(ONE)))
        case "bad" if call:
            call.answer.set_result(answer("No."))
        case "down" if call:
            call.answer.set_exception(NoModel("Down.", "Wait."))
        case "crash" if call:
            call.answer.set_exception(ZeroDivisionError())
        case "cancel" if task:
            scene.fleet.cancel(task)
        case "apply" | "discard" if task and scene.fleet.get(task).state in WAITING:
            decide(scene, task, apply=action == "apply")
        case _:
            pass


def decide(scene: Scene, task: str, *, apply: bool) -> None:
    try:
        (scene.fleet.apply if apply else scene.fleet.discard)(task)
    except RequestError as error:
        assert "is on its way" in str(error)  # noqa: PT017 - it may be on its way already
