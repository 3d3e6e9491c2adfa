"""Where does a search text stand in a file? A ladder of readings, each less literal than the one before.

Every rung must match in exactly one place. A rung that matches twice refuses the search as ambiguous; no rung
picks the first of two. The rungs are those of the public coding agents' parsers, without their guesses.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum
from heapq import nlargest
from itertools import accumulate

from phasr_lsp.domain.diff import differing_blocks

_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "\u00a0": " ", "\u202f": " "}
)


_WORD = re.compile(r"\w+")
_CANDIDATES = 8


class Rung(IntEnum):
    """How literally a match was found, from best to worst."""

    EXACT = 1
    TRAILING_SPACE = 3
    INDENTATION = 4
    LOOKALIKES = 5


@dataclass(frozen=True)
class Match:
    first: int
    """Index of the first line that matches."""
    end: int
    """Index just behind the last."""
    rung: Rung
    remove: str = ""
    """Indentation that the searched text has and the file hasn't."""
    add: str = ""
    """Indentation that the file has and the searched text hasn't."""
    skipped: int = 0
    """Blank lines at the head of the search that the file hasn't."""

    def reindent(self, lines: Sequence[str]) -> list[str]:
        """Replacement lines, moved by the offset at which the search text was found."""
        return [self.add + line.removeprefix(self.remove) if line.strip() else line for line in lines]


@dataclass(frozen=True)
class Ambiguous:
    lines: tuple[int, ...]
    """Where it matches, counted from 1."""


@dataclass(frozen=True)
class NotFound:
    nearest: int | None
    """The line, counted from 1, at which the text that resembles the search most begins."""
    similarity: float
    """0 to 1, the share of words in common."""


def locate(lines: Sequence[str], search: Sequence[str]) -> Match | Ambiguous | NotFound:
    """Find `search` in `lines`; both are lines without their endings."""
    for rung, reading in (
        (Rung.EXACT, _literal),
        (Rung.TRAILING_SPACE, str.rstrip),
        (Rung.INDENTATION, str.strip),
        (Rung.LOOKALIKES, _folded),
    ):
        wish, skipped = (search, 0) if rung < Rung.INDENTATION else _without_blank_edges(search)
        places = _places([reading(line) for line in lines], [reading(line) for line in wish])
        found = [Match(first, first + len(wish), rung) for first in places]
        if rung >= Rung.INDENTATION:
            found = [offset for match in found if (offset := _with_offset(lines, wish, match, skipped))]
        if len(found) > 1:
            return Ambiguous(tuple(match.first + 1 for match in found))
        if found:
            return found[0]
    return _nearest(lines, search)


def rewrite(lines: Sequence[str], search: Sequence[str], replace: Sequence[str], match: Match) -> list[str]:
    """What comes to stand in the place of a match.

    Lines that search and replacement have in common stay as the file has them, white space and look-alikes
    included; the others are moved by the offset of the match.
    """
    written: list[str] = []
    at = 0
    for start, end, new_start, new_end in [*differing_blocks(search, replace), (len(search), 0, 0, 0)]:
        places = range(match.first + at - match.skipped, match.first + start - match.skipped)
        written += [lines[place] for place in places if match.first <= place < match.end]
        written += match.reindent(replace[new_start:new_end])
        at = end
    return written


def _literal(line: str) -> str:
    return line


def _folded(line: str) -> str:
    return unicodedata.normalize("NFKC", line.translate(_LOOKALIKES)).strip()


def _without_blank_edges(search: Sequence[str]) -> tuple[Sequence[str], int]:
    """The lines from the first to the last that isn't blank, and how many stood before them."""
    filled = [index for index, line in enumerate(search) if line.strip()]
    return (search[filled[0] : filled[-1] + 1], filled[0]) if filled else ((), 0)


def _places(lines: Sequence[str], search: Sequence[str]) -> list[int]:
    if not search:
        return []
    size = len(search)
    return [
        first
        for first in range(len(lines) - size + 1)
        if lines[first] == search[0] and lines[first : first + size] == search
    ]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _offset(have: str, want: str) -> tuple[str, str]:
    """(remove, add) which turn the indentation `want` into `have`."""
    common = 0
    while common < min(len(have), len(want)) and have[-1 - common] == want[-1 - common]:
        common += 1
    return want[: len(want) - common], have[: len(have) - common]


def _with_offset(lines: Sequence[str], search: Sequence[str], match: Match, skipped: int) -> Match | None:
    """The match with its offset; None where the lines don't all stand at the same one."""
    pairs = [
        (_indent(have), _indent(want))
        for have, want in zip(lines[match.first : match.end], search, strict=True)
        if want.strip()
    ]
    remove, add = _offset(*min(pairs, key=lambda pair: len(pair[1])))
    if not all(want.startswith(remove) and have == add + want.removeprefix(remove) for have, want in pairs):
        return None
    return Match(match.first, match.end, match.rung, remove, add, skipped)


def _nearest(lines: Sequence[str], search: Sequence[str]) -> NotFound:
    """The window with the most words of the search; time grows with the file's length alone."""
    wish = _words(search)
    wanted = set(wish)
    shared = [len(wanted.intersection(_WORD.findall(line))) for line in lines]
    if not any(shared):
        return NotFound(None, 0.0)
    sums = [0, *accumulate(shared)]
    size = min(len(search), len(lines))
    best = nlargest(_CANDIDATES, range(len(lines) - size + 1), key=lambda at: sums[at + size] - sums[at])
    # Words in any order, since comparing them in order takes time that grows with the square.
    alike = [(SequenceMatcher(None, _words(lines[at : at + size]), wish).quick_ratio(), -at) for at in best]
    similarity, at = max(alike)
    return NotFound(1 - at, round(similarity, 2))


def _words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in _WORD.findall(line)]
