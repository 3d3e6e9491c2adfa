"""An LSP client with as little of its own as can be: pipes, JSON and buffers of ASCII text.

It is the clock of every figure, so it imports neither pygls nor lsprotocol and runs no event loop. What a server
asks while a caller waits is answered at once, as an editor would.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

Json = Any

LIFE_SECONDS = 120.0
"""A server is killed after so long, so that no wait is for ever."""


class RawClient:
    """One server process and the editor at its other end. A context manager; leaving it ends the server."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, bufsize=0
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._to, self._from = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._guard = threading.Timer(LIFE_SECONDS, self.process.kill)
        self._guard.daemon = True
        self._guard.start()
        self._received = bytearray()
        self._last_id = 0
        self._answers: dict[int, Json] = {}
        self._versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        """The buffers, by URI."""
        self.tasks: dict[str, Json] = {}
        """The newest `phasr/taskChanged` of each task."""
        self.bars_ended = 0
        """How many progress bars have begun and ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._guard.cancel()
        with self.process:
            try:
                if error[0] is None:
                    self.request("shutdown", None)
                    self.notify("exit", None)
                    self.process.wait(timeout=10)
            finally:
                self.process.kill()

    def request(self, method: str, params: Json) -> Json:
        """The result. Raises RuntimeError with the server's words where it is an error."""
        msg_id = self.send_request(method, params)
        self.until(lambda: msg_id in self._answers)
        answer = self._answers.pop(msg_id)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def send_request(self, method: str, params: Json) -> int:
        """Send without waiting; returns the id."""
        self._last_id += 1
        self._send({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    def notify(self, method: str, params: Json) -> None:
        self._send({"method": method, "params": params})

    def until(self, condition: Callable[[], bool]) -> None:
        """Take in what comes until the condition holds."""
        while not condition():
            self._take(self._next_message())

    def initialize(self, capabilities: Json, folder: Path) -> None:
        """The handshake, up to the server's answer."""
        folders = [{"uri": folder.as_uri(), "name": folder.name}]
        self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder.as_uri(),
                "workspaceFolders": folders,
                "capabilities": capabilities,
            },
        )

    def open(self, path: Path, text: str) -> str:
        """Open a buffer; returns its URI."""
        uri = path.as_uri()
        self.texts[uri], self._versions[uri] = text, 1
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def code_action(self, uri: str, line: int) -> Json:
        place = {"line": line, "character": 0}
        return self.request(
            "textDocument/codeAction",
            {
                "textDocument": {"uri": uri},
                "range": {"start": place, "end": place},
                "context": {"diagnostics": [], "triggerKind": 1},
            },
        )

    def run(self, kind: str, uri: str, line: int) -> None:
        """Start a task on the definition at that line, without waiting for anything."""
        place = {"line": line, "character": 4}
        argument = {
            "kind": kind,
            "uri": uri,
            "range": {"start": place, "end": place},
            "version": self._versions[uri],
        }
        self.send_request("workspace/executeCommand", {"command": "phasr.run", "arguments": [argument]})

    def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()
        rest = memoryview(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        while rest:
            rest = rest[os.write(self._to, rest) :]

    def _next_message(self) -> Json:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._read()
        fields = bytes(self._received[:end]).lower().split(b"\r\n")
        length = next(int(field[15:]) for field in fields if field.startswith(b"content-length:"))
        while len(self._received) < end + 4 + length:
            self._read()
        message = json.loads(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        return message

    def _read(self) -> None:
        chunk = os.read(self._from, 2**16)
        if not chunk:
            raise RuntimeError(f"the server ended with code {self.process.wait(timeout=10)}")
        self._received += chunk

    def _take(self, message: Json) -> None:
        method, params = message.get("method"), message.get("params")
        if method is None:
            self._answers[message["id"]] = message
        elif "id" in message:
            self._send({"id": message["id"], "result": self._result(method, params)})
        elif method == "phasr/taskChanged":
            self.tasks[params["task"]] = params
        elif method == "$/progress" and params["value"]["kind"] == "end":
            self.bars_ended += 1

    def _result(self, method: str, params: Json) -> Json:
        if method == "workspace/applyEdit":
            for change in params["edit"]["documentChanges"]:
                self._apply(change["textDocument"]["uri"], change["edits"])
            return {"applied": True}
        if method == "workspace/configuration":
            return [None for _ in params["items"]]
        return None

    def _apply(self, uri: str, edits: Sequence[Json]) -> None:
        """Change the buffer and tell the server, the last place first so that the earlier ones stay true."""
        text = self.texts[uri]
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        placed = [
            (_offset(starts, edit["range"]["start"]), _offset(starts, edit["range"]["end"]), edit)
            for edit in edits
        ]
        placed.sort(key=lambda place: place[:2], reverse=True)
        for start, end, edit in placed:
            text = text[:start] + edit["newText"] + text[end:]
        self.texts[uri] = text
        self._versions[uri] += 1
        changes = [{"range": edit["range"], "text": edit["newText"]} for _, _, edit in placed]
        document = {"uri": uri, "version": self._versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})


def _offset(starts: Sequence[int], position: Mapping[str, int]) -> int:
    return starts[position["line"]] + position["character"]
