"""What a task wants to do to files, independent of who wrote it and how."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from phasr_lsp.domain.diff import differing_blocks
from phasr_lsp.domain.text import Span, bare, split_lines, to_lf

_BOM = "\ufeff"


@dataclass(frozen=True)
class FileChange:
    """One file's new text, and the text that it was written for."""

    uri: str
    name: str
    before: str | None = field(repr=False)
    """None: the file is to be created."""
    after: str = field(repr=False)


@dataclass(frozen=True)
class ChangeSet:
    """All that one reply changes. It is applied as a whole or not at all."""

    files: tuple[FileChange, ...] = ()

    @property
    def empty(self) -> bool:
        return all(file.before == file.after for file in self.files)


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
    if not before:
        return to_lf(after)
    new = [bare(line) for line in split_lines(to_lf(after).removeprefix(_BOM))]
    if not new:
        return ""
    if before.startswith(_BOM):
        new[0] = _BOM + new[0]
    old = split_lines(before)
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
    return "".join(text + ending for text, ending in zip(new, endings, strict=True))


def unified_diff(changes: ChangeSet) -> str:
    """The changes as git shows them, `diff --git` headers included; "" where nothing changes."""
    return "".join(_file_diff(file) for file in changes.files)


def _file_diff(file: FileChange) -> str:
    if file.before == file.after:
        return ""
    header = f"diff --git a/{file.name} b/{file.name}\n"
    if file.before is None:
        header += "new file mode 100644\n"
    # git knows LF alone; a CR is a character like any other.
    old, new = re.findall(r"[^\n]*\n|[^\n]+", file.before or ""), re.findall(r"[^\n]*\n|[^\n]+", file.after)
    body = difflib.unified_diff(
        old, new, "/dev/null" if file.before is None else f"a/{file.name}", f"b/{file.name}", lineterm="\n"
    )
    return header + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in body
    )


def counts(changes: ChangeSet) -> tuple[int, int]:
    """How many lines are added and removed."""
    added = removed = 0
    for file in changes.files:
        for old_from, old_to, new_from, new_to in differing_blocks(
            split_lines(file.before or ""), split_lines(file.after)
        ):
            added, removed = added + new_to - new_from, removed + old_to - old_from
    return added, removed
