"""The synced buffers: what the editor shows, line by line, with positions in the negotiated encoding.

Knows nothing of files on disk, of tasks or of the wire. Only `\\n`, `\\r\\n` and `\\r` end a line, as LSP says;
`str.splitlines` would also split at form feeds, U+0085 and U+2028 and lose step with the editor.
"""

import io
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import overload
from urllib.parse import unquote

from lsprotocol.types import (
    Position,
    PositionEncodingKind,
    Range,
    TextDocumentContentChangeEvent,
    TextDocumentContentChangePartial,
    TextDocumentItem,
)

from phasr_lsp.domain.errors import RequestError

logger = logging.getLogger(__name__)

CHANGES_KEPT = 64
"""How many changes back a position can come from and still be carried to the present."""

Point = tuple[int, int]
"""Line, and character in it in units of the client's encoding; both from 0."""


class TextLines:
    """A text and its positions; offsets count code points, positions are LSP's in `encoding`."""

    def __init__(self, text: str, encoding: PositionEncodingKind | str = PositionEncodingKind.Utf16) -> None:
        text = _encodable(text)
        self.encoding = PositionEncodingKind(encoding)
        self._lines = split_lines(text)
        self._text: str | None = text
        self._starts = [0]
        """Offsets of the first lines; extended on demand, cut where an edit falls."""

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = "".join(self._lines)
        return self._text

    @property
    def lines(self) -> Sequence[str]:
        """Each with its line ending; the last has none and may be empty. Joined they are the text."""
        return self._lines

    def offset_at(self, position: Position) -> int:
        """The offset of `position`; what lies outside is clamped to its line's end or the text's end.

        A position inside a character goes to the character's start.
        """
        line, column = self._locate(position)
        return self._start_of(line) + column

    def offsets_at(self, place: Range) -> tuple[int, int]:
        """The offsets of a range's start and end, in order."""
        start, end = sorted((self.offset_at(place.start), self.offset_at(place.end)))
        return start, end

    def position_at(self, offset: int) -> Position:
        """The position of `offset`, clamped to the text; inside a line ending it is the line's end."""
        last = len(self._lines) - 1
        self._start_of(last)
        line = max(bisect_right(self._starts, offset) - 1, 0)
        column = max(offset - self._starts[line], 0)
        return Position(line, units_before(self._lines[line], column, self.encoding))

    def range_at(self, start: int, end: int) -> Range:
        """The range from one offset to another."""
        return Range(self.position_at(start), self.position_at(end))

    def _locate(self, position: Position) -> tuple[int, int]:
        """Line and column in code points."""
        if position.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        return position.line, column_of(self._lines[position.line], position.character, self.encoding)

    def _start_of(self, line: int) -> int:
        known = self._starts
        if line >= len(known):
            lengths = map(len, self._lines[len(known) - 1 : line])
            known.extend(islice(accumulate(lengths, initial=known[-1]), 1, None))
        return known[line]


class Document(TextLines):
    """One open buffer."""

    def __init__(self, item: TextDocumentItem, encoding: PositionEncodingKind | str) -> None:
        super().__init__(item.text, encoding)
        self.uri = item.uri
        self.version = item.version
        self.language_id = str(item.language_id)
        self._changes: deque[_Change] = deque(maxlen=CHANGES_KEPT)

    def apply(self, changes: Sequence[TextDocumentContentChangeEvent], version: int) -> None:
        """Take over the changes of one `didChange`, in order."""
        edits = tuple(
            self._replace(change.range, _encodable(change.text))
            if isinstance(change, TextDocumentContentChangePartial)
            else self._replace_all(_encodable(change.text))
            for change in changes
        )
        self._changes.append(_Change(self.version, edits))
        self.version = version

    @overload
    def moved(self, place: Position, from_version: int) -> Position: ...
    @overload
    def moved(self, place: Range, from_version: int) -> Range: ...
    def moved(self, place: Position | Range, from_version: int) -> Position | Range:
        """Where a place taken at an older version is now.

        What was typed right before a place pushes it along; what was typed right after a range stays outside.
        A range whose border was overwritten takes in what replaced it.

        Raises `RequestError` when `from_version` isn't one of the last `CHANGES_KEPT` versions.
        """
        if isinstance(place, Position):
            start = end = (place.line, place.character)
        else:
            start, end = sorted(
                ((place.start.line, place.start.character), (place.end.line, place.end.character))
            )
        for edit in self._edits_since(from_version):
            empty = start == end
            start, end = edit.carry_start(start), edit.carry_end(end)
            if empty:
                end = start
        if isinstance(place, Position):
            return Position(*start)
        return Range(Position(*start), Position(*end))

    def _edits_since(self, version: int) -> Iterator["_Edit"]:
        if version == self.version:
            return iter(())
        for index, change in enumerate(self._changes):
            if change.from_version == version:
                return (edit for later in islice(self._changes, index, None) for edit in later.edits)
        raise RequestError(
            f"The place was taken from version {version} of the buffer, which is now at {self.version}:"
            " too far apart to find it again.",
            "Ask for the actions once more.",
        )

    def _replace(self, place: Range, text: str) -> "_Edit":
        start, end = sorted((self._locate(place.start), self._locate(place.end)))
        (first, column), (last, end_column) = start, end
        before, after = self._lines[first][:column], self._lines[last][end_column:]
        edit_start = self._point(*start)
        edit_end = self._point(*end)

        if not before and first > 0 and self._lines[first - 1][-1] == "\r" and (text + after)[:1] == "\n":
            first -= 1
            before = self._lines[first]
        lines = split_lines(before + text + after)
        if last < len(self._lines) - 1:
            lines.pop()
        self._splice(first, last + 1, lines)
        return _Edit(
            edit_start,
            edit_end,
            self._point_from(first, len(before)),
            self._point_from(first, len(before) + len(text)),
        )

    def _replace_all(self, text: str) -> "_Edit":
        """Replace only the lines that differ, so that places elsewhere keep where they are."""
        if text == self.text:
            return _Edit((0, 0), (0, 0), (0, 0), (0, 0))
        old, new = self._lines, split_lines(text)
        head = next(i for i, (was, now) in enumerate(zip(old, new, strict=False)) if was != now)
        rest = min(len(old), len(new)) - head
        tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
        start = (head, 0)
        end = (len(old) - tail, 0) if tail else self._end
        self._splice(head, len(old) - tail, new[head : len(new) - tail])
        return _Edit(start, end, start, (len(new) - tail, 0) if tail else self._end)

    @property
    def _end(self) -> Point:
        return self._point(len(self._lines) - 1, len(self._lines[-1]))

    def _splice(self, first: int, stop: int, lines: list[str]) -> None:
        self._lines[first:stop] = lines
        self._text = None
        del self._starts[first + 1 :]

    def _point(self, line: int, column: int) -> Point:
        return line, units_before(self._lines[line], column, self.encoding)

    def _point_from(self, line: int, distance: int) -> Point:
        """The point `distance` code points after the start of `line`."""
        last = len(self._lines) - 1
        while line < last and distance >= len(self._lines[line]):
            distance -= len(self._lines[line])
            line += 1
        return self._point(line, distance)


class Documents:
    """All open buffers of one client."""

    def __init__(self, encoding: PositionEncodingKind | str = PositionEncodingKind.Utf16) -> None:
        self.encoding = PositionEncodingKind(encoding)
        self.on_change: list[Callable[[str], None]] = []
        """Called with the URI after each open, change and close."""
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """The buffer, or None when the editor doesn't hold the file open."""
        return self._open.get(_key(uri))

    def open(self, item: TextDocumentItem) -> None:
        self._open[_key(item.uri)] = Document(item, self.encoding)
        self._tell(item.uri)

    def change(self, uri: str, version: int, changes: Sequence[TextDocumentContentChangeEvent]) -> None:
        document = self.get(uri)
        if document is None:
            logger.warning("the client changed a document that isn't open: %s", uri)
            return
        document.apply(changes, version)
        self._tell(uri)

    def close(self, uri: str) -> None:
        if self._open.pop(_key(uri), None) is not None:
            self._tell(uri)

    def _tell(self, uri: str) -> None:
        for listener in tuple(self.on_change):
            listener(uri)


@dataclass(frozen=True, slots=True)
class _Edit:
    """What one edit did to the places of a text, in the client's units."""

    start: Point
    end: Point
    new_start: Point
    """Differs from `start` only where a carriage return and a line feed met and became one line ending."""
    new_end: Point

    def carry_start(self, point: Point) -> Point:
        if point >= self.end:
            return self._shifted(point)
        return self.new_start if point >= self.start else point

    def carry_end(self, point: Point) -> Point:
        if point < self.start:
            return point
        if point == self.start:
            return self.new_start
        return self._shifted(point) if point >= self.end else self.new_end

    def _shifted(self, point: Point) -> Point:
        line, character = point
        if line == self.end[0]:
            character += self.new_end[1] - self.end[1]
        return line + self.new_end[0] - self.end[0], character


@dataclass(frozen=True, slots=True)
class _Change:
    from_version: int
    edits: tuple[_Edit, ...]


def split_lines(text: str) -> list[str]:
    """The lines with their endings; the last one has none, so there is always at least one."""
    lines = list(io.StringIO(text, newline=""))
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines


def column_of(line: str, character: int, encoding: PositionEncodingKind) -> int:
    """The code point in `line` at `character` units of `encoding`, at most the line's end."""
    content = line.rstrip("\r\n")
    if content.isascii() or encoding is PositionEncodingKind.Utf32:
        return min(character, len(content))
    codec, width = _CODECS[encoding]
    return len(content[:character].encode(codec)[: character * width].decode(codec, "ignore"))


def units_before(line: str, column: int, encoding: PositionEncodingKind) -> int:
    """How many units of `encoding` the first `column` code points of `line` take, its ending left out."""
    content = line[:column].rstrip("\r\n")
    if content.isascii() or encoding is PositionEncodingKind.Utf32:
        return len(content)
    codec, width = _CODECS[encoding]
    return len(content.encode(codec)) // width


_CODECS = {PositionEncodingKind.Utf8: ("utf-8", 1), PositionEncodingKind.Utf16: ("utf-16-le", 2)}
"""Python's codec and the bytes in one of its units."""


def _encodable(text: str) -> str:
    """`text` with each half of a surrogate pair that stands alone replaced by U+FFFD.

    JSON can carry such halves, no file and no codec can. The replacement is as long in every encoding.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _key(uri: str) -> str:
    """Editors differ in what they percent-encode."""
    return unquote(uri)
