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
from phasr_lsp.domain.formats.reply import Files, Malformed, without_thinking
from phasr_lsp.domain.matching import Ambiguous, Match, NotFound, locate
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

_SEARCH = re.compile(r"^\s{0,3}<{5,9} ?(?:SEARCH|ORIGINAL)>?\s*$")
_DIVIDER = re.compile(r"^\s{0,3}={5,9}\s*$")
_REPLACE = re.compile(r"^\s{0,3}>{5,9} ?(?:REPLACE|UPDATED)\s*$")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})")


@dataclass(frozen=True)
class _Block:
    file: str
    search: tuple[str, ...]
    replace: tuple[str, ...]


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All blocks of the reply, applied in order; one that can't be placed refuses the whole reply."""
    blocks = _blocks(without_thinking(reply).split("\n"))
    if isinstance(blocks, Malformed):
        return blocks
    texts: dict[str, tuple[FileText, list[str]]] = {}
    for block in blocks:
        file = files.named(block.file) if block.file else files.target
        if file is None:
            return Malformed(f"`{block.file}` is none of the files that may be changed.")
        _, lines = texts.setdefault(file.uri, (file, to_lf(file.text).split("\n")))
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


def _blocks(lines: list[str]) -> list[_Block] | Malformed:
    blocks: list[_Block] = []
    name = ""
    at = 0
    while at < len(lines):
        if not _SEARCH.match(lines[at]):
            at += 1
            continue
        name = _name_above(lines, at) or name
        divider = _find(_DIVIDER, lines, at + 1)
        end = None if divider is None else _find(_REPLACE, lines, divider + 1)
        if divider is None or end is None:
            return Malformed("A SEARCH block isn't closed: the reply seems to be cut off.")
        if _find(_SEARCH, lines[:end], at + 1) is not None:
            return Malformed("A SEARCH block begins inside another one.")
        blocks.append(_Block(name, tuple(lines[at + 1 : divider]), tuple(lines[divider + 1 : end])))
        at = end + 1
    return blocks or Malformed("The answer holds no SEARCH/REPLACE block.")


def _find(pattern: re.Pattern[str], lines: list[str], start: int) -> int | None:
    return next((index for index in range(start, len(lines)) if pattern.match(lines[index])), None)


def _name_above(lines: list[str], at: int) -> str:
    """The line above a block, fences and blank lines passed over, if it can be a path."""
    for line in reversed(lines[max(at - 3, 0) : at]):
        if _REPLACE.match(line):
            return ""
        text = line.strip().strip("`*#: ")
        if text and not _FENCE.match(line):
            return text if re.search(r"[./\\]", text) and " " not in text else ""
    return ""


def _apply(block: _Block, file: FileText, lines: list[str]) -> Malformed | None:
    """Change `lines` in place."""
    if not any(line.strip() for line in block.search):
        if file.exists and any(line.strip() for line in lines):
            return Malformed(f"A SEARCH is empty, but `{file.name}` isn't: name the lines to change.")
        lines[:] = [*block.replace, ""]
        return None
    found = locate(lines, block.search)
    match found:
        case Match():
            lines[found.first : found.end] = found.reindent(block.replace)
            return None
        case Ambiguous():
            places = ", ".join(map(str, found.lines))
            return Malformed(
                f"This SEARCH matches `{file.name}` in several places (lines {places}); "
                f"add lines that make it unique:\n{_quoted(block.search)}"
            )
        case NotFound(nearest, similarity):
            if block.replace and isinstance(locate(lines, block.replace), Match):
                return None
            hint = f" The nearest text ({similarity:.0%} alike) is:\n{_around(lines, nearest)}" if nearest else ""
            return Malformed(f"This SEARCH doesn't stand in `{file.name}`:\n{_quoted(block.search)}{hint}")


def _quoted(lines: tuple[str, ...]) -> str:
    return "".join(f"| {line}\n" for line in lines)


def _around(lines: list[str], line: int) -> str:
    first = max(line - 6, 0)
    return "".join(f"{first + index + 1}: {text}\n" for index, text in enumerate(lines[first : line + 5]))
