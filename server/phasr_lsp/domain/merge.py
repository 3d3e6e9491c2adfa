"""Three-way merge of lines, after Khanna, Kunal and Pierce, "A Formal Investigation of Diff3" (2007).

Changes on either side that don't touch each other are both kept; equal changes count once; anything else
is a clash, and nothing is guessed.
"""

from dataclasses import dataclass

from phasr_lsp.domain.change import differing_blocks
from phasr_lsp.domain.text import split_lines


@dataclass(frozen=True)
class Clash:
    """Where both sides changed the same place."""

    first_line: int
    """In their text, counted from 1."""
    last_line: int


def merge(base: str, ours: str, theirs: str) -> str | tuple[Clash, ...]:
    """Our change to `base`, made to `theirs`; or every place where the two clash."""
    if theirs == base or ours == theirs:
        return ours
    if ours == base:
        return theirs
    base_lines, our_lines, their_lines = split_lines(base), split_lines(ours), split_lines(theirs)
    our_blocks = differing_blocks(base_lines, our_lines)
    their_blocks = differing_blocks(base_lines, their_lines)
    merged: list[str] = []
    clashes: list[Clash] = []
    position = our_shift = their_shift = 0
    while our_blocks or their_blocks:
        start = min(blocks[0][0] for blocks in (our_blocks, their_blocks) if blocks)
        end, mine, other = _take_touching(start, our_blocks, their_blocks)
        merged += base_lines[position:start]
        our_text = our_lines[start + our_shift : end + our_shift + _growth(mine)]
        their_from, their_to = start + their_shift, end + their_shift + _growth(other)
        their_text = their_lines[their_from:their_to]
        if mine and other and our_text != their_text:
            clashes.append(Clash(their_from + 1, max(their_to, their_from + 1)))
        merged += our_text if mine else their_text
        our_shift, their_shift, position = our_shift + _growth(mine), their_shift + _growth(other), end
    merged += base_lines[position:]
    return tuple(clashes) or "".join(merged)


_Block = tuple[int, int, int, int]


def _take_touching(
    start: int, ours: list[_Block], theirs: list[_Block]
) -> tuple[int, list[_Block], list[_Block]]:
    """Remove and return the blocks of both sides that, from `start` on, hang together."""
    end = start
    mine: list[_Block] = []
    other: list[_Block] = []
    found = True
    while found:
        found = False
        for blocks, taken in ((ours, mine), (theirs, other)):
            # Blocks that only meet at an edge touch too: their order couldn't be told.
            while blocks and blocks[0][0] <= end:
                block = blocks.pop(0)
                taken.append(block)
                end = max(end, block[1])
                found = True
    return end, mine, other


def _growth(blocks: list[_Block]) -> int:
    return sum((new_to - new_from) - (old_to - old_from) for old_from, old_to, new_from, new_to in blocks)
