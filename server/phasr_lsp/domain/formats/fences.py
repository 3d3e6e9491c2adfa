"""The code blocks of a reply."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from phasr_lsp.domain.formats.marks import closes_fence, may_fence, opened_fence
from phasr_lsp.domain.formats.thoughts import without_thinking


@dataclass(frozen=True)
class Fence:
    """A Markdown code block."""

    info: str
    """What stands behind the opening fence."""
    above: tuple[str, ...]
    """The lines that aren't blank between this block and the one before it, stripped."""
    reply: str = field(repr=False)
    start: int
    """The offsets in the reply between which its lines stand."""
    end: int
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
    above: list[str] = []
    opened = info = ""
    depth = start = 0
    for begin, end in _lines(reply):
        line = reply[begin:end]
        mark = opened_fence(line) if may_fence(line) else ""
        if not depth:
            if mark:
                opened, depth, start = mark, 1, end + 1
                info = line[len(mark) :].strip()
            elif line.strip():
                above.append(line.strip())
        elif may_fence(line):
            if closes_fence(line, opened):
                depth -= 1
            elif mark and mark.lstrip().startswith(opened.lstrip()) and line.strip() != mark.strip():
                depth += 1
            if not depth:
                found.append(Fence(info, tuple(above), reply, start, begin, _indent(opened)))
                above = []
    open_block = Fence(info, tuple(above), reply, min(start, len(reply)), len(reply), _indent(opened))
    return Fences(tuple(found), open_block if depth else None)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where each line begins and ends, its ending left out."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield start, end
        start = end + 1
    yield start, len(text)


def _indent(opened: str) -> str:
    return opened[: len(opened) - len(opened.lstrip())]
