"""A result that was made for an older text, merged onto the text as it is."""

import random
import subprocess
from pathlib import Path

import pytest

from phasr_lsp.domain.change import ChangeSet, FileChange, Place
from phasr_lsp.domain.merge import Clash, FileClash, merge, merged

BASE = "1\n2\n3\n4\n5\n6\n"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        pytest.param(BASE, "1\n2\nX\n4\n5\n6\n", BASE, "1\n2\nX\n4\n5\n6\n", id="nobody typed"),
        pytest.param(BASE, BASE, "0\n" + BASE, "0\n" + BASE, id="nothing to change"),
        pytest.param(BASE, "1\nX\n3\n4\n5\n6\n", "1\n2\n3\n4\nY\n6\n", "1\nX\n3\n4\nY\n6\n", id="disjoint"),
        pytest.param(BASE, BASE + "end\n", "top\n" + BASE, "top\n" + BASE + "end\n", id="top and end"),
        pytest.param(
            BASE, "1\nX\n3\n4\n5\n6\n", "1\nX\n3\n4\n5\nY\n", "1\nX\n3\n4\n5\nY\n", id="equal counts once"
        ),
        pytest.param(BASE, BASE + "X\n", BASE + "X\n", BASE + "X\n", id="both the same"),
        pytest.param("a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n", id="final newline added"),
        pytest.param("a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n", id="CRLF"),
        pytest.param("", "a\n", "b\n", (Clash(1, 1),), id="both begin an empty file"),
        pytest.param(BASE, "1\nX\n3\n4\n5\n6\n", "1\nY\n3\n4\n5\n6\n", (Clash(2, 2),), id="the same line"),
        pytest.param(BASE, "1\nX\n3\n4\n5\n6\n", "1\n2\nY\n4\n5\n6\n", (Clash(2, 3),), id="neighbours"),
        pytest.param(BASE, BASE + "X\n", BASE + "Y\n", (Clash(7, 7),), id="both at the end"),
        pytest.param(BASE, "1\n2\n3\n4\n5\nX\n", "1\n2\n3\n4\n5\n", (Clash(5, 5),), id="the last line gone"),
        pytest.param(BASE, "1\nX\n3\n4\n5\n6\n", "", (Clash(1, 1),), id="all gone"),
        pytest.param(
            BASE,
            "A\n2\n3\n4\n5\nB\n",
            "0\nC\n2\n3\n4\n5\nD\nE\n",
            (Clash(1, 2), Clash(7, 8)),
            id="each clash is named, in their lines",
        ),
        pytest.param(
            "a\n\n\nb\n", "a\n\n\n\nb\n", "a\n\nb\n", (Clash(2, 2),), id="which of the blank lines can't be told"
        ),
    ],
)
def test_both_survive_or_the_clash_is_named(
    base: str, ours: str, theirs: str, expected: str | tuple[Clash, ...]
) -> None:
    assert merge(base, ours, theirs) == expected


def edited(lines: list[str], choose: random.Random) -> list[str]:
    """The lines after a few changes; new lines come from a small stock, so that both sides may write the same."""
    lines = list(lines)
    for _ in range(choose.randint(1, 3)):
        start = choose.randint(0, len(lines))
        new = [f"new {choose.randint(0, 3)}\n" for _ in range(choose.randint(0, 2))]
        lines[start : start + choose.randint(0, 2)] = new
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_git_agrees(seed: int, tmp_path: Path) -> None:
    """What we merge, git merges alike; what git merges we seldom refuse, where one change is next to another."""
    choose = random.Random(seed)
    agreed = refused = 0
    for _ in range(60):
        base = [f"line {at}\n" for at in range(choose.randint(0, 14))]
        texts = ["".join(lines) for lines in (edited(base, choose), base, edited(base, choose))]
        files = [tmp_path / name for name in ("ours", "base", "theirs")]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, newline="")
        git = subprocess.run(["git", "merge-file", "-p", *files], capture_output=True, text=True, check=False)
        ours, base_text, theirs = texts
        merged = merge(base_text, ours, theirs)
        if isinstance(merged, str):
            assert (git.returncode, git.stdout) == (0, merged)
            agreed += 1
        else:
            refused += git.returncode == 0
    assert refused <= agreed // 10


def change(source: str, before: str | None, after: str | None, end: str = "") -> FileChange:
    return FileChange(f"file:///{source}", source, before, after, Place(f"file:///{end}", end) if end else None)


TOP, END = change("a", BASE, "0\n" + BASE), change("a", BASE, BASE + "7\n")
MOVED, DELETED = change("a", BASE, BASE, "b"), change("a", BASE, None)
BOTH = "0\n" + BASE + "7\n"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        pytest.param(TOP, change("z", "1", "2"), [TOP, change("z", "1", "2")], id="two files"),
        pytest.param(TOP, END, [change("a", BASE, BOTH)], id="two places of one file"),
        pytest.param(TOP, MOVED, [change("a", BASE, "0\n" + BASE, "b")], id="a text and a new place"),
        pytest.param(
            change("a", BASE, "0\n" + BASE, "b"),
            change("a", BASE, BASE + "7\n", "b"),
            [change("a", BASE, BOTH, "b")],
            id="two texts and one new place",
        ),
        pytest.param(DELETED, DELETED, [DELETED], id="both delete it"),
        pytest.param(change("n", None, "1"), change("n", None, "1"), [change("n", None, "1")], id="both make it"),
        pytest.param(change("a", BASE, BASE), DELETED, [DELETED], id="one does nothing"),
    ],
)
def test_two_sets_become_one(one: FileChange, other: FileChange, both: list[FileChange]) -> None:
    for pair in ((one, other), (other, one)):
        found = merged(*(ChangeSet((each,)) for each in pair))
        assert isinstance(found, ChangeSet)
        assert sorted(found.files, key=lambda file: file.name) == both


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        pytest.param(TOP, change("a", BASE, "9\n" + BASE), FileClash("a", (Clash(1, 1),)), id="one line"),
        pytest.param(TOP, DELETED, FileClash("a"), id="one deletes what the other changes"),
        pytest.param(MOVED, DELETED, FileClash("a"), id="one deletes what the other moves"),
        pytest.param(MOVED, change("a", BASE, BASE, "c"), FileClash("a"), id="two new places"),
        pytest.param(change("n", None, "1"), change("n", None, "2"), FileClash("n"), id="two new texts"),
        pytest.param(MOVED, change("z", "1", "1", "b"), FileClash("b"), id="two files in one place"),
        pytest.param(MOVED, change("b", None, "1"), FileClash("b"), id="a new file where one moves to"),
    ],
)
def test_files_that_clash_are_named(one: FileChange, other: FileChange, clash: FileClash) -> None:
    for pair in ((one, other), (other, one)):
        assert merged(*(ChangeSet((each,)) for each in pair)) == (clash,)


@pytest.mark.parametrize(
    "other", [change("a", "else", "x"), change("b", "1", "2"), change("a", None, "1")], ids=str
)
def test_sets_on_two_bases_are_not_merged(other: FileChange) -> None:
    with pytest.raises(ValueError, match=r"^[ab] is"):
        merged(ChangeSet((MOVED,)), ChangeSet((other,)))
