"""What a model thinks aloud reaches no file, however it is marked, and code that speaks of such marks does."""

import json
from collections.abc import Mapping

import pytest

from phasr_lsp.domain.change import FileChange, applied
from phasr_lsp.domain.formats import Files, Malformed, detect, parse
from phasr_lsp.domain.formats.names import mentioned
from phasr_lsp.domain.model import ASKED, EditFormat
from phasr_lsp.domain.text import FileText, Span
from tests.domain.rendering import SPELLINGS, fence

TEXT = "import os\n\n\ndef first():\n    return 1\n\n\ndef second():\n    return 2\n"
FIRST = "def first():\n    return 1\n"
NEW, WORSE = FIRST.replace("1", "10"), FIRST.replace("1", "-1")

THOUGHTS: Mapping[str, tuple[str, str]] = {
    "think": ("<think>\n", "\n</think>\n"),
    "think on one line": ("<think>", "</think>"),
    "thinking": ("<thinking>\n", "\n</thinking>\n"),
    "thought": ("<thought>\n", "\n</thought>\n"),
    "reasoning": ("<reasoning>\n", "\n</reasoning>\n"),
    "Anthropic's": ("<antThinking>\n", "\n</antThinking>\n"),
    "Seed's": ("<seed:think>\n", "\n</seed:think>\n"),
    "Mistral's": ("[THINK]\n", "\n[/THINK]\n"),
    "Sky-T1's": ("<|begin_of_thought|>\n", "\n<|end_of_thought|>\n"),
    "Kimi's": ("◁think▷\n", "\n◁/think▷\n"),
    "gpt-oss' channels": (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    "upper case": ("<THINK>\n", "\n</THINK>\n"),
    "attributes": ('<thinking budget="200" mode="deep">\n', "\n</thinking>\n"),
    "indented": ("  <think>\n", "\n  </think>\n"),
    "CRLF": ("<think>\r\n", "\r\n</think>\r\n"),
}
UNOPENED = "\n</think>\n"


def reply_with(spelling: str, text: str) -> str:
    if spelling == "region":
        return fence(text, "python")
    change = FileChange("file:///src/app.py", "src/app.py", TEXT, TEXT.replace(FIRST, text))
    return SPELLINGS[spelling].render([change]) or ""


def check(asked: EditFormat, reply: str, expected: str | None) -> None:
    """`expected` is the file's new text, None for a refusal that keeps nothing."""
    files = Files(
        FileText("file:///src/app.py", "src/app.py", TEXT, "python"),
        region=Span(TEXT.index(FIRST), TEXT.index(FIRST) + len(FIRST)),
        name="first",
    )
    result, _ = parse(asked, reply, files)
    changes = result.kept if isinstance(result, Malformed) else result
    assert isinstance(result, Malformed) == (expected is None), result
    assert applied(changes, {"src/app.py": TEXT}) == {"src/app.py": expected or TEXT}


ALL = [*(spelling for spelling in SPELLINGS if spelling != "lazy, lines"), "region"]
BARE = {"tool_calls, bare", "tool_calls by OpenAI"}
"""JSON and nothing but JSON: there is no room for a thought."""
WITH_ROOM = [spelling for spelling in ALL if spelling not in BARE]


def form(spelling: str) -> EditFormat:
    return EditFormat.REGION if spelling == "region" else SPELLINGS[spelling].format


DONE = TEXT.replace(FIRST, NEW)


@pytest.mark.parametrize("thought", THOUGHTS)
@pytest.mark.parametrize("spelling", WITH_ROOM)
def test_an_edit_that_was_only_thought_of_is_not_made(spelling: str, thought: str) -> None:
    begin, end = THOUGHTS[thought]
    considered = f"{begin}Perhaps:\n\n{reply_with(spelling, WORSE)}\nNo.{end}"
    check(form(spelling), f"{considered}\n{reply_with(spelling, NEW)}", DONE)
    assert mentioned(considered) == ()


@pytest.mark.parametrize("thought", THOUGHTS)
@pytest.mark.parametrize("spelling", WITH_ROOM)
def test_a_thought_behind_the_edit(spelling: str, thought: str) -> None:
    begin, end = THOUGHTS[thought]
    check(
        form(spelling), f"{reply_with(spelling, NEW)}\n{begin}Or:\n\n{reply_with(spelling, WORSE)}\n{end}", DONE
    )


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("thought", THOUGHTS)
@pytest.mark.parametrize("spelling", WITH_ROOM)
def test_a_thought_that_does_not_end_hides_all(spelling: str, thought: str, asked: EditFormat) -> None:
    begin, _ = THOUGHTS[thought]
    reply = f"{begin}Perhaps:\n\n{reply_with(spelling, WORSE)}"
    check(asked, reply, None)
    assert detect(reply) is None


@pytest.mark.parametrize("spelling", WITH_ROOM)
@pytest.mark.parametrize("end", [end for _, end in THOUGHTS.values() if end.startswith("\n</")])
def test_a_thought_whose_beginning_the_provider_kept(spelling: str, end: str) -> None:
    check(form(spelling), f"The first function returns 1.{end}\n{reply_with(spelling, NEW)}", DONE)


@pytest.mark.parametrize("spelling", WITH_ROOM)
def test_two_thoughts(spelling: str) -> None:
    aside = "<think>one</think>\n"
    check(form(spelling), f"{aside}So:\n{aside}\n{reply_with(spelling, NEW)}{aside}", DONE)


@pytest.mark.parametrize("mark", [mark for both in THOUGHTS.values() for mark in both])
@pytest.mark.parametrize("spelling", ALL)
def test_code_that_speaks_of_thoughts_stays(spelling: str, mark: str) -> None:
    """In a string, and as a line of its own."""
    marked = mark.strip()
    literal = f"def first():\n    return {marked!r}\n"
    check(form(spelling), reply_with(spelling, literal), TEXT.replace(FIRST, literal))
    alone = f'def first():\n    return """\n{marked}\n"""\n'
    check(form(spelling), reply_with(spelling, alone), TEXT.replace(FIRST, alone))


@pytest.mark.parametrize("spelling", ALL)
def test_a_whole_thought_in_code_stays(spelling: str) -> None:
    code = 'def first():\n    return """\n<think>\nhm\n</think>\n"""\n'
    check(form(spelling), reply_with(spelling, code), TEXT.replace(FIRST, code))


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking", "thought"])
def test_a_field_of_the_provider_for_thoughts_is_no_text(key: str) -> None:
    message = json.loads(
        SPELLINGS["tool_calls by OpenAI"].render(
            [FileChange("file:///src/app.py", "src/app.py", TEXT, TEXT.replace(FIRST, NEW))]
        )
        or ""
    )
    worse = SPELLINGS["tool_calls"].render(
        [FileChange("file:///src/app.py", "src/app.py", TEXT, TEXT.replace(FIRST, WORSE))]
    )
    check(EditFormat.TOOL_CALLS, json.dumps({key: worse, **message}), DONE)
