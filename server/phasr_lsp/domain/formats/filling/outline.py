"""Code as a tree of statements, by indentation and brackets alone, whatever the language.

A statement is a line, the deeper lines below it, and the lines that go on with it at its own depth (`}`, `else:`,
`</div>`, `) {`), each with deeper lines of its own. Comments and decorators right above a statement belong to it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from phasr_lsp.domain.formats.filling.lines import PREPROCESSOR, balance, comment, indent, substance
from phasr_lsp.domain.formats.filling.naming import is_import, named

_DEEPEST = 60
"""Levels of nesting; what is deeper is flat, so that no text exhausts the stack."""
_TAB = 4
"""Columns; only for comparing depths."""

_DECORATOR = re.compile(
    r"@[\w.]+(?!\w)(?!\s*[-+*/|]*=)(?!.*(?:[^(]\{|;)$)|#!?\[|\[[A-Z][\w.]*(?:\(.*\))?\]$|template\s*<"
)
_CONTINUATION = re.compile(
    r"[}\])]|</|/?>$|\{$|(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|end|fi|done|esac|until)\b"
)
_OPENS = re.compile(r"(?:[{(\[:>]|=>|\b(?:do|then))$")
_QUOTE = re.compile(r"\"\"\"|'''|(?<!\\)`")
_OPENS_TEMPLATE = re.compile(r"(?:[=(,:{\[+?>\w]|return)\s*$")


@dataclass
class Part:
    """A line of a statement at the statement's own depth, and what is deeper below it."""

    top: int
    """The first of the blank lines above it, or the line itself."""
    at: int
    inner: list["Statement"] = field(default_factory=list["Statement"])


@dataclass
class Statement:
    """A statement of a text; places are line indexes, ends are exclusive."""

    source: list[str] = field(repr=False)
    """All lines of the text."""
    top: int
    """The first of the blank lines above it, or its first line."""
    start: int
    """Its first line; comments and decorators that lead it are above the head."""
    parts: list[Part]
    end: int
    mark: str = ""
    """What stands here for old lines, as the caller named it; "" for code."""
    text: str = ""
    """The head without indentation and trailing comma."""
    name: str | None = None
    """What tells it from its siblings, if anything does: the name it defines, assigns or imports."""
    defines: bool = False
    """Whether it is a function, a class or another block with a name."""
    marked: bool = False
    """Whether it is a mark or has one in it, at any depth."""

    @property
    def head(self) -> int:
        return self.parts[0].at

    @property
    def inner(self) -> list["Statement"]:
        """What stands directly below any of its parts."""
        return [statement for part in self.parts for statement in part.inner]

    @property
    def margin(self) -> str:
        """Its indentation."""
        return indent(self.source[self.head])

    @property
    def blank(self) -> list[str]:
        return self.source[self.top : self.start]

    @property
    def lead(self) -> list[str]:
        return self.source[self.start : self.head]

    @property
    def lines(self) -> list[str]:
        """Head and all that follows, without the lead."""
        return self.source[self.head : self.end]

    @property
    def is_import(self) -> bool:
        return is_import(self.text)

    @property
    def is_comment(self) -> bool:
        return comment(self.text)

    @property
    def leads(self) -> bool:
        """Whether it could belong to a statement below it."""
        return not self.mark and (self.is_comment or _DECORATOR.match(self.text) is not None)

    def apart(self, comments: list[str]) -> "tuple[Statement, Statement]":
        """The comments that its lead begins with as a statement of their own, and the rest."""
        end = next(
            at
            for at in range(self.start, self.head + 1)
            if len(substance(self.source[self.start : at])) == len(comments)
        )
        above = replace(self, parts=[Part(self.top, end - 1)], end=end, text=self.source[end - 1].strip())
        above.name, above.defines = None, False
        return above, replace(self, top=end, start=end)

    def moved_to(self, margin: str, start: int, end: int) -> list[str]:
        """Lines of its text with another indentation instead of its own."""
        mine = self.margin
        if mine == margin:
            return self.source[start:end]
        return [
            margin + line[len(mine) :] if line.strip() and line.startswith(mine) else line
            for line in self.source[start:end]
        ]


def outline(lines: list[str], marks: Mapping[int, str]) -> list[Statement]:
    """The statements of a text; `marks` holds the lines that stand for something, and what for."""
    return _Builder(lines, marks).statements()


def walk(statements: list[Statement]) -> Iterator[Statement]:
    """The statements and all that is in them."""
    waiting = statements[::-1]
    while waiting:
        statement = waiting.pop()
        yield statement
        waiting += statement.inner[::-1]


def _width(line: str) -> int:
    return len(indent(line).expandtabs(_TAB))


class _Builder:
    """One pass over the lines with the statements that are still open on a stack."""

    def __init__(self, lines: list[str], marks: Mapping[int, str]) -> None:
        self.lines = lines
        self.marks = marks
        self.roots: list[Statement] = []
        self.open: list[tuple[int, Statement]] = []
        """With the width of their indentation; it rises."""
        self.filled: list[int] = [index for index, line in enumerate(lines) if line.strip()]
        self.quoted = _quoted(lines)
        self.firm = self._firm()

    def statements(self) -> list[Statement]:
        last = -1
        for index in self.filled:
            width = self._settled(index, last)
            while self.open and self.open[-1][0] > width:
                self._close(last)
            if not self._continues(index, width, last):
                if self.open and self.open[-1][0] == width:
                    self._close(last)
                self._add(self._new(index, last + 1), width)
            last = index
        while self.open:
            self._close(last)
        return self.roots

    def _new(self, index: int, top: int) -> Statement:
        return Statement(self.lines, top, index, [Part(top, index)], index + 1, self.marks.get(index, ""))

    def _loose(self, index: int) -> bool:
        """Whether a line's own indentation says little, as of comments, which often stand at the margin."""
        line = self.lines[index].strip()
        return index in self.marks or comment(line) or PREPROCESSOR.match(line) is not None

    def _firm(self) -> list[int]:
        """For each line the next one, from itself on, whose indentation counts; -1 for none."""
        found = [-1] * (len(self.lines) + 1)
        for index in range(len(self.lines) - 1, -1, -1):
            counts = self.lines[index].strip() and not self._loose(index)
            found[index] = index if counts else found[index + 1]
        return found

    def _settled(self, index: int, last: int) -> int:
        """The width of a line's indentation; of a loose line, that of the place where it stands."""
        width = _width(self.lines[index])
        top = self.open[-1][0] if self.open else 0
        if self.quoted[index] >= 0:
            width = max(width, _width(self.lines[self.quoted[index]]) + 1)
        elif last >= 0 and self._loose(index):
            width = self._loose_width(index, width, top, self.lines[last].strip())
        return min(width, top) if len(self.open) >= _DEEPEST else width

    def _loose_width(self, index: int, width: int, previous: int, above: str) -> int:
        following = self.firm[index]
        below = _width(self.lines[following]) if following >= 0 else -1
        closer = following >= 0 and _CONTINUATION.match(self.lines[following].strip()) is not None
        opened = _OPENS.search(above) is not None and not comment(above)
        if below > previous:
            return below if opened or width > previous else width
        between = closer and below == previous
        if (opened and width > previous) or (between and (opened or width > previous)):
            return max(width, previous + 1)
        lowest = below + 1 if closer and below < previous else max(below, 0)
        levels = [level for level, _ in self.open if level >= lowest]
        return max((level for level in levels if level <= width), default=min(levels, default=previous))

    def _continues(self, index: int, width: int, last: int) -> bool:
        """Whether the line goes on with the innermost open statement; it is added to it then."""
        line = self.lines[index].strip()
        if not self.open or self.quoted[index] >= 0 or index in self.marks or not _CONTINUATION.match(line):
            return False
        depth, statement = self.open[-1]
        unclosed = line[0] in "}])" and balance([self.lines[statement.parts[-1].at]]) > 0
        remark = statement.mark or comment(self.lines[statement.head].strip())
        if remark or (depth != width and not unclosed):
            return False
        statement.parts.append(Part(last + 1, index))
        return True

    def _add(self, statement: Statement, width: int) -> None:
        siblings = self.open[-1][1].parts[-1].inner if self.open else self.roots
        if siblings and not statement.mark and self._leads(siblings[-1], statement):
            lead = siblings.pop()
            statement.top, statement.start = lead.top, lead.start
        siblings.append(statement)
        self.open.append((width, statement))

    def _leads(self, above: Statement, statement: Statement) -> bool:
        return above.leads and above.end == statement.top == statement.head

    def _close(self, last: int) -> None:
        _, statement = self.open.pop()
        statement.end = last + 1
        statement.text = self.lines[statement.head].strip().rstrip(",")
        statement.marked = bool(statement.mark) or any(inner.marked for inner in statement.inner)
        if not statement.mark and self.quoted[statement.head] < 0:
            found = named(statement.text, statement.lines, len(statement.parts) > 1 or bool(statement.inner))
            statement.name, statement.defines = found


def _quoted(lines: list[str]) -> list[int]:
    """For each line that begins inside a string over several lines, the line where that opens; else -1."""
    templates = sum(line.count("`") for line in lines) % 2 == 0
    inside: list[int] = []
    quote, opener = "", -1
    for index, line in enumerate(lines):
        inside.append(opener if quote else -1)
        if not quote and comment(line.strip()):
            continue
        for found in _QUOTE.finditer(line):
            if quote:
                quote = "" if found[0] == quote else quote
            elif found[0] != "`" or (
                templates and _OPENS_TEMPLATE.search(line[max(found.start() - 10, 0) : found.start()])
            ):
                quote, opener = found[0], index
    return inside
