"""Files on disk: which may be touched, what they hold, and the making of new ones."""

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.paths import is_git

_log = logging.getLogger(__name__)

_TEST_FOLDERS = ("tests", "test", "spec", "__tests__")
_BOM = b"\xef\xbb\xbf"
_PASSED_OVER = ("node_modules", "__pycache__")
_MOST_FILES = 5_000
"""How many file names are looked at to find a test file; beyond that the convention decides."""


def confine(path: Path, folders: Sequence[Path]) -> Path:
    """The workspace folder that holds `path`, innermost first.

    Raises `TargetError` for what lies outside of all folders, reaches outside through a symbolic link, or
    lies in `.git`.
    """
    inside = [folder for folder in folders if path.is_relative_to(folder)]
    if not inside or ".." in path.parts:
        raise TargetError(
            f"{path} lies outside of the workspace.", "Open the folder that holds it as a workspace folder."
        )
    folder = max(inside, key=lambda each: len(each.parts))
    try:
        real = path.resolve()
    except (RuntimeError, ValueError) as error:  # links in a circle; a NUL in the name
        raise TargetError(
            f"{path} can't be a file.", "Open the file itself and choose the action again."
        ) from error
    if not real.is_relative_to(folder.resolve()):
        raise TargetError(
            f"{path} is a symbolic link that leads out of the workspace, to {real}.",
            "Open the folder of the file itself.",
        )
    if any(map(is_git, (*path.relative_to(folder).parts, *real.relative_to(folder.resolve()).parts))):
        raise TargetError(f"{path} belongs to git, which alone may change it.")
    return folder


def read_text(path: Path, max_bytes: int) -> str:
    """The file's text, its byte-order mark left out and its line endings as they are.

    Raises `TargetError` when it isn't there, isn't a plain file, is larger than `max_bytes`, or isn't UTF-8.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise TargetError(f"{path} is not a plain file.")
        check_size(path, status.st_size, max_bytes)
        data = path.read_bytes()
    except FileNotFoundError:
        raise TargetError(f"{path} doesn't exist any more.", "Save it, or open another file.") from None
    except OSError as error:
        raise TargetError(f"{path} can't be read: {error.strerror}.", "Check its permissions.") from error
    if b"\0" in data:
        raise TargetError(f"{path} is a binary file.", "Phasr works on text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TargetError(
            f"{path} isn't UTF-8.", "Open it in the editor first: an open file is taken as the editor shows it."
        ) from None


def check_size(path: Path | str, size: int, max_bytes: int) -> None:
    """Raises `TargetError` for a size, in bytes, above the limit."""
    if size > max_bytes:
        raise TargetError(
            f"{path} has {size:,} bytes; the limit is {max_bytes:,}.",
            "Raise limits.max_file_bytes in the configuration if it has to be this file.",
        )


def check_writable(path: Path) -> None:
    """Raises `TargetError` for a file whose mode lets nobody write it, or that can't be looked at."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise TargetError(
            f"{path} can't be read: {error.strerror}.", "Check its name and permissions."
        ) from error
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise TargetError(f"{path} is read-only.", "Make it writable and choose the action again.")


def create(path: Path, text: str = "") -> None:
    """Make a new file and the folders above it. Raises `TargetError` when it exists or can't be made."""
    _write(path, text, "xb")


def write(path: Path, text: str) -> None:
    """Make a file or replace it, and make the folders above it. Raises `TargetError` when that can't be done."""
    _write(path, text, "wb")


def _write(path: Path, text: str, mode: Literal["xb", "wb"]) -> None:
    data = _encoded(path, text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(data)
    except FileExistsError as error:  # the file, or one where a folder should be
        raise TargetError(
            f"{error.filename} exists already.", "Choose the action again to work with it."
        ) from None
    except OSError as error:
        raise TargetError(
            f"{path} can't be made: {error.strerror}.", "Check the folder's permissions."
        ) from error


def _encoded(path: Path, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TargetError(
            f"{path} can't be made: its text has half a character, {text[error.start]!a}.",
            "Run the task again, or choose another model.",
        ) from error


def exists(path: Path) -> bool:
    """Raises `TargetError` where that can't be found out."""
    try:
        return path.exists()
    except OSError as error:
        raise TargetError(
            f"{path} can't be read: {error.strerror}.", "Check its name and permissions."
        ) from error


def take_back(path: Path, text: str) -> None:
    """Take away a file that was made with that text; one that holds something else stays."""
    try:
        if path.read_bytes() == text.encode():
            path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("%s can't be taken away again: %s", path, error.strerror)


def check_removable(path: Path) -> None:
    """Raises `TargetError` for a file whose folder lets nobody take it away."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise TargetError(
            f"{path} can't be taken out of its folder, which is read-only.", "Check its permissions."
        )


def remove(path: Path) -> Callable[[], None]:
    """Delete the file; returns what puts it back. Raises `TargetError`."""
    try:
        data, status = path.read_bytes(), path.stat()
        path.unlink()
    except OSError as error:
        raise TargetError(f"{path} can't be deleted: {error.strerror}.", "Check its permissions.") from error
    return lambda: _put(path, data, stat.S_IMODE(status.st_mode))


def move(path: Path, target: Path, text: str | None) -> Callable[[], None]:
    """Rename the file and make the folders above its new place; `text` takes the place of what it holds.

    Its mode and its byte-order mark stay. Returns what takes it back, but for new folders. Raises `TargetError`,
    also for a symbolic link, which may lead elsewhere from its new place.
    """
    if path.is_symlink():
        raise TargetError(f"{path} is a symbolic link.", "Rename it yourself.")
    try:
        data, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
        new = data if text is None else (_BOM if data.startswith(_BOM) else b"") + _encoded(target, text)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            try:
                file.write(new)
                file.flush()
                target.chmod(mode)
                path.unlink()
            except OSError:
                target.unlink()
                raise
    except FileExistsError as error:
        raise TargetError(f"{error.filename} exists already.", "Choose another name.") from None
    except OSError as error:
        raise TargetError(
            f"{path} can't be renamed to {target}: {error.strerror}.", "Check the permissions of both folders."
        ) from error

    def back() -> None:
        _put(path, data, mode)
        target.unlink()

    return back


def _put(path: Path, data: bytes, mode: int) -> None:
    with path.open("xb") as file:
        file.write(data)
    path.chmod(mode)


def test_files(path: Path, folder: Path) -> Iterator[Path]:
    """Files beside `path`, and those in the test folders between it and its workspace folder.

    Folders with a dot before their name and installed packages are passed over.
    """
    return islice(_test_files(path, folder), _MOST_FILES)


def _test_files(path: Path, folder: Path) -> Iterator[Path]:
    for _, _, names in islice(os.walk(path.parent), 1):
        yield from (path.parent / name for name in names)
    for ancestor in path.parents:
        if not ancestor.is_relative_to(folder):
            return
        for name in _TEST_FOLDERS:
            for place, below, names in os.walk(ancestor / name):
                below[:] = [each for each in below if not each.startswith(".") and each not in _PASSED_OVER]
                yield from (Path(place, each) for each in names)
