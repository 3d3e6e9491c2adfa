"""Three-way merge of lines, after Khanna, Kunal and Pierce, "A Formal Investigation of Diff3" (2007).

Changes on either side that don't touch each other are both kept; equal changes count once; anything else
is a clash, and nothing is guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from phasr_lsp.domain.diff import Block, differing_blocks
from phasr_lsp.domain.text import split_lines


@dataclass(frozen=True)
class Clash:
    """Where both sides changed the same place."""

    first_line: int
    """In their text, counted from 1."""
    last_line: int


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
