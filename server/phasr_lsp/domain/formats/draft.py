"""The files of a reply while its edits are made, one after another, each in exactly one place or not at all."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed

from phasr_lsp.domain.change import ChangeSet, FileChange, Place, faithful
from phasr_lsp.domain.formats.elision import elision
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.matching import (
    Ambiguous,
    Lines,
    Match,
    NotFound,
    Rung,
    everywhere,
    locate,
    resembling,
    rewrite,
)
from phasr_lsp.domain.text import FileText, line_number, to_lf

_BOM = "\ufeff"
_EXPLAINED = 500_000
"""Lines that are looked at in all to find those which are nearest to texts that aren't there."""

_HOPELESS = 100
"""Failures after which no more of a reply is looked at: nobody reads them."""

_WORD = re.compile(r"\w")
_DOTS = re.compile(r"^\s*(?:\.\.\.|…)\s*$")


@dataclass
class Page:
    """One file while it is edited."""

    file: FileText
    lines: Lines
    exists: bool
    moved_to: FileText | None = None
    rung: Rung = Rung.EXACT
    final_newline: bool | None = None
    """Whether the file ends with a newline, where an edit is about that."""

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def blank(self) -> bool:
        return not any(line.strip() for line in self.lines.items)

    def splice(self, match: Match, lines: Sequence[str]) -> None:
        self.lines.replace(match.first, match.end, lines)
        self.rung = max(self.rung, match.rung)


class Draft:
    """Collects what the edits of one reply come to, and what can't be done."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._pages: dict[str, Page] = {}
        self._failures: list[str] = []
        self._looked_at = 0
        self._written: dict[str, str] = {}
        self._truncated = False

    def open(self, name: str) -> Page | None:
        """The page of the file that exists under that name, the target's for ""; else None, and a failure."""
        file = self.named(name)
        page = self.page(file) if file else None
        if page is not None and not page.exists:
            return self._without(name)
        return page

    def named(self, name: str) -> FileText | None:
        """The file that is meant by a name, the target for ""; else None, and a failure."""
        file = self.files.named(name) if name else self.files.target
        return file if file and file.name else self._without(name)

    def created(self, name: str) -> FileText | None:
        """The file that is to be made under a name, which is taken literally; else as `named`."""
        return (self.files.new(name) if name else None) or self.named(name)

    def page(self, file: FileText) -> Page:
        """The page of a file, as the edits so far have left it."""
        if file.uri not in self._pages:
            self._pages[file.uri] = Page(file, _lines(file, file.text), file.exists)
        return self._pages[file.uri]

    def text_of(self, file: FileText) -> str:
        """The text of a file in LF, as the edits so far have left it."""
        return self.page(file).lines.text

    def fail(self, reason: str) -> None:
        self._failures.append(reason.rstrip())

    @property
    def failed(self) -> bool:
        return bool(self._failures)

    @property
    def hopeless(self) -> bool:
        """Whether so much failed that nothing more needs to be tried."""
        return len(self._failures) >= _HOPELESS

    def cut_off(self) -> None:
        """The reply ends in the middle of an edit."""
        self._truncated = True
        self.fail("The answer was cut off in the middle of an edit.")

    def replace(
        self,
        page: Page,
        search: Sequence[str],
        written: Sequence[str],
        *,
        near: int | None = None,
        within: range | None = None,
    ) -> Match | None:
        """Put lines in the place of others; None, and a failure, where that place isn't certain.

        `near` is the index of the line around which it is expected, `within` the lines among which it has to be.
        An edit that was made already is done.
        """
        left_out = elision("\n".join(written), page.file.text)
        if left_out and not _has_dots(search):
            self.fail(f"An edit leaves code out (`{left_out}`); it must hold every line.")
            return None
        found = self._located(page, search, near, within)
        if isinstance(found, Match):
            if not self._stands(page, search, written, found):
                page.splice(found, rewrite(page.lines.items, search, written, found))
            return found
        if isinstance(found, Ambiguous):
            self._ambiguous(page, search, found)
            return None
        if self._stands(page, search, written, None):
            return Match(0, 0, Rung.EXACT)
        if within is None and self._pieces(page, search, written):
            return Match(0, 0, Rung.ELISION)
        return self._nearly(page, search, written)

    def replace_text(self, page: Page, old: str, new: str, *, every: bool = False) -> bool:
        """Put a text, of any part of a line or of many, in the place of the one where it stands; of each of them
        where every one is meant. False, and a failure, where the place isn't certain."""
        old, new = to_lf(old), to_lf(new)
        text = page.lines.text
        if old.endswith("\n") and (not new or new.endswith("\n")) and text.endswith(old[:-1]):
            # The last line of the file is one of these, whether or not a newline ends it.
            return self.replace(page, old[:-1].split("\n"), new[:-1].split("\n") if new else []) is not None
        at = text.find(old)
        if at >= 0 and every:
            page.lines = _lines(page.file, text.replace(old, new))
            return True
        once = at >= 0 and text.find(old, at + 1) < 0
        if once:
            if not _stands_around(text, at, old, new):
                page.lines.replace_text(at, at + len(old), new)
            return True
        if at >= 0:
            places = tuple(
                dict.fromkeys(line_number(text, at.start()) for at in re.finditer(re.escape(old), text))
            )
            self._ambiguous(page, old.split("\n"), Ambiguous(places))
            return False
        # A text that ends with its line is found by its lines.
        whole = old.endswith("\n") and new.endswith("\n")
        search, replace = (each.removesuffix("\n" if whole else "").split("\n") for each in (old, new))
        bare = old.strip()
        trimmed = bare not in {"", old} and text.count(bare) == 1
        if (
            trimmed
            and _stands_apart(text, bare)
            and not isinstance(locate(page.lines, search), Match | Ambiguous)
        ):
            at = text.index(bare)
            page.lines.replace_text(at, at + len(bare), new.strip())
            page.rung = max(page.rung, Rung.TRAILING_SPACE)
            return True
        if not every:
            return self.replace(page, search, replace) is not None
        matches = everywhere(page.lines, search)
        for match in reversed(matches):
            page.splice(match, rewrite(page.lines.items, search, replace, match))
        if not matches:
            self._not_found(page, search, NotFound(None, 0.0))
        return bool(matches)

    def insert(self, page: Page, at: int, lines: Sequence[str]) -> None:
        """Put lines before the one with that index; behind the last for a higher one."""
        at = min(at, page.lines.end)
        page.lines.replace(at, at, lines)

    def destination(self, name: str, text: str) -> FileText | None:
        """The file that a whole text is for, or None and a failure.

        That is the one of that name; where there is none, the only one with the same last part, if the text has
        enough of it to be its new version; else a new one.
        """
        file = self.files.new(name) if name else self.files.target
        if file is None or not self._now(file).exists:
            alike = self.files.alike(name)
            if alike and (self._shares(alike, text) or file is None):
                return alike if self._shares(alike, text) else self._without(name)
        return file if file and file.name else self._without(name)

    def fill(self, name: str, text: str) -> None:
        """Give a text to a file that is new or blank: an edit whose text to find is empty."""
        file = self.created(name)
        page = self.page(file) if file else None
        if page and page.exists and not page.blank:
            self.fail(f"The text to find is empty, but `{page.name}` isn't: name the text to change.")
        elif file:
            self.write(file, text)

    def _without(self, name: str) -> None:
        self.fail(self.files.missing(name) if name else "It isn't said which file an edit is for.")

    def _shares(self, file: FileText, text: str) -> bool:
        """Whether a text has so much of a file's that it is a new version of it."""
        old = {line.strip() for line in to_lf(self._now(file).text).split("\n") if line.strip()}
        return len(old.intersection(line.strip() for line in text.split("\n"))) * 5 >= max(len(old), 1)

    def _now(self, file: FileText) -> FileText:
        """The file as the edits so far have left it, without beginning to edit it."""
        return _as_left(file, self._pages.get(file.uri))

    def write(self, file: FileText, text: str, rung: Rung = Rung.EXACT) -> None:
        """Make the file, or give it a whole new text; `rung` says how literally that was put together."""
        page = self.page(file)
        self._written[file.uri] = text
        page.lines = _lines(file, text)
        page.exists = True
        page.rung = max(page.rung, rung)

    def written(self, file: FileText) -> str | None:
        """The whole text that the reply gave the file last; None where it gave it none."""
        return self._written.get(file.uri)

    def remove(self, page: Page) -> None:
        page.exists = False

    def move(self, page: Page, name: str) -> None:
        """Rename a file, or fail where there is one of that name."""
        to = self.files.new(name)
        if to is None or to.exists or self.page(to).exists:
            self.fail(
                f"`{page.name}` can't be moved to `{to.name}`: there is a file."
                if to
                else self.files.missing(name)
            )
            return
        page.moved_to = to

    def include(self, parse: Callable[[str, Files], ChangeSet | Malformed], reply: str, name: str) -> None:
        """Make the edits that another format holds, for the file of that name where it doesn't say itself."""
        file = self.files.named(name) if name else self.files.target
        if file is None:
            self.fail(self.files.missing(name))
            return
        now = {page.file.uri: page for page in self._pages.values()}
        known = {each.name: _as_left(each, now.get(each.uri)) for each in self.files.known.values()}
        files = changed(self.files, target=known.get(file.name, file), others=known, sole=bool(name))
        result = parse(reply, files)
        changes = result.kept if isinstance(result, Malformed) else result
        for change in changes.files:
            page = self.page(next(each for each in self.files.known.values() if each.uri == change.uri))
            page.exists = change.after is not None
            page.lines = _lines(page.file, change.after or "")
            page.rung = max(page.rung, change.rung)
            if change.moved_to:
                self.move(page, change.moved_to.name)
        if isinstance(result, Malformed):
            self.fail(result.reason)
            self._truncated = self._truncated or result.truncated

    def result(self) -> ChangeSet | Malformed:
        """What the edits come to, or what the model is told about those that can't be made."""
        changes = ChangeSet(tuple(change for page in self._pages.values() if (change := _change(page))))
        try:
            changes.normal()
        except ValueError as error:
            self.fail(f"Two of the files would be in one place: {error}.")
            changes = ChangeSet()
        if self._failures:
            return Malformed("\n".join(dict.fromkeys(self._failures)), changes, self._truncated)
        return changes

    def _located(
        self, page: Page, search: Sequence[str], near: int | None, within: range | None
    ) -> Match | Ambiguous | NotFound:
        files = self.files
        if near is None and page.file is files.target and files.line is not None:
            near = files.line - 1
        found = locate(page.lines, search, near=near, within=within)
        if isinstance(found, Ambiguous) and page.file is files.target and files.region and not files.region.empty:
            # The part that the task is about decides between places that are equal otherwise.
            text = page.file.text
            first, last = (line_number(text, at) for at in (files.region.start, files.region.end))
            last += len(page.lines.items) - len(to_lf(text).split("\n"))
            inside = locate(page.lines, search, within=range(first - 1, last))
            return inside if isinstance(inside, Match) else found
        return found

    def _pieces(self, page: Page, search: Sequence[str], replace: Sequence[str]) -> bool:
        """Replace a text with `...` in it piece by piece, or do nothing where one has no certain place."""
        old, new = _between_dots(search), _between_dots(replace)
        if len(old) < 2 or len(old) != len(new):
            return False
        matches: list[Match] = []
        start = 0
        for piece in old:
            # Each stands once in the whole file, and behind the one before.
            match = locate(page.lines, piece) if piece else Match(start, start, Rung.EXACT)
            if not isinstance(match, Match) or match.first < start:
                return False
            matches.append(match)
            start = match.end
        for match, piece, written in reversed(list(zip(matches, old, new, strict=True))):
            page.splice(match, rewrite(page.lines.items, piece, written, match) if piece else written)
        page.rung = max(page.rung, Rung.ELISION)
        return True

    def _nearly(self, page: Page, search: Sequence[str], replace: Sequence[str]) -> Match | None:
        self._looked_at += len(page.lines.items)
        if self._looked_at > _EXPLAINED:
            self._not_found(page, search, NotFound(None, 0.0))
            return None
        nearly = resembling(page.lines, search)
        if isinstance(nearly, NotFound):
            self._not_found(page, search, nearly)
            return None
        page.splice(nearly, rewrite(page.lines.items, search, replace, nearly))
        return nearly

    def _stands(self, page: Page, search: Sequence[str], replace: Sequence[str], found: Match | None) -> bool:
        """Whether the edit was made already: the replacement, to the letter, is there instead of the search text,
        or around it where it contains that."""
        added = {line.strip() for line in replace} - {line.strip() for line in search}
        if not any(map(_WORD.search, added)):
            return False
        there = locate(page.lines, replace, lowest=Rung.TRAILING_SPACE)
        if not isinstance(there, Match):
            return False
        return found is None or there.first <= found.first <= found.end <= there.end

    def _ambiguous(self, page: Page, search: Sequence[str], found: Ambiguous) -> None:
        places = ", ".join(map(str, found.lines))
        self.fail(
            f"This text stands in `{page.name}` in several places (lines {places}); "
            f"add lines that make it unique:\n{_quoted(search)}"
        )

    def _not_found(self, page: Page, search: Sequence[str], found: NotFound) -> None:
        hint = ""
        if found.nearest is not None:
            around = _around(page.lines.items, found.nearest, len(search))
            hint = f" The nearest text ({found.similarity:.0%} alike) is:\n{around}"
        self.fail(f"This text doesn't stand in `{page.name}`:\n{_quoted(search)}{hint}")


def _lines(file: FileText, text: str) -> Lines:
    return Lines(to_lf(text.removeprefix(_BOM)), foreign="\r" in file.text)


def _stands_around(text: str, at: int, old: str, new: str) -> bool:
    """Whether lines that contain the one at `at` stand there already, so that the edit was made before."""
    inside = new.find(old)
    added = {line.strip() for line in new.split("\n")} - {line.strip() for line in old.split("\n")}
    return inside >= 0 and any(map(_WORD.search, added)) and "\n" in new and text.startswith(new, at - inside)


def _stands_apart(text: str, part: str) -> bool:
    """Whether a text doesn't begin or end within a word where it stands."""
    at = text.index(part)
    around = text[max(at - 1, 0) : at + 1], text[at + len(part) - 1 : at + len(part) + 1]
    return not any(len(pair) > 1 and all(map(_WORD.match, pair)) for pair in around)


def _as_left(file: FileText, page: Page | None) -> FileText:
    """The file as the edits so far have left it."""
    return file if page is None else changed(file, text=page.lines.text, exists=page.exists)


def _change(page: Page) -> FileChange | None:
    file = page.file
    if not file.exists and not page.exists:
        return None
    moved = Place(page.moved_to.uri, page.moved_to.name) if page.moved_to and page.exists else None
    if moved and not file.exists:
        return FileChange(moved.uri, moved.name, None, page.lines.text, rung=page.rung)
    before = file.text if file.exists else None
    after = faithful(file.text, page.lines.text) if page.exists else None
    if after and page.final_newline is not None:
        bare = after.rstrip("\r\n") if after.endswith(("\r", "\n")) else after
        after = bare + ("\r\n" if "\r\n" in bare else "\n") if page.final_newline else bare
    return FileChange(file.uri, file.name, before, after, moved, page.rung)


def _has_dots(lines: Sequence[str]) -> bool:
    return any(_DOTS.match(line) for line in lines)


def _between_dots(lines: Sequence[str]) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for line in lines:
        if _DOTS.match(line):
            pieces.append([])
        else:
            pieces[-1].append(line)
    return pieces


def _quoted(lines: Sequence[str]) -> str:
    return "".join(f"| {line}\n" for line in lines)


def _around(lines: list[str], line: int, size: int) -> str:
    """A place of some lines, the first counted from 1, and the five lines on either side of it."""
    first = max(line - 6, 0)
    return "".join(f"{first + index + 1}: {text}\n" for index, text in enumerate(lines[first : line + size + 4]))
