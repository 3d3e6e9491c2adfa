"""When a merge is refused: what would be lost, and what could be meant in two ways."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

from phasr_lsp.domain.diff import differing_blocks
from phasr_lsp.domain.formats.filling.lines import balance, code, comment, likeness, substance, words
from phasr_lsp.domain.formats.filling.outline import Statement, walk

ALIKE = 0.5
"""The likeness of two lines from which one may be meant for the other where it stands next to it."""
_VERY_ALIKE = 0.8
"""The same for any two lines of a block."""
MOST_PAIRS = 40_000
"""Pairs of statements up to which their words are compared: that many take about a tenth of a second."""
MOST_SHRINKING = 8
"""Old lines to one new line up to which a statement that takes another's place is believed."""

_CALL = re.compile(r"(?:await |yield |defer |go )?[\w$.:]+!?\(")


class Refused(Exception):
    """Ends a merge; its text is the reason, for the model."""


def vanishes(line: str) -> NoReturn:
    raise Refused(
        f"`{line.strip()}` would vanish without a word. Write it, put a marker in its place "
        "(`... existing code ...`), or say `removed code` there."
    )


def refuse(item: Statement, why: str) -> NoReturn:
    raise Refused(f"`{item.text}`: {why}.")


def compare(old: list[str], new: list[str], most_shrinking: int) -> None:
    """Refuses where lines vanish and none takes their place, or too few for so many."""
    before, after = substance(old), substance(new)
    blocks = differing_blocks(before, after)
    come = Counter(line for _, _, start, end in blocks for line in after[start:end])
    gone: list[str] = []
    for old_from, old_to, new_from, new_to in blocks:
        left = [line for line in before[old_from:old_to] if not come[line]]
        if left and new_from == new_to:
            vanishes(left[0])
        gone += left
    if len(code(gone)) > most_shrinking * len(code(list(come.elements()))):
        vanishes(code(gone)[0])
    if balance(old) != balance(new):
        raise Refused(f"The brackets of what begins with `{new[0].strip()}` don't match those of the file there.")


def renamed(item: Statement, new: list[Statement]) -> bool:
    """Whether one of the new definitions is an old one under another name."""
    inner = Counter(body(item))
    return any(2 * (inner & Counter(body(other))).total() > inner.total() for other in new if other.defines)


def are_strangers(new: list[Statement], old: Sequence[Statement]) -> None:
    """Refuses new statements that may be meant for old ones that a marker next to them stands for.

    `old` begins with what is nearest.
    """
    if not new or not old:
        return
    texts = {item.text for item in old if words(item.text)}
    deeper = {line for item in old for line in body(item)}
    names = {item.name for item in old if item.name}
    known = {line for item in old for line in remarks(item)}
    near = len(new)
    compared = old[: max(MOST_PAIRS // near, 1)]
    for item in new:
        if not known.isdisjoint(remarks(item)):
            refuse(item, "its comment is in the file, which the marker next to it stands for")
        if item.is_import or item.is_comment:
            continue
        if item.leads:
            refuse(item, "it isn't clear which of the statements that are left out it belongs to")
        if item.text in texts or (item.name and item.name in names):
            refuse(item, "the file has it in several places; show more of what is around it")
        if item.text in deeper or not texts.isdisjoint(body(item)):
            refuse(item, "the marker next to it stands for some of its lines as well")
        if any(_could_be(item, other, near=at < near) for at, other in enumerate(compared)):
            refuse(item, "it may be new or be a changed line of the file; show more of what is around it")


def remarks(item: Statement) -> list[str]:
    """The comments that a statement begins with or is."""
    return [line for line in substance(item.source[item.start : item.head + 1]) if comment(line)]


def _could_be(new: Statement, old: Statement, *, near: bool) -> bool:
    """Whether a new statement may be an old one that was changed."""
    if new.name and old.name:
        return near and new.defines and len(body(new)) > 1 and body(new) == body(old)
    alike = likeness(new.text, old.text)
    mine, theirs = _CALL.match(new.text), _CALL.match(old.text)
    if not near or (mine is None) != (theirs is None):
        return alike >= _VERY_ALIKE
    if mine and theirs:
        arguments = new.text[mine.end() :]
        same_arguments = bool(words(arguments)) and arguments == old.text[theirs.end() :]
        return alike > ALIKE or same_arguments or (alike == ALIKE and mine[0] == theirs[0])
    if alike > ALIKE:
        return True
    return new.name is not None and any(new.name == item.name for item in walk(old.inner) if not item.defines)


def body(statement: Statement) -> list[str]:
    """The code of a statement below its head."""
    return code(statement.lines[1:])
