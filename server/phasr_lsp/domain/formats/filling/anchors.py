"""Which statements of a lazy text are which of the file's, where that is beyond doubt."""

from collections import Counter
from collections.abc import Sequence

from phasr_lsp.domain.diff import differing_blocks
from phasr_lsp.domain.formats.filling.doubts import ALIKE, MOST_PAIRS, Refused, body
from phasr_lsp.domain.formats.filling.lines import likeness, words
from phasr_lsp.domain.formats.filling.outline import Statement

Place = tuple[int, Statement]
"""A statement and its index among its siblings."""


def anchors(old: Sequence[Statement], new: Sequence[Statement]) -> list[tuple[int, int]]:
    """Pairs of indexes of statements that are the same one, both rising; raises Refused for one that was moved.

    From the ends inwards what has the same text, then what is unique on both sides of the gap that is left.
    """
    pairs: list[tuple[int, int]] = []
    gaps = [(0, len(old), 0, len(new))]
    while gaps:
        old_from, old_to, new_from, new_to = gaps.pop()
        while old_from < old_to and new_from < new_to and _same(old[old_from], new[new_from]):
            pairs.append((old_from, new_from))
            old_from, new_from = old_from + 1, new_from + 1
        while old_from < old_to and new_from < new_to and _same(old[old_to - 1], new[new_to - 1]):
            old_to, new_to = old_to - 1, new_to - 1
            pairs.append((old_to, new_to))
        found = _unique_pairs(
            [(at, old[at]) for at in range(old_from, old_to)], [(at, new[at]) for at in range(new_from, new_to)]
        )
        for at_old, at_new in found:
            gaps.append((old_from, at_old, new_from, at_new))
            old_from, new_from = at_old + 1, at_new + 1
        if found:
            pairs += found
            gaps.append((old_from, old_to, new_from, new_to))
    return sorted(pairs)


def _same(old: Statement, new: Statement) -> bool:
    return not new.mark and old.text == new.text


def _unique_pairs(old: list[Place], new: list[Place]) -> list[tuple[int, int]]:
    """As many pairs as keep their order."""
    written = [(at, item) for at, item in new if not item.mark]
    found = _matched(_names(old), _names(written)) | _matched(_texts(old), _texts(written)) or _kin(old, written)
    partners = Counter(found.values())
    pairs = sorted((at_old, at_new) for at_old, at_new in found.items() if partners[at_new] == 1)
    rising = _rising(pairs)
    if len(rising) < len(pairs) and len(written) < len(new):
        strays = {at_new for _, at_new in pairs} - {at_new for _, at_new in rising}
        moved = next((item for at, item in new if at in strays and not item.is_import), None)
        if moved:
            raise Refused(f"`{moved.text}` stands in another order than in the file; leave the order as it is.")
    return rising


def _names(places: list[Place]) -> dict[str, int]:
    times = Counter(item.name for _, item in places)
    return {item.name: at for at, item in places if item.name and times[item.name] == 1}


def _texts(places: list[Place]) -> dict[str, int]:
    """By text; a comment must not lead another statement as well."""
    times = Counter(item.text for _, item in places)
    times.update(line.strip() for _, item in places for line in item.lead)
    return {item.text: at for at, item in places if item.text and times[item.text] == 1}


def _matched(old: dict[str, int], new: dict[str, int]) -> dict[int, int]:
    return {at: new[feature] for feature, at in old.items() if feature in new}


def _kin(old: list[Place], new: list[Place]) -> dict[int, int]:
    """Nameless blocks (`if`, a tag) with markers in them and the old ones with similar heads, if just one fits.

    Without a marker such a block may as well be new.
    """
    ours = [(at, item) for at, item in old if item.inner and not item.name]
    theirs = [(at, item) for at, item in new if item.marked and not item.name]
    if not theirs or len(ours) * len(theirs) > MOST_PAIRS:
        return {}
    bodies = {at: set(body(item)) for at, item in ours}
    pairs: list[tuple[int, int]] = []
    for at_new, item in theirs:
        telling = [line for line in body(item) if len(words(line)) > 1]
        alike = [at for at, other in ours if likeness(item.text, other.text) >= ALIKE]
        sharing = [at for at in alike if any(line in bodies[at] for line in telling)]
        chosen = alike if len(alike) == 1 else sharing
        if len(chosen) == 1:
            pairs.append((chosen[0], at_new))
    times = Counter(at for at, _ in pairs)
    return {at_old: at_new for at_old, at_new in pairs if times[at_old] == 1}


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most of the pairs, whose first numbers rise, that have rising second numbers too."""
    width = len(str(max((second for _, second in pairs), default=0)))
    seconds = [str(second).zfill(width) for _, second in pairs]
    ordered = sorted(seconds)
    kept: list[tuple[int, int]] = []
    start = 0
    for old_from, old_to, _, _ in [*differing_blocks(seconds, ordered), (len(pairs), 0, 0, 0)]:
        kept += pairs[start:old_from]
        start = old_to
    return kept
