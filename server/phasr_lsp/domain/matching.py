"""Where does a search text stand in a file? A ladder of readings, each less literal than the one before.

Every rung must match in exactly one place. A rung that matches twice refuses the search as ambiguous; no rung
picks the first of two. The rungs are those of the public coding agents' parsers, without their guesses.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum

_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "\u00a0": " ", "\u202f": " "}
)


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
    """0 to 1, by difflib's ratio over the lines."""


def locate(lines: Sequence[str], search: Sequence[str]) -> Match | Ambiguous | NotFound:
    """Find `search` in `lines`; both are lines without their endings."""
    wanted = _without_blank_edges(search)
    for rung, wish, reading in (
        (Rung.EXACT, search, _literal),
        (Rung.TRAILING_SPACE, search, str.rstrip),
        (Rung.INDENTATION, wanted, str.strip),
        (Rung.LOOKALIKES, wanted, _folded),
    ):
        found = [
            match
            for match in _windows(lines, wish, reading, rung)
            if rung < Rung.INDENTATION or _one_offset(lines, wish, match)
        ]
        if len(found) > 1:
            return Ambiguous(tuple(match.first + 1 for match in found))
        if found:
            return found[0] if rung < Rung.INDENTATION else _with_offset(lines, wish, found[0])
    return _nearest(lines, wanted)


def _literal(line: str) -> str:
    return line


def _folded(line: str) -> str:
    return unicodedata.normalize("NFKC", line.translate(_LOOKALIKES)).strip()


def _without_blank_edges(search: Sequence[str]) -> list[str]:
    lines = list(search)
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _windows(
    lines: Sequence[str], search: Sequence[str], reading: Callable[[str], str], rung: Rung
) -> list[Match]:
    if not search:
        return []
    read, wish = [reading(line) for line in lines], [reading(line) for line in search]
    size = len(wish)
    return [
        Match(first, first + size, rung)
        for first in range(len(read) - size + 1)
        if read[first] == wish[0] and read[first : first + size] == wish
    ]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _offset(have: str, want: str) -> tuple[str, str]:
    """(remove, add) which turn the indentation `want` into `have`."""
    common = 0
    while common < min(len(have), len(want)) and have[-1 - common] == want[-1 - common]:
        common += 1
    return want[: len(want) - common], have[: len(have) - common]


def _one_offset(lines: Sequence[str], search: Sequence[str], match: Match) -> bool:
    """Whether every line stands at the same distance from where it was searched."""
    pairs = [
        (_indent(have), _indent(want))
        for have, want in zip(lines[match.first : match.end], search, strict=True)
        if want.strip()
    ]
    remove, add = _offset(*min(pairs, key=lambda pair: len(pair[1])))
    return all(have == add + want.removeprefix(remove) and want.startswith(remove) for have, want in pairs)


def _with_offset(lines: Sequence[str], search: Sequence[str], match: Match) -> Match:
    pairs = [
        (_indent(have), _indent(want))
        for have, want in zip(lines[match.first : match.end], search, strict=True)
        if want.strip()
    ]
    remove, add = _offset(*min(pairs, key=lambda pair: len(pair[1])))
    return Match(match.first, match.end, match.rung, remove, add)


def _nearest(lines: Sequence[str], search: Sequence[str]) -> NotFound:
    if not search or not lines:
        return NotFound(None, 0.0)
    wish = [line.strip() for line in search]
    read = [line.strip() for line in lines]
    common = set(wish) & set(read)
    anchors = [index for index, line in enumerate(read) if line in common and line]
    candidates = {
        min(max(index - wish.index(read[index]), 0), max(len(read) - 1, 0)) for index in anchors[:50]
    } or set(range(min(len(read), 200)))
    scored = [
        (SequenceMatcher(None, "\n".join(read[at : at + len(wish)]), "\n".join(wish)).ratio(), -at)
        for at in candidates
    ]
    similarity, at = max(scored)
    return NotFound(1 - at, round(similarity, 2))
