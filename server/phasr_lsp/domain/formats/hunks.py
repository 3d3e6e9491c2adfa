"""Hunks: lines that stay, go and come, as `unified_diff` and `apply_patch` write them.

A hunk stands where its old side stands, found by the ladder like any other text; its line number, its heading and
its place behind the hunk before it only choose between places that are equal otherwise.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from phasr_lsp.domain.formats.draft import Draft, Page
from phasr_lsp.domain.matching import Ambiguous, Match, NotFound, Rung, locate

_PREFIXES = (" ", "+", "-")


@dataclass(frozen=True)
class Hunk:
    lines: tuple[str, ...]
    """As written, each with its prefix; a line without one is context."""
    line: int | None = None
    """Where the old side begins, counted from 1, as the hunk has it."""
    headings: tuple[str, ...] = ()
    """Lines above the hunk that lead to it, outer ones first."""
    strict: bool = True
    """Whether a heading that the file hasn't makes the hunk one for another text."""
    final_newline: bool | None = None
    """Whether the file ends with a newline afterwards, where the hunk changes that."""
    at_end: bool = False
    """Whether it is said to be at the end of the file."""
    line_only: bool = False
    """Whether its line number alone may place it: a program wrote it, and no model."""

    @property
    def old(self) -> list[str]:
        return [_without_prefix(line) for line in self.lines if not line.startswith("+")]

    @property
    def new(self) -> list[str]:
        return [_without_prefix(line) for line in self.lines if not line.startswith("-")]

    @property
    def changes(self) -> bool:
        return any(line.startswith(("+", "-")) for line in self.lines)

    def unprefixed(self) -> tuple[list[str], list[str]]:
        """Both sides, if the context was written without its leading space."""
        old = [line[1:] if line.startswith("-") else line for line in self.lines if not line.startswith("+")]
        new = [line[1:] if line.startswith("+") else line for line in self.lines if not line.startswith("-")]
        return old, new


def _without_prefix(line: str) -> str:
    return line[1:] if line.startswith(_PREFIXES) else line


def apply(hunks: Sequence[Hunk], page: Page, draft: Draft) -> None:
    """Make the hunks in order; what has no certain place is a failure in the draft."""
    behind = grown = 0
    for hunk in hunks:
        if not hunk.changes or draft.hopeless:
            continue
        placed = _replace(hunk, page, draft, behind, grown) if hunk.old else _add(hunk, page, draft, grown)
        if placed is not None:
            page.final_newline = page.final_newline if hunk.final_newline is None else hunk.final_newline
            behind, grown = placed, grown + len(hunk.new) - len(hunk.old)


def _replace(hunk: Hunk, page: Page, draft: Draft, behind: int, grown: int) -> int | None:
    """The index behind what was written; None where it couldn't be placed."""
    old, new = hunk.old, hunk.new
    near = None if hunk.line is None else hunk.line - 1 + grown
    found = locate(page.lines, old, near=near)
    if isinstance(found, NotFound):
        bare_old, bare_new = hunk.unprefixed()
        if isinstance(locate(page.lines, bare_old, lowest=Rung.TRAILING_SPACE), Match):
            old, new = bare_old, bare_new
    within: range | None = None
    end = page.lines.end
    if not any(line.strip() for line in old):
        within = range(end)
    elif hunk.at_end:
        within = range(max(end - len(old), 0), end)
    elif hunk.headings:
        heading = _last_heading(hunk, page)
        if heading is None and hunk.strict:
            draft.fail(f"`{page.name}` has no line `{hunk.headings[-1]}` before this hunk:\n{_quoted(hunk)}")
            return None
        if heading is not None and isinstance(found, Ambiguous):
            within = _one_of(page, old, range(heading + 1, len(page.lines.items)), _inside(page, heading))
    elif isinstance(found, Ambiguous) and hunk.line is None:
        within = _one_of(page, old, range(behind, len(page.lines.items)))
    match = draft.replace(page, old, new, near=near, within=within)
    return None if match is None else match.first + len(new)


def _one_of(page: Page, old: Sequence[str], *ranges: range) -> range | None:
    """The first of the ranges in which the text stands once."""
    return next((each for each in ranges if isinstance(locate(page.lines, old, within=each), Match)), None)


def _last_heading(hunk: Hunk, page: Page) -> int | None:
    """The index of the innermost heading's line, each looked for behind the one before; None where one isn't."""
    at: int | None = -1
    for heading in hunk.headings:
        at = _heading(page, heading, at + 1)
        if at is None:
            return None
    return at


def _heading(page: Page, heading: str, start: int = 0) -> int | None:
    """The index of the first line from `start` on that is the heading, or else begins with it; None for none."""
    wish = heading.strip()
    alike = page.lines.places(str.strip, [wish], range(start, len(page.lines.items)))
    if alike:
        return alike[0]
    lines = page.lines.read(str.strip)
    return next((at for at in range(start, len(lines)) if lines[at].startswith(wish)), None)


def _inside(page: Page, heading: int) -> range:
    """The lines below a heading that are indented deeper than it."""
    lines = page.lines.items
    depth = len(lines[heading]) - len(lines[heading].lstrip())
    end = heading + 1
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > depth):
        end += 1
    return range(heading + 1, end)


def _add(hunk: Hunk, page: Page, draft: Draft, grown: int) -> int | None:
    """Lines for a place that no text names: the end of the file, or the one that a program counted."""
    lines = [line[1:] for line in hunk.lines if line.startswith("+")]
    if page.blank:
        at = 0
        page.lines.replace(0, len(page.lines.items), [*lines, ""])
    elif hunk.line is not None and hunk.line_only:
        at = hunk.line + grown
        draft.insert(page, at, lines)
    elif hunk.line is None and not hunk.headings:
        at = len(page.lines.items)
        draft.insert(page, at, lines)
    else:
        draft.fail(f"A hunk of added lines says nothing of what stands around them:\n{_quoted(hunk)}")
        return None
    return at + len(lines)


def _quoted(hunk: Hunk) -> str:
    return "".join(f"| {line}\n" for line in hunk.lines)


def heading_of(text: str) -> str:
    """What a hunk's heading says besides its line numbers."""
    text = re.sub(r"^@@+(?:\s*(?:-?\d+(?:,\d+)?\s+\+?\d+(?:,\d+)?|\.\.\.)\s*)?(?:@@+)?", "", text.strip())
    return text.strip().removesuffix("@@").strip()
