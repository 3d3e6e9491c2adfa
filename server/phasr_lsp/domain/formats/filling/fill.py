"""Merging a lazy text into a file: code with parts left out, or one changed definition alone.

Both texts become trees of statements (`filling/outline`), so that nothing reaches beyond the block that it
stands in. Level by level, statements that are surely the same on both sides are anchors (`filling/anchors`).
What the text has between two of them says what becomes of what the file has there (`filling/levels`):

- nothing but a marker ("... existing code ..."): the file's statements stay;
- a marker, and new statements on one side of it: these go between it and their anchor;
- no marker: the new statements take the old ones' place. Nothing there is no licence to delete;
- a removal marker ("removed code"): the old ones go.

In the block that the text is for (the file, or the class whose method was sent alone) what is before the first
anchor and behind the last one stays as well. Whatever has a second reading is refused (`filling/doubts`).
"""

from collections import Counter
from dataclasses import dataclass

from phasr_lsp.domain.formats.filling.doubts import Refused, refuse
from phasr_lsp.domain.formats.filling.levels import Unplaced, last_import, level, missing, written
from phasr_lsp.domain.formats.filling.lines import balance, code, indented_as, substance
from phasr_lsp.domain.formats.filling.markers import is_marker, is_removal, marked
from phasr_lsp.domain.formats.filling.outline import Statement, outline, walk

__all__ = ["Unfilled", "filled", "is_marker", "is_removal"]


_LONG = 20_000
"""Lines by which a text may be longer than four times its file."""


@dataclass(frozen=True)
class Unfilled:
    """Why a text could not be merged with certainty: a sentence for the model."""

    reason: str


def filled(before: str, written: str) -> str | Unfilled:
    """The whole new file: `before` with what `written` says of it; or why that isn't certain. LF line endings."""
    old = before.split("\n")
    if written.count("\n") > 4 * len(old) + _LONG:
        return Unfilled("The code block is far longer than the file.")
    new, marks = marked(written.split("\n"), {line.strip() for line in old})
    if not before.strip():
        return Unfilled("The file is empty; write it without placeholders.") if marks else written
    if not code([line for at, line in enumerate(new) if at not in marks]):
        return Unfilled("The code block holds no code.")
    new = indented_as(old, new)
    try:
        whole = _fragment(old, outline(old, {}), outline(new, marks)) if marks else _whole(old, new)
    except Refused as refused:
        return Unfilled(str(refused))
    arrived = {line.strip() for line in whole.split("\n")}
    lost = next(
        (line.strip() for at, line in enumerate(new) if at not in marks and line.strip() not in arrived), ""
    )
    return Unfilled(f"It isn't clear where `{lost}` goes.") if lost else whole


def _whole(old_lines: list[str], new_lines: list[str]) -> str:
    """A text without markers: the whole file where nothing vanishes, else a part of it."""
    old, new = outline(old_lines, {}), outline(new_lines, {})
    try:
        _resembles(old, new, old_lines, new_lines)
        level(old, new, "", lenient=False)
    except Refused as refused:
        try:
            return _appended(old_lines, new_lines) or _fragment(old_lines, old, new)
        except Unplaced:
            raise refused from None
    return "\n".join(new_lines)


def _resembles(old: list[Statement], new: list[Statement], old_lines: list[str], new_lines: list[str]) -> None:
    """Refuses what can't be meant as the whole file."""
    before, after = Counter(substance(old_lines)), Counter(substance(new_lines))
    names = {item.name for item in old if item.name}
    if (before & after).total() * 3 < before.total() and not (names and names <= {item.name for item in new}):
        raise Unplaced("The code block has too little in common with the file to tell where it goes.")


def _appended(old_lines: list[str], new_lines: list[str]) -> str | None:
    """The file with more behind it, if the text begins with at least two of its last lines and goes on."""
    old = "\n".join(line.rstrip() for line in old_lines).rstrip().split("\n")
    new = "\n".join(line.rstrip() for line in new_lines).strip("\n").split("\n")
    shared = _overlap(old, new)
    if shared == len(new) or len(code(new[:shared])) < 2:
        return None
    return "\n".join([*old_lines[: len(old)], *new[shared:], ""])


def _overlap(old: list[str], new: list[str]) -> int:
    """The most last lines of the one that are first lines of the other, by Knuth, Morris and Pratt."""
    border = [0] * len(new)
    """For each line the most lines that both end with it and begin the text, fewer than all up to it."""
    length = 0
    for at in range(1, len(new)):
        while length and new[at] != new[length]:
            length = border[length - 1]
        length += new[at] == new[length]
        border[at] = length
    length = 0
    for line in old:
        while length and (length == len(new) or line != new[length]):
            length = border[length - 1]
        length += line == new[length]
    return length


def _fragment(old_lines: list[str], old: list[Statement], new: list[Statement]) -> str:
    """The file with the block that the text is for merged."""
    home = _home(old, new)
    brought = [item for item in new if item.is_import and home is not old]
    merged = level(home, [item for item in new if item not in brought], home[0].margin, lenient=True)
    top = old_lines[: home[0].top]
    if brought := missing(brought, old):
        last = last_import(old)
        if not last or old[last - 1].end > len(top):
            refuse(brought[0], "it isn't clear where this import goes")
        top[old[last - 1].end : old[last - 1].end] = written(brought, "")
    lines = top + merged + old_lines[home[-1].end :]
    if balance(lines) != balance(old_lines):
        raise Refused(
            "The file's brackets don't match after the change; close what is opened, around markers too."
        )
    return "\n".join(lines)


def _home(old: list[Statement], new: list[Statement]) -> list[Statement]:
    """The level of the file that the text's statements are of."""
    own = [item for item in new if not item.mark and not item.is_import and not item.is_comment]
    top = {feature for item in old for feature in (item.text, item.name)}
    if not own or any(item.text in top or (item.name and item.name in top) for item in own):
        return old
    names = {item.name for item in own if item.defines}
    levels = [part.inner for item in walk(old) for part in item.parts]
    homes = [level for level in levels if any(item.defines and item.name in names for item in level)]
    if len(homes) > 1:
        texts = {item.text for item in own}
        homes = [level for level in homes if any(item.text in texts for item in level)] or homes
    if len(homes) > 1:
        refuse(own[0], "the file has several definitions of that name; write it with the class around it")
    if homes:
        return homes[0]
    if any(item.mark for item in new):
        return old
    raise Unplaced(f"Nothing in the file is what `{own[0].text}` could be meant for.")
