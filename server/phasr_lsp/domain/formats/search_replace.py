"""`search_replace`: blocks of the text to find and the text to put there. Most strong models write it best.

A block is a line with the file's name, then

    <<<<<<< SEARCH
    lines that stand in the file
    =======
    lines that take their place
    >>>>>>> REPLACE
"""

import re
from dataclasses import dataclass

from phasr_lsp.domain.change import ChangeSet, FileChange, faithful
from phasr_lsp.domain.formats.reply import Files, Malformed, elision, is_path, path_in, without_thinking
from phasr_lsp.domain.matching import Ambiguous, Match, Rung, locate, rewrite
from phasr_lsp.domain.text import FileText, to_lf

INSTRUCTION = """\
Answer with one or more blocks of exactly this form, and nothing else:

{file}
<<<<<<< SEARCH
lines that stand in the file, copied to the letter
=======
the lines that take their place
>>>>>>> REPLACE

Each SEARCH must match the file in exactly one place: copy enough lines for that, and no more. To create a file,
leave SEARCH empty. Keep every line that you don't mean to change out of the blocks."""

_BOM = "\ufeff"
_SEARCH = re.compile(r"^\s{0,3}<{5,9} ?(?:SEARCH|ORIGINAL)>?\s*$")
_DIVIDER = re.compile(r"^\s{0,3}={5,9}\s*$")
_REPLACE = re.compile(r"^\s{0,3}>{5,9} ?(?:REPLACE|UPDATED)\s*$")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})")


@dataclass(frozen=True)
class _Block:
    file: str
    """"" for the target."""
    body: tuple[str, ...]
    """The lines between the markers."""
    dividers: tuple[int, ...]
    """Indexes in the body of the lines that may part SEARCH from REPLACE; more than one where the text itself
    has lines of equal signs."""


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All blocks of the reply, applied in order; one that can't be placed refuses the whole reply."""
    blocks = _blocks(without_thinking(reply).split("\n"), files)
    if isinstance(blocks, Malformed):
        return blocks
    texts: dict[str, tuple[FileText, list[str]]] = {}
    for block in dict.fromkeys(blocks):
        file = files.named(block.file) if block.file else files.target
        if file is None:
            return Malformed(f"`{block.file}` is none of the files that may be changed.")
        _, lines = texts.setdefault(file.uri, (file, to_lf(file.text.removeprefix(_BOM)).split("\n")))
        failure = _apply(block, file, lines)
        if failure:
            return failure
    return ChangeSet(
        tuple(
            FileChange(
                file.uri, file.name, file.text if file.exists else None, faithful(file.text, "\n".join(lines))
            )
            for file, lines in texts.values()
        )
    )


def _blocks(lines: list[str], files: Files) -> list[_Block] | Malformed:
    blocks: list[_Block] = []
    name = ""
    at = 0
    while at < len(lines):
        if not _SEARCH.match(lines[at]):
            at += 1
            continue
        name = _name_above(lines, at, files) or name
        end = next((index for index in range(at + 1, len(lines)) if _REPLACE.match(lines[index])), len(lines))
        body = lines[at + 1 : end]
        dividers = tuple(index for index, line in enumerate(body) if _DIVIDER.match(line))
        if any(_SEARCH.match(line) for line in body):
            return Malformed("A SEARCH block begins inside another one.")
        if end == len(lines) or not dividers:
            return Malformed("A SEARCH block isn't closed: the reply seems to be cut off.")
        blocks.append(_Block(name, tuple(body), dividers))
        at = end + 1
    return blocks or Malformed("The answer holds no SEARCH/REPLACE block.")


def _name_above(lines: list[str], at: int, files: Files) -> str:
    """The file that the line above a block names, fences and blank lines passed over; "" for none."""
    for line in reversed(lines[max(at - 4, 0) : at]):
        if _REPLACE.match(line):
            return ""
        path = path_in(line)
        if path and not _FENCE.match(line):
            return path if is_path(path) or files.named(path) else ""
    return ""


def _parted(block: _Block, lines: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | Malformed:
    """SEARCH and REPLACE."""
    splits = [(block.body[:at], block.body[at + 1 :]) for at in block.dividers]
    if len(splits) > 1:
        splits = [split for split in splits if isinstance(locate(lines, split[0]), Match)]
    if len(splits) != 1:
        return Malformed(
            "A block holds several lines of equal signs, and which of them parts SEARCH from REPLACE can't be "
            f"told; leave those of the file out of it:\n{_quoted(block.body)}"
        )
    return splits[0]


def _apply(block: _Block, file: FileText, lines: list[str]) -> Malformed | None:
    """Change `lines` in place."""
    parts = _parted(block, lines)
    if isinstance(parts, Malformed):
        return parts
    search, replace = parts
    left_out = elision("\n".join(replace), file.text)
    if left_out:
        return Malformed(f"A REPLACE leaves code out (`{left_out}`); it must hold every line.")
    if not any(line.strip() for line in search):
        if file.exists and any(line.strip() for line in lines):
            return Malformed(f"A SEARCH is empty, but `{file.name}` isn't: name the lines to change.")
        lines[:] = [*replace, ""]
        return None
    found = locate(lines, search)
    if isinstance(found, Match):
        if not _stands(lines, search, replace, found):
            lines[found.first : found.end] = rewrite(lines, search, replace, found)
        return None
    if _stands(lines, search, replace, None):
        return None
    if isinstance(found, Ambiguous):
        places = ", ".join(map(str, found.lines))
        return Malformed(
            f"This SEARCH matches `{file.name}` in several places (lines {places}); "
            f"add lines that make it unique:\n{_quoted(search)}"
        )
    hint = ""
    if found.nearest is not None:
        around = _around(lines, found.nearest)
        hint = f" The nearest text ({found.similarity:.0%} alike) is:\n{around}"
    return Malformed(f"This SEARCH doesn't stand in `{file.name}`:\n{_quoted(search)}{hint}")


def _stands(lines: list[str], search: tuple[str, ...], replace: tuple[str, ...], found: Match | None) -> bool:
    """Whether the edit was made already: the replacement, to the letter, is there instead of the search text,
    or around it where it contains that."""
    added = {line.strip() for line in replace} - {line.strip() for line in search}
    if not any(re.search(r"\w", line) for line in added):
        return False
    there = locate(lines, replace)
    if not isinstance(there, Match) or there.rung > Rung.TRAILING_SPACE:
        return False
    return found is None or there.first <= found.first <= found.end <= there.end


def _quoted(lines: tuple[str, ...]) -> str:
    return "".join(f"| {line}\n" for line in lines)


def _around(lines: list[str], line: int) -> str:
    """The five lines on either side of one, counted from 1."""
    first = max(line - 6, 0)
    return "".join(f"{first + index + 1}: {text}\n" for index, text in enumerate(lines[first : line + 5]))
