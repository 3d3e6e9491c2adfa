"""Edits that touch only what changes, in the bytes that the file is made of, shown as git shows them."""

import subprocess
from pathlib import Path

import pytest

from phasr_lsp.domain.change import (
    ChangeSet,
    FileChange,
    Place,
    TextEdit,
    applied,
    apply_edits,
    counts,
    faithful,
    minimal_edits,
    unified_diff,
)
from phasr_lsp.domain.matching import Rung
from phasr_lsp.domain.text import Span


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", ()),
        ("", "a\n", (TextEdit(Span(0, 0), "a\n"),)),
        ("a\n", "", (TextEdit(Span(0, 2), ""),)),
        ("a\nb\nc\n", "a\nX\nc\n", (TextEdit(Span(2, 4), "X\n"),)),
        ("a\nb\nc\n", "a\nc\n", (TextEdit(Span(2, 4), ""),)),
        ("a\nc\n", "a\nb\nc\n", (TextEdit(Span(2, 2), "b\n"),)),
        ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", (TextEdit(Span(0, 2), "A\n"), TextEdit(Span(8, 10), "E\n"))),
        ("a\r\nb\rc\n", "a\r\nX\rc\n", (TextEdit(Span(3, 5), "X\r"),)),
        ("a\nb", "a\nb\n", (TextEdit(Span(2, 3), "b\n"),)),
        ("é\n\U0001f600\nz\n", "é\n漢\nz\n", (TextEdit(Span(2, 4), "漢\n"),)),
    ],
)
def test_only_the_lines_that_differ_are_edited(before: str, after: str, edits: tuple[TextEdit, ...]) -> None:
    assert minimal_edits(before, after) == edits
    assert apply_edits(before, edits) == after


@pytest.mark.parametrize(
    ("before", "written", "after"),
    [
        pytest.param("a\r\nb\r\n", "a\nX\n", "a\r\nX\r\n", id="CRLF stays"),
        pytest.param("a\rb\r", "a\nX\nY\n", "a\rX\rY\r", id="CR stays"),
        pytest.param("a\r\nb\nc\rd\n", "a\nb\nc\nd\n", "a\r\nb\nc\rd\n", id="mixed stays mixed"),
        pytest.param("a\r\nb\nc\r\n", "a\nX\nc\n", "a\r\nX\nc\r\n", id="a replaced line keeps its ending"),
        pytest.param(
            "a\r\nb\nc\n", "a\nX\nb\nc\n", "a\r\nX\r\nb\nc\n", id="a new line takes that of the line above"
        ),
        pytest.param("a\r\nb\nc\n", "X\na\nb\nc\n", "X\r\na\r\nb\nc\n", id="at the top, that of the first line"),
        pytest.param(
            "a\nb\r\nc",
            "a\nb\nc\nd\n",
            "a\nb\r\nc\r\nd",
            id="behind a last line without one, the ending above it",
        ),
        pytest.param("a\nb", "a\nX\n", "a\nX", id="no final newline stays none"),
        pytest.param("a\nb\n", "a\nX", "a\nX\n", id="a final newline stays"),
        pytest.param("a", "b\n", "b", id="one line without ending"),
        pytest.param("\ufeffa\r\nb\r\n", "a\nc\n", "\ufeffa\r\nc\r\n", id="the byte-order mark stays"),
        pytest.param("\ufeffa\n", "\ufeffb\n", "\ufeffb\n", id="a mark that the model copied isn't doubled"),
        pytest.param("a\n", "\ufeffb\n", "b\n", id="a mark that the file hasn't isn't brought in"),
        pytest.param(
            "a\x0c\u2028b\n", "a\x0c\u2028b\nc\n", "a\x0c\u2028b\nc\n", id="form feed and U+2028 end no line"
        ),
        pytest.param("", "a\r\nb", "a\nb", id="a new file is in LF"),
        pytest.param("a\n", "", "", id="nothing left"),
    ],
)
def test_bytes_that_were_not_meant_to_change_do_not(before: str, written: str, after: str) -> None:
    assert faithful(before, written) == after


CHANGES = [
    FileChange("file:///a.py", "a.py", "a\nb\nc\n", "a\nX\nc\n"),
    FileChange("file:///n.py", "folder/new file.py", None, "x\ny\n"),
    FileChange("file:///e.py", "empty.py", None, ""),
    FileChange("file:///f.py", "filled.py", "", "x\n"),
    FileChange("file:///k.py", "cleared.py", "x\n", ""),
    FileChange("file:///l.py", "last.py", "a\nb", "a\nb\n"),
    FileChange("file:///m.py", "without.py", "a\nb\n", "a\nb"),
    FileChange("file:///o.py", "crlf.py", "a\r\nb\rc\r\n", "a\r\nB\rc\r\n"),
    FileChange("file:///u.py", "ünicode.py", "é\U0001f600\n", "漢\n"),
    FileChange("file:///d.py", "deleted.py", "a\nb", None),
    FileChange("file:///z.py", "deleted empty.py", "", None),
    FileChange("file:///r.py", "moved.py", "a\n", "a\n", Place("file:///x/r.py", "other folder/moved.py")),
    FileChange("file:///s.py", "s.py", "a\nb\nc\n", "a\nB\nc\n", Place("file:///t.py", "t.py")),
]


@pytest.mark.parametrize("change", CHANGES, ids=[change.name for change in CHANGES])
def test_git_can_apply_the_diff(change: FileChange, tmp_path: Path) -> None:
    file = tmp_path / change.name
    file.parent.mkdir(exist_ok=True)
    if change.before is not None:
        file.write_bytes(change.before.encode())
    diff = unified_diff(ChangeSet((change,)))
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=tmp_path,
        input=diff.encode(),
        check=True,
        capture_output=True,
        env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    left = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert left == ({} if change.after is None else {change.destination.name: change.after.encode()})


def test_a_diff_of_several_files_has_a_header_for_each_that_changes() -> None:
    same = FileChange("file:///same.py", "same.py", "s\n", "s\n")
    assert unified_diff(ChangeSet((CHANGES[0], same, CHANGES[2]))) == (
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n"
        "diff --git a/empty.py b/empty.py\nnew file mode 100644\n"
    )


def test_added_and_removed_lines_are_counted_over_all_files() -> None:
    assert counts(ChangeSet(tuple(CHANGES))) == (9, 9)


def test_a_change_set_is_empty_when_no_file_would_differ() -> None:
    same = FileChange("file:///a", "a", "x", "x")
    nowhere = FileChange("file:///c", "c", "x", "x", Place("file:///c", "c"))
    created = FileChange("file:///b", "b", None, "")
    deleted = FileChange("file:///b", "b", "", None)
    moved = FileChange("file:///c", "c", "x", "x", Place("file:///d", "d"))
    assert all(ChangeSet(files).empty for files in ((), (same,), (same, nowhere)))
    assert not any(ChangeSet((same, each)).empty for each in (created, deleted, moved))


@pytest.mark.parametrize(("before", "after"), [(None, None), (None, "x"), ("x", None)])
def test_only_a_file_that_stays_can_move(before: str | None, after: str | None) -> None:
    with pytest.raises(ValueError, match="a: only a file that"):
        FileChange("file:///a", "a", before, after, Place("file:///b", "b"))


def test_a_digest_is_of_the_bytes() -> None:
    def digest(before: str | None) -> str | None:
        return FileChange("file:///a", "a", before, "").base_digest

    assert digest(None) is None
    assert digest("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
    assert digest("half \ud83d") != digest("half ?")


def test_a_set_is_fuzzy_when_a_part_of_it_is() -> None:
    exact = FileChange("file:///a", "a", "x", "y", rung=Rung.ELISION)
    fuzzy = FileChange("file:///b", "b", "x", "y", rung=Rung.FUZZY)
    assert not ChangeSet((exact,)).fuzzy
    assert ChangeSet((exact, fuzzy)).fuzzy


def change(source: str, before: str | None, after: str | None, end: str = "") -> FileChange:
    return FileChange(f"file:///{source}", source, before, after, Place(f"file:///{end}", end) if end else None)


CREATE, MODIFY, RENAME, DELETE = (
    change("a", None, "1"),
    change("a", "1", "2"),
    change("a", "1", "1", "b"),
    change("a", "1", None),
)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        pytest.param([CREATE], [MODIFY], [change("a", None, "2")], id="create, modify"),
        pytest.param([CREATE], [RENAME], [change("b", None, "1")], id="create, rename"),
        pytest.param([CREATE], [DELETE], [], id="create, delete"),
        pytest.param([MODIFY], [change("a", "2", "3")], [change("a", "1", "3")], id="modify twice"),
        pytest.param([MODIFY], [change("a", "2", "1")], [], id="modify and back"),
        pytest.param([MODIFY], [change("a", "2", "2", "b")], [change("a", "1", "2", "b")], id="modify, rename"),
        pytest.param([MODIFY], [change("a", "2", None)], [DELETE], id="modify, delete"),
        pytest.param([RENAME], [change("b", "1", "2")], [change("a", "1", "2", "b")], id="rename, modify"),
        pytest.param([RENAME], [change("b", "1", "1", "c")], [change("a", "1", "1", "c")], id="rename twice"),
        pytest.param([RENAME], [change("b", "1", "2", "a")], [MODIFY], id="rename, back with a new text"),
        pytest.param([RENAME], [change("b", "1", None)], [DELETE], id="rename, delete"),
        pytest.param(
            [RENAME],
            [change("a", None, "9")],
            [change("a", "1", "9"), change("b", None, "1")],
            id="rename, create in the place it left",
        ),
        pytest.param([DELETE], [change("a", None, "2")], [MODIFY], id="delete, create"),
        pytest.param([DELETE], [CREATE], [], id="delete, create the same"),
        pytest.param(
            [DELETE],
            [change("b", "5", "5", "a")],
            [change("a", "1", "5"), change("b", "5", None)],
            id="delete, rename into its place",
        ),
        pytest.param([MODIFY], [change("b", "5", "6")], [MODIFY, change("b", "5", "6")], id="two files"),
    ],
)
def test_one_set_does_what_two_do(
    first: list[FileChange], second: list[FileChange], both: list[FileChange]
) -> None:
    assert ChangeSet(tuple(first)).then(ChangeSet(tuple(second))) == ChangeSet(tuple(both))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(MODIFY, change("a", "1", "3"), id="another text"),
        pytest.param(RENAME, MODIFY, id="it isn't there any more"),
        pytest.param(DELETE, MODIFY, id="it is deleted"),
        pytest.param(MODIFY, CREATE, id="it is there already"),
        pytest.param(MODIFY, change("b", "5", "5", "a"), id="its new place is taken"),
    ],
)
def test_a_set_on_another_base_does_not_follow(first: FileChange, second: FileChange) -> None:
    with pytest.raises(ValueError, match=r"^[ab] is"):
        ChangeSet((first,)).then(ChangeSet((second,)))


def test_files_may_swap_their_places() -> None:
    swap = ChangeSet((change("a", "1", "1", "b"), change("b", "2", "3", "a")))
    assert applied(swap, {"a": "1", "b": "2"}) == {"a": "3", "b": "1"}
    assert swap.normal() == ChangeSet((change("a", "1", "3"), change("b", "2", "1")))
    assert swap.then(swap.inverted()) == ChangeSet()


def test_two_files_in_one_place_are_refused() -> None:
    both = ChangeSet((CREATE, change("b", "2", "2", "a")))
    with pytest.raises(ValueError, match="a would be two files"):
        both.normal()
    with pytest.raises(ValueError, match="a is there already"):
        applied(both, {"b": "2"})


def test_a_long_file_of_repeated_lines_is_compared_at_once() -> None:
    """Blank lines and brackets are what makes a comparison of all pairs slow."""
    before = [line for at in range(6000) for line in (f"def f{at}():\n", "    pass\n", "\n", "\n", "}\n")]
    after = [line.replace("f", "g", 1) if at % 997 == 0 else line for at, line in enumerate(before)]
    after += ["\n"] * 50
    edits = minimal_edits("".join(before), "".join(after))
    assert apply_edits("".join(before), edits) == "".join(after)
    assert sum(edit.span.end - edit.span.start for edit in edits) < 1000


def test_a_text_of_one_repeated_line_is_compared_at_once() -> None:
    before, after = "x\ny\n" * 5000, "y\nx\nx\n" * 4000
    assert apply_edits(before, minimal_edits(before, after)) == after
