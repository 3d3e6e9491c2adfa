"""Text as the editor holds it, and places in it.

Offsets count Unicode code points from the start of the text; lines end at LF, CRLF or CR and at nothing else,
as the Language Server Protocol has it (`str.splitlines` also splits at form feeds and U+2028).
"""

import re
from dataclasses import dataclass, field

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_ENDING = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, order=True)
class Span:
    """A half-open range of code-point offsets."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    @property
    def empty(self) -> bool:
        return self.start == self.end

    def of(self, text: str) -> str:
        return text[self.start : self.end]


@dataclass(frozen=True)
class FileText:
    """A file as it was at one moment: the open buffer where there is one, the disk otherwise."""

    uri: str
    name: str
    """The path relative to its workspace folder with forward slashes; what a model gets to see."""
    text: str = field(repr=False)
    language: str
    """A key of the language table, or "" where the language isn't known."""
    version: int | None = None
    """The buffer's version; None for a file that isn't open."""
    exists: bool = True
    """False for a file that is to be created; its text is empty then."""


@dataclass(frozen=True)
class Lookup:
    """What there is of a file that a reply names."""

    found: FileText | str
    """The file, be it there or not, or a sentence that says why it may not be used."""
    has_folder: bool = False
    """Whether the folder is there in which it is, or would be; False for a file that may not be used."""


def split_lines(text: str) -> list[str]:
    """Lines with their endings; the last one may lack its ending, and an empty text has none."""
    return _LINE.findall(text)


def bare(line: str) -> str:
    """The line without its ending."""
    return line.rstrip("\r\n")


def to_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def line_start(text: str, offset: int) -> int:
    """The offset at which the line that holds `offset` begins."""
    offset = _before_ending(text, offset)
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """The offset just behind the line that holds `offset`, its ending included."""
    ending = _ENDING.search(text, offset)
    return ending.end() if ending else len(text)


def line_number(text: str, offset: int) -> int:
    """The line, counted from 1 as people do, that holds `offset`."""
    return len(_ENDING.findall(text, 0, _before_ending(text, offset))) + 1


def _before_ending(text: str, offset: int) -> int:
    """The offset, moved out of the middle of a CRLF, which is one ending."""
    return offset - 1 if text[max(offset - 1, 0) : offset + 1] == "\r\n" else offset


def indentation(text: str) -> str:
    """The white space before the first line that isn't blank."""
    for line in split_lines(text):
        if line.strip():
            return line[: len(line) - len(line.lstrip(" \t"))]
    return ""
