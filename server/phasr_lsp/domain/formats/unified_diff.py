"""`unified_diff`: what `diff -u` and git print, or a model that imitates them; its line numbers are often wrong.

--- a/src/app.py
+++ b/src/app.py
@@ -1,3 +1,3 @@
 a line that stays
-a line that goes
+a line that comes
"""

import re
from dataclasses import dataclass, field

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import apply_patch, hunks
from phasr_lsp.domain.formats.draft import Draft, Page
from phasr_lsp.domain.formats.hunks import Hunk
from phasr_lsp.domain.formats.marks import closes_fence, opened_fence
from phasr_lsp.domain.formats.names import is_path
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking

_GIT = re.compile(r"^diff --git (?:a/)?(?P<old>.+?) (?:b/)?(?P<new>\S+)$")
_OLD = re.compile(r"^--- ?(?P<path>\S.*?)\s*$")
_NEW = re.compile(r"^\+\+\+ ?(?P<path>\S.*?)\s*$")
_MOVE = re.compile(r"^rename (?P<end>from|to) (?P<path>.+?)\s*$")
_HUNK = re.compile(r"^@@+(?: -(?P<line>\d+)(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@)?")
_NOTHING = "/dev/null"


@dataclass
class _File:
    """What a diff says of one file."""

    old: str = ""
    new: str = ""
    hunks: list[Hunk] = field(default_factory=list[Hunk])
    by_git: bool = False
    binary: bool = False
    moves: bool = False


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    if re.search(r"^--- ?\S.*\n\+\+\+ ?\S|^diff --git ", reply, re.MULTILINE):
        return True
    return re.search(r"^@@ .*@@", reply, re.MULTILINE) is not None and not apply_patch.written_in(reply)


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All hunks of all files."""
    draft = Draft(files)
    found = _Reader().read(without_thinking(reply).split("\n"))
    for file in found:
        _make(file, draft)
    if not any(file.hunks or file.moves or file.new == _NOTHING for file in found):
        draft.fail("The answer holds no diff with a hunk in it.")
    return draft.result()


class _Reader:
    """Takes the lines of a reply apart."""

    def __init__(self) -> None:
        self._files: list[_File] = []
        self._body: list[str] = []
        self._head: re.Match[str] | None = None
        self._heading = ""
        self._without_newline: set[str] = set()
        """The prefixes of the lines that are said to end the file without a newline."""
        self._left: tuple[int, int] | None = None
        """Lines of the old and of the new side that the hunk's own numbers still expect."""

    def read(self, lines: list[str]) -> list[_File]:
        fence = ""
        at = 0
        while at < len(lines):
            line = lines[at]
            if self._is_header(lines, at):
                at += self._header(lines, at)
                continue
            if fence and closes_fence(line, fence):
                fence = ""
                self._close()
            elif not self._in_hunk() and opened_fence(line):
                fence = opened_fence(line)
            elif line.startswith("@@"):
                self._open(line)
            elif self._in_hunk():
                self._take(line, fenced=bool(fence))
            elif line.startswith(("Binary files ", "GIT binary patch")) and self._files:
                self._files[-1].binary = True
            elif line.startswith("new file mode") and self._files:
                self._files[-1].old = _NOTHING
            elif line.startswith("deleted file mode") and self._files:
                self._files[-1].new = _NOTHING
            at += 1
        self._close()
        return self._files

    def _in_hunk(self) -> bool:
        return self._head is not None

    def _expects_more(self) -> bool:
        """Whether the hunk is known to go on, so that a line without a prefix belongs to it."""
        return self._left is not None and self._left[0] > 0

    def _is_header(self, lines: list[str], at: int) -> bool:
        if _GIT.match(lines[at]) or _MOVE.match(lines[at]):
            return True
        old = _OLD.match(lines[at])
        if not old or at + 1 == len(lines) or not _NEW.match(lines[at + 1]):
            return False
        # In a hunk, `--- x` may be a line `-- x` that goes.
        certain = lines[at].startswith("--- ") and (is_path(_path(old)) or _path(old) == _NOTHING)
        return not self._in_hunk() or (
            certain and lines[at + 2 : at + 3] != [] and lines[at + 2].startswith("@@")
        )

    def _header(self, lines: list[str], at: int) -> int:
        """Take one header, and say how many lines it has."""
        self._close()
        git, move = _GIT.match(lines[at]), _MOVE.match(lines[at])
        if git:
            self._files.append(_File(git["old"], git["new"], by_git=True))
        elif move and self._files:
            file = self._files[-1]
            file.moves = True
            file.old, file.new = (move["path"], file.new) if move["end"] == "from" else (file.old, move["path"])
        elif not move:
            old, new = _OLD.match(lines[at]), _NEW.match(lines[at + 1])
            if not (self._files and self._files[-1].by_git and not self._files[-1].hunks):
                self._files.append(_File())
            self._files[-1].old, self._files[-1].new = _path(old), _path(new)
            if at + 2 < len(lines) and lines[at + 2].startswith((" ", "+", "-")):
                self._open("@@")
            return 2
        return 1

    def _open(self, line: str) -> None:
        self._close()
        head = _HUNK.match(line)
        self._head = head
        counted = head is not None and head["line"] is not None
        self._left = (int(head["old"] or 1), int(head["new"] or 1)) if head and counted else None
        self._heading = "" if counted else hunks.heading_of(line)
        if not self._files:
            self._files.append(_File())

    def _take(self, line: str, *, fenced: bool) -> None:
        if line.startswith("\\ No newline"):
            self._without_newline.add(self._body[-1][:1] if self._body else " ")
            return
        stays = not line.startswith(("+", "-"))
        if stays and line and not line.startswith((" ", "\t")) and not fenced and not self._expects_more():
            self._close()
            return
        self._body.append(line)
        if self._left:
            old, new = self._left
            self._left = (old - (not line.startswith("+")), new - (not line.startswith("-")))

    def _close(self) -> None:
        body, ended = self._body, self._without_newline
        while body and not body[-1]:
            body.pop()
        if body and self._head is not None:
            line = self._head["line"]
            file = self._files[-1]
            file.hunks.append(
                Hunk(
                    tuple(body),
                    line=int(line) if line else None,
                    headings=(self._heading,) if self._heading else (),
                    strict=False,
                    line_only=file.by_git,
                    final_newline=True if ended == {"-"} else False if ended == {"+"} else None,
                )
            )
        self._body, self._head, self._left, self._without_newline = [], None, None, set()


def _path(header: re.Match[str] | None) -> str:
    """The path of a header line, without git's prefix, time stamp and quotes."""
    path = (header["path"] if header else "").partition("\t")[0].strip().strip('"')
    return re.sub(r"^[ab]/", "", path)


def _make(file: _File, draft: Draft) -> None:
    if file.binary:
        draft.fail(f"`{file.new}` is a binary file, which can't be edited.")
    elif file.new == _NOTHING:
        page = draft.open(file.old)
        if page:
            draft.remove(page)
    elif page := _page(file, draft):
        hunks.apply(file.hunks, page, draft)
        if file.moves or (file.old != file.new and page.name == file.old and _is_new(file.new, draft)):
            draft.move(page, file.new)


def _is_new(name: str, draft: Draft) -> bool:
    known = draft.files.new(name)
    return known is not None and not known.exists


def _page(file: _File, draft: Draft) -> Page | None:
    """The page that the diff is for; its name may be made up where only one file is in question."""
    files = draft.files
    for name in (file.old, file.new):
        known = files.named(name) if name not in {"", _NOTHING} else None
        if known and (known.exists or draft.page(known).exists):
            return draft.page(known)
    new = files.named(file.new) if file.old == _NOTHING else None
    if new is not None:
        page = draft.page(new)
        page.exists = True
        return page
    return draft.open("" if files.sole else file.new or file.old)
