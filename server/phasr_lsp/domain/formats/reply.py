"""What all formats share: the files a reply may speak of, and the shapes that surround its edits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from phasr_lsp.domain.text import FileText, Span, to_lf


@dataclass(frozen=True)
class Files:
    """What the model was shown, and what it may change."""

    target: FileText
    """The file that the task's result goes into."""
    region: Span | None = None
    """Where in the target; None for anywhere in it."""
    name: str = ""
    """The definition that stands in the region; "" where there is none."""
    imports: Span = Span(0, 0)
    """The target's import statements, or the empty span where new ones belong."""
    import_words: tuple[str, ...] = ()
    """Words with which an import statement begins in the target's language."""
    others: Mapping[str, FileText] = field(default_factory=dict[str, FileText])
    """Further files by name."""

    def named(self, name: str) -> FileText | None:
        """The file that a reply means by `name`: also with back-ticks, a bullet, or without its folder
        where that leaves exactly one."""
        wish = name.strip().strip("`*\"'").removeprefix("./").replace("\\", "/").rstrip(":")
        known = {self.target.name: self.target, **self.others}
        if wish in known:
            return known[wish]
        ends = [file for key, file in known.items() if key.endswith("/" + wish) or wish.endswith("/" + key)]
        return ends[0] if len(ends) == 1 else None


@dataclass(frozen=True)
class Malformed:
    """A reply without a usable edit, with what the model is told about it."""

    reason: str


@dataclass(frozen=True)
class Fence:
    """A Markdown code block."""

    info: str
    """What stands behind the opening fence."""
    text: str
    """LF line endings; the last line ends with one unless the block is empty."""
    before: str
    """The last line that isn't blank above the block."""


_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?</\1>\s*", re.DOTALL | re.IGNORECASE)
_UNOPENED = re.compile(r"\A(?:(?!<think).)*?</(?:think|thinking)>\s*", re.DOTALL | re.IGNORECASE)
_OPENING = re.compile(r"^( {0,3})(`{3,}|~{3,})([^`]*)$")


def without_thinking(reply: str) -> str:
    """The reply without what the model thought aloud; that never reaches a file."""
    text = _THINKING.sub("", to_lf(reply))
    if re.search(r"</think(ing)?>", text, re.IGNORECASE):
        text = _UNOPENED.sub("", text)
    return re.split(r"^<think(?:ing)?>\s*$", text, maxsplit=1, flags=re.MULTILINE | re.IGNORECASE)[0]


def fences(reply: str) -> list[Fence] | Malformed:
    """The code blocks of a reply, fences of any length; a block that never closes is malformed."""
    found: list[Fence] = []
    lines = without_thinking(reply).split("\n")
    above = ""
    at = 0
    while at < len(lines):
        opening = _OPENING.match(lines[at])
        if not opening:
            above = lines[at] if lines[at].strip() else above
            at += 1
            continue
        mark = opening[2]
        closing = re.compile(rf"^ {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}\s*$")
        end = next((index for index in range(at + 1, len(lines)) if closing.match(lines[index])), None)
        if end is None:
            return Malformed("The code block isn't closed: the reply seems to be cut off.")
        body = lines[at + 1 : end]
        found.append(Fence(opening[3].strip(), "".join(line + "\n" for line in body), above.strip()))
        above = ""
        at = end + 1
    return found
