"""VS Code in a browser: the server of code-server, and a page that workbench.mjs drives."""

import json
import re
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

from tests.editors.needs import ARTIFACTS, HERE, extension, program, vscode_server

SETTINGS = {
    "security.workspace.trust.enabled": False,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.enableExperiments": False,
    "chat.commandCenter.enabled": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "git.openRepositoryInParentFolders": "never",
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "window.restoreWindows": "none",
    # Only what a test types may change the text.
    "editor.autoIndent": "none",
    "editor.autoClosingBrackets": "never",
    "editor.autoClosingQuotes": "never",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.minimap.enabled": False,
}


@dataclass(frozen=True)
class Workbench:
    """One page with VS Code in it."""

    origin: str
    _driver: "_Driver"

    def open(self, folder: Path, file: str) -> None:
        """Open a folder in a fresh window, and a file in it."""
        remote = self.origin.removeprefix("http://")
        payload = [["openFile", f"vscode-remote://{remote}{folder / file}"]]
        query = urlencode({"folder": str(folder), "payload": json.dumps(payload)})
        self._driver.ask("open", url=f"{self.origin}/?{query}")
        self.see(".tab.active", Path(file).name)

    def see(self, selector: str, text: str = "", *, gone: bool = False, seconds: float = 60) -> None:
        """Wait until such an element is visible, or gone."""
        self._driver.ask("see", selector=selector, text=text, gone=gone, seconds=seconds)

    def click(self, selector: str, text: str = "", *, force: bool = False) -> None:
        self._driver.ask("click", selector=selector, text=text, force=force)

    def press(self, keys: str) -> None:
        self._driver.ask("press", keys=keys)

    def type(self, text: str) -> None:
        self._driver.ask("type", text=text)

    def texts(self, selector: str) -> list[str]:
        return self._driver.ask("texts", selector=selector)

    def lines(self) -> list[str]:
        """The visible lines of the active editor."""
        return self._driver.ask("lines")

    def screenshot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        self._driver.ask("screenshot", path=str(ARTIFACTS / f"vscode-{name}.png"))

    def pick(self, title: str) -> None:
        """Choose an entry of the quick pick that is open, or about to be."""
        self.click(".quick-input-widget .monaco-list-row", title, force=True)

    def command(self, title: str) -> None:
        """Run a command by its title in the palette."""
        self.press("F1")
        self.see(".quick-input-widget")
        self.type(title)
        self.pick(title)

    def go_to(self, line: int, column: int = 1) -> None:
        """Put the cursor there, both counted from 1."""
        self.click(".editor-group-container.active .view-lines")
        self.press("Control+g")
        self.see(".quick-input-widget")
        self.type(f"{line}:{column}")
        self.press("Enter")
        self.see(".quick-input-widget", gone=True)

    def code_action(self, title: str) -> None:
        """Choose from the code actions at the cursor."""
        self.press("Control+.")
        self.click(".action-widget .monaco-list-row", title, force=True)

    def save(self) -> None:
        self.press("Control+s")
        self.see(".tab.active.dirty", gone=True)


class _Driver:
    """The Node process that holds the browser."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._ids = count()

    def ask(self, verb: str, **args: object) -> Any:
        """Have a verb of workbench.mjs done. Raises AssertionError with Playwright's message."""
        self._stdin.write(json.dumps({"id": next(self._ids), "verb": verb, "args": args}) + "\n")
        self._stdin.flush()
        answer = json.loads(self._stdout.readline())
        assert "error" not in answer, f"{verb} {args}: {answer['error']}"
        return answer["result"]


@contextmanager
def _process(
    command: list[str], environment: Mapping[str, str], errors: Path
) -> Generator[subprocess.Popen[str]]:
    with (
        errors.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        ) as process,
    ):
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _origin(output: IO[str]) -> str:
    """The address that the server says it listens on."""
    for line in output:
        if found := re.search(r"bound to (127\.0\.0\.1:\d+)", line):
            return f"http://{found[1]}"
    raise AssertionError("VS Code's server ended before it listened; see its log.")


@contextmanager
def vscode(home: Path, environment: Mapping[str, str], settings: Mapping[str, object]) -> Generator[Workbench]:
    """VS Code with the packed extension, in an environment of its own; `settings` are the user's."""
    data = home / "vscode"
    user = data / "data" / "User"
    user.mkdir(parents=True)
    (user / "settings.json").write_text(json.dumps({**SETTINGS, **settings}), encoding="utf-8")
    node = program("node")
    server = [node, str(vscode_server()), "--accept-server-license-terms", "--telemetry-level", "off"]
    # Without this the PATH would be that of a login shell.
    server += ["--force-disable-user-env"]
    server += ["--server-data-dir", str(data), "--extensions-dir", str(data / "extensions")]
    environment = {**environment, "EXTENSIONS_GALLERY": "{}"}
    subprocess.run(
        [*server, "--install-extension", str(extension())],
        env=environment,
        check=True,
        capture_output=True,
        timeout=60,
    )
    listen = ["--host", "127.0.0.1", "--port", "0", "--without-connection-token"]
    browser = {**environment, "CHROMIUM": program("chromium", "chromium-browser", "google-chrome")}
    with (
        _process([*server, *listen], environment, home / "vscode.log") as running,
        _process([node, str(HERE / "workbench.mjs")], browser, home / "browser.log") as driver,
    ):
        assert running.stdout is not None
        assert driver.stdin is not None
        assert driver.stdout is not None
        yield Workbench(_origin(running.stdout), _Driver(driver.stdin, driver.stdout))
