"""Looks at what a reply would do to a file before anybody gets to see it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.formats import Files
from phasr_lsp.domain.kind import Output, Scope
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Span, split_lines, to_lf
from phasr_lsp.engine.aim import Aim
from phasr_lsp.engine.normalise import first_break
from phasr_lsp.engine.ports import Definition, Syntax


@dataclass(frozen=True)
class Flaw:
    """Why a change can't be used, as the model is told."""

    reason: str
    demand: str = ""
    """What the model is told to do about it; a person isn't."""
    breaks_syntax: bool = False


def find_flaw(changes: ChangeSet, aim: Aim, files: Files, syntax: Syntax) -> Flaw | None:
    """The first thing that is wrong with the changes, or None; `files` are those that they may be about."""
    if changes.empty:
        # Where somebody says that something is amiss, a reply that changes nothing is no answer.
        amiss = aim.kind.scope in (Scope.DIAGNOSTIC, Scope.COMMENT)
        return Flaw("The answer is what stands there already: it changes nothing.") if amiss else None
    known = {file.uri: file for file in (*files.others.values(), *aim.files.others.values(), aim.files.target)}
    found = (_flaw(change, known[change.uri], aim, syntax) for change in changes.files)
    return next((flaw for flaw in found if flaw), None)


def _flaw(change: FileChange, file: FileText, aim: Aim, syntax: Syntax) -> Flaw | None:
    if change.after is None or change.moves:
        own = file.uri in (aim.source.uri, aim.files.target.uri)
        if own or aim.kind.keeps_code:
            return Flaw(f"It takes {file.name} away, which has to stay where it is.")
    if change.after is None:
        return None
    file = replace(file, text=change.before or "")
    after = replace(file, text=change.after)
    broken = first_break(change, file, syntax)
    if broken:
        return Flaw(str(broken), breaks_syntax=True)
    if aim.kind.keeps_code and syntax.code(after) != syntax.code(file):
        return Flaw("It changes code.", "Copy every line of code to the letter, and change documentation alone.")
    part = aim.part if aim.kind.output is Output.TARGET and file.uri == aim.source.uri else None
    flaw = _lost(file, after, part, aim, syntax)
    if flaw is None and part and aim.kind.scope in (Scope.DEFINITION, Scope.IMPORTS):
        flaw = _strayed(file, after, part, aim, syntax)
    if flaw is None and aim.format is EditFormat.REGION:
        flaw = _doubled(file, after, aim, syntax)
    return flaw


def _lost(before: FileText, after: FileText, part: Span | None, aim: Aim, syntax: Syntax) -> Flaw | None:
    """What stands outside the part, and the definition that the part is, stays; the wish may name exceptions.

    A model that is asked for a whole file and writes a piece of it would delete the rest.
    """
    asked = f"{aim.detail} {aim.instruction or ''}"
    old, new = syntax.definitions(before), syntax.definitions(after)
    had, has = Counter(each.name for each in old), Counter(each.name for each in new)
    # One that moved to another place, or into a class that was renamed, isn't lost.
    kept = Counter((each.top, each.name) for each in old if each.name == aim.name or not _within(each, part))
    kept -= Counter((each.top, each.name) for each in new)
    gone = {name for name in had if has[name] < had[name] and name}
    allowed = {name for name in gone if _mentions(asked, name)}
    lost = [name for top, name in kept if name in gone and not {name, top} & allowed]
    whole = aim.format is EditFormat.WHOLE_FILE
    if lost:
        rest = "the answer must hold the whole file." if whole else "that has to stay."
        return Flaw(f"It leaves out {', '.join(dict.fromkeys(lost))}: {rest}")
    if whole and len(split_lines(after.text)) * 2 < len(split_lines(before.text)):
        return Flaw("It leaves out more than half of the lines: the answer must hold the whole file.")
    return None


def _strayed(before: FileText, after: FileText, part: Span, aim: Aim, syntax: Syntax) -> Flaw | None:
    """Outside the part and the import statements something may be added, beside definitions and not in them, and
    every line stays."""
    outside = {_plain(each.span.of(before.text)): each.name for each in _beside(syntax.definitions(before), part)}
    for each in syntax.definitions(after):
        outside.pop(_plain(each.span.of(after.text)), None)
    imports = syntax.import_statements(before)
    above = _lines(before.text, Span(0, part.start), imports)
    below = _lines(before.text, Span(part.end, len(before.text)), imports)[::-1]
    lines = _lines(after.text, Span(0, len(after.text)))
    head, tail = _reach(above, lines), _reach(below, lines[::-1])
    if not outside and head is not None and tail is not None and head + tail <= len(lines):
        return None
    what = ", ".join(filter(None, outside.values())) or "lines"
    where = f"`{aim.name}`" if aim.name else "the lines shown last"
    return Flaw(
        f"It changes {what} outside {where}: change {where} alone, and import statements where that needs them."
    )


def _beside(definitions: Sequence[Definition], part: Span) -> list[Definition]:
    """The outermost definitions that have nothing in common with the part."""
    found: list[Definition] = []
    for each in definitions:
        apart = each.span.end <= part.start or part.end <= each.span.start
        if apart and not (found and each.span.end <= found[-1].span.end):
            found.append(each)
    return found


def _within(definition: Definition, part: Span | None) -> bool:
    return part is not None and part.start <= definition.span.start and definition.span.end <= part.end


def _lines(text: str, span: Span, without: Sequence[Span] = ()) -> list[str]:
    """The lines of a span that aren't blank, those of other spans left out."""
    pieces: list[str] = []
    at = span.start
    for gap in without:
        if span.start <= gap.start < span.end:
            pieces.append(text[at : gap.start])
            at = max(at, gap.end)
    pieces.append(text[at : span.end])
    return [_plain(line) for line in split_lines("".join(pieces)) if line.strip()]


def _plain(text: str) -> str:
    """Without what a text's place in its file gives it: line endings, a byte-order mark."""
    return to_lf(text).strip("\n").removeprefix("\ufeff")


def _reach(wanted: Sequence[str], lines: Sequence[str]) -> int | None:
    """How many of the lines it takes to meet all that are wanted, in their order; None if one isn't there."""
    reached = 0
    for line in wanted:
        try:
            reached = lines.index(line, reached) + 1
        except ValueError:
            return None
    return reached


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _doubled(before: FileText, after: FileText, aim: Aim, syntax: Syntax) -> Flaw | None:
    """A region that holds a second copy of what stands elsewhere in the file would hide one of the two."""
    region = aim.files.region or Span(0, 0)
    inside: set[str] = set()
    outside: Counter[str] = Counter()
    for definition in syntax.definitions(before):
        if region.start <= definition.span.start and definition.span.end <= region.end:
            inside.add(definition.name)
        else:
            outside[definition.name] += 1
    found = Counter(definition.name for definition in syntax.definitions(after))
    doubled = [name for name in outside if name and name not in inside and found[name] > outside[name]]
    return Flaw(f"It repeats {', '.join(doubled)}, which the file has already.") if doubled else None
