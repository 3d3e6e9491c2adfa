"""Merging one block of a lazy text into the file's, and what is in its statements."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from phasr_lsp.domain.diff import differing_blocks
from phasr_lsp.domain.formats.filling.anchors import anchors
from phasr_lsp.domain.formats.filling.doubts import (
    MOST_SHRINKING,
    Refused,
    are_strangers,
    compare,
    refuse,
    remarks,
    renamed,
    vanishes,
)
from phasr_lsp.domain.formats.filling.lines import balance, indent, substance
from phasr_lsp.domain.formats.filling.markers import KEEP, REMOVE
from phasr_lsp.domain.formats.filling.outline import Part, Statement, walk

_FIRST = re.compile(r"package\b|[\"']use |[\"']{3}|<\?|namespace\s+[\w.\\]+;|module\b|from __future__")
"""What no code may stand above."""


class Unplaced(Refused):
    """Nothing in the text is in the file."""


@dataclass(frozen=True)
class _Level:
    """A block of the file and the text's for it."""

    old: list[Statement]
    new: list[Statement]
    pairs: list[tuple[int, int]]
    """Indexes of the anchors."""
    margin: str
    """The block's indentation."""
    lenient: bool
    """Whether the text may be for a part of the block alone."""

    @cached_property
    def partial(self) -> bool:
        """Whether the text, without markers here, shows too little of the block to be meant for all of it."""
        shown = {at for at, _ in self.pairs}
        own = [at for at, item in enumerate(self.old) if not item.is_import and not item.is_comment]
        covered = own and own[0] in shown and len(self.old) - 1 in shown
        return not covered and 2 * sum(at in shown for at in own) <= len(own)

    @cached_property
    def definitions(self) -> set[str | None]:
        return {item.name for item in self.old if item.defines}

    @cached_property
    def remarks(self) -> set[str]:
        """The comments that the text has on this level."""
        return {line for item in self.new for line in remarks(item)}

    @cached_property
    def moved(self) -> Counter[tuple[str, ...]]:
        """The text's statements that are no anchors."""
        paired = {at for _, at in self.pairs}
        return Counter(tuple(substance(item.lines)) for at, item in enumerate(self.new) if at not in paired)


@dataclass(frozen=True)
class _Gap:
    """What is between two anchors of a level, or between one and the level's end."""

    level: _Level
    old: list[Statement]
    new: list[Statement]
    above: Statement | None
    """The anchor above, in the file."""
    below: Statement | None

    @property
    def first(self) -> bool:
        return self.above is None

    @property
    def last(self) -> bool:
        return self.below is None

    @property
    def stays(self) -> bool:
        """Whether the file's statements stay if the text has nothing here."""
        if not self.level.lenient:
            return False
        if self.first and all(item.is_import or item.is_comment or _FIRST.match(item.text) for item in self.old):
            return True
        return self.level.partial and not any(item.mark for item in self.level.new)

    @property
    def removes(self) -> bool:
        return any(item.mark == REMOVE for item in self.new)

    @property
    def keeps_below(self) -> bool:
        """Whether what is just above the anchor below is the file's."""
        return self.new[-1].mark == KEEP if self.new else bool(self.stays and self.old)

    def bare(self, new: Statement) -> bool:
        """Whether `new`, which is the anchor below, may come without the comments that it has in the file."""
        if self.keeps_below or not self.below:
            return True
        if self.new:
            return False
        lazy = new.marked and self.level.remarks.isdisjoint(substance(self.below.lead))
        return lazy or (self.level.lenient and self.first)


def level(old: list[Statement], new: list[Statement], margin: str, *, lenient: bool) -> list[str]:
    """The lines of a block; `margin` is its indentation, `lenient` keeps what the text leaves out at its ends.

    Raises Refused where it isn't certain what they are.
    """
    old = _with_own_leads(old, new)
    merged = _Level(old, new, anchors(old, new), margin, lenient)
    if lenient and not merged.pairs and not any(item.mark for item in new):
        raise Unplaced("Nothing in the code block is in the file.")
    brought = {id(item) for item in missing([item for item in new if item.is_import], old)}
    marked = any(item.mark for item in new)
    lines: list[str] = []
    old_from = new_from = 0
    above: Statement | None = None
    for at_old, at_new in [*merged.pairs, (len(old), len(new))]:
        between = [item for item in new[new_from:at_new] if not item.is_import or id(item) in brought]
        below = old[at_old] if at_old < len(old) else None
        gap = _Gap(merged, old[old_from:at_old], between, above, below)
        lines += _filled_gap(gap)
        if below:
            at_top = lenient and not at_old and not at_new
            lines += below.blank if at_top or gap.keeps_below else new[at_new].blank
            lines += _statement(below, new[at_new], bare=gap.bare(new[at_new]), complete=marked)
        above, old_from, new_from = below, at_old + 1, at_new + 1
    return lines


def _with_own_leads(old: list[Statement], new: list[Statement]) -> list[Statement]:
    """The file's statements, those apart from their comments whose comments stand alone in the text."""
    alone = [substance(item.source[item.start : item.end]) for item in new if item.leads]
    firsts = {lines[0]: lines for lines in alone if lines}
    if not firsts:
        return old
    ours, theirs = (Counter(line for item in side for line in _leading(item)) for side in (old, new))
    split: list[Statement] = []
    for item in old:
        lines = firsts.get(next(iter(substance(item.lead)), ""), [])
        once = all(ours[line] == theirs[line] == 1 for line in lines)
        if lines and once and substance(item.lead)[: len(lines)] == lines:
            split += item.apart(lines)
        else:
            split.append(item)
    return split


def _leading(item: Statement) -> list[str]:
    """The comments and decorators that a statement begins with or is."""
    return substance(item.source[item.start : item.end] if item.leads else item.lead)


def _filled_gap(gap: _Gap) -> list[str]:
    """What comes between two anchors."""
    marks = [at for at, item in enumerate(gap.new) if item.mark]
    written = [item for item in gap.new if not item.mark]
    if not marks:
        return _unmarked(gap)
    if gap.removes and gap.old and any(item.mark == KEEP for item in gap.new):
        refuse(gap.old[0], "markers for what stays and for what goes leave open which of them it is")
    if gap.removes and not gap.old:
        refuse(gap.new[marks[0]], "there is nothing that it could remove")
    meant = [*gap.old, gap.below] if gap.below else gap.old
    remarked = {line.strip() for item in meant for line in remarks(item)}
    if again := next((item for item in written if item.is_comment and item.text.strip() in remarked), None):
        refuse(again, "the file has the same comment among what the marker stands for; show what is around it")
    if gap.removes or not gap.old:
        return _inserted(written, gap)
    above, below = gap.new[: marks[0]], gap.new[marks[-1] + 1 :]
    amid = [item for item in gap.new[marks[0] : marks[-1]] if not item.mark]
    are_strangers(above, gap.old)
    are_strangers(below, gap.old[::-1])
    start = _below_top(above, gap) if gap.first else 0
    middle = _behind_imports(amid, gap, marks) if amid else start
    kept = _kept(gap.old[:start]) + _inserted(above, gap)
    if above and not gap.old[start].blank:
        kept += gap.new[marks[0]].blank
    kept += _kept(gap.old[start:middle]) + _inserted(amid, gap) + _kept(gap.old[middle:])
    return (_with_comma(kept, gap) if below else kept) + _inserted(below, gap)


def _kept(old: list[Statement]) -> list[str]:
    """The file's lines of some statements in a row."""
    return old[0].source[old[0].top : old[-1].end] if old else []


def _behind_imports(amid: list[Statement], gap: _Gap, marks: list[int]) -> int:
    """How many of the old statements are above new ones that have a marker on both sides."""
    last = last_import(gap.old)
    of_imports = "import" in gap.new[marks[0]].text.lower() and len(marks) == 2
    if not last or not (of_imports or all(item.is_import for item in amid)):
        refuse(
            amid[0],
            f"between its markers it could go anywhere among {len(gap.old)} statements of the file, from "
            f"`{gap.old[0].text}` on; show the lines that it stands between",
        )
    return last


def _below_top(above: list[Statement], gap: _Gap) -> int:
    """How many of the block's first statements stay above new ones that are written above a marker."""
    if all(item.is_comment for item in above):
        return 0
    first = next((at for at, item in enumerate(gap.old) if item.is_import), None)
    if all(item.is_import for item in above) and first is not None:
        return first
    if first == 0 or _FIRST.match(gap.old[0].text) or (gap.level.lenient and gap.old[0].is_comment):
        refuse(above[0], "it can't stand above the first lines; show what it follows")
    return 0


def _unmarked(gap: _Gap) -> list[str]:
    """What comes between two anchors where the text has no markers."""
    if not gap.old:
        return _inserted(gap.new, gap)
    if not gap.stays:
        return _replaced(gap) if gap.new else _vanished(gap)
    brought = [item for item in gap.new if item.is_import]
    others = [item for item in gap.new if not item.is_import]
    last = last_import(gap.old)
    if brought and not last and not (gap.above and gap.above.is_import):
        refuse(brought[0], "it isn't clear where this import goes")
    if others and (gap.first == gap.last or not all(item.defines for item in others)):
        refuse(others[0], f"it may be new or be meant for `{gap.old[0].text}`; show what is around it")
    are_strangers(others, gap.old[::-1] if gap.first else gap.old)
    kept = _kept(gap.old[:last]) + _inserted(brought, gap) + _kept(gap.old[last:])
    return kept + _inserted(others, gap) if gap.first else _inserted(others, gap) + kept


def _vanished(gap: _Gap) -> list[str]:
    """Nothing, where all of the old statements stand elsewhere in the block now."""
    for item in gap.old:
        statement = tuple(substance(item.lines))
        if not gap.level.moved[statement]:
            vanishes(item.text)
        gap.level.moved[statement] -= 1
    return []


def _replaced(gap: _Gap) -> list[str]:
    """New statements without a marker, in the place of old ones."""
    old, new = gap.old, gap.new
    left_out = next((item for item in new if item.marked), None)
    if left_out and len(old) == len(new) == 1 and not old[0].defines:
        return new[0].blank + _statement(old[0], new[0], bare=False, complete=False)
    if left_out:
        refuse(left_out, "it isn't clear for which part of the file its markers stand")
    doing = [item for item in new if not item.is_comment]
    if doing and all(item.defines for item in doing) and not any(item.defines for item in old):
        vanishes(old[0].text)
    names = {item.name for item in walk(new)}
    for item in old:
        if item.defines and item.name not in names and not renamed(item, new):
            vanishes(item.text)
    compare(
        old[0].source[old[0].start : old[-1].end],
        new[0].source[new[0].start : new[-1].end],
        MOST_SHRINKING if len(doing) >= len(old) else 1,
    )
    return _inserted(new, gap)


def _inserted(new: list[Statement], gap: _Gap) -> list[str]:
    """The lines of new statements."""
    for item in new:
        inner = (inner for inner in walk([item]) if inner.mark)
        if any(mark.text not in {"...", "…"} for mark in inner):
            refuse(item, "it leaves code out, but there is nothing like it in the file")
        known = item.defines and item.name in gap.level.definitions
        if known and gap.old and any(other.mark for other in gap.new):
            refuse(item, "the file has a definition of that name already")
    return written(new, gap.level.margin)


def written(new: list[Statement], margin: str) -> list[str]:
    """The lines of some statements of the text, with `margin` as their indentation."""
    return [line for item in new for line in item.blank + item.moved_to(margin, item.start, item.end)]


def _with_comma(kept: list[str], gap: _Gap) -> list[str]:
    """The lines, with a comma after what was the last item of a list and no longer is."""
    if gap.old[-1] is not gap.level.old[-1] or not kept[-1].strip() or kept[-1].rstrip().endswith(","):
        return kept
    ends = [item.source[item.end - 1].rstrip() for item in gap.level.old[:-1]]
    listed = ends and all(end.endswith(",") for end in ends)
    if listed or re.match(r"\s*\"[^\"]*\"\s*:", gap.old[-1].lines[0]):
        return [*kept[:-1], kept[-1].rstrip() + ","]
    return kept


def missing(brought: list[Statement], old: list[Statement]) -> list[Statement]:
    """The imports that the file doesn't have."""
    if not brought:
        return []
    present = {tuple(substance(item.lines)) for item in old if item.is_import}
    return [item for item in brought if tuple(substance(item.lines)) not in present]


def last_import(old: list[Statement]) -> int:
    """The number of statements up to and with the last import; 0 if there is none."""
    return max((at + 1 for at, item in enumerate(old) if item.is_import), default=0)


def _statement(old: Statement, new: Statement, *, bare: bool, complete: bool) -> list[str]:
    """A statement of the file as the text has it; `bare` forgives that it comes without its comments.

    `complete` says that the text marks what it leaves out around it: a definition without a marker is all there.
    """
    lead = old.lead
    if new.lead:
        compare(lead, new.lead, 1)
        lead = new.moved_to(old.margin, new.start, new.head)
    elif lead and not bare:
        vanishes(lead[0])
    if [line.strip() for line in old.lines] == [line.strip() for line in new.lines]:
        return lead + old.lines
    if complete and old.defines and not new.marked and _definitions(old) <= _definitions(new):
        if balance(old.lines) != balance(new.lines):
            refuse(new, "its brackets don't match those of the file")
        return lead + new.moved_to(old.margin, new.head, new.end)
    merged = _parts(old, new)
    if new.marked:
        if merged is None:
            refuse(new, "its lines are too unlike those of the file to tell what its markers stand for")
        return lead + merged
    if merged is None:
        compare(old.lines, new.lines, 1)
    if balance(old.lines) != balance(new.lines):
        refuse(new, "its brackets don't match those of the file")
    return lead + new.moved_to(old.margin, new.head, new.end)


def _definitions(item: Statement) -> set[str | None]:
    return {inner.name for inner in walk([item]) if inner.defines}


def _parts(old: Statement, new: Statement) -> list[str] | None:
    """A statement's own lines and what is below each; None if it isn't clear which of them are the same."""
    ours, theirs = _own_lines(old), _own_lines(new)
    pairs: list[tuple[int | None, int]] = []
    old_from = new_from = 0
    ends = (len(ours), len(ours), len(theirs), len(theirs))
    for old_start, old_end, new_start, new_end in [*differing_blocks(ours, theirs), ends]:
        pairs += zip(range(old_from, old_start), range(new_from, new_start), strict=True)
        if old_start < old_end and old_end - old_start != new_end - new_start:
            return None
        inserted = [None] * (new_end - new_start)
        pairs += zip(
            range(old_start, old_end) if old_start < old_end else inserted, range(new_start, new_end), strict=True
        )
        old_from, new_from = old_end, new_end
    lines: list[str] = []
    for at_old, at_new in pairs:
        below_marker = at_new > 0 and any(item.mark for item in new.parts[at_new - 1].inner[-1:])
        merged = _part(old, None if at_old is None else old.parts[at_old], new, new.parts[at_new], below_marker)
        if merged is None:
            return None
        lines += merged
    return lines


def _own_lines(item: Statement) -> list[str]:
    """The lines of a statement's parts; all heads are alike."""
    return ["", *(item.source[part.at].strip().rstrip(",") for part in item.parts[1:])]


def _part(old: Statement, mine: Part | None, new: Statement, part: Part, below_marker: bool) -> list[str] | None:
    """A part of a statement with what is below it; None if it isn't clear what its markers stand for."""
    end = part.inner[-1].end if part.inner else part.at + 1
    holds_marks = any(item.marked for item in part.inner)
    if mine is None:
        return None if holds_marks else new.moved_to(old.margin, part.top, end)
    before, after = old.source[mine.at], new.source[part.at]
    same = before.strip() == after.strip()
    if holds_marks and not same and before.strip()[-1] != after.strip()[-1]:
        return None
    blank = old.source[mine.top : mine.at] if below_marker else new.source[part.top : part.at]
    lines = blank if mine is not old.parts[0] else []
    lines += [before] if same else new.moved_to(old.margin, part.at, part.at + 1)
    if mine.inner or not part.inner:
        margin = mine.inner[0].margin if mine.inner else ""
    else:
        margin = indent(before) + part.inner[0].margin.removeprefix(indent(after))
    inner = level(mine.inner, part.inner, margin, lenient=False)
    return lines + (inner if holds_marks else new.moved_to(old.margin, part.at + 1, end))
