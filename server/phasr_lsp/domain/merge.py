"""Three-way merge of lines, after Khanna, Kunal and Pierce, "A Formal Investigation of Diff3" (2007), and of
whole sets by file.

Changes on either side that don't touch each other are both kept; equal changes count once; anything else
is a clash, and nothing is guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.diff import Block, differing_blocks
from phasr_lsp.domain.text import split_lines


@dataclass(frozen=True)
class Clash:
    """Where both sides changed the same place."""

    first_line: int
    """In their text, counted from 1."""
    last_line: int


@dataclass(frozen=True)
class FileClash:
    """A file of which two sets want different things."""

    name: str
    lines: tuple[Clash, ...] = ()
    """Where both change its text, in lines of the other set's; none where they differ in what becomes of the
    file itself: one deletes what the other changes, or it would be in two places, or two files in one."""


@dataclass(frozen=True)
class _Change:
    """One side's change: the lines of the base that it may be about, and by how many lines it makes them more.

    A line added to or removed from a run of equal ones could be any of them; all of them count.
    """

    start: int
    end: int
    growth: int


def merge(base: str, ours: str, theirs: str) -> str | tuple[Clash, ...]:
    """Our change to `base`, made to `theirs`; or every place where the two clash."""
    if theirs == base or ours == theirs:
        return ours
    if ours == base:
        return theirs
    base_lines, our_lines, their_lines = split_lines(base), split_lines(ours), split_lines(theirs)
    our_changes, their_changes = _changes(base_lines, our_lines), _changes(base_lines, their_lines)
    merged: list[str] = []
    clashes: list[Clash] = []
    position = our_shift = their_shift = 0
    while our_changes or their_changes:
        start, end, mine, other = _take_touching(our_changes, their_changes)
        merged += base_lines[position:start]
        our_growth, their_growth = (sum(change.growth for change in side) for side in (mine, other))
        our_text = our_lines[start + our_shift : end + our_shift + our_growth]
        their_from, their_to = start + their_shift, end + their_shift + their_growth
        their_text = their_lines[their_from:their_to]
        if mine and other and our_text != their_text:
            first = max(min(their_from + 1, len(their_lines)), 1)
            clashes.append(Clash(first, max(their_to, first)))
        merged += our_text if mine else their_text
        our_shift, their_shift, position = our_shift + our_growth, their_shift + their_growth, end
    merged += base_lines[position:]
    return tuple(clashes) or "".join(merged)


def merged(one: ChangeSet, other: ChangeSet) -> ChangeSet | tuple[FileClash, ...]:
    """One set that does what both do; or every file about which they clash.

    Raises `ValueError` if the two aren't made on the same base.
    """
    ours, theirs = one.normal().files, other.normal().files
    rest = {file.uri: file for file in theirs}
    found = [_file(file, rest.pop(file.uri, file)) for file in ours]
    clashes = [each for each in found if isinstance(each, FileClash)]
    files = [each for each in (*found, *rest.values()) if isinstance(each, FileChange)]
    there = {file.uri for file in files if file.before is not None}
    reached: set[str] = set()
    for file in files:
        end = file.destination
        if (file.before is None or file.moves) and end.uri in there:
            raise ValueError(f"{end.name} is in the base of one set alone")
        if end.uri in reached:
            clashes.append(FileClash(end.name))
        reached.add(end.uri)
    return tuple(clashes) or ChangeSet(tuple(files))


def _file(ours: FileChange, theirs: FileChange) -> FileChange | FileClash:
    """What both make of one file. Raises `ValueError` if it isn't the same one."""
    if ours.before != theirs.before:
        raise ValueError(f"{ours.name} isn't the same in both")
    if ours.empty or ours == theirs:
        return theirs
    if theirs.empty:
        return ours
    if ours.after is None or theirs.after is None or ours.before is None:
        return ours if ours.after == theirs.after else FileClash(ours.name)
    if ours.moves and theirs.moves and ours.destination.uri != theirs.destination.uri:
        return FileClash(ours.name)
    text = merge(ours.before, ours.after, theirs.after)
    if not isinstance(text, str):
        return FileClash(ours.name, text)
    moved_to = ours.moved_to if ours.moves else theirs.moved_to
    return replace(ours, after=text, moved_to=moved_to, rung=max(ours.rung, theirs.rung))


def _changes(base: Sequence[str], side: Sequence[str]) -> list[_Change]:
    end_of_file = (len(base), len(base), len(side), len(side))
    blocks = [(0, 0, 0, 0), *differing_blocks(base, side), end_of_file]
    return [
        _reach(base, side, block, above[1], below[0]) for (above, block), (_, below) in pairwise(pairwise(blocks))
    ]


def _reach(base: Sequence[str], side: Sequence[str], block: Block, lowest: int, highest: int) -> _Change:
    """The block with the lines along which it could slide, between its neighbours on the same side."""
    old_from, old_to, new_from, new_to = block
    growth = (new_to - new_from) - (old_to - old_from)
    if old_from < old_to and new_from < new_to:
        return _Change(old_from, old_to, growth)
    lines, first, last = (base, old_from, old_to) if old_from < old_to else (side, new_from, new_to)
    up = 0
    while old_from - up > lowest and lines[first - 1 - up] == lines[last - 1 - up]:
        up += 1
    down = 0
    while old_to + down < highest and lines[first + down] == lines[last + down]:
        down += 1
    return _Change(old_from - up, old_to + down, growth)


def _take_touching(ours: list[_Change], theirs: list[_Change]) -> tuple[int, int, list[_Change], list[_Change]]:
    """Remove and return the first changes of both sides that hang together, and what lines they are about."""
    start = end = min(side[0].start for side in (ours, theirs) if side)
    mine: list[_Change] = []
    other: list[_Change] = []
    found = True
    while found:
        found = False
        for side, taken in ((ours, mine), (theirs, other)):
            # Changes that only meet at an edge touch too: their order couldn't be told.
            while side and side[0].start <= end:
                change = side.pop(0)
                taken.append(change)
                end = max(end, change.end)
                found = True
    return start, end, mine, other
