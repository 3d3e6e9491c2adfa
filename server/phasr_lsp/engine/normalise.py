"""From what a model wrote, in whatever format, to one ChangeSet: the same way for every task and every model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.formats import Files, Malformed, parse
from phasr_lsp.domain.formats.names import mentioned
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.paths import path_rule
from phasr_lsp.domain.text import FileText, Lookup, split_lines
from phasr_lsp.engine.ports import Syntax

_WORDS = re.compile(r"[\w\s]+")
"""A text of nothing but words isn't code, whatever its file is called."""

MOST_FILES = 200
"""Paths in a reply that are looked up; beyond that they are words."""


@dataclass(frozen=True)
class Broken:
    """A file that parsed before a change and doesn't after it."""

    name: str
    line: int
    """Counted from 1."""
    text: str
    """What stands there."""

    def __str__(self) -> str:
        return f"With it {self.name} no longer parses; see line {self.line}: {self.text}"


@dataclass(frozen=True)
class Normal:
    """What a reply comes to."""

    result: ChangeSet | Malformed | Broken
    format: EditFormat
    """The format in which it was written."""


def guarded(reply: str, files: Files) -> tuple[Files, tuple[str, ...]]:
    """The files, with the rules against paths in the reply that no model may name; and its other new paths."""
    names = dict.fromkeys(files.relative(path) for path in mentioned(reply)[:MOST_FILES])
    unknown = [name for name in names if name not in files.known and name not in files.refused]
    rules = {name: rule for name in unknown if (rule := path_rule(name))}
    allowed = tuple(name for name in unknown if name not in rules)
    return replace(files, refused={**files.refused, **rules}), allowed


def widened(files: Files, found: Mapping[str, Lookup]) -> Files:
    """The files with those that were looked up.

    A path whose folder isn't there, and that has the file name of exactly one file which is, isn't taken for a
    new file in an edit: models make folders up.
    """
    others, refused = dict(files.others), dict(files.refused)
    made_up: set[str] = set()
    for name, lookup in found.items():
        if isinstance(lookup.found, str):
            refused[name] = lookup.found
            continue
        others[name] = lookup.found
        same = [other for other in files.known if PurePosixPath(other).name == PurePosixPath(name).name]
        if not lookup.found.exists and len(same) == 1 and not lookup.has_folder:
            made_up.add(name)
    return replace(files, others=others, refused=refused, made_up=files.made_up | made_up)


def normalise(reply: str, asked: EditFormat, files: Files, syntax: Syntax) -> Normal:
    """Read a reply; `files` holds every file that it may change."""
    result, written = parse(asked, reply, files)
    if isinstance(result, ChangeSet):
        known = {file.uri: file for file in (files.target, *files.others.values())}
        broken = (first_break(change, known[change.uri], syntax) for change in result.files)
        return Normal(next(filter(None, broken), result), written)
    return Normal(result, written)


def after(changes: ChangeSet, files: Files) -> Files:
    """The files as the changes leave them."""
    if changes.empty:
        return files
    left = {change.uri: change for change in changes.files}
    here = {change.destination.uri: change for change in changes.files if change.after is not None}

    def changed(file: FileText) -> FileText:
        change = here.get(file.uri)
        if change is not None:
            return replace(file, text=change.after or "", exists=True, version=None)
        return replace(file, text="", exists=False, version=None) if file.uri in left else file

    others = {name: changed(file) for name, file in files.others.items()}
    return replace(files, target=changed(files.target), others=others, region=None, line=None)


def first_break(change: FileChange, file: FileText, syntax: Syntax) -> Broken | None:
    """Where a file that parses as it is no longer does; `file` is as it was before."""
    if change.after is None or change.after == change.before or _WORDS.fullmatch(change.before or ""):
        return None
    line = syntax.first_error(replace(file, text=change.after))
    if line is None or (change.before is not None and syntax.first_error(file) is not None):
        return None
    return Broken(file.name, line, (split_lines(change.after)[line - 1 : line] or [""])[0].strip())
