"""What a task wants to do to files, independent of who wrote it and how.

A ChangeSet is one step from a base to a result, and all its files take it at once: two files may swap their
places, and a new one may take the place that another leaves.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from phasr_lsp.domain.diff import differing_blocks
from phasr_lsp.domain.matching import Rung
from phasr_lsp.domain.text import Span, bare, split_lines, to_lf

_BOM = "\ufeff"


@dataclass(frozen=True)
class Place:
    """Where a file is."""

    uri: str
    name: str


@dataclass(frozen=True)
class FileChange:
    """What becomes of one file, and the text that this was written for."""

    uri: str
    """Where the file is before the change; for a new one, where it will be."""
    name: str
    before: str | None = field(repr=False)
    """None: the file is to be created."""
    after: str | None = field(repr=False)
    """None: the file is to be deleted."""
    moved_to: Place | None = None
    """Its new place; None: it stays where it is."""
    rung: Rung = Rung.EXACT
    """The least literal rung by which a part of it was placed."""

    def __post_init__(self) -> None:
        absent = self.before is None or self.after is None
        if (self.before is None and self.after is None) or (absent and self.moved_to):
            raise ValueError(
                f"{self.name}: only a file that exists can be deleted, and only one that stays moves"
            )

    @property
    def base_digest(self) -> str | None:
        """SHA-256 in hex of the text that it was written for; None for a new file."""
        if self.before is None:
            return None
        return sha256(self.before.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def source(self) -> Place:
        """Where the file is before; for a new one, where it will be."""
        return Place(self.uri, self.name)

    @property
    def destination(self) -> Place:
        """Where the file is afterwards; for one that is deleted, where it was."""
        return self.moved_to or self.source

    @property
    def moves(self) -> bool:
        return self.destination.uri != self.uri

    @property
    def empty(self) -> bool:
        return self.before == self.after and not self.moves


@dataclass(frozen=True)
class ChangeSet:
    """All that one reply changes. It is applied as a whole or not at all."""

    files: tuple[FileChange, ...] = ()

    @property
    def empty(self) -> bool:
        return all(file.empty for file in self.files)

    @property
    def fuzzy(self) -> bool:
        """Whether a part was placed by similarity; such a set is never applied without review."""
        return any(file.rung == Rung.FUZZY for file in self.files)

    def inverted(self) -> "ChangeSet":
        """The step back: applied after this one, it gives the original bytes."""
        return ChangeSet(
            tuple(
                FileChange(
                    file.destination.uri,
                    file.destination.name,
                    before=file.after,
                    after=file.before,
                    moved_to=file.source if file.moves else None,
                )
                for file in self.files
            )
        )

    def then(self, later: "ChangeSet") -> "ChangeSet":
        """One set that does both; a file that ends as it began isn't in it.

        Raises `ValueError` if `later` isn't based on what this one leaves.
        """
        earlier = self.normal().files
        there = {file.destination.uri: file for file in earlier if file.after is not None}
        gone = {file.uri for file in earlier if file.after is None or file.moves}
        files = {file.uri: file for file in earlier}
        added: list[FileChange] = []
        for file in later.normal().files:
            if (file.before is None or file.moves) and file.destination.uri in there:
                raise ValueError(f"{file.destination.name} is there already")
            mine = there.get(file.uri)
            if file.before is None or (mine is None and file.uri not in gone):
                added.append(file)
            elif mine is None or mine.after != file.before:
                raise ValueError(f"{file.name} isn't as the later change expects it")
            else:
                del files[mine.uri]
                added += _joined(mine, file)
        both = ChangeSet((*files.values(), *added)).normal()
        return ChangeSet(tuple(file for file in both.files if not file.empty))

    def normal(self) -> "ChangeSet":
        """The same step with every place in one change alone, so that the order of them doesn't matter.

        Where one file leaves a place and another takes it, the place gets the other's text and neither moves.
        Raises `ValueError` where two files would be in one place.
        """
        left = _unique((file.source, file) for file in self.files if file.before is not None)
        taken = _unique((file.destination, file) for file in self.files if file.after is not None)
        found: dict[str, FileChange] = {}
        for file in self.files:
            if file.moves and file.uri not in taken and file.destination.uri not in left:
                found[file.uri] = file
                continue
            for place in (file.source, file.destination):
                leaving, taking = left.get(place.uri), taken.get(place.uri)
                found[place.uri] = FileChange(
                    place.uri,
                    place.name,
                    before=leaving.before if leaving else None,
                    after=taking.after if taking else None,
                    rung=max(each.rung for each in (leaving, taking) if each),
                )
        return ChangeSet(tuple(found.values()))


def applied(changes: ChangeSet, files: Mapping[str, str]) -> dict[str, str]:
    """The texts of `files`, by name, after the changes. Raises `ValueError` if they weren't made for these."""
    result = dict(files)
    for file in changes.files:
        if file.before is not None and result.pop(file.name, None) != file.before:
            raise ValueError(f"{file.name} isn't as the change expects it")
    for file in changes.files:
        if file.after is None:
            continue
        if file.destination.name in result:
            raise ValueError(f"{file.destination.name} is there already")
        result[file.destination.name] = file.after
    return result


def _unique(files: Iterable[tuple[Place, FileChange]]) -> dict[str, FileChange]:
    """By URI. Raises `ValueError` for a place that occurs twice."""
    found: dict[str, FileChange] = {}
    for place, file in files:
        if place.uri in found:
            raise ValueError(f"{place.name} would be two files")
        found[place.uri] = file
    return found


def _joined(earlier: FileChange, later: FileChange) -> tuple[FileChange, ...]:
    """One change that does both; none for a file that was made only to be deleted."""
    if earlier.before is None and later.after is None:
        return ()
    end = later.destination
    start = end if earlier.before is None else earlier.source
    stays = later.after is None or end.uri == start.uri
    return (
        FileChange(
            start.uri,
            start.name,
            earlier.before,
            later.after,
            moved_to=None if stays else end,
            rung=max(earlier.rung, later.rung),
        ),
    )


@dataclass(frozen=True)
class TextEdit:
    span: Span
    text: str


def minimal_edits(before: str, after: str) -> tuple[TextEdit, ...]:
    """Edits of whole lines that turn `before` into `after`; lines that both have aren't touched.

    The edits are in order, don't overlap, and all speak of offsets in `before`.
    """
    old, new = split_lines(before), split_lines(after)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return tuple(
        TextEdit(Span(starts[old_from], starts[old_to]), "".join(new[new_from:new_to]))
        for old_from, old_to, new_from, new_to in differing_blocks(old, new)
    )


def apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    """The text after edits that are in order and don't overlap."""
    pieces: list[str] = []
    position = 0
    for edit in edits:
        pieces += (text[position : edit.span.start], edit.text)
        position = edit.span.end
    return "".join([*pieces, text[position:]])


def faithful(before: str, after: str) -> str:
    """`after`, as a model wrote it, in the bytes that `before` is made of.

    A line that didn't change keeps its own ending, so mixed files stay mixed; a new line takes its
    neighbour's. The byte-order mark and the presence of a final newline stay as they were.
    """
    if "\r" not in before:
        return _in_lf(before, to_lf(after))
    new = [bare(line) for line in split_lines(to_lf(after).removeprefix(_BOM))]
    if not new:
        return ""
    mark = _BOM if before.startswith(_BOM) else ""
    old = split_lines(before.removeprefix(_BOM))
    old_bare = [bare(line) for line in old]
    old_endings = [line[len(text) :] for line, text in zip(old, old_bare, strict=True)]
    ends_with_newline = bool(old_endings[-1])
    if not ends_with_newline:
        old_endings[-1] = old_endings[-2] if len(old) > 1 else "\n"
        while len(new) > 1 and not new[-1]:
            new.pop()
    endings: list[str] = []
    rest = (len(old), len(old), len(new), len(new))
    for old_from, old_to, new_from, new_to in [*differing_blocks(old_bare, new), rest]:
        unchanged = new_from - len(endings)
        endings += old_endings[old_from - unchanged : old_from]
        replaced = old_endings[old_from:old_to] or old_endings[max(old_from - 1, 0) :][:1]
        endings += [*replaced, *[replaced[-1]] * (new_to - new_from)][: new_to - new_from]
    for at in range(1, len(new)):
        # An empty line in LF below one in CR would make a CRLF of the two.
        if not new[at] and (endings[at - 1], endings[at]) == ("\r", "\n"):
            endings[at] = "\r"
    if not ends_with_newline:
        endings[-1] = ""
    return mark + "".join(text + ending for text, ending in zip(new, endings, strict=True))


def _in_lf(before: str, after: str) -> str:
    """As `faithful`, for a file that ends its lines as models do, or is new."""
    if not before:
        return after
    after = after.removeprefix(_BOM)
    if before.endswith("\n"):
        after = after if after.endswith("\n") or not after else after + "\n"
    else:
        after = after.rstrip("\n")
    return _BOM + after if after and before.startswith(_BOM) else after


def unified_diff(changes: ChangeSet) -> str:
    """The changes as git shows them, `diff --git` headers included; "" where nothing changes."""
    return "".join(_file_diff(file) for file in changes.files)


def _file_diff(file: FileChange) -> str:
    if file.empty:
        return ""
    old_name, new_name = file.name, file.destination.name
    header = f"diff --git a/{old_name} b/{new_name}\n"
    if file.before is None:
        header += "new file mode 100644\n"
    elif file.after is None:
        header += "deleted file mode 100644\n"
    elif file.moves:
        header += f"rename from {old_name}\nrename to {new_name}\n"
    body = difflib.unified_diff(
        _git_lines(file.before),
        _git_lines(file.after),
        "/dev/null" if file.before is None else f"a/{old_name}",
        "/dev/null" if file.after is None else f"b/{new_name}",
        lineterm="\n",
    )
    return header + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in body
    )


def _git_lines(text: str | None) -> list[str]:
    """Lines as git knows them: LF alone ends one, a CR is a character like any other."""
    return re.findall(r"[^\n]*\n|[^\n]+", text or "")


def counts(changes: ChangeSet) -> tuple[int, int]:
    """How many lines are added and removed."""
    added = removed = 0
    for file in changes.files:
        for old_from, old_to, new_from, new_to in differing_blocks(
            split_lines(file.before or ""), split_lines(file.after or "")
        ):
            added, removed = added + new_to - new_from, removed + old_to - old_from
    return added, removed
