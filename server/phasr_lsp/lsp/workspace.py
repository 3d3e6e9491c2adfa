"""The workspace as its user sees it: open buffers first, then the disk."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from pygls.uris import from_fs_path, to_fs_path

from phasr_lsp.adapters import disk, git_ignore
from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.ignore import ignoring_rule
from phasr_lsp.domain.language import Language, language_of
from phasr_lsp.domain.paths import path_rule
from phasr_lsp.domain.text import FileText, Lookup, to_lf
from phasr_lsp.lsp.documents import Documents


def path_of(uri: str) -> Path | None:
    """The file behind the URI; None for one that isn't on disk, such as `untitled:`."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(path) if path else None


def uri_of(path: Path) -> str:
    return from_fs_path(str(path)) or path.as_uri()


def _or_reason(read: Callable[[], FileText]) -> FileText | str:
    try:
        return read()
    except TargetError as error:
        return str(error)


def _may_not(name: str, rule: str) -> TargetError:
    return TargetError(f"{name!r} may not be used: {rule}.", "Edit that file yourself.")


class Workspace:
    """The engine's `Files`."""

    def __init__(
        self, documents: Documents, languages: Mapping[str, Language], max_bytes: Callable[[], int]
    ) -> None:
        self._documents = documents
        self._languages = languages
        self._max_bytes = max_bytes
        self.folders: tuple[Path, ...] = ()
        """The workspace folders; empty when the editor opened a file alone."""

    def read(self, uri: str) -> FileText:
        """The file as the editor shows it, or as it is on disk. Raises `TargetError`."""
        path = path_of(uri)
        document = self._documents.get(uri)
        if document is None:
            if path is None:
                raise TargetError(f"{uri} isn't open.", "Open it and choose the action again.")
            return self._on_disk(uri, path)
        name = self._name(path) if path else PurePosixPath(uri).name
        if path:
            disk.check_writable(path)
        disk.check_size(name, len(document.text.encode("utf-8", "replace")), self._max_bytes())
        if "\0" in document.text:
            raise TargetError(f"{name} is a binary file.", "Phasr works on text.")
        language = self._language(name, document.language_id)
        return FileText(uri, name, document.text, language, document.version)

    def find(self, uri: str) -> FileText | None:
        """As `read`; None when the file is neither open nor on disk. Raises `TargetError`."""
        path = path_of(uri)
        there = self._documents.get(uri) or (path and disk.exists(path))
        return self.read(uri) if there else None

    def unsaved(self, uri: str) -> bool:
        """Whether a buffer differs from its file in more than line endings. Raises `TargetError`."""
        document, path = self._documents.get(uri), path_of(uri)
        if document is None:
            return False
        return path is None or to_lf(document.text) != to_lf(disk.read_text(path, self._max_bytes()))

    def sibling(self, uri: str, name: str) -> FileText:
        """The file `name`, relative to the folder that holds `uri`; its text is empty if it doesn't exist.

        Raises `TargetError` when it may not be written, which names the rule, or when there is no folder.
        """
        folder = self._folder(uri)
        if refusal := self._kept(folder, [name]).get(name):
            raise refusal
        return self.find(uri_of(folder / name)) or self._to_be(folder, name)

    async def lookup(self, uri: str, names: Sequence[str]) -> Mapping[str, Lookup]:
        """See `Files`. Git is asked once and in a thread, as is the disk."""
        if not names:
            return {}
        try:
            folder = self._folder(uri)
        except TargetError as error:
            return dict.fromkeys(names, Lookup(str(error)))
        refused, found = await asyncio.to_thread(self._looked_up, folder, names)
        for name, each in found.items():
            shown = uri_of(folder / name)
            if self._documents.get(shown):
                found[name] = replace(each, found=_or_reason(partial(self.read, shown)))
        return {**found, **{name: Lookup(str(error)) for name, error in refused.items()}}

    def _looked_up(
        self, folder: Path, names: Sequence[str]
    ) -> tuple[Mapping[str, TargetError], dict[str, Lookup]]:
        """What may not be used of the names, and the rest as it is on disk, whatever is open."""
        refused = self._kept(folder, names)
        found: dict[str, Lookup] = {}
        for name in names:
            if name not in refused:
                file = _or_reason(partial(self._saved, folder, name))
                found[name] = Lookup(file, (folder / name).parent.is_dir())
        return refused, found

    def _saved(self, folder: Path, name: str) -> FileText:
        """The file as it is on disk, be it there or not. Raises `TargetError`."""
        path = folder / name
        return self._on_disk(uri_of(path), path) if disk.exists(path) else self._to_be(folder, name)

    def _to_be(self, folder: Path, name: str) -> FileText:
        return FileText(uri_of(folder / name), name, "", self._language(name), exists=False)

    def _on_disk(self, uri: str, path: Path) -> FileText:
        """Raises `TargetError`."""
        name = self._name(path)
        disk.check_writable(path)
        return FileText(uri, name, disk.read_text(path, self._max_bytes()), self._language(name))

    def _language(self, name: str, editor_id: str | None = None) -> str:
        """The language's key; "" where it isn't known."""
        language = language_of(name, editor_id, self._languages.values())
        return language.name if language else ""

    def has_folder(self, uri: str, name: str) -> bool:
        """Whether the folder is there in which `name`, relative to the folder that holds `uri`, would be."""
        path = path_of(uri)
        if path is None or not self.folders:
            return False
        return (disk.confine(path, self.folders) / name).parent.is_dir()

    def names(self, uri: str) -> frozenset[str]:
        """Files beside the document and in the test folders around it, relative to its workspace folder."""
        path = path_of(uri)
        if path is None or not self.folders:
            return frozenset()
        folder = disk.confine(path, self.folders)
        return frozenset(found.relative_to(folder).as_posix() for found in disk.test_files(path, folder))

    def _folder(self, uri: str) -> Path:
        """The folder that holds the document. Raises `TargetError` where there is none."""
        path = path_of(uri)
        if path is None or not self.folders:
            raise TargetError(
                "No folder is open, so there is no place for another file.", "Open the project's folder."
            )
        return disk.confine(path, self.folders)

    def _kept(self, folder: Path, names: Sequence[str]) -> Mapping[str, TargetError]:
        """Those files of the folder that a model may not name, each with the reason."""
        kept: dict[str, TargetError] = {}
        places: dict[str, tuple[Path, ...]] = {}
        for name in names:
            try:
                places[name] = self._places(folder, name)
            except TargetError as error:
                kept[name] = error
        try:
            rules = self._rules(folder)
            ignored = git_ignore.ignored(list({path for each in places.values() for path in each}))
        except TargetError as error:
            return {**kept, **dict.fromkeys(places, error)}
        base = folder.resolve()
        for name, paths in places.items():
            lines = (ignoring_rule(path.relative_to(base).as_posix(), rules) for path in paths)
            if line := next(filter(None, lines), None):
                kept[name] = _may_not(name, f".phasrignore keeps it from models ({line})")
            elif not ignored.isdisjoint(paths):
                kept[name] = _may_not(name, "git ignores it")
        return kept

    def _places(self, folder: Path, name: str) -> tuple[Path, ...]:
        """What the rules are to be asked of: where the name leads to, and the link by which it does, if any.

        Raises `TargetError` for what is no place for a file.
        """
        if rule := path_rule(name):
            raise _may_not(name, rule)
        target = folder / name
        disk.confine(target, (folder,))
        disk.exists(target)
        base = folder.resolve()
        real = target.resolve()
        if rule := path_rule(real.relative_to(base).as_posix()):
            raise _may_not(name, rule)
        within = target.relative_to(folder)
        ways = [base / each for each in (*reversed(within.parents), within)][1:]
        link = next((way for way in ways if way.is_symlink()), None)
        return (link, real) if link else (real,)

    def _rules(self, folder: Path) -> str:
        """What `.phasrignore` says. Raises `TargetError`."""
        path = folder / ".phasrignore"
        return disk.read_text(path, self._max_bytes()) if disk.exists(path) else ""

    def _name(self, path: Path) -> str:
        """Relative to its workspace folder, or the bare name where no folder is open."""
        if not self.folders:
            return path.name
        return path.relative_to(disk.confine(path, self.folders)).as_posix()
