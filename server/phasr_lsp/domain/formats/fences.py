"""The code blocks of a reply."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from phasr_lsp.domain.formats.marks import closes_fence, opened_fence
from phasr_lsp.domain.formats.thoughts import without_thinking


@dataclass(frozen=True)
class Fence:
    """A Markdown code block."""

    info: str
    """What stands behind the opening fence."""
    text: str
    """LF line endings; the last line ends with one unless the block is empty."""
    above: tuple[str, ...]
    """The lines that aren't blank between this block and the one before it, stripped."""


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
    found: list[Fence] = []
    above: list[str] = []
    opened = info = ""
    depth = 0
    body: list[str] = []
    for line in without_thinking(reply).split("\n"):
        mark = opened_fence(line)
        if not depth:
            if mark:
                opened, depth, body = mark, 1, []
                info = line[len(mark) :].strip()
            elif line.strip():
                above.append(line.strip())
            continue
        if closes_fence(line, opened):
            depth -= 1
        elif mark and mark.lstrip().startswith(opened.lstrip()) and line.strip() != mark.strip():
            depth += 1
        if depth:
            body.append(line)
        else:
            found.append(_fence(info, body, above, opened))
            above = []
    return Fences(tuple(found), _fence(info, body, above, opened) if depth else None)


def _fence(info: str, body: list[str], above: list[str], opened: str) -> Fence:
    indent = opened[: len(opened) - len(opened.lstrip())]
    if indent and all(line.startswith(indent) for line in body if line.strip()):
        body = [line.removeprefix(indent) for line in body]
    return Fence(info, "".join(text + "\n" for text in body), tuple(above))
