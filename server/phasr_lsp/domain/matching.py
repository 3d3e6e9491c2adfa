"""Where does a search text stand in a file? A ladder of readings, each less literal than the one before.

Every rung must match in exactly one place. A rung that matches twice refuses the search as ambiguous; no rung
picks the first of two. The rungs are those of the public coding agents' parsers, without their guesses.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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
_ALIKE = 0.9
"""Similarity from which a place is shown to a person as the one that is probably meant."""
_CLEARLY = 0.1
"""By how much the second best place must be worse than that."""
_COMPARED = 20_000
"""Characters up to which two texts are compared; Levenshtein's time grows with the square."""

_BACK = 100
"""Lines before the last find at which the next search begins: a heading stands above what was found below it."""


class Rung(IntEnum):
    """How literally a match was found, from best to worst."""

    EXACT = 1
    LINE_ENDINGS = 2
    TRAILING_SPACE = 3
    INDENTATION = 4
    LOOKALIKES = 5
    """Other quotes, dashes, spaces, or more of them."""
    ELISION = 6
    """The search leaves lines out with `...`; each of its pieces stands in one place, in order."""
    FUZZY = 7
    """It only resembles the search; a person has to look at it."""


@dataclass(frozen=True)
class Shift:
    """How the indentation of a reply becomes that of the file."""

    remove: str = ""
    """Indentation that the searched text has and the file hasn't."""
    add: str = ""
    """Indentation that the file has and the searched text hasn't."""
    unit: str = ""
    """One level in the reply, where the file indents with other characters; "" where it doesn't."""
    file_unit: str = ""
    """One level in the file."""
    levels: int = 0
    """By how many levels the file stands deeper then."""
    base: str = ""
    """The least indentation in the file's lines."""

    def moved(self, line: str) -> str:
        """A line of the reply as the file would have it."""
        if not line.strip():
            return line
        indent = _indent(line)
        if self.unit:
            depth, rest = divmod(len(indent), len(self.unit))
            if indent == self.unit * depth + " " * rest and depth + self.levels >= 0:
                return self.file_unit * (depth + self.levels) + " " * rest + line[len(indent) :]
        return self.add + line.removeprefix(self.remove)

    def all_moved(self, lines: Sequence[str]) -> list[str]:
        """The lines, unless all of them stand already where the file's do."""
        filled = [_indent(line) for line in lines if line.strip()]
        if self.add and not self.remove and filled and min(filled, key=len) == self.base:
            return list(lines)
        return [self.moved(line) for line in lines]


@dataclass(frozen=True)
class Match:
    first: int
    """Index of the first line that matches."""
    end: int
    """Index just behind the last."""
    rung: Rung
    shift: Shift = Shift()
    skipped: int = 0
    """Blank lines at the head of the search that the file hasn't."""


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


class Lines:
    """The lines of a text in LF, and the ways to read them, kept up to date while it is edited."""

    def __init__(self, text: str, *, foreign: bool = False) -> None:
        """`foreign`: the file ends its lines otherwise than replies do, so that nothing matches to the letter."""
        self.foreign = foreign
        self.items = text.split("\n")
        """Without their endings."""
        self._text: str | None = text
        self._readings: dict[Callable[[str], str], list[str]] = {_literal: self.items}
        self._times: dict[Callable[[str], str], Counter[str]] = {}
        """How often each line stands there, by reading."""
        self._counted = (0, 0)
        """An offset in the text, and the index of its line."""
        self._last = 0
        """The index at which something was found last: edits mostly come in the order of the file."""

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = "\n".join(self.items)
        return self._text

    @property
    def end(self) -> int:
        """The index behind the last line: what follows the last line end is none."""
        return len(self.items) - (self.items[-1:] == [""])

    def read(self, reading: Callable[[str], str]) -> list[str]:
        """All lines in one reading."""
        if reading not in self._readings:
            self._readings[reading] = [reading(line) for line in self.items]
        return self._readings[reading]

    def places(
        self, reading: Callable[[str], str], search: Sequence[str], within: range | None = None
    ) -> list[int]:
        """The indexes at which a text stands in a reading, or those of them within a range."""
        wish = [reading(line) for line in search]
        lines = self.read(reading)
        if reading not in self._times:
            self._times[reading] = Counter(lines)
        times = self._times[reading]
        if not wish or any(not times[line] for line in wish):
            return []
        # It is looked for by its rarest line.
        anchor = min(range(len(wish)), key=lambda at: times[wish[at]])
        found = [at - anchor for at in _all(lines, wish[anchor], times[wish[anchor]], max(self._last - _BACK, 0))]
        self._last = found[0] + anchor
        inside = within if within is not None else range(len(lines))
        last = min(inside.stop, len(lines)) - len(wish)
        return [at for at in found if inside.start <= at <= last and lines[at : at + len(wish)] == wish]

    def replace(self, first: int, end: int, lines: Iterable[str]) -> None:
        """Put lines in the place of those from index `first` to before `end`."""
        new = list(lines)
        for reading, read in self._readings.items():
            come = [reading(line) for line in new]
            if reading in self._times:
                self._times[reading].subtract(read[first:end])
                self._times[reading].update(come)
            read[first:end] = come
        self._text = None
        self._counted = (0, 0)

    def replace_text(self, start: int, end: int, new: str) -> None:
        """Put a text in the place of the one from offset `start` to before `end`."""
        text = self.text
        offset, line = self._counted if self._counted[0] <= start else (0, 0)
        first = line + text.count("\n", offset, start)
        last = first + text.count("\n", start, end)
        head, tail = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        tail = len(text) if tail < 0 else tail
        self.replace(first, last + 1, (text[head:start] + new + text[end:tail]).split("\n"))
        self._text = text[:start] + new + text[end:]
        self._counted = (start, first)


def locate(
    lines: Lines,
    search: Sequence[str],
    *,
    near: int | None = None,
    within: range | None = None,
    lowest: Rung = Rung.LOOKALIKES,
) -> Match | Ambiguous | NotFound:
    """Find `search`, lines without their endings.

    `near` is an index that only decides between places which are equal otherwise; `within` the indexes among
    which the match has to stand; `lowest` the least literal rung that is tried.
    """
    for rung, reading in _LADDER:
        if rung > lowest:
            break
        wish, skipped = (search, 0) if rung < Rung.INDENTATION else _without_blank_edges(search)
        places = lines.places(reading, wish, within)
        if rung is Rung.EXACT and lines.foreign:
            rung = Rung.LINE_ENDINGS
        found = [Match(first, first + len(wish), rung, skipped=skipped) for first in places]
        if rung >= Rung.INDENTATION:
            found = [moved for match in found if (moved := _with_shift(lines.items, wish, match))]
        if len(found) > 1 and near is not None:
            found = _nearest_to(found, near)
        if len(found) > 1:
            return Ambiguous(tuple(match.first + 1 for match in found))
        if found:
            return found[0]
    return NotFound(None, 0.0)


def everywhere(lines: Lines, search: Sequence[str]) -> list[Match]:
    """All places of the first rung that has any, without overlap: for edits that are meant for every place."""
    for rung, reading in _LADDER:
        wish, skipped = (search, 0) if rung < Rung.INDENTATION else _without_blank_edges(search)
        found: list[Match] = []
        for first in lines.places(reading, wish):
            match = Match(first, first + len(wish), rung, skipped=skipped)
            moved = match if rung < Rung.INDENTATION else _with_shift(lines.items, wish, match)
            if moved and (not found or first >= found[-1].end):
                found.append(moved)
        if found:
            return found
    return []


def resembling(lines: Lines, search: Sequence[str]) -> Match | NotFound:
    """The one place that is nearly the search, at least 0.9 by Levenshtein's distance over the length of the
    longer text, with no other place nearly as good; else the nearest place there is.
    """
    best = _nearest(lines.items, search)
    wanted = "\n".join(search)
    size = len(search)
    if not best or len(wanted) > _COMPARED or size > len(lines.items):
        return best[0] if best else NotFound(None, 0.0)
    scores: list[tuple[float, int]] = []
    for place in best:
        first = (place.nearest or 1) - 1
        window = "\n".join(lines.items[first : first + size])
        scores.append((0.0 if len(window) > _COMPARED else _similarity(window, wanted), -first))
    scores.sort(reverse=True)
    score, first = scores[0][0], -scores[0][1]
    others = [other for other, at in scores[1:] if abs(-at - first) >= size]
    if score >= _ALIKE and all(score - other >= _CLEARLY for other in others):
        return Match(first, first + size, Rung.FUZZY)
    return best[0]


def rewrite(lines: Sequence[str], search: Sequence[str], replace: Sequence[str], match: Match) -> list[str]:
    """What comes to stand in the place of a match.

    Lines that search and replacement have in common stay as the file has them, white space and look-alikes
    included; the others are moved by the offset of the match.
    """
    written: list[str] = []
    at = 0
    moved = dict(zip(range(len(replace)), match.shift.all_moved(replace), strict=True))
    for start, end, new_start, new_end in [*differing_blocks(search, replace), (len(search), 0, 0, 0)]:
        for index in range(at, start):
            place = match.first + index - match.skipped
            if match.first <= place < match.end:
                # What white space a blank line has is as the reply says: it was shown to the model that way.
                written.append(lines[place] if search[index].strip() else search[index])
        written += [moved[index] for index in range(new_start, new_end)]
        at = end
    return written


def _literal(line: str) -> str:
    return line


def _folded(line: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", line.translate(_LOOKALIKES)).split())


_LADDER = (
    (Rung.EXACT, _literal),
    (Rung.TRAILING_SPACE, str.rstrip),
    (Rung.INDENTATION, str.strip),
    (Rung.LOOKALIKES, _folded),
)


def _without_blank_edges(search: Sequence[str]) -> tuple[Sequence[str], int]:
    """The lines from the first to the last that isn't blank, and how many stood before them."""
    filled = [index for index, line in enumerate(search) if line.strip()]
    return (search[filled[0] : filled[-1] + 1], filled[0]) if filled else ((), 0)


def _all(lines: list[str], line: str, times: int, start: int) -> list[int]:
    """The indexes of a line that stands there so many times, looked for from `start` on, then from the top."""
    found: list[int] = []
    at = start = min(start, len(lines))
    while len(found) < times:
        try:
            at = lines.index(line, at)
        except ValueError:
            at = 0
            continue
        found.append(at)
        at += 1
    return sorted(found)


def _nearest_to(found: list[Match], near: int) -> list[Match]:
    """The matches that are nearest to a line."""
    least = min(abs(match.first - near) for match in found)
    return [match for match in found if abs(match.first - near) == least]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _offset(have: str, want: str) -> tuple[str, str]:
    """(remove, add) which turn the indentation `want` into `have`."""
    common = 0
    while common < min(len(have), len(want)) and have[-1 - common] == want[-1 - common]:
        common += 1
    return want[: len(want) - common], have[: len(have) - common]


def _with_shift(lines: Sequence[str], search: Sequence[str], match: Match) -> Match | None:
    """The match with its offset; None where the lines don't all stand at the same one."""
    pairs = [
        (_indent(have), _indent(want))
        for have, want in zip(lines[match.first : match.end], search, strict=True)
        if want.strip()
    ]
    shift = _other_unit(pairs) or _uniform(pairs)
    return None if shift is None else Match(match.first, match.end, match.rung, shift, match.skipped)


def _uniform(pairs: list[tuple[str, str]]) -> Shift | None:
    """One offset for all lines."""
    remove, add = _offset(*min(pairs, key=lambda pair: len(pair[1])))
    fits = all(want.startswith(remove) and have == add + want.removeprefix(remove) for have, want in pairs)
    return Shift(remove, add, base=min((have for have, _ in pairs), key=len)) if fits else None


def _other_unit(pairs: list[tuple[str, str]]) -> Shift | None:
    """The file indents with tabs where the reply has spaces, or the other way round: level for level."""
    have_all, want_all = "".join(have for have, _ in pairs), "".join(want for _, want in pairs)
    if (set(have_all), set(want_all)) not in (({"\t"}, {" "}), ({" "}, {"\t"})):
        return None
    spaced = [(len(have), len(want)) if want_all[0] == " " else (len(want), len(have)) for have, want in pairs]
    """(tabs, spaces) of each line."""
    spaced.sort()
    (few_tabs, few), (tabs, many) = spaced[0], spaced[-1]
    width = (many - few) // (tabs - few_tabs) if tabs > few_tabs else many // tabs if tabs else 0
    if width < 1:
        return None
    base = few - width * few_tabs
    if base % width or any(spaces != width * count + base for count, spaces in spaced):
        return None
    if want_all[0] == " ":
        return Shift(unit=" " * width, file_unit="\t", levels=-base // width)
    return Shift(unit="\t", file_unit=" " * width, levels=base // width)


def _nearest(lines: Sequence[str], search: Sequence[str]) -> list[NotFound]:
    """The windows with the most words of the search, best first; time grows with the file's length alone."""
    wish = _words(search)
    wanted = set(wish)
    shared = [len(wanted.intersection(_WORD.findall(line))) for line in lines]
    if not any(shared):
        return []
    sums = [0, *accumulate(shared)]
    size = min(len(search), len(lines))
    best = nlargest(_CANDIDATES, range(len(lines) - size + 1), key=lambda at: sums[at + size] - sums[at])
    # Words in any order, since comparing them in order takes time that grows with the square.
    alike = [(SequenceMatcher(None, _words(lines[at : at + size]), wish).quick_ratio(), -at) for at in best]
    return [NotFound(1 - at, round(similarity, 2)) for similarity, at in sorted(alike, reverse=True)]


def _words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in _WORD.findall(line)]


def _similarity(one: str, other: str) -> float:
    """1 less Levenshtein's distance over the length of the longer text.

    Myers' bit vectors, "A fast bit-vector algorithm for approximate string matching" (1999), as Hyyrö wrote them
    for whole texts (2003): one column of the table is a number with a bit for each character.
    """
    if not one or not other:
        return float(one == other)
    places: dict[str, int] = {}
    for index, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << index
    mask, top = (1 << len(one)) - 1, 1 << len(one) - 1
    rising, falling, distance = mask, 0, len(one)
    for character in other:
        equal = places.get(character, 0)
        diagonal = (((equal & rising) + rising) ^ rising) | equal | falling
        up, down = falling | ~(diagonal | rising) & mask, diagonal & rising
        distance += bool(up & top) - bool(down & top)
        up, down = up << 1 | 1, down << 1
        rising, falling = (down | ~(diagonal | up)) & mask, up & diagonal & mask
    return 1 - distance / max(len(one), len(other))
