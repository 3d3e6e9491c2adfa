"""`region`: the complete new text of one definition, or what is to be appended, in one code block.

It asks least of a model: no line numbers, no markers, no copy of the rest of the file. Import statements that
the model puts above the definition are moved to where the file has its own.
"""

import re
from dataclasses import dataclass

from phasr_lsp.domain.change import ChangeSet, FileChange, faithful
from phasr_lsp.domain.formats.elision import elision
from phasr_lsp.domain.formats.fences import Fence, fences
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.whole_file import name_of
from phasr_lsp.domain.text import Span, indentation, to_lf

_GAP = 3
"""Line ends between the last line of a file and what is appended: two blank lines."""

_BOM = "\ufeff"


@dataclass(frozen=True)
class _Place:
    """The target in LF and without a byte-order mark, with the spans in it."""

    text: str
    region: Span
    imports: Span

    @property
    def old(self) -> str:
        return self.region.of(self.text)

    @property
    def above(self) -> str:
        return self.text[: self.region.start]

    @property
    def below(self) -> str:
        return self.text[self.region.end :]


def written_in(reply: str) -> bool:
    """Never: a part of a file can't be told from a whole one."""
    return False


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """The target with its region replaced by the reply's code block."""
    if files.region is None:
        return Malformed("No region was selected.")
    found = fences(reply)
    if found.open:
        return Malformed("The code block isn't closed: the reply seems to be cut off.", truncated=True)
    block = _the_block(list(found), files)
    if isinstance(block, Malformed):
        return block
    place = _in_lf(files, files.region)
    imports, body = _split_imports(block.text, place, files.import_words)
    body = _without_surroundings(body, place)
    imports_alone = files.imports_suffice and imports and not body.strip()
    flaw = None if imports_alone else _flaw(body, place, files)
    if flaw:
        return Malformed(flaw)
    after = place.above + _fitted(body, place) + place.below if body.strip() else place.text
    after = _with_imports(after, place, imports)
    before = files.target.text if files.target.exists else None
    return ChangeSet(
        (FileChange(files.target.uri, files.target.name, before, faithful(files.target.text, after)),)
    )


def _the_block(blocks: list[Fence], files: Files) -> Fence | Malformed:
    named = [name for block in blocks if (name := name_of(block, files))]
    if len(named) > 1 or (named and files.named(named[0]) is not files.target):
        return Malformed(f"The answer holds code for {', '.join(named)}; it must hold that for the place alone.")
    if len(blocks) > 1 and files.name:
        blocks = [block for block in blocks if _mentions(block.text, files.name)] or blocks
    if len(blocks) != 1:
        return Malformed(f"The answer holds {len(blocks)} fenced code blocks; it must hold exactly one.")
    if not blocks[0].text.strip():
        return Malformed("The code block is empty.")
    return blocks[0]


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _in_lf(files: Files, region: Span) -> _Place:
    text = files.target.text

    def moved(span: Span) -> Span:
        return Span(*(len(to_lf(text[:offset].removeprefix(_BOM))) for offset in (span.start, span.end)))

    return _Place(to_lf(text.removeprefix(_BOM)), moved(region), moved(files.imports))


def _flaw(body: str, place: _Place, files: Files) -> str | None:
    """Why the body can't be what was asked for; None when it can."""
    if files.name and not _mentions(body, files.name):
        return f"The code block doesn't contain `{files.name}`; it must hold all of it."
    left_out = elision(body, files.target.text)
    if left_out:
        return f"The code block leaves code out (`{left_out}`); it must be complete."
    repeated = _repeated(body, place, files.name)
    if repeated:
        return f"The code block repeats other parts of the file (`{repeated}`); leave those out."
    return None


def _without_surroundings(body: str, place: _Place) -> str:
    """The body without the parts of the file around the region that a model repeated to the letter."""
    if place.region == place.imports:
        return body
    lines, old = body.split("\n"), _filled(place.old)
    above, below = set(_filled(place.above)), _filled(place.below)
    heads = [at for at, line in enumerate(lines) if old and line.strip() == old[0]]
    if len(heads) == 1 and all(line.strip() in above for line in lines[: heads[0]] if line.strip()):
        lines = lines[heads[0] :]
    for at, line in enumerate(lines):
        if at and below and line.strip() == below[0] and below[0] not in old:
            rest = _filled("\n".join(lines[at:]))
            return "\n".join(lines[:at]) if below[: len(rest)] == rest else "\n".join(lines)
    return "\n".join(lines)


def _repeated(body: str, place: _Place, name: str) -> str | None:
    """The line by which the body shows that it holds more of the file than was asked for.

    It begins with code that stands elsewhere in the file, it goes on with the definition that follows, it ends as
    the file does, or behind the new import statements it goes on with what follows the old ones.
    """
    lines, old = _filled(body), _filled(place.old)
    above, below = _filled(place.above), _filled(place.below)
    if not lines:
        return None
    if place.old and place.region == place.imports:
        return below[0] if below and below[0] in lines and below[0] not in old else None
    first = lines[0]
    elsewhere = first in [*above, *below] and first not in old and re.match(r"[\w\"']", first)
    if elsewhere and (name or not place.old) and not (name and _mentions(first, name)):
        return first
    if place.old and below and below[0].endswith((":", "{")) and below[0] in lines and below[0] not in old:
        return below[0]
    end = below[-3:]
    if lines[-len(end) :] == end and len(re.findall(r"\w", "".join(end))) >= _DISTINCT and end != old[-3:]:
        return end[0]
    return None


_DISTINCT = 20
"""Letters in the last lines of a file above which another text hardly ends in the same way."""


def _filled(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _split_imports(block: str, place: _Place, words: tuple[str, ...]) -> tuple[list[str], str]:
    """The import statements at the block's head that the file hasn't, and what follows them.

    Where the replaced text itself begins with imports, or the file is empty, they stay where they are.
    """
    if not place.text.strip() or not words or _begins_import(place.old.lstrip(), words):
        return [], block
    imports = place.imports.of(place.text)
    have = {*_filled(place.text), " ".join(imports.split())}
    # A Go file has a list of paths, which stand in it alone.
    listed = set(_filled(imports))
    lines = block.split("\n")
    wanted: list[str] = []
    at = 0
    while at < len(lines):
        end = _statement_end(lines, at, words)
        if end is None:
            break
        statement = "\n".join(lines[at:end]).strip()
        known = " ".join(statement.split()) in have or statement.partition(" ")[2].strip() in listed
        if statement and not known:
            wanted.append(statement)
        at = end
    body = "\n".join(lines[at:])
    return [statement for statement in wanted if _may_be_used(statement, body, words)], body


def _may_be_used(statement: str, body: str, words: tuple[str, ...]) -> bool:
    """Whether the body mentions something of an import statement. What can't be judged may be used: a star, a
    path alone, a statement without anything below it."""
    outside_quotes = re.sub(r"([\"'<]).*?[\"'>]", "", statement)
    names = set(re.findall(r"[^\W\d]\w*", outside_quotes)) - {*words, "import", "from", "as"}
    unclear = not body.strip() or not names or "*" in statement or "__future__" in names
    return unclear or any(_mentions(body, name) for name in names)


def _statement_end(lines: list[str], at: int, words: tuple[str, ...]) -> int | None:
    """The index behind the import statement or the blank line at `at`; None where other code stands."""
    if not lines[at].strip():
        return at + 1
    if not _begins_import(lines[at], words):
        return None
    for end in range(at + 1, len(lines) + 1):
        text = "\n".join(lines[at:end])
        if all(text.count(opening) == text.count(closing) for opening, closing in ("()", "{}")):
            return end
    return None


def _begins_import(line: str, words: tuple[str, ...]) -> bool:
    return any(re.match(rf"{re.escape(word)}(?!\w)", line) for word in words)


def _fitted(body: str, place: _Place) -> str:
    """The body at the old text's indentation, with blank lines around it as the place asks for."""
    old = place.old
    body = _indented(body.strip("\n"), indentation(old))
    if not place.region.empty:
        trailing = len(old) - len(old.rstrip("\n"))
        leading = len(old) - len(old.lstrip("\n")) if old.strip() else 0
        return "\n" * leading + body + "\n" * trailing
    above, below = place.above, place.below
    gap_above = max(_GAP - (len(above) - len(above.rstrip("\n"))), 0) if above.strip() else 0
    gap_below = max(_GAP - 1 - (len(below) - len(below.lstrip("\n"))), 0) if below.strip() else 0
    return "\n" * gap_above + body + "\n" + "\n" * gap_below


def _indented(body: str, want: str) -> str:
    """The body moved so that it begins at the indentation `want`."""
    have = indentation(body)
    lines = body.split("\n")
    if have == want or _only_first_line_lost(lines, want):
        return want + body.lstrip(" \t") if have != want else body
    return "\n".join(want + line.removeprefix(have) if line.strip() else line for line in lines)


def _only_first_line_lost(lines: list[str], want: str) -> bool:
    """Whether all but the first line stand at the old indentation, as when a model copies from behind it."""
    rest = [line for line in lines[1:] if line.strip()]
    if lines[0][:1].isspace() or not want or not rest:
        return False
    closing = rest[-1].startswith(want) and rest[-1][len(want) :][:1] in tuple(")]}")
    inner = rest[:-1] if closing else rest
    return all(line.startswith(want) and line[len(want) :][:1].isspace() for line in inner)


def _with_imports(text: str, place: _Place, statements: list[str]) -> str:
    """The text, in which the region was replaced already, with the statements behind the imports it has."""
    if not statements:
        return text
    moved = len(text) - len(place.text) if place.imports.start >= place.region.end and place.region.end else 0
    start, end = place.imports.start + moved, place.imports.end + moved
    # Python wants these above all other statements.
    future = [statement for statement in statements if statement.startswith("from __future__ ")]
    others = [statement for statement in statements if statement not in future]
    if not place.imports.empty:
        return (
            text[:start]
            + "".join(statement + "\n" for statement in future)
            + _with_newline(text[start:end])
            + "".join(statement + "\n" for statement in others)
            + text[end:]
        )
    above, below = _with_newline(text[:end]), text[end:]
    lead = "\n" if above.strip() and not above.endswith("\n\n") else ""
    gap = max(_GAP - 1 - (len(below) - len(below.lstrip("\n"))), 0) if below.strip() else 0
    return above + lead + "".join(f"{line}\n" for line in [*future, *others]) + "\n" * gap + below


def _with_newline(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
