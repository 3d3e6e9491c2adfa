"""What a model means is what happens, or nothing: for every format and spelling, any file and any edit."""

import string
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from types import MappingProxyType

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from phasr_lsp.domain.change import ChangeSet, FileChange, Place, applied
from phasr_lsp.domain.formats import Files, Malformed, parse
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Span, split_lines
from tests.domain.rendering import SPELLINGS, fence, lines_of

pytestmark = pytest.mark.timeout(60)

NAMES = ("src/app.py", "src/util.py", "docs/guide.md")
FREE = ("new.py", "lib/new.py", "docs/new.md")
MARKERS = (
    "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "------- SEARCH", "+++++++ REPLACE", "-------",
    "```", "````", "```python", "~~~", "--- a/src/app.py", "+++ b/src/app.py",
    "@@ -1,2 +1,2 @@", "@@", "diff --git a/x b/x", "*** Begin Patch", "*** End Patch",
    "*** Update File: src/app.py", "*** End of File", "\\ No newline at end of file", "...",
    "# ... existing code ...", "// ... rest of the file ...", "# removed code", "<think>", "</think>",
    "[THINK]", "<file path=\"src/app.py\">", "</file>", "<edit>", "</edit>", "<search>", "</search>",
    "</replace>", "<content>", "</content>", "]]>", "<![CDATA[", "<delete path=\"src/app.py\"/>", "</invoke>",
    "</parameter>", "<tool_call>", "</tool_call>", "{\"name\": \"create\", \"input\": {}}", "src/app.py",
    "`src/app.py`", "File: src/util.py", "EOF", "+", "-", " ", "\\", "\\n", "+x", "-x", "- x", "+ x", "1 | x",
)  # fmt: skip
"""Lines that mean something to some format, and can stand in any file."""
GAPS = frozenset({"...", "# ... existing code ...", "// ... rest of the file ...", "# removed code"})
"""What may stand for lines that were left out."""
THOUGHTS = frozenset({"<think>", "</think>", "[THINK]"})
"""What hides the rest, where a marker in a text has ended a block before it."""
HEADERS = frozenset(line for line in MARKERS if line.startswith(("@@", "diff ", "--- a", "+++ b", "***")))
"""What makes a code block one in another format."""
TAGS = frozenset(line for line in MARKERS if line.startswith(("<", "]]>", "```", "~~~")))
"""What may end a text between tags, or be around it."""
PLAIN = (
    "x", "y = 1", "    x", "\tx", "x ", "", "}", "    return x", "é漢\U0001f600", "a\x0cb", "\u2028", "\ufeffx",
    "“x”", "'x'",
)  # fmt: skip

WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=6)
ANY = (
    st.sampled_from(PLAIN)
    | st.sampled_from(MARKERS)
    | st.text(st.characters(exclude_characters="\r\n"), max_size=8)
)


@dataclass(frozen=True)
class Text:
    """A file as the sum of what has to stay apart from its lines."""

    lines: tuple[str, ...]
    endings: tuple[str, ...]
    final: bool = True
    """Whether the last line has its ending."""
    bom: bool = False

    def __str__(self) -> str:
        text = "".join(line + end for line, end in zip(self.lines, self.endings, strict=True))
        cut = len(self.endings[-1]) if self.lines and not self.final else 0
        return "\ufeff" * self.bom + text[: len(text) - cut]

    @property
    def mixed(self) -> bool:
        return len(set(self.endings)) > 1


@dataclass(frozen=True)
class Edit:
    """Lines of a file, as half-open indexes, and what comes in their place."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    text: Text
    edits: tuple[Edit, ...]
    """In order, with at least one line between two of them."""

    @property
    def before(self) -> str:
        return str(self.text)

    @property
    def lines(self) -> list[str]:
        """Those of the file afterwards."""
        found, at = list[str](), 0
        for edit in self.edits:
            found += [*self.text.lines[at : edit.start], *edit.new]
            at = edit.end
        return [*found, *self.text.lines[at:]]

    @property
    def change(self) -> FileChange:
        """As its model means it, which sees no endings and no byte-order mark."""
        after = "".join(f"{line}\n" for line in self.lines)
        if self.before and not self.text.final:
            after = after.removesuffix("\n")
        return FileChange("file:///src/app.py", "src/app.py", self.before, after)

    def check(self, after: str) -> None:
        """Lines as they are meant, and every byte beside them as it was."""
        assert lines_of(after) == self.lines
        if not self.lines or not self.before:
            return
        assert after.startswith("\ufeff") == self.text.bom
        assert after.endswith(("\r", "\n")) == self.text.final
        known = [*self.text.lines, *(line for edit in self.edits for line in edit.new)]
        if not self.text.mixed:
            endings = self.text.endings[:1] * len(self.lines)
            assert after == str(Text(tuple(self.lines), endings, self.text.final, self.text.bom))
        elif len(set(known)) == len(known):
            old, new = (split_lines(text.removeprefix("\ufeff")) for text in (self.before, after))
            head, tail = self.edits[0].start, len(old) - self.edits[-1].end
            kept = [
                *zip(old[:head], new[:head], strict=True),
                *zip(old[len(old) - tail :], new[len(new) - tail :], strict=True),
            ]
            assert all(
                mine == yours
                for mine, yours in kept
                if mine.strip("\r\n") != mine and yours.strip("\r\n") != yours
            )


@st.composite
def texts(draw: st.DrawFn, lines: st.SearchStrategy[list[str]]) -> Text:
    """Lines with endings of one kind or of two."""
    found = draw(lines)
    one = st.sampled_from(["\n", "\n", "\r\n", "\r"]).map(lambda ending: [ending] * len(found))
    two = st.lists(st.sampled_from(["\n", "\r\n"]), min_size=len(found), max_size=len(found))
    endings, final = draw(one | two), draw(st.booleans())
    if found and not final:
        endings[-1] = endings[-2] if len(found) > 1 else "\n"
    text = Text(tuple(found), tuple(endings), final, bool(found) and draw(st.integers(0, 4)) == 0)
    # A file of blank lines alone counts as an empty one.
    assume(lines_of(str(text)) == found and (not found or any(line.strip() for line in found)))
    return text


@st.composite
def cases(draw: st.DrawFn, lines: st.SearchStrategy[list[str]], new: st.SearchStrategy[list[str]]) -> Case:
    """A file of which lines come, go or change, in one place or in two."""
    text = draw(texts(lines))
    edits: list[Edit] = []
    at = 0
    for _ in range(draw(st.integers(1, 2))):
        if at > len(text.lines):
            break
        start = draw(st.integers(at, len(text.lines)))
        end = draw(st.integers(start, min(len(text.lines), start + 4)))
        edits.append(Edit(start, end, tuple(draw(new))))
        at = end + 1
    case = Case(text, tuple(edits))
    assume(case.lines != list(text.lines))
    assume(text.final or not case.lines or case.lines[-1] != "")
    assume(not (case.lines and case.lines[0].startswith("\ufeff")))
    return case


def tame() -> st.SearchStrategy[Case]:
    """Every line is distinct and means nothing to any format."""
    old = st.lists(WORDS, min_size=1, max_size=12, unique=True)
    return cases(
        old.map(lambda words: [f"{at:02} {word}" for at, word in enumerate(words)]),
        st.lists(WORDS, max_size=4, unique=True),
    )


def wild() -> st.SearchStrategy[Case]:
    few = st.lists(st.sampled_from(["a", "b", "", "  a"]), max_size=12)
    return cases(st.lists(ANY, max_size=12) | few, st.lists(ANY | st.sampled_from("ab"), max_size=4))


def files_with(text: str, others: Mapping[str, str] = MappingProxyType({})) -> Files:
    def file(name: str, content: str | None) -> FileText:
        return FileText(f"file:///{name}", name, content or "", "python", exists=content is not None)

    missing = {name: file(name, None) for name in FREE}
    return Files(
        file("src/app.py", text), others=missing | {name: file(name, each) for name, each in others.items()}
    )


def result_of(reply: str, asked: EditFormat, files: Files, texts: Mapping[str, str]) -> dict[str, str] | None:
    """The texts after the reply; None where it is refused or left to a person.

    Whatever comes of it comes of it every time, and can be taken back to the byte.
    """
    result, written = parse(asked, reply, files)
    assert (result, written) == parse(asked, reply, files)
    changes = result.kept if isinstance(result, Malformed) else result
    after = applied(changes, texts)
    assert applied(changes.inverted(), after) == texts
    return None if isinstance(result, Malformed) or result.fuzzy else after


SURE = [each for each in SPELLINGS.values() if each.format is not EditFormat.LAZY]


@settings(deadline=None)
@given(case=tame())
def test_what_is_clear_is_done(case: Case) -> None:
    assume(case.lines)
    for spelling in SURE:
        reply = spelling.render([case.change])
        if reply is not None:
            texts = {"src/app.py": case.before}
            after = result_of(reply, spelling.format, files_with(case.before), texts)
            assert after is not None, reply
            case.check(after["src/app.py"])


UNSAFE: Mapping[EditFormat, Set[str]] = {
    EditFormat.SEARCH_REPLACE: THOUGHTS,
    EditFormat.LINE_HINTED: THOUGHTS,
    EditFormat.SEARCH_REPLACE_FENCED: frozenset(),
    EditFormat.WHOLE_FILE: GAPS | HEADERS,
    EditFormat.TAGGED: TAGS,
    EditFormat.TOOL_CALLS: frozenset({"</parameter>", "</invoke>", "</tool_call>"}),
    EditFormat.UNIFIED_DIFF: frozenset(),
    EditFormat.APPLY_PATCH: frozenset(),
}
"""By format, lines of a text that can't be told from what stands around texts."""


@pytest.mark.parametrize("form", UNSAFE)
@settings(max_examples=300, deadline=None)
@given(case=wild())
def test_what_is_done_is_what_was_meant(form: EditFormat, case: Case) -> None:
    """Whatever the lines look like, and however often they occur: it may be refused."""
    assume(UNSAFE[form].isdisjoint([*case.text.lines, *case.lines]))
    for spelling in SPELLINGS.values():
        reply = spelling.render([case.change]) if spelling.format is form else None
        if reply is not None:
            note(reply)
            after = result_of(reply, form, files_with(case.before), {"src/app.py": case.before})
            if after is not None:
                case.check(after["src/app.py"])


@settings(deadline=None)
@given(
    names=st.lists(WORDS, min_size=3, max_size=8, unique=True),
    changed=st.sets(st.integers(0, 7), min_size=1, max_size=3),
    come=st.none() | st.integers(1, 7),
    classes=st.booleans(),
)
def test_what_a_lazy_model_leaves_out_stays(
    names: list[str], changed: set[int], come: int | None, classes: bool
) -> None:
    """Definitions of which some change and one is new; only where to put that may be doubtful."""

    def definition(name: str, number: int) -> str:
        if classes:
            methods = f"    def get(self):\n        return {number}\n\n    def put(self):\n        pass\n"
            return f"class {name}_:\n{methods}"
        return f"def {name}_():\n    # {name}\n    return {number}\n"

    old = [definition(name, at) for at, name in enumerate(names)]
    new = [definition(name, at + 10 * (at in changed)) for at, name in enumerate(names)]
    if come is not None:
        new.insert(come, definition("new", 5))
    before, expected = "\n\n".join(old), "\n\n".join(new)
    assume(before != expected)
    reply = SPELLINGS["lazy"].render([FileChange("file:///src/app.py", "src/app.py", before, expected)])
    if reply is not None:
        note(reply)
        after = result_of(reply, EditFormat.LAZY, files_with(before), {"src/app.py": before})
        assert after == {"src/app.py": expected} or (come is not None and after is None)


@settings(deadline=None)
@given(case=tame())
def test_a_region_is_replaced(case: Case) -> None:
    """One place of which something stays and something comes."""
    edit = case.edits[0]
    assume(len(case.edits) == 1 and edit.start < edit.end and edit.new)
    lines = split_lines(case.before)
    start, end = (len("".join(lines[:at])) for at in (edit.start, edit.end))
    files = replace(files_with(case.before), region=Span(max(start, case.text.bom), end))
    reply = fence("".join(f"{line}\n" for line in edit.new), "python")
    after = result_of(reply, EditFormat.REGION, files, {"src/app.py": case.before})
    assert after is not None
    case.check(after["src/app.py"])


@st.composite
def several(draw: st.DrawFn) -> tuple[dict[str, str], list[FileChange]]:
    """Files in LF, and what becomes of each: it stays, changes, goes or moves, and a new one comes."""
    texts: dict[str, str] = {}
    changes: list[FileChange] = []
    free = iter(FREE)
    for name in NAMES:
        words = draw(st.lists(WORDS, min_size=3, max_size=9))
        text = texts[name] = "".join(f"{name} {at} {word}\n" for at, word in enumerate(words))
        other = text.replace(" 1 ", " one ")
        match draw(st.sampled_from(["stays", "changes", "changes", "goes", "moves", "moves changed", "is new"])):
            case "changes":
                changes.append(FileChange(f"file:///{name}", name, text, other))
            case "goes":
                changes.append(FileChange(f"file:///{name}", name, text, None))
            case "moves" | "moves changed" as what:
                end = next(free)
                place = Place(f"file:///{end}", end)
                changes.append(
                    FileChange(f"file:///{name}", name, text, text if what == "moves" else other, place)
                )
            case "is new":
                end = next(free)
                changes.append(FileChange(f"file:///{end}", end, None, text))
            case _:
                pass
    assume(changes)
    return texts, draw(st.permutations(changes))


@settings(deadline=None)
@given(several())
def test_several_files_change_as_one(given: tuple[dict[str, str], list[FileChange]]) -> None:
    """Those that a spelling has words for."""
    texts, changes = given
    for spelling in SURE:
        mine = [change for change in changes if spelling.render([change]) is not None]
        if mine:
            reply = spelling.render(mine) or ""
            note(reply)
            others = {name: text for name, text in texts.items() if name != "src/app.py"}
            found = result_of(reply, spelling.format, files_with(texts["src/app.py"], others), texts)
            assert found == applied(ChangeSet(tuple(mine)), texts)
