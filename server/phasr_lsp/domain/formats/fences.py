"""The code blocks of a reply."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from phasr_lsp.domain.formats.marks import WRAPPERS
from phasr_lsp.domain.formats.thoughts import without_thinking

_FENCE = re.compile(
    r"^(?:(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)"
    rf"|(?P<tag></?(?:{WRAPPERS})>)(?P<word>[\w+#-]*))$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Fence:
    """A Markdown code block."""

    info: str
    """What stands behind the opening fence."""
    reply: str = field(repr=False)
    above_from: int
    """The offset in the reply behind the block before this one."""
    above_to: int
    """The offset of the opening fence."""
    start: int
    end: int
    """The offsets between which its lines stand."""
    indent: str = ""
    """The indentation of the fence, which its lines have too."""

    @cached_property
    def text(self) -> str:
        """LF line endings; the last line ends with one unless the block is empty."""
        text = self.reply[self.start : self.end]
        text += "" if not text or text.endswith("\n") else "\n"
        lines = text.split("\n") if self.indent else []
        if lines and all(line.startswith(self.indent) for line in lines if line.strip()):
            return "\n".join(line.removeprefix(self.indent) for line in lines)
        return text

    @cached_property
    def above(self) -> tuple[str, ...]:
        """The lines that aren't blank between this block and the one before it, stripped."""
        lines = self.reply[self.above_from : self.above_to].split("\n")
        return tuple(stripped for line in lines if (stripped := line.strip()))


@dataclass(frozen=True)
class Fences:
    """The code blocks of a reply."""

    closed: tuple[Fence, ...]
    open: Fence | None
    """One that the reply doesn't end."""

    def __iter__(self) -> Iterator[Fence]:
        return iter(self.closed)


@lru_cache(2)
def fences(reply: str) -> Fences:
    """The code blocks of a reply, fences of any length.

    A fence with a language inside a block opens a block within it (models forget to make the outer fence
    longer); what is inside belongs to the outer block.
    """
    reply = without_thinking(reply)
    found: list[Fence] = []
    opening: re.Match[str] | None = None
    behind = depth = 0
    for line in _FENCE.finditer(reply):
        if opening is None:
            if not (line["tag"] or "").startswith("</"):
                opening, depth = line, 1
            continue
        depth += _change(opening, line)
        if not depth:
            found.append(_fence(reply, opening, behind, line.start()))
            opening, behind = None, line.end()
    return Fences(tuple(found), _fence(reply, opening, behind, len(reply)) if opening else None)


def _change(opening: re.Match[str], line: re.Match[str]) -> int:
    """By how much a fence within the block of another one changes how deep it nests."""
    if opening["tag"]:
        return -(line["tag"] == "</" + opening["tag"][1:])
    if not line["mark"] or not line["mark"].startswith(opening["mark"]):
        return 0
    if line["info"].strip():
        return 1
    return -(len(line["indent"]) <= len(opening["indent"]) + 3)


def _fence(reply: str, opening: re.Match[str], behind: int, end: int) -> Fence:
    info = (opening["info"] or opening["word"] or "").strip()
    start = min(opening.end() + 1, len(reply))
    return Fence(info, reply, behind, opening.start(), start, max(end, start), opening["indent"] or "")
