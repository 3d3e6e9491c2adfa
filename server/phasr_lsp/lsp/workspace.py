"""The workspace as its user sees it: open buffers first, then the disk."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from pygls.uris import from_fs_path, to_fs_path

from phasr_lsp.adapters import disk, git_ignore
from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.ignore import ignoring_rule
from phasr_lsp.domain.language import Language, language_of
from phasr_lsp.domain.paths import path_rule
from phasr_lsp.domain.text import FileText, to_lf
from phasr_lsp.lsp.documents import Documents


def path_of(uri: str) -> Path | None:
    """The file behind the URI; None for one that isn't on disk, such as `untitled:`."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(path) if path else None


def uri_of(path: Path) -> str:
    return from_fs_path(str(path)) or path.as_uri()


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
        if document is None and path is None:
            raise TargetError(f"{uri} isn't open.", "Open it and choose the action again.")
        name = self._name(path) if path else PurePosixPath(uri).name
        editor_id = document.language_id if document else None
        language = language_of(name, editor_id, self._languages.values())
        if path:
            disk.check_writable(path)
        if document is None:
            text = disk.read_text(path, self._max_bytes()) if path else ""
        else:
            text = document.text
            disk.check_size(name, len(text.encode("utf-8", "replace")), self._max_bytes())
            if "\0" in text:
                raise TargetError(f"{name} is a binary file.", "Phasr works on text.")
        return FileText(
            uri, name, text, language.name if language else "", document.version if document else None
        )

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
        path = path_of(uri)
        if path is None or not self.folders:
            raise TargetError(
                "No folder is open, so there is no place for another file.", "Open the project's folder."
            )
        folder = disk.confine(path, self.folders)
        target = folder / name
        rule = path_rule(name) or self._keeping_rule(target, folder)
        if rule:
            raise TargetError(f"{name!r} may not be used: {rule}.", "Edit that file yourself.")
        found = self.find(uri_of(target))
        if found:
            return found
        language = language_of(name, None, self._languages.values())
        return FileText(uri_of(target), name, "", language.name if language else "", exists=False)

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

    def _keeping_rule(self, path: Path, folder: Path) -> str | None:
        """Why a model may not name a file of the folder, by what its user says. Raises `TargetError`."""
        disk.confine(path, self.folders)
        rules = folder / ".phasrignore"
        text = disk.read_text(rules, self._max_bytes()) if disk.exists(rules) else ""
        line = ignoring_rule(path.relative_to(folder).as_posix(), text)
        if line:
            return f".phasrignore keeps it from models ({line})"
        return "git ignores it" if git_ignore.is_ignored(path) else None

    def _name(self, path: Path) -> str:
        """Relative to its workspace folder, or the bare name where no folder is open."""
        if not self.folders:
            return path.name
        return path.relative_to(disk.confine(path, self.folders)).as_posix()
