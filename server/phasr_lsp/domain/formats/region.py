"""`region`: the complete new text of one definition, or what is to be appended, in one code block.

It asks least of a model: no line numbers, no markers, no copy of the rest of the file. Import statements that
the model puts above the definition are moved to where the file has its own.
"""

import re

from phasr_lsp.domain.change import ChangeSet, FileChange, faithful
from phasr_lsp.domain.formats.reply import Fence, Files, Malformed, fences
from phasr_lsp.domain.text import Span, bare, indentation, split_lines, to_lf

_GAP = 3
"""Line ends between the last line of a file and what is appended: two blank lines."""

INSTRUCTION = (
    "Answer with {what} in one fenced code block, complete, with nothing left out and no placeholders such as "
    "`...`. Don't repeat the rest of the file. Write nothing else."
)


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """The target with its region replaced by the reply's code block."""
    if files.region is None:
        return Malformed("No region was selected.")
    blocks = fences(reply)
    if isinstance(blocks, Malformed):
        return blocks
    block = _the_block(blocks, files.name)
    if isinstance(block, Malformed):
        return block
    text = to_lf(files.target.text)
    region, imports = _in_lf(files.target.text, files.region), _in_lf(files.target.text, files.imports)
    old = region.of(text)
    inside_imports = imports.start <= region.start <= imports.end and not region.empty
    new_imports, body = ([], block.text) if inside_imports else _split_imports(block.text, old, files)
    if files.name and not re.search(rf"(?<!\w){re.escape(files.name)}(?!\w)", body):
        return Malformed(f"The code block doesn't contain `{files.name}`; it must hold all of it.")
    after = _insert(text, region, _fitted(body, old, text, region), imports, new_imports)
    before = files.target.text if files.target.exists else None
    return ChangeSet(
        (FileChange(files.target.uri, files.target.name, before, faithful(files.target.text, after)),)
    )


def _the_block(blocks: list[Fence], name: str) -> Fence | Malformed:
    if len(blocks) > 1 and name:
        blocks = [block for block in blocks if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", block.text)]
    if len(blocks) != 1:
        return Malformed(f"The answer holds {len(blocks)} fenced code blocks; it must hold exactly one.")
    if not blocks[0].text.strip():
        return Malformed("The code block is empty.")
    return blocks[0]


def _in_lf(text: str, span: Span) -> Span:
    return Span(len(to_lf(text[: span.start])), len(to_lf(text[: span.end])))


def _split_imports(block: str, old: str, files: Files) -> tuple[list[str], str]:
    """The import lines at the block's head that the file hasn't, and what follows them.

    Only statements of one line are moved; the first line that is neither blank nor such a statement ends
    the head. Where the replaced text itself begins with imports they stay in the body.
    """
    nothing_there = not files.target.text.strip()
    if nothing_there or not files.import_words or _begins_import(old.lstrip(), files.import_words):
        return [], block
    have = {line.strip() for line in to_lf(files.target.text).split("\n")}
    lines = block.split("\n")
    head = 0
    while head < len(lines) and (not lines[head].strip() or _one_line_import(lines[head], files.import_words)):
        head += 1
    wanted = [line for line in lines[:head] if line.strip() and line.strip() not in have]
    return wanted, "\n".join(lines[head:])


def _begins_import(line: str, words: tuple[str, ...]) -> bool:
    return any(re.match(rf"{re.escape(word)}(?!\w)", line) for word in words)


def _one_line_import(line: str, words: tuple[str, ...]) -> bool:
    return (
        _begins_import(line, words) and line.count("(") == line.count(")") and line.count("{") == line.count("}")
    )


def _fitted(body: str, old: str, text: str, region: Span) -> str:
    """The body at the old text's indentation, with blank lines around it as the place asks for."""
    body = body.strip("\n") + "\n"
    if region.empty:
        before = text[: region.start]
        above = len(before) - len(before.rstrip("\n"))
        return "\n" * max(_GAP - above, 0) + body if before.strip() else body
    have, want = indentation(body), indentation(old)
    if have != want:
        body = "".join(
            want + line.removeprefix(have) if bare(line).strip() else line for line in split_lines(body)
        )
    return body if old.endswith("\n") or region.end < len(text) else body.removesuffix("\n")


def _insert(text: str, region: Span, body: str, imports: Span, new_imports: list[str]) -> str:
    """The text with the region replaced and the import lines put behind those it has."""
    if not new_imports:
        return text[: region.start] + body + text[region.end :]
    lines = "".join(line.strip() + "\n" for line in new_imports)
    if imports.end > region.start:
        return text[: region.start] + lines + body + text[region.end :]
    if imports.empty:
        lines += "\n\n"
    elif not text[: imports.end].endswith("\n"):
        lines = "\n" + lines
    return text[: imports.end] + lines + text[imports.end : region.start] + body + text[region.end :]
