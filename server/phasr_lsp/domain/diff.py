"""Where two sequences of lines differ.

Lines that are unique on both sides are matched first (Bram Cohen's patience diff): that keeps blank lines and
lone brackets from pulling a change apart, and keeps a long file fast. difflib compares what is left in between.
"""

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

Block = tuple[int, int, int, int]
"""Lines of the old text and what stands in their place: old start, old end, new start, new end."""

_MOST_PAIRS = 300_000
"""Pairs of equal lines up to which difflib takes well under a second; its time grows with their number."""


def differing_blocks(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """Where the two differ, in order; between two blocks there is at least one common line."""
    blocks: list[Block] = []
    gaps = [(0, len(old), 0, len(new))]
    while gaps:
        gap = _trimmed(old, new, gaps.pop())
        old_from, old_to, new_from, new_to = gap
        if old_from == old_to or new_from == new_to:
            blocks += [gap] if old_to - old_from or new_to - new_from else []
        elif anchors := _anchors(old, new, gap):
            for at_old, at_new in anchors:
                gaps.append((old_from, at_old, new_from, at_new))
                old_from, new_from = at_old + 1, at_new + 1
            gaps.append((old_from, old_to, new_from, new_to))
        else:
            blocks += _compared(old, new, gap)
    return sorted(blocks)


def _trimmed(old: Sequence[str], new: Sequence[str], gap: Block) -> Block:
    """The gap without the equal lines at its head and tail."""
    old_from, old_to, new_from, new_to = gap
    while old_from < old_to and new_from < new_to and old[old_from] == new[new_from]:
        old_from, new_from = old_from + 1, new_from + 1
    while old_from < old_to and new_from < new_to and old[old_to - 1] == new[new_to - 1]:
        old_to, new_to = old_to - 1, new_to - 1
    return old_from, old_to, new_from, new_to


def _anchors(old: Sequence[str], new: Sequence[str], gap: Block) -> list[tuple[int, int]]:
    """Where lines that are unique on both sides of the gap stand: as many as keep their order."""
    old_places, new_places = _unique(old, gap[0], gap[1]), _unique(new, gap[2], gap[3])
    return _longest_rising([(at, new_places[line]) for line, at in old_places.items() if line in new_places])


def _unique(lines: Sequence[str], start: int, end: int) -> dict[str, int]:
    """The lines that occur once between the two indexes, in order, and where."""
    counted = Counter(lines[start:end])
    return {lines[at]: at for at in range(start, end) if counted[lines[at]] == 1}


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence in which the second number rises as the first does, by patience sorting."""
    lowest: list[int] = []
    """The smallest second number in which a chain of each length ends."""
    last: list[int] = []
    """The index in `pairs` of that end."""
    before: list[int] = []
    """For each pair the index of the one before it in its chain; -1 for none."""
    for index, (_, value) in enumerate(pairs):
        length = bisect_left(lowest, value)
        lowest[length : length + 1] = [value]
        last[length : length + 1] = [index]
        before.append(last[length - 1] if length else -1)
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _compared(old: Sequence[str], new: Sequence[str], gap: Block) -> list[Block]:
    """The differing blocks of a gap in which every common line repeats."""
    old_from, old_to, new_from, new_to = gap
    old_lines, new_lines = old[old_from:old_to], new[new_from:new_to]
    new_counted = Counter(new_lines)
    if sum(new_counted[line] for line in old_lines) > _MOST_PAIRS:
        return [gap]
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    return [
        (old_from + old_start, old_from + old_end, new_from + new_start, new_from + new_end)
        for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]
