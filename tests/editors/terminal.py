"""A program in a real terminal (tmux), as its user sees it."""

import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from tests.editors.needs import ARTIFACTS, program


class Terminal:
    """One terminal of 100 columns and 30 lines."""

    def __init__(self, tmux: list[str], environment: Mapping[str, str]) -> None:
        self._tmux = tmux
        self._environment = environment

    def keys(self, *keys: str) -> None:
        """Press keys; tmux knows names such as `Enter` and `Escape`."""
        self._run("send-keys", *keys)

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def until(self, text: str, *, gone: bool = False, seconds: float = 30) -> str:
        """Wait until the screen shows the text, or doesn't any more; returns the screen."""
        ends = time.monotonic() + seconds
        pause = Event()
        while ((screen := self.screen()).find(text) >= 0) == gone:
            assert time.monotonic() < ends, f"{text!r} not within {seconds} s:\n{screen}"
            pause.wait(0.05)
        return screen

    def capture(self, name: str) -> None:
        """Keep the screen for people to look at."""
        ARTIFACTS.mkdir(exist_ok=True)
        (ARTIFACTS / f"{name}.txt").write_text(self.screen(), encoding="utf-8")

    def _run(self, *arguments: str) -> str:
        command = [*self._tmux, *arguments]
        return subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True, timeout=10
        ).stdout


@contextmanager
def terminal(command: list[str], folder: Path, home: Path, environment: Mapping[str, str]) -> Generator[Terminal]:
    """Run a command in a terminal of its own, with a tmux server of its own."""
    tmux = [program("tmux"), "-S", str(home / "tmux"), "-f", "/dev/null"]
    size = ["-x", "100", "-y", "30"]
    subprocess.run(
        [*tmux, "new-session", "-d", *size, "-c", str(folder), *command], env=environment, check=True, timeout=10
    )
    try:
        yield Terminal(tmux, environment)
    finally:
        subprocess.run([*tmux, "kill-server"], env=environment, check=True, timeout=10)
