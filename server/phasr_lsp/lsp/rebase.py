"""A ChangeSet carried over to what its files say now: merged where only the text differs, a Conflict otherwise.

Reads, and changes nothing.
"""

from dataclasses import replace
from pathlib import Path

from phasr_lsp.adapters import disk
from phasr_lsp.domain.change import ChangeSet, FileChange, Place
from phasr_lsp.domain.errors import Conflict, TargetError
from phasr_lsp.domain.merge import Clash, merge
from phasr_lsp.domain.text import FileText, to_lf
from phasr_lsp.engine.ports import Syntax
from phasr_lsp.lsp.to_proto import Write
from phasr_lsp.lsp.workspace import Workspace, path_of

KEPT = "Its result is kept: run phasr.apply to try again, phasr.discard to drop it."


def rebased(changes: ChangeSet, workspace: Workspace, syntax: Syntax) -> list[Write]:
    """What is left to do: new texts first, then renames, then deletions.

    Raises `Conflict` when a file isn't what its change was made for, `TargetError` for one that can't be touched.
    """
    try:
        files = changes.normal().files
    except ValueError as error:
        raise TargetError(f"The result can't be carried out: {error}.", "Run the task again.") from error
    writes = [_write(file, workspace, syntax) for file in files if not file.empty]
    return sorted(
        (write for write in writes if write), key=lambda write: (write.then is None, write.moved_to is not None)
    )


def alike(one: str, other: str) -> bool:
    """Whether texts are the same but for their line endings, which are the editor's to choose for a new file."""
    return one == other or to_lf(one) == to_lf(other)


def _write(change: FileChange, workspace: Workspace, syntax: Syntax) -> Write | None:
    """None for a change that is there already."""
    if change.before is None:
        return _new(change, workspace)
    if change.after is None:
        return _deletion(change, workspace)
    if change.moves:
        return _rename(change, change.before, change.after, workspace, syntax)
    now = workspace.find(change.uri)
    if now is None:
        raise _gone(change)
    then = _merged(change, change.before, change.after, now, syntax)
    return None if then == now.text else Write(change.uri, change.name, now.text, then, now.version)


def _new(change: FileChange, workspace: Workspace) -> Write | None:
    _confined(change.source, workspace)
    now = workspace.find(change.uri)
    if now is None:
        return Write(change.uri, change.name, "", change.after, version=None, new=True)
    if alike(now.text, change.after or ""):
        return None
    if now.text.strip():
        raise Conflict(f"{change.name} was made by somebody else meanwhile.", KEPT)
    return Write(change.uri, change.name, now.text, change.after, now.version)


def _deletion(change: FileChange, workspace: Workspace) -> Write | None:
    # A buffer may outlive its file, and nothing is lost with that.
    if not disk.exists(_confined(change.source, workspace)):
        return None
    now = workspace.read(change.uri)
    if not alike(now.text, change.before or ""):
        raise Conflict(f"{change.name} was to be deleted, but changed meanwhile; nothing was written.", KEPT)
    return Write(change.uri, change.name, now.text, None, now.version)


def _rename(change: FileChange, before: str, after: str, workspace: Workspace, syntax: Syntax) -> Write | None:
    end = change.destination
    _confined(end, workspace)
    there = workspace.find(end.uri)
    if not disk.exists(_confined(change.source, workspace)):
        if there and alike(there.text, after):
            return None
        raise _gone(change)
    if there:
        raise Conflict(f"{change.name} can't be renamed to {end.name}, which exists; nothing was written.", KEPT)
    now = workspace.read(change.uri)
    then = _merged(change, before, after, now, syntax)
    return Write(change.uri, change.name, now.text, then, now.version, moved_to=end)


def _confined(place: Place, workspace: Workspace) -> Path:
    """Raises `TargetError`."""
    path = path_of(place.uri)
    if path is None:
        raise TargetError(f"{place.name} has no place on disk.", "Save it first.")
    disk.confine(path, workspace.folders)
    return path


def _gone(change: FileChange) -> Conflict:
    return Conflict(f"{change.name} was deleted or renamed meanwhile; nothing was written.", KEPT)


def _merged(change: FileChange, before: str, after: str, now: FileText, syntax: Syntax) -> str:
    """The change made to what the file says now. Raises `Conflict`."""
    if alike(now.text, after):
        return now.text
    merged = merge(before, after, now.text)
    if not isinstance(merged, str):
        raise Conflict(
            f"{change.name} changed meanwhile where the result goes, at line {_places(merged)}; nothing was "
            "written.",
            KEPT,
        )
    # Two changes that each parse may not together.
    line = None if merged in (after, now.text) else syntax.first_error(replace(now, text=merged))
    if line is not None and syntax.first_error(now) is None:
        raise Conflict(
            f"{change.name} changed meanwhile, and with the result it would no longer parse (line {line}); "
            "nothing was written.",
            KEPT,
        )
    return merged


def _places(clashes: tuple[Clash, ...]) -> str:
    return ", ".join(
        f"{clash.first_line}" if clash.first_line == clash.last_line else f"{clash.first_line}-{clash.last_line}"
        for clash in clashes
    )
