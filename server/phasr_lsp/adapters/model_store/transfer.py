"""One file on its way into the store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from phasr_lsp.domain.embedded import EmbeddedModel
from phasr_lsp.domain.errors import PhasrError

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived, which never go back, and the bytes of the whole, in the thread that
installs."""

CHUNK_BYTES = 1 << 20


class InstallCancelled(PhasrError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__(
            "The installation was stopped.", "What has arrived is kept: install again to go on from there."
        )


class SourceFailed(Exception):
    """One source can't give the weights; the next one may."""


@dataclass(frozen=True)
class Transfer:
    """What a source fills: `partial` always holds the first bytes of the model, wherever they came from."""

    model: EmbeddedModel
    partial: Path
    progress: Progress
    cancelled: Callable[[], bool]

    def arrived(self) -> int:
        """Bytes that are there already."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def truncate(self, size: int) -> None:
        with self.partial.open("ab") as out:
            out.truncate(size)

    def append(self, data: IO[bytes]) -> None:
        """Copy all of `data` to the end. Raises `InstallCancelled`, and `SourceFailed` when it is too much."""
        with self.partial.open("ab") as out:
            while chunk := data.read(CHUNK_BYTES):
                self.write(out, chunk)

    def write(self, out: IO[bytes], chunk: bytes) -> None:
        """Write one piece at the end of `out`, the open partial file."""
        self.check_cancelled()
        if out.tell() + len(chunk) > self.model.bytes:
            raise SourceFailed("sent more than the file holds")
        out.write(chunk)
        self.progress(out.tell(), self.model.bytes)

    def check_cancelled(self) -> None:
        """Raises `InstallCancelled`."""
        if self.cancelled():
            raise InstallCancelled
