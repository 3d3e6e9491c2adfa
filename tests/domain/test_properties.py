"""What holds for every text: edits turn one into the other, merges lose nothing, replies come back as written."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasr_lsp.domain.change import ChangeSet, apply_edits, counts, faithful, minimal_edits
from phasr_lsp.domain.diff import differing_blocks
from phasr_lsp.domain.formats import FORMATS, Files, Malformed
from phasr_lsp.domain.matching import Lines, Match, locate
from phasr_lsp.domain.merge import merge
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Span, bare, line_end, line_number, line_start, split_lines

pytestmark = pytest.mark.timeout(60)

PLAIN = st.text(alphabet="ab {}\t\x0c\u2028é漢\U0001f600", max_size=6)
LINES = st.lists(PLAIN | st.sampled_from(["", "}", "    return x"]), max_size=12)
ENDINGS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A text with any endings, mixed or not, with or without the last one."""
    text = "".join(line + draw(ENDINGS) for line in draw(LINES))
    return text + draw(PLAIN)


@settings(deadline=None)
@given(texts(), texts())
def test_minimal_edits_turn_one_text_into_the_other(before: str, after: str) -> None:
    edits = minimal_edits(before, after)
    assert apply_edits(before, edits) == after
    for edit in edits:
        removed, added = split_lines(edit.span.of(before)), split_lines(edit.text)
        assert not set(removed) & set(added)
        assert removed or added


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_between_two_differences_both_sides_are_alike(old: list[str], new: list[str]) -> None:
    position, new_position = 0, 0
    for index, (old_from, old_to, new_from, new_to) in enumerate(differing_blocks(old, new)):
        assert old[position:old_from] == new[new_position:new_from]
        assert old_from > position or index == 0
        position, new_position = old_to, new_to
    assert old[position:] == new[new_position:]


@settings(deadline=None)
@given(texts())
def test_lines_are_the_text(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    start = 0
    for number, line in enumerate(lines, start=1):
        for offset in range(start, start + len(line)):
            assert (line_start(text, offset), line_end(text, offset)) == (start, start + len(line))
            assert line_number(text, offset) == number
        start += len(line)


@settings(deadline=None)
@given(texts())
def test_a_text_written_as_it_was_keeps_every_byte(text: str) -> None:
    assert faithful(text, text) == text
    assert faithful(text, text.replace("\r\n", "\n").replace("\r", "\n")) == text


@settings(deadline=None)
@given(texts(), texts())
def test_what_a_model_writes_arrives_in_the_endings_of_the_file(before: str, written: str) -> None:
    after = faithful(before, written)
    if after and before:
        lines = [bare(line) for line in split_lines(written)]
        if not before.endswith(("\r", "\n")):
            while len(lines) > 1 and not lines[-1]:
                lines.pop()
        assert [bare(line) for line in split_lines(after)] == lines
        assert before.endswith(("\r", "\n")) == after.endswith(("\r", "\n"))


@settings(deadline=None)
@given(texts(), texts())
def test_a_merge_with_one_side_unchanged_is_the_other(base: str, side: str) -> None:
    assert merge(base, side, base) == merge(base, base, side) == merge(base, side, side) == side


@st.composite
def disjoint(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """A base of distinct lines, two sides that change lines far from each other, and both changes together."""
    ending = draw(ENDINGS)
    count = draw(st.integers(3, 20))
    cut = draw(st.integers(1, count - 2))
    base = [f"line {at}" for at in range(count)]
    upper, lower = base[:cut], base[cut + 1 :]

    def changed(lines: list[str], mark: str) -> list[str]:
        start = draw(st.integers(0, len(lines)))
        end = draw(st.integers(start, len(lines)))
        new = [f"{mark} {at}" for at in range(draw(st.integers(0, 3)))]
        return lines[:start] + new + lines[end:]

    new_upper, new_lower = changed(upper, "ours"), changed(lower, "theirs")
    middle = [base[cut]]
    whole = (upper + middle + lower, new_upper + middle + lower, upper + middle + new_lower)
    both = new_upper + middle + new_lower
    base_text, ours, theirs, merged = ("".join(line + ending for line in lines) for lines in (*whole, both))
    return base_text, ours, theirs, merged


@settings(deadline=None)
@given(disjoint())
def test_disjoint_changes_both_survive_in_either_order(sides: tuple[str, str, str, str]) -> None:
    base, ours, theirs, merged = sides
    assert merge(base, ours, theirs) == merge(base, theirs, ours) == merged


@settings(deadline=None)
@given(texts(), texts(), texts())
def test_a_merge_is_the_same_from_both_sides(base: str, ours: str, theirs: str) -> None:
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
    else:
        assert len(one) == len(other)
        count = max(len(split_lines(theirs)), 1)
        assert all(1 <= clash.first_line <= clash.last_line <= count for clash in one)


@settings(deadline=None)
@given(st.lists(PLAIN, max_size=12), st.lists(PLAIN, min_size=1, max_size=3))
def test_what_is_found_is_there_once(lines: list[str], search: list[str]) -> None:
    match = locate(Lines("\n".join(lines)), search)
    if isinstance(match, Match):
        wanted = [line.split() for line in search if line.strip()] or [[]] * len(search)
        assert [line.split() for line in lines[match.first : match.end] if line.strip()] == wanted or not any(
            wanted
        )


WORD = st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=5)
NAME = "target"


@st.composite
def replacements(draw: st.DrawFn) -> tuple[str, Span, str, str]:
    """A file, whole lines of it, what a model writes for them in LF, and the file that it means.

    Every line is distinct and the file keeps to one ending, as nearly all do.
    """
    ending = draw(ENDINGS)
    count = draw(st.integers(2, 12))
    lines = [f"{draw(WORD)} = {at}  # é漢\U0001f600\x0c" for at in range(count)]
    start = draw(st.integers(0, count - 1))
    end = draw(st.integers(start + 1, count))
    new = [f"{NAME} = {draw(WORD)}", *draw(st.lists(WORD, max_size=3))]
    final = draw(st.sampled_from(["", ending]))
    bom = draw(st.sampled_from(["", "\ufeff"]))

    def joined(parts: list[str]) -> str:
        return bom + ending.join(parts) + final

    text = joined(lines)
    starts = [0]
    for line in split_lines(text):
        starts.append(starts[-1] + len(line))
    return (
        text,
        Span(starts[start], starts[end]),
        "\n".join(new) + "\n",
        joined(lines[:start] + new + lines[end:]),
    )


def rendered(form: EditFormat, text: str, span: Span, written: str, after: str) -> str:
    """The reply of a model that writes the format without a fault."""
    if form is EditFormat.REGION:
        return f"```python\n{written}```"
    if form is EditFormat.WHOLE_FILE:
        whole = "\n".join(bare(line) for line in split_lines(after.removeprefix("\ufeff")))
        return f"Here it is.\n\n````\n{whole}\n````\n"
    search = "".join(bare(line) + "\n" for line in split_lines(span.of(text).removeprefix("\ufeff")))
    return f"a.py\n<<<<<<< SEARCH\n{search}=======\n{written}>>>>>>> REPLACE\n"


@pytest.mark.parametrize("form", [EditFormat.REGION, EditFormat.WHOLE_FILE, EditFormat.SEARCH_REPLACE])
@settings(deadline=None)
@given(case=replacements())
def test_every_format_brings_a_replacement_home(form: EditFormat, case: tuple[str, Span, str, str]) -> None:
    text, span, written, after = case
    files = Files(FileText("file:///a.py", "a.py", text, "python"), region=span, name=NAME)
    result = FORMATS[form].parse(rendered(form, text, span, written, after), files)
    assert isinstance(result, ChangeSet), result.reason
    assert result.files[0].after == after


PIECES = st.sampled_from([
    "```", "````", "~~~", "```python", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "<think>", "</think>",
    "<thinking>", "</thinking>", "a.py", "`a.py`:", "import os", "import (", "from x import y", "def f():", "  f",
    "x = 1", "", "\ufeff", "# ... existing code ...", "/", "C:\\", "*", "\x00", "\ud800",
])  # fmt: skip
REPLIES = st.lists(PIECES | st.text(max_size=8), max_size=20).map("\n".join) | st.text(max_size=60)


@pytest.mark.parametrize("form", EditFormat)
@settings(max_examples=300, deadline=None)
@given(reply=REPLIES, text=texts(), data=st.data())
def test_no_reply_makes_a_parser_raise(form: EditFormat, reply: str, text: str, data: st.DataObject) -> None:
    def span() -> Span:
        start = data.draw(st.integers(0, len(text)))
        return Span(start, data.draw(st.integers(start, len(text))))

    files = Files(
        target=FileText("file:///a.py", "a.py", text, "python", exists=data.draw(st.booleans()) or bool(text)),
        region=data.draw(st.sampled_from([None, span()])),
        name=data.draw(st.sampled_from(["", "f"])),
        imports=span(),
        import_words=("import", "from"),
        others={"x/b.py": FileText("file:///b.py", "x/b.py", "x = 1\n", "python")},
    )
    result = FORMATS[form].parse(reply, files)
    if isinstance(result, Malformed):
        assert result.reason
    else:
        assert min(counts(result)) >= 0
        assert files.target.exists or result.files[0].before is None or result.files[0].name != "a.py"


@pytest.mark.parametrize("form", EditFormat)
@pytest.mark.parametrize(
    "piece",
    ["<think>", "<think></think>", "```\n", "```a\n", "#", "# ...", "a/", "import (\n", "<<<<<<< SEARCH\na\n"],
)
def test_no_reply_takes_long_to_refuse(form: EditFormat, piece: str) -> None:
    reply = f"```\n{piece * 5000}\n```\n{piece * 5000}"
    text = "".join(f"line {at}\n" for at in range(10_000))
    files = Files(FileText("file:///a.py", "a.py", text, "python"), region=Span(0, 7), import_words=("import",))
    FORMATS[form].parse(reply, files)
