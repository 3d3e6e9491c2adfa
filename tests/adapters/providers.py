"""Model providers for the gateway's tests: real server processes on loopback, driven over their control routes.

Three implementations by three authors, so that what passes isn't just our own idea of a wire format: `aimock`
(npm) and `llmock` (PyPI), which others wrote, and our own fault server.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import psutil
import pytest
import pytest_asyncio

from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
from phasr_lsp.domain.model import Endpoint
from tests.fault_server import REPOSITORY, fault_server_process

AIMOCK = REPOSITORY / "tests/node/node_modules/.bin/llmock"
LLMOCK = Path(sys.executable).with_name("llmock")

KEY = "test-key-0123456789"
"""What the tests' gateway sends to every provider."""


class MockServer(Protocol):
    """A provider's server, for one test at a time."""

    @property
    def origin(self) -> str: ...

    @property
    def pid(self) -> int: ...

    def reply(self, text: str, *, stalls: bool = False) -> None:
        """Answer everything with this; where it stalls, a stream goes silent after its first piece."""
        ...

    def fail(self, status: int) -> None: ...

    def request(self) -> str:
        """The JSON text of the last request's body."""
        ...


@dataclass(frozen=True)
class Setup:
    """One provider of litellm on one of the servers."""

    server: str
    """The name of the fixture."""
    model: str
    path: str
    reports_usage: bool = True
    has_price: bool = True
    shows_system: bool = True
    """False: the server doesn't read the system message where litellm puts it."""

    def endpoint(self, server: MockServer) -> Endpoint:
        return Endpoint(self.model, self.model, api_base=server.origin + self.path)

    def __str__(self) -> str:
        return f"{self.server}-{self.model.partition('/')[0]}"


SETUPS = (
    Setup("aimock", "openai/gpt-4o", "/v1"),
    Setup("aimock", "anthropic/claude-sonnet-5-5", ""),
    Setup("aimock", "gemini/gemini-3.8-flash", "/v1beta", shows_system=False),
    Setup("aimock", "ollama_chat/llama3", "", reports_usage=False),
    Setup("aimock", "deepseek/deepseek-v4-flash", "/v1"),
    Setup("aimock", "openrouter/openai/gpt-4o", "/api/v1", has_price=False),
    Setup("llmock", "openai/gpt-4o", "/v1"),
    Setup("llmock", "anthropic/claude-sonnet-5-5", "/anthropic"),
    Setup("llmock", "gemini/gemini-3.8-flash", "/gemini/v1beta"),
    Setup("fault_server", "openai/gpt-4o", "/v1"),
    Setup("fault_server", "anthropic/claude-sonnet-5-5", ""),
)


@dataclass(frozen=True)
class Aimock:
    origin: str
    pid: int

    def reply(self, text: str, *, stalls: bool = False) -> None:
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "input_tokens": 11, "output_tokens": 7}
        gemini = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}
        response = {"content": text, "usage": {**usage, **gemini}}
        fixture = {"match": {}, "response": response, "chunkSize": 4}
        if stalls:  # as near as it gets: the longer text takes half a minute
            fixture = {"match": {}, "response": {"content": text * 10}, "chunkSize": 4, "latency": 400}
        self._use(fixture)

    def fail(self, status: int) -> None:
        error = {"message": f"status {status}", "type": "error"}
        self._use({"match": {}, "response": {"error": error, "status": status}})

    def request(self) -> str:
        return json.dumps(_call("GET", f"{self.origin}/__aimock/journal")[-1]["body"])

    def _use(self, fixture: dict[str, Any]) -> None:
        _call("POST", f"{self.origin}/__aimock/reset")
        _call("POST", f"{self.origin}/__aimock/fixtures", {"fixtures": [fixture]})


@dataclass(frozen=True)
class Llmock:
    origin: str
    pid: int

    def reply(self, text: str, *, stalls: bool = False) -> None:
        stall = {"type": "stream_fault", "kind": "stall", "after_chunks": 4, "stall_seconds": 30, "times": None}
        self.behave({"type": "reply", "text": text, "times": None}, *([stall] if stalls else []))

    def fail(self, status: int) -> None:
        self.behave({"type": "fail", "status": status, "times": None})

    def request(self) -> str:
        return json.dumps(_call("GET", f"{self.origin}/_llmock/requests")["requests"][-1]["body"])

    def findings(self) -> list[Any]:
        """What its judge holds against the client."""
        return _call("GET", f"{self.origin}/_llmock/verdict")["findings"]

    def behave(self, *behaviors: dict[str, Any]) -> None:
        """Take these behaviours of llmock's own in place of those that are there."""
        _call("POST", f"{self.origin}/_llmock/reset")
        _call("POST", f"{self.origin}/_llmock/scenario", {"behaviors": behaviors})


@dataclass(frozen=True)
class OurServer:
    origin: str
    pid: int

    def reply(self, text: str, *, stalls: bool = False) -> None:
        fault = {"fault": "stall", "after_chunks": 1} if stalls else {}
        self._use({"text": text, "chunk": 3, "write": 5, **fault})

    def fail(self, status: int) -> None:
        self._use({"status": status})

    def request(self) -> str:
        return json.dumps(_call("GET", f"{self.origin}/control/requests")[-1]["body"])

    def _use(self, rule: dict[str, Any]) -> None:
        _call("POST", f"{self.origin}/control/script", {"rules": [rule]})


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    if not AIMOCK.exists():
        _missing("aimock")
    fixtures = tmp_path_factory.mktemp("aimock") / "fixtures.json"
    fixtures.write_text('{"fixtures": [{"match": {}, "response": {"content": "OK"}}]}')
    with _server([str(AIMOCK), "--port", "0", "--fixtures", str(fixtures)], r"listening on (\S+)") as (
        origin,
        pid,
    ):
        yield Aimock(origin, pid)


@pytest.fixture(scope="session")
def llmock_server() -> Iterator[Llmock]:
    with _server([str(LLMOCK), "serve", "--port", "0"], r"running on (\S+)") as (origin, pid):
        yield Llmock(origin, pid)


@pytest.fixture(scope="session")
def our_server() -> Iterator[OurServer]:
    with fault_server_process() as urls:
        yield OurServer(urls.anthropic_base, urls.pid)


@pytest.fixture(params=SETUPS, ids=str)
def setup(request: pytest.FixtureRequest) -> Setup:
    return request.param


@pytest.fixture
def server(setup: Setup, request: pytest.FixtureRequest) -> MockServer:
    fixture = {"aimock": "aimock", "llmock": "llmock_server", "fault_server": "our_server"}[setup.server]
    return request.getfixturevalue(fixture)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway() -> AsyncIterator[LiteLLMGateway]:
    """One for all tests, since importing litellm takes seconds. It doesn't retry."""
    gateway = LiteLLMGateway(key_for=lambda endpoint: KEY, retry_seconds=0)
    await gateway.warm_up()
    yield gateway
    await gateway.aclose()


async def connections_close(server: MockServer, count: int) -> None:
    """Wait until fewer than `count` connections to the server's process are open. Raises TimeoutError."""
    async with asyncio.timeout(5):
        while open_connections(server) >= count:  # noqa: ASYNC110 (another process sends us no event)
            await asyncio.sleep(0.02)


def open_connections(server: MockServer) -> int:
    connections = psutil.Process(server.pid).net_connections("tcp")
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in connections)


def _missing(what: str) -> NoReturn:
    line = f"{what} is missing: run `npm ci` in tests/node"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)


@contextmanager
def _server(command: list[str], address: str) -> Generator[tuple[str, int]]:
    """Run a server until the block ends; yields the address that it prints on start, and its process id."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if match := re.search(address, line):
                    break
            else:
                pytest.fail(f"{command[0]} ended before it served")
            threading.Thread(target=process.stdout.read, daemon=True).start()  # else a full pipe stops the server
            yield match[1], process.pid
        finally:
            process.kill()  # they take their time over connections that are still open, and have nothing to save


def _call(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.loads(response.read())
