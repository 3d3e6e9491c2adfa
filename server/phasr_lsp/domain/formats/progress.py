"""What a reply holds while it is still being written: its finished blocks, counted by light rules line by line.

It needs no files and refuses nothing. The parsers are what decides in the end; this is for people who wait.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import takewhile

from phasr_lsp.domain.formats import tool_calls
from phasr_lsp.domain.formats.marks import (
    BEGIN_PATCH,
    DIVIDER,
    END_PATCH,
    HINT,
    REPLACE,
    RULE,
    SEARCH,
    SECTION,
    THOUGHT,
    WHOLE_TAGS,
    closes_fence,
    closes_thought,
    opened_fence,
)
from phasr_lsp.domain.formats.names import is_path, path_in


@dataclass(frozen=True)
class Seen:
    """The finished blocks of a reply."""

    files: int = 0
    added: int = 0
    """Lines."""
    removed: int = 0
    blocks: int = 0


_TAG = re.compile(rf"\s*<(?P<tag>{'|'.join(WHOLE_TAGS)})\s[^<>]*?\b(?:path|name)=[\"'](?P<path>[^\"']+)")
_DIFFS = ("diff", "patch", "udiff")
_LONGEST_PATH = 400
_NESTED = 2
"""Containers within one another: tags in a fence, or a fence in a tag."""


class _Mode(Enum):
    TEXT = "text"
    THOUGHT = "thought"
    SEARCH = "search"
    REPLACE = "replace"
    DIFF = "diff"
    PATCH = "patch"


@dataclass
class _Container:
    """A fence or a tag around something."""

    opened: str
    """The fence without its info, or the tag without its attributes."""
    file: str
    fence: bool
    info: str = ""
    depth: int = 1
    """Fences that models put into a fence without making the outer one longer."""
    lines: list[str] = field(default_factory=list[str])
    holds_blocks: bool = False
    """Else it is the whole text of a file."""

    def closed_by(self, line: str) -> bool:
        return closes_fence(line, self.opened)

    def deepened_by(self, line: str) -> bool:
        inner = opened_fence(line) if self.fence else ""
        deeper = inner.lstrip().startswith(self.opened.lstrip())
        return inner != "" and deeper and line[len(inner) :].strip() != ""


class Watch:
    """Reads a reply piece by piece, each character once."""

    def __init__(self) -> None:
        self._begun: list[str] = []
        """The pieces of the line that isn't finished."""
        self._forget()

    @property
    def seen(self) -> Seen:
        return Seen(len(self._files), self._added, self._removed, self._blocks)

    def feed(self, piece: str) -> None:
        """Take the next piece, wherever it begins and ends."""
        *lines, rest = piece.split("\n")
        for line in lines:
            self._begun.append(line)
            self._take("".join(self._begun).rstrip("\r"))
            self._begun.clear()
        if rest:
            self._begun.append(rest)

    def _forget(self) -> None:
        self._files: set[str] = set()
        self._added = self._removed = self._blocks = 0
        self._mode = _Mode.TEXT
        self._within: list[_Container] = []
        self._file = ""
        """The one that was named last."""
        self._last = ""
        """The last line of text that isn't blank, since the last block."""
        self._search: list[str] = []
        self._replace: list[str] = []
        self._plus = self._minus = 0
        self._header: str | None = None
        """A line of a diff that begins with `---`: a header, if `+++` follows."""

    def _take(self, line: str) -> None:
        match self._mode:
            case _Mode.TEXT if self._within:
                self._text(line)
            case _Mode.TEXT | _Mode.THOUGHT:
                if spoken := self._spoken(line):
                    self._text(spoken)
            case _Mode.SEARCH | _Mode.REPLACE:
                self._searched(line)
            case _Mode.DIFF:
                self._diffed(line)
            case _Mode.PATCH:
                self._patched(line)

    def _finish(self, file: str, added: int, removed: int) -> None:
        self._files.add(file)
        self._added += added
        self._removed += removed
        self._blocks += 1
        self._last = ""

    # Text, in a container or in none.

    def _text(self, line: str) -> None:
        container = self._within[-1] if self._within else None
        if SEARCH.match(line):
            self._hold()
            self._file = _path(self._last) or self._file
            self._search, self._replace = [], []
            self._mode = _Mode.SEARCH
        elif _begins_patch(line):
            self._hold()
            self._mode = _Mode.PATCH
            self._patched(line)
        elif line.startswith("+++ ") and self._last.startswith("--- "):
            self._hold()
            self._file = _renamed(self._last, line)
            self._mode = _Mode.DIFF
        elif container and container.closed_by(line):
            self._close(container)
        elif not (container and container.lines) and self._opened(line):
            pass
        elif container:
            container.depth += container.deepened_by(line)
            container.lines.append(line)
            self._last = line if line.strip() else self._last
        elif line.strip():
            self._last = line

    def _hold(self) -> None:
        for container in self._within:
            container.holds_blocks = True

    def _opened(self, line: str) -> bool:
        """Whether the line opens a container, which is entered then; one around it is but a wrapper."""
        if len(self._within) == _NESTED:
            return False
        tag, fence = _TAG.match(line), opened_fence(line)
        outer = self._within[-1] if self._within else None
        if tag and (outer is None or outer.fence):
            container = _Container(f"<{tag['tag']}>", path_in(tag["path"]), fence=False)
        elif fence and not (outer and outer.fence):
            info = line[len(fence) :].strip()
            named = next((word for word in re.split(r"[\s:=\"']+", info) if "/" in word and is_path(word)), "")
            container = _Container(fence, named or _path(self._last) or self._file, fence=True, info=info)
        else:
            return False
        self._hold()
        self._within.append(container)
        self._file, self._last = container.file, ""
        if container.info.lower() in _DIFFS:
            self._mode = _Mode.DIFF
        return True

    def _close(self, container: _Container) -> None:
        if container.depth > 1:
            container.depth -= 1
            container.lines.append("")
            return
        self._within.pop()
        self._mode, self._last = _Mode.TEXT, ""
        if container.holds_blocks or not container.lines:
            return
        calls = list(_calls(container))
        for path, old, new in calls:
            self._replaced(path or container.file, old, new)
        if not calls:
            self._finish(container.file, len(container.lines), 0)

    # Thoughts.

    def _spoken(self, line: str) -> str:
        """What of a line isn't thought. An end without a beginning shows that all before it was."""
        spoken, at = "", 0
        for tag in THOUGHT.finditer(line):
            thinks = self._mode is _Mode.THOUGHT
            if closes_thought(tag) and thinks:
                self._mode, at = _Mode.TEXT, tag.end()
            elif closes_thought(tag):
                if tag["name"] and not tag["quote"] and not line[tag.end() :].strip():
                    self._forget()
                    spoken, at = "", tag.end()
            elif not thinks and not tag["quote"]:
                spoken += line[at : tag.start()]
                self._mode = _Mode.THOUGHT
        if self._mode is _Mode.THOUGHT:
            return ""
        return (spoken + line[at:]).strip() if at else line

    # Search and replace.

    def _searched(self, line: str) -> None:
        if SEARCH.match(line):
            self._search, self._replace = [], []
            self._mode = _Mode.SEARCH
        elif REPLACE.match(line):
            self._replaced(self._file, self._search, self._replace)
            self._mode = _Mode.TEXT
        elif self._mode is _Mode.REPLACE:
            self._replace.append(line)
        elif DIVIDER.match(line):
            self._mode = _Mode.REPLACE
        elif self._search or not (HINT.match(line) or RULE.match(line)):
            self._search.append(line)

    def _replaced(self, file: str, old: list[str], new: list[str]) -> None:
        head = _common(old, new)
        old, new = old[head:], new[head:]
        tail = _common(old[::-1], new[::-1])
        self._finish(file, len(new) - tail, len(old) - tail)

    # Diffs and patches.

    def _diffed(self, line: str) -> None:
        if SEARCH.match(line) or _begins_patch(line):
            self._hunk()
            self._text(line)
            return
        header, self._header = self._header, None
        container = self._within[-1] if self._within else None
        if header is not None and line.startswith("+++ "):
            self._hunk()
            self._file = _renamed(header, line)
            return
        self._minus += header is not None
        if container and _ends_diff(line, container):
            self._hunk()
            self._close(container)
        elif line.startswith("--- "):
            self._header = line
        elif line.startswith("@@"):
            self._hunk()
        elif line[:1] in ("+", "-"):
            self._count(line)
        elif line.strip() and line[0] not in " \\":
            self._hunk()
            if container:
                self._last = line
            else:
                self._mode = _Mode.TEXT
                self._take(line)

    def _patched(self, line: str) -> None:
        container = self._within[-1] if self._within else None
        section = SECTION.match(line)
        ends = END_PATCH.match(line) is not None
        closed = container and _ends_diff(line, container)
        if section or ends or closed or line.startswith("@@"):
            self._hunk()
        if section:
            self._file = path_in(section["path"])
            if section["verb"] == "Delete":
                self._finish(self._file, 0, 0)
        elif ends:
            self._mode = _Mode.TEXT
        elif container and closed:
            self._close(container)
        else:
            self._count(line)

    def _count(self, line: str) -> None:
        self._plus += line.startswith("+")
        self._minus += line.startswith("-")

    def _hunk(self) -> None:
        """End the hunk, if there is one that changes anything."""
        if self._plus or self._minus:
            self._hold()
            self._finish(self._file, self._plus, self._minus)
        self._plus = self._minus = 0


def _begins_patch(line: str) -> bool:
    return "***" in line and (BEGIN_PATCH.match(line) or SECTION.match(line)) is not None


def _ends_diff(line: str, container: _Container) -> bool:
    """Whether a line closes the container around a diff; behind a space it is one of the file's own."""
    return not line.startswith(" ") and container.closed_by(line)


def _path(line: str) -> str:
    """The path that a line consists of; "" where it is no path."""
    path = path_in(line) if len(line) <= _LONGEST_PATH else ""
    return path if is_path(path) else ""


def _renamed(old: str, new: str) -> str:
    """The file that the two header lines of a diff are about."""
    name = (old if new[4:].startswith("/dev/null") else new)[4:].partition("\t")[0].strip()
    return path_in(re.sub(r"^[ab]/", "", name))


def _common(first: list[str], second: list[str]) -> int:
    """How many lines two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _calls(container: _Container) -> Iterator[tuple[str, list[str], list[str]]]:
    """Path, old lines and new lines of the calls of tools that the container holds, if that is what it holds."""
    for _, arguments in tool_calls.in_json(tool_calls.json_of("\n".join(container.lines))):
        path = tool_calls.text_of(arguments, tool_calls.PATH) or ""
        old = tool_calls.text_of(arguments, tool_calls.OLD)
        new = tool_calls.text_of(arguments, (*tool_calls.NEW, *tool_calls.INSERTED, *tool_calls.TEXT))
        if old or new:
            yield path_in(path), _lines(old), _lines(new)


def _lines(text: str | None) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []
