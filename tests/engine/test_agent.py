"""One attempt: what a model is asked, what is made of its replies, and when it is given up."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from phasr_lsp.adapters.track_record import TrackRecord
from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.errors import BreaksSyntax, ModelUnavailable, PhasrError, ReplyIncomplete, ReplyUnusable
from phasr_lsp.domain.model import Finish, Message, ModelRequest, Profile, Reply
from phasr_lsp.domain.outcome import Outcome
from phasr_lsp.domain.route import Choice
from phasr_lsp.engine.agent import Agent, Watcher
from phasr_lsp.engine.threads import Threads
from tests.engine.scripted import (
    ENDPOINT,
    SMALL,
    STRONG,
    SYNTAX,
    ScriptedGateway,
    aim_at,
    answer,
    fenced,
    workspace,
)

SOURCE = "import os\n\n\ndef total(a, b):\n    |>return a + b\n\n\ndef other():\n    return 1\n"
TEXT = SOURCE.replace("|>", "")
GOOD = 'def total(a, b):\n    """The sum."""\n    return a + b\n'
BROKEN = "def total(a, b:\n    return a + b\n"
AGAIN = "Answer again, in the form that was asked for."


@dataclass(frozen=True)
class Attempt:
    """What came of it."""

    result: str | PhasrError
    """The file's new text, or what was raised."""
    requests: list[ModelRequest]
    events: list[str]
    paid: list[Reply]
    counted: dict[Outcome, int]
    """What the replies were good for, as it is remembered of the model."""

    @property
    def told(self) -> list[str]:
        """What the model was told about its replies."""
        return [message.text for message in self.requests[-1].messages[2:] if message.role == "user"]


async def attempt(
    folder: Path,
    *script: str | Reply | Exception,
    kind: str = "document",
    source: str = SOURCE,
    profile: Profile = SMALL,
    streamed: bool = True,
) -> Attempt:
    gateway = ScriptedGateway(*script)
    events: list[str] = []
    paid: list[Reply] = []
    watch = Watcher(events.append, paid.append, (lambda text: None) if streamed else None)
    aim = aim_at(kind, source, folder, profile=profile, diagnostic="a is undefined")
    record = TrackRecord(folder.with_name(f"{folder.name}.replies"))
    agent = Agent(gateway, SYNTAX, Threads(), workspace(folder), record)
    try:
        changes = await agent.run(aim, Choice(ENDPOINT, profile, "default"), 60.0, watch)
    except PhasrError as error:
        result = error
    else:
        uri = (folder / "shop.py").as_uri()
        [change] = changes.files
        assert change.after is not None
        assert changes == ChangeSet((FileChange(uri, "shop.py", source.replace("|>", ""), change.after),))
        result = change.after
    record.close()
    counted = {outcome: count for tally in record.tallies() for outcome, count in tally.replies.items()}
    return Attempt(result, [call.request for call in gateway.calls], events, paid, counted)


async def test_a_good_reply_is_the_result(tmp_path: Path) -> None:
    done = await attempt(tmp_path, fenced(GOOD))
    assert done.result == TEXT.replace("def total(a, b):\n    return a + b\n", GOOD)
    assert done.events == ["replied"]
    assert done.paid == [answer(fenced(GOOD))]


async def test_a_model_is_asked_as_its_profile_says(tmp_path: Path) -> None:
    [request] = (await attempt(tmp_path, fenced(GOOD))).requests
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request == ModelRequest(ENDPOINT, request.messages, 1000, 0.0, 60.0)


async def test_an_unstreamed_reply_has_the_time_to_be_written_in_silence(tmp_path: Path) -> None:
    [request] = (await attempt(tmp_path, fenced(GOOD), streamed=False)).requests
    assert request.timeout_seconds == 60.0 + 1000 / 50


async def test_a_model_is_told_what_was_wrong_and_tries_again(tmp_path: Path) -> None:
    done = await attempt(tmp_path, "I can't see it.", fenced(GOOD))
    assert done.result == TEXT.replace("def total(a, b):\n    return a + b\n", GOOD)
    first, second = done.requests
    assert second.messages == (
        *first.messages,
        Message("assistant", "I can't see it."),
        Message(
            "user",
            f"That can't be used. The answer holds 0 fenced code blocks; it must hold exactly one.\n{AGAIN}",
        ),
    )
    assert done.events == ["replied", "try again", "replied"]


async def test_a_repair_sees_the_one_before(tmp_path: Path) -> None:
    done = await attempt(tmp_path, "one", fenced(BROKEN), fenced(GOOD))
    assert [message.role for message in done.requests[-1].messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert done.told[1] == (
        f"That can't be used. With it shop.py no longer parses; see line 4: def total(a, b:\n{AGAIN}"
    )


async def test_two_repairs_are_all_and_every_reply_is_paid_for(tmp_path: Path) -> None:
    done = await attempt(tmp_path, "one", "two", "three", fenced(GOOD))
    assert isinstance(done.result, ReplyUnusable)
    assert not isinstance(done.result, BreaksSyntax)
    assert str(done.result) == (
        "No edit can be made from test/model's replies. "
        "The answer holds 0 fenced code blocks; it must hold exactly one. Try a stronger model."
    )
    assert [reply.text for reply in done.paid] == ["one", "two", "three"]
    assert done.events == ["replied", "try again", "replied", "try again", "replied"]


async def test_an_edit_that_breaks_the_file_is_refused(tmp_path: Path) -> None:
    done = await attempt(tmp_path, fenced(BROKEN), fenced(BROKEN), fenced(BROKEN))
    assert isinstance(done.result, BreaksSyntax)
    assert done.result.message == (
        "test/model's edit was not applied. With it shop.py no longer parses; see line 4: def total(a, b:"
    )


async def test_a_file_that_was_broken_may_stay_so(tmp_path: Path) -> None:
    done = await attempt(tmp_path, fenced(GOOD), source=SOURCE + "\nx = (\n")
    assert done.result == TEXT.replace("def total(a, b):\n    return a + b\n", GOOD) + "\nx = (\n"


async def test_a_model_at_its_limit_is_asked_to_go_on(tmp_path: Path) -> None:
    cut = answer('```python\ndef total(a, b):\n    """The', finish=Finish.LENGTH)
    rest = answer('    """The sum."""\n    return a + b\n```\n')
    done = await attempt(tmp_path, cut, rest)
    assert done.result == TEXT.replace("def total(a, b):\n    return a + b\n", GOOD)
    assert done.requests[1].messages == (
        *done.requests[0].messages,
        Message("assistant", "```python\ndef total(a, b):\n"),
    )
    assert done.paid == [cut, rest]
    assert done.counted == {Outcome.GOOD: 1}


async def test_going_on_ends_after_the_second_time(tmp_path: Path) -> None:
    cut = answer("```python\ndef total(a, b):\n", finish=Finish.LENGTH)
    more = answer("    x = 1\n", finish=Finish.LENGTH)
    done = await attempt(tmp_path, cut, more, more, fenced(GOOD))
    assert isinstance(done.result, ReplyIncomplete)
    assert str(done.result) == (
        "test/model was cut off at its limit of output tokens. "
        "Work on a smaller part, or raise max_output_tokens for this model."
    )
    assert done.paid == [cut, more, more]
    assert done.counted == {Outcome.TRUNCATED: 1}


TWO = (
    "shop.py\n<<<<<<< SEARCH\n    return a + b\n=======\n    return b + a\n>>>>>>> REPLACE\n"
    "shop.py\n<<<<<<< SEARCH\n    yield nothing, at, all\n=======\n    return 2\n>>>>>>> REPLACE\n"
)


async def test_a_repair_is_about_the_blocks_that_failed_alone(tmp_path: Path) -> None:
    missing = "shop.py\n<<<<<<< SEARCH\n    return b + a\n=======\n    return a - b\n>>>>>>> REPLACE\n"
    done = await attempt(tmp_path, TWO, missing, kind="fix", profile=STRONG)
    assert done.result == TEXT.replace("a + b", "a - b")
    [told] = done.told
    assert "yield nothing, at, all" in told
    assert "b + a" not in told.partition("The nearest text")[0]
    assert told.endswith(
        "The other edits were made: don't send them again. "
        "Send those that are missing, in the form that was asked for."
    )
    assert done.counted == {Outcome.MALFORMED: 1, Outcome.GOOD: 1}


async def test_a_model_that_sends_them_again_nevertheless_does_no_harm(tmp_path: Path) -> None:
    both = TWO.replace("yield nothing, at, all", "return 1")
    done = await attempt(tmp_path, TWO, both, kind="fix", profile=STRONG)
    assert done.result == TEXT.replace("a + b", "b + a").replace("return 1", "return 2")


async def test_what_was_kept_stays_when_a_later_answer_is_wrong(tmp_path: Path) -> None:
    breaking = "shop.py\n<<<<<<< SEARCH\n    return 1\n=======\n    return (1\n>>>>>>> REPLACE\n"
    done = await attempt(tmp_path, TWO, breaking, breaking.replace("(1", "2"), kind="fix", profile=STRONG)
    assert done.result == TEXT.replace("a + b", "b + a").replace("return 1", "return 2")
    assert done.told[1] == (
        "That can't be used. With it shop.py no longer parses; see line 9: return (1 "
        f"The edits that were made before it stay; nothing of it was made.\n{AGAIN}"
    )


async def test_what_is_complete_in_an_answer_that_never_ends_is_kept(tmp_path: Path) -> None:
    first, second = TWO.replace("yield nothing, at, all", "return 1").split("shop.py\n")[1:]
    cut = [
        answer(f"shop.py\n{first}", finish=Finish.LENGTH),
        answer("shop.py\n<<<<<<< SEARCH\n", finish=Finish.LENGTH),
        answer("    return 1\n=======\n", finish=Finish.LENGTH),
    ]
    done = await attempt(tmp_path, *cut, f"shop.py\n{second}", kind="fix", profile=STRONG)
    assert done.result == TEXT.replace("a + b", "b + a").replace("return 1", "return 2")
    assert done.counted == {Outcome.TRUNCATED: 1, Outcome.GOOD: 1}


async def test_nothing_of_a_reply_is_the_result_as_long_as_a_part_of_it_fails(tmp_path: Path) -> None:
    done = await attempt(tmp_path, TWO, TWO, TWO, kind="fix", profile=STRONG)
    assert isinstance(done.result, ReplyUnusable)


async def test_another_format_than_the_one_asked_for_is_read(tmp_path: Path) -> None:
    hunk = "@@ ... @@\n def total(a, b):\n-    return a + b\n+    return b\n"
    diff = f"```diff\n--- a/shop.py\n+++ b/shop.py\n{hunk}```\n"
    done = await attempt(tmp_path, diff, kind="fix", profile=STRONG)
    assert done.result == TEXT.replace("a + b", "b")
    assert done.counted == {Outcome.OTHER_FORMAT: 1}


async def test_what_the_gateway_raises_ends_the_attempt(tmp_path: Path) -> None:
    down = ModelUnavailable("It is down.", "Start it.")
    done = await attempt(tmp_path, "one", down)
    assert done.result is down
    assert [reply.text for reply in done.paid] == ["one"]


async def test_a_problem_that_is_left_as_it_is_is_not_solved(tmp_path: Path) -> None:
    same, fixed = "def total(a, b):\n    return a + b\n", "def total(a, b):\n    return b + a\n"
    done = await attempt(tmp_path, fenced(same), fenced(fixed), kind="fix")
    assert done.told == [
        f"That can't be used. The answer is what stands there already: it changes nothing.\n{AGAIN}"
    ]
    assert done.result == TEXT.replace(same, fixed)


@pytest.mark.parametrize("kind", ["document", "refactor", "types", "errors", "implement"])
async def test_elsewhere_nothing_to_change_is_an_answer(kind: str, tmp_path: Path) -> None:
    done = await attempt(tmp_path, fenced("def total(a, b):\n    return a + b\n"), kind=kind)
    assert done.result == TEXT


async def test_blocks_to_search_and_replace(tmp_path: Path) -> None:
    blocks = (
        "shop.py\n<<<<<<< SEARCH\n    return a + b\n=======\n    return b + a\n>>>>>>> REPLACE\n"
        "shop.py\n<<<<<<< SEARCH\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE\n"
    )
    done = await attempt(tmp_path, blocks, kind="fix", profile=STRONG)
    assert done.result == TEXT.replace("a + b", "b + a").replace("return 1", "return 2")
