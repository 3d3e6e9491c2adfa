"""Looks at what a reply would do to a file before anybody gets to see it."""

import re
from collections import Counter
from dataclasses import dataclass, replace

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.kind import Scope
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Span, split_lines
from phasr_lsp.engine.aim import Aim
from phasr_lsp.engine.ports import Syntax


@dataclass(frozen=True)
class Flaw:
    """Why a change can't be used, as the model is told."""

    reason: str
    breaks_syntax: bool = False


def find_flaw(changes: ChangeSet, aim: Aim, syntax: Syntax) -> Flaw | None:
    """The first thing that is wrong with the changes, or None."""
    if changes.empty:
        # Where somebody says that something is amiss, a reply that changes nothing is no answer.
        amiss = aim.kind.scope in (Scope.DIAGNOSTIC, Scope.COMMENT)
        return Flaw("The answer is what stands there already: it changes nothing.") if amiss else None
    known = {file.uri: file for file in (aim.files.target, *aim.files.others.values())}
    found = (_flaw(change, known[change.uri], aim, syntax) for change in changes.files)
    return next((flaw for flaw in found if flaw), None)


def _flaw(change: FileChange, file: FileText, aim: Aim, syntax: Syntax) -> Flaw | None:
    after = replace(file, text=change.after)
    line = syntax.first_error(after)
    if line is not None and (change.before is None or syntax.first_error(file) is None):
        near = (split_lines(change.after)[line - 1 : line] or [""])[0].strip()
        return Flaw(f"With it {file.name} no longer parses; see line {line}: {near}", breaks_syntax=True)
    if aim.kind.keeps_code and syntax.code(after) != syntax.code(file):
        return Flaw("It changes code: copy every line of code to the letter, and change documentation alone.")
    if aim.format is EditFormat.WHOLE_FILE and change.before:
        return _lost(file, after, aim, syntax)
    return _doubled(file, after, aim, syntax) if aim.format is EditFormat.REGION else None


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


def _lost(before: FileText, after: FileText, aim: Aim, syntax: Syntax) -> Flaw | None:
    """A model that is asked for a whole file and writes a part of it would delete the rest."""
    asked = f"{aim.detail} {aim.instruction or ''}"
    kept = {definition.name for definition in syntax.definitions(after)}
    lost = [
        definition.name
        for definition in syntax.definitions(before)
        if definition.name not in kept and not re.search(rf"\b{re.escape(definition.name)}\b", asked)
    ]
    if lost:
        return Flaw(f"It leaves out {', '.join(lost)}: the answer must hold the whole file.")
    if len(split_lines(after.text)) * 2 < len(split_lines(before.text)):
        return Flaw("It leaves out more than half of the lines: the answer must hold the whole file.")
    return None
