"""How models write edits: one module for each format, each `parse(reply, files) -> ChangeSet | Malformed`.

Pure and synchronous; a parser raises nothing, whatever the reply holds. It will never know which model wrote it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import (
    apply_patch,
    lazy,
    line_hinted,
    region,
    search_replace,
    search_replace_fenced,
    tagged,
    tool_calls,
    unified_diff,
    whole_file,
)
from phasr_lsp.domain.formats.fences import fences
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking
from phasr_lsp.domain.model import EditFormat


@dataclass(frozen=True)
class Format:
    """A way in which models write edits."""

    parse: Callable[[str, Files], ChangeSet | Malformed]
    written_in: Callable[[str], bool]
    """Whether a reply looks like it."""


FORMATS: Mapping[EditFormat, Format] = {
    name: Format(module.parse, module.written_in)
    for name, module in (
        (EditFormat.APPLY_PATCH, apply_patch),
        (EditFormat.LINE_HINTED, line_hinted),
        (EditFormat.SEARCH_REPLACE_FENCED, search_replace_fenced),
        (EditFormat.SEARCH_REPLACE, search_replace),
        (EditFormat.TOOL_CALLS, tool_calls),
        (EditFormat.TAGGED, tagged),
        (EditFormat.UNIFIED_DIFF, unified_diff),
        (EditFormat.LAZY, lazy),
        (EditFormat.WHOLE_FILE, whole_file),
        (EditFormat.REGION, region),
    )
}
"""The most distinctive first: what a reply is, is the first that it looks like."""


_CODE = (EditFormat.REGION, EditFormat.WHOLE_FILE, EditFormat.LAZY)
"""Formats that are nothing but code in a block: any text can be read as one of them."""

_BEGINS = re.compile(
    r"(?:(?:- )?[^\s-][^\n]*[./][^\n]*\n|[^\n]*<<[^\n]*\n)?[ \t]*"
    r"(?:[<-]{3,12} ?(?:SEARCH|ORIGINAL)|\*{3} (?:Begin Patch|\w+ File:)|diff --git |--- ?\S|@@|<\w"
    r"|[\[{]\s*[\[{\"])"
)
"""How a code block in another format begins, perhaps below a path."""

_VAGUE = (EditFormat.TOOL_CALLS, EditFormat.TAGGED)
"""Formats that the text of a file may resemble."""


def detect(reply: str) -> EditFormat | None:
    """The format of a reply, whatever was asked for; None where it looks like none."""
    if reply.lstrip().startswith(("{", "[")) and tool_calls.written_in(reply):
        return EditFormat.TOOL_CALLS
    spoken = without_thinking(reply)
    return next((name for name, each in FORMATS.items() if each.written_in(spoken)), None)


def parse(asked: EditFormat, reply: str, files: Files) -> tuple[ChangeSet | Malformed, EditFormat]:
    """What a reply comes to, and the format that it is in.

    That is the one which was asked for, as long as the reply looks like it or like no other.
    """
    found = detect(reply) or asked
    if asked in _CODE:
        return _instead_of_code(asked, found, reply, files)
    if found is asked or FORMATS[asked].written_in(reply):
        return FORMATS[asked].parse(reply, files), asked
    if found is EditFormat.WHOLE_FILE:
        # Nobody asked for whole files: a block may be a piece of one, and is only believed where it fits in.
        found = EditFormat.LAZY
    return FORMATS[found].parse(reply, files), found


def _instead_of_code(
    asked: EditFormat, found: EditFormat, reply: str, files: Files
) -> tuple[ChangeSet | Malformed, EditFormat]:
    """As `parse`, where code was asked for: edits in another format must not be taken for the text of a file."""
    if found not in _CODE and (
        _begins_a_block(reply, files, unnamed=found in _VAGUE)
        or detect(_without_code(reply)) not in (None, *_CODE)
    ):
        result = FORMATS[found].parse(reply, files)
        usable = isinstance(result, ChangeSet)
        shown = FORMATS[found].written_in(files.target.text)
        if (usable and not result.empty and not shown) or not (usable or shown or found in _VAGUE):
            return result, found
    result = FORMATS[asked].parse(reply, files)
    if isinstance(result, Malformed) and asked is not EditFormat.LAZY and found in _CODE:
        filled = FORMATS[EditFormat.LAZY].parse(reply, files)
        if isinstance(filled, ChangeSet):
            return filled, EditFormat.LAZY
    return result, asked


def _begins_a_block(reply: str, files: Files, *, unnamed: bool) -> bool:
    """Whether a code block is in another format, and doesn't merely show one somewhere in it.

    `unnamed` looks at those alone that aren't under a file's name.
    """
    return any(
        _BEGINS.match(block.text) and not (unnamed and whole_file.name_of(block, files))
        for block in fences(reply)
    )


def _without_code(reply: str) -> str:
    """The reply without what stands in its code blocks."""
    pieces: list[str] = []
    at = 0
    for block in fences(reply):
        reply = block.reply
        pieces.append(reply[at : block.start])
        at = block.end
    return "".join([*pieces, reply[at:]])


__all__ = ["FORMATS", "Files", "Format", "Malformed", "detect", "parse"]
