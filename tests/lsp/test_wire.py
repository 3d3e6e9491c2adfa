"""The wire against a real server process, over stdio and TCP: what goes wrong there and must not."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_server import SECRET, make_server

from phasr_lsp.domain.errors import ConfigError
from phasr_lsp.lsp.wire import MAX_MESSAGE_BYTES, FramingError, frames, serve_tcp

SERVER = [sys.executable, str(Path(__file__).with_name("wire_server.py"))]
SECONDS = 10.0
"""Longest wait for any one thing."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
NOT_INITIALIZED, CANCELLED, FAILED = -32002, -32800, -32803


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Client:
    """The editor's side, bytes in hand; fails on anything on the stream that isn't a frame."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: asyncio.subprocess.Process
    ) -> None:
        self.reader, self.writer, self.process = reader, writer, process
        self.notifications: list[str] = []
        self._last_id = 0

    def send_body(self, body: bytes) -> None:
        self.writer.write(framed(body))

    def send(self, **message: Any) -> None:
        self.send_body(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def notify(self, method: str, params: Any = None) -> None:
        self.send(method=method, params=params)

    def start(self, method: str, params: Any = None) -> int:
        self._last_id += 1
        self.send(id=self._last_id, method=method, params=params)
        return self._last_id

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            header = await self.reader.readuntil(b"\r\n\r\n")
            name, size = header.split(b":")
            assert name == b"Content-Length"
            return json.loads(await self.reader.readexactly(int(size)))

    async def answer(self, msg_id: int | str | None) -> dict[str, Any]:
        while "id" not in (message := await self.receive()) or "method" in message:
            self.notifications.append(message["method"])
        assert message["id"] == msg_id
        return message

    async def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        return await self.answer(self.start(method, params))

    async def result(self, method: str, params: Any = None) -> Any:
        return (await self.ask(method, params))["result"]

    async def command(self, name: str, *arguments: Any) -> dict[str, Any]:
        return await self.ask("workspace/executeCommand", {"command": name, "arguments": arguments})

    async def initialize(self, **capabilities: Any) -> Any:
        result = await self.result(
            "initialize", {"processId": None, "rootUri": None, "capabilities": capabilities}
        )
        self.notify("initialized", {})
        return result

    async def error_line(self, *holding: str) -> str:
        """The first line on stderr with these words."""
        assert self.process.stderr
        async with asyncio.timeout(SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                if all(words in line for words in holding):
                    return line
        raise AssertionError(f"{holding} isn't on stderr")

    async def exit(self) -> tuple[int, str]:
        """How the server ended, and the rest of what it said on stderr."""
        process = self.process
        assert process.stdout
        assert process.stderr
        async with asyncio.timeout(SECONDS):
            _, errors, code = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
        return code, errors.decode()

    async def exit_code(self) -> int:
        return (await self.exit())[0]


@asynccontextmanager
async def server(transport: str = "stdio") -> AsyncGenerator[Client]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*SERVER, transport, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin
    assert process.stdout
    client = Client(process.stdout, process.stdin, process)
    try:
        if transport == "tcp":
            port = int((await client.error_line("listening on 127.0.0.1:")).rpartition(":")[2])
            client.reader, client.writer = await asyncio.open_connection("127.0.0.1", port)
        yield client
    finally:
        client.writer.close()
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture(params=["stdio", "tcp"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with server(request.param) as client:
        await client.initialize()
        yield client


@pytest.fixture
async def stdio_client() -> AsyncIterator[Client]:
    async with server() as client:
        await client.initialize()
        yield client


async def test_what_the_server_or_its_children_print_is_not_on_the_wire(stdio_client: Client) -> None:
    assert (await stdio_client.command("noise"))["result"] == 0
    await stdio_client.error_line("from a library")
    await stdio_client.error_line("from a child")
    assert await stdio_client.result("test/tables") == [0, 0, 0]


async def test_a_child_does_not_eat_the_clients_input(stdio_client: Client) -> None:
    started = [stdio_client.start("workspace/executeCommand", {"command": "noise"}) for _ in range(3)]
    for msg_id in started:
        assert (await stdio_client.answer(msg_id))["result"] == 0


async def test_blocking_handlers_do_not_stall_input(client: Client) -> None:
    started = {client.start("test/block") for _ in range(40)}
    client.notify("test/release")
    answered = {(await client.receive())["id"] for _ in range(40)}
    assert answered == started


async def test_sends_from_many_threads_stay_whole(client: Client) -> None:
    client.notify("test/threads", {"threads": 8, "messages": 30, "bytes": 20_000})
    numbers = [(await client.receive())["params"]["number"] for _ in range(8 * 30)]
    assert sorted(numbers) == sorted([*range(30)] * 8)


async def test_a_client_that_stops_reading_does_not_stall_the_server(client: Client) -> None:
    client.notify("test/flood", {"messages": 16, "bytes": 1_000_000})
    client.notify("test/mark", "still here")
    await client.error_line("mark still here")
    for number in range(16):
        assert (await client.receive())["params"]["number"] == number


async def test_a_client_that_never_reads_again_is_given_up(client: Client) -> None:
    client.notify("test/flood", {"messages": 90, "bytes": 1_000_000})
    await client.error_line("given up", "unread")
    assert await client.exit_code() == 1


async def test_a_client_that_cannot_be_written_to_ends_the_server() -> None:
    reading, writing = os.pipe()
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*SERVER, "stdio", stdin=pipe, stdout=writing, stderr=pipe)
    os.close(writing)
    os.close(reading)
    assert process.stdin
    process.stdin.write(framed(b"{}"))
    async with asyncio.timeout(SECONDS):
        _, errors = await process.communicate(None)
    assert process.returncode == 1
    assert b"can't be written to" in errors
    assert b"Traceback" not in errors


MALFORMED = [
    ("textDocument/hover", {"textDocument": {"uri": 5}, "position": {"line": "one", "character": -1}}),
    ("textDocument/hover", {"position": {"line": 1, "character": 1}}),
    ("textDocument/hover", [1, 2]),
    ("textDocument/hover", "text"),
    ("textDocument/hover", None),
    ("workspace/executeCommand", {"command": None}),
    ("workspace/executeCommand", {"command": "unknown"}),
    ("workspace/executeCommand", {"command": "echo", "arguments": [1, 2]}),
    ("workspace/executeCommand", {"command": "echo", "arguments": 5}),
]


async def test_malformed_parameters_are_answered(stdio_client: Client) -> None:
    for method, params in MALFORMED:
        assert (await stdio_client.ask(method, params))["error"]["code"] == INVALID_PARAMS


async def test_what_does_not_fit_is_named(stdio_client: Client) -> None:
    position = {"line": "one", "character": 1}
    answer = await stdio_client.ask("textDocument/hover", {"textDocument": {"uri": "a"}, "position": position})
    assert answer["error"]["message"] == (
        "textDocument/hover: invalid value for type, expected int @ $.position.line"
    )


NO_MESSAGES: list[tuple[bytes, int | str | None, int]] = [
    (b"{", None, PARSE_ERROR),
    (b"\xff\xfe", None, PARSE_ERROR),
    (b"[" * 100_000, None, PARSE_ERROR),
    (b"[]", None, INVALID_REQUEST),
    (b'[{"jsonrpc": "2.0", "id": 7, "method": "test/tables"}]', None, INVALID_REQUEST),
    (b"5", None, INVALID_REQUEST),
    (b"null", None, INVALID_REQUEST),
    (b"{}", None, INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 7}', 7, INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 7, "method": 8}', 7, INVALID_REQUEST),
    (b'{"jsonrpc": "1.0", "id": "a", "method": "test/tables"}', "a", INVALID_REQUEST),
    (b'{"id": 7, "method": "test/tables"}', 7, INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": {}, "method": "test/tables"}', None, INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": null, "method": "test/tables"}', None, INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "test/unknown"}', 7, METHOD_NOT_FOUND),
]


async def test_a_message_that_is_none_is_refused_and_the_server_goes_on(stdio_client: Client) -> None:
    for body, msg_id, code in NO_MESSAGES:
        stdio_client.send_body(body)
        assert (await stdio_client.answer(msg_id))["error"]["code"] == code
    assert await stdio_client.result("test/tables") == [0, 0, 0]


UNANSWERED = [
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 5}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didChange"}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 999}}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {}}',
    b'{"jsonrpc": "2.0", "method": "test/unknown"}',
    b'{"jsonrpc": "2.0", "method": "test/crash"}',
    b'{"jsonrpc": "2.0", "id": "unknown", "result": null}',
    b'{"jsonrpc": "2.0", "id": [], "error": {}}',
]


async def test_what_asks_for_no_answer_gets_none(stdio_client: Client) -> None:
    for body in UNANSWERED:
        stdio_client.send_body(body)
    assert await stdio_client.result("test/tables") == [0, 0, 0]
    assert stdio_client.notifications == []


async def test_parameters_may_hold_the_protocols_own_words(client: Client) -> None:
    argument = {"jsonrpc": "2.0", "id": 1, "method": "x", "inner": [{"jsonrpc": 3, "result": None}]}
    assert (await client.command("echo", argument))["result"]["argument"] == argument


async def test_a_command_sees_its_request_and_progress_token(client: Client) -> None:
    params = {"command": "echo", "workDoneToken": "phasr: write tests"}
    msg_id = client.start("workspace/executeCommand", params)
    answer = await client.answer(msg_id)
    assert answer["result"] == {"id": msg_id, "argument": None, "token": "phasr: write tests"}


async def test_commands_are_in_the_capabilities() -> None:
    async with server() as client:
        commands = (await client.initialize())["capabilities"]["executeCommandProvider"]["commands"]
    assert set(commands) >= {"echo", "refuse"}


async def test_the_tables_do_not_grow(client: Client) -> None:
    for number in range(50):
        client.notify("test/mark", number)
        await client.command("echo", number)
        client.send_body(b'{"jsonrpc": "2.0", "id": 0, "method": "textDocument/hover", "params": 1}')
        await client.answer(0)
    assert await client.result("test/tables") == [0, 0, 0]


async def test_cancelling_a_request_stops_its_handler(client: Client) -> None:
    msg_id = client.start("test/hang")
    assert (await client.receive())["method"] == "test/handlerStarted"
    client.notify("$/cancelRequest", {"id": msg_id})
    assert (await client.answer(msg_id))["error"]["code"] == CANCELLED
    await client.result("test/tables")
    assert client.notifications == ["test/handlerStopped"]


async def test_cancelling_an_answered_request_stops_the_task_it_started(client: Client) -> None:
    msg_id = client.start("workspace/executeCommand", {"command": "start"})
    assert (await client.answer(msg_id))["result"] == "started"
    client.notify("$/cancelRequest", {"id": msg_id})
    assert await client.receive() == {"jsonrpc": "2.0", "method": "test/jobStopped"}


async def test_a_shutdown_with_work_in_flight_is_answered_and_the_rest_refused(client: Client) -> None:
    client.notify("textDocument/didClose", {"textDocument": {"uri": "file:///a.py"}})
    assert (await client.receive())["method"] == "test/handlerStarted"
    hanging = [client.start("test/hang") for _ in range(5)]
    blocked = [client.start("test/block") for _ in range(40)]
    assert (await client.command("start"))["result"] == "started"
    shutdown = client.start("shutdown")
    late = client.start("test/tables")
    client.notify("test/mark", "too late")

    received: dict[int, dict[str, Any]] = {}
    while not received.keys() >= {shutdown, late, *hanging, *blocked}:
        message = await client.receive()
        received[message.get("id", 0)] = message
    assert received[shutdown]["result"] is None
    assert received[late]["error"]["code"] == INVALID_REQUEST
    assert {received[msg_id]["error"]["code"] for msg_id in hanging} == {CANCELLED}

    client.notify("exit")
    code, errors = await client.exit()
    assert code == 0
    assert "Traceback" not in errors
    assert "too late" not in errors


async def test_exit_without_shutdown_is_an_error(client: Client) -> None:
    client.start("test/hang")
    client.notify("exit")
    assert await client.exit_code() == 1


async def test_the_end_of_input_ends_the_server(client: Client) -> None:
    client.start("test/hang")
    client.writer.close()
    assert await client.exit_code() == 1


async def test_input_may_end_after_shutdown() -> None:
    async with server() as client:
        await client.initialize()
        await client.ask("shutdown", {})
        client.writer.close()
        assert await client.exit_code() == 0


async def test_exit_does_not_wait_for_the_end_of_input(stdio_client: Client) -> None:
    await stdio_client.ask("shutdown")
    stdio_client.notify("exit")
    assert await stdio_client.exit_code() == 0


async def test_before_initialize_requests_are_refused_and_notifications_ignored() -> None:
    async with server() as client:
        client.notify("test/mark", "too early")
        assert (await client.ask("test/tables"))["error"]["code"] == NOT_INITIALIZED
        assert (await client.ask("shutdown"))["error"]["code"] == NOT_INITIALIZED
        assert (await client.ask("initialize", {"capabilities": 5}))["error"]["code"] == INVALID_PARAMS
        await client.initialize()
        assert (await client.ask("initialize", {"capabilities": {}}))["error"]["code"] == INVALID_REQUEST
        client.notify("test/mark", "in time")
        assert await client.error_line("mark") == "mark in time\n"


async def test_a_client_that_never_answers_is_not_waited_for(client: Client) -> None:
    asking = client.start("test/ask", {"seconds": 0.05})
    asked = await client.receive()
    answer = await client.answer(asking)
    assert answer["result"] == "the editor didn't answer window/showDocument within 0.05 s"
    assert await client.result("test/tables") == [0, 0, 0]

    client.send(id=asked["id"], result={"success": True})
    assert await client.result("test/tables") == [0, 0, 0]
    await end_quietly(client)
    assert client.notifications == []


async def test_an_answer_to_a_cancelled_request_is_dropped(client: Client) -> None:
    asking = client.start("test/askAndForget")
    asked = await client.receive()
    assert (await client.answer(asking))["result"] is True
    client.send(id=asked["id"], result={"success": True})
    assert await client.result("test/tables") == [0, 0, 0]
    await end_quietly(client)
    assert client.notifications == []


async def test_a_clients_answer_arrives(client: Client) -> None:
    asking = client.start("test/ask", {"seconds": SECONDS})
    asked = await client.receive()
    assert asked["method"] == "window/showDocument"
    client.send(id=asked["id"], result={"success": True})
    assert (await client.answer(asking))["result"] is True


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        ({"error": {"code": FAILED, "message": "no window"}}, FAILED, "no window"),
        ({"error": "no window"}, INTERNAL, "the answer to window/showDocument"),
        ({"result": None}, INTERNAL, "the answer to window/showDocument"),
        ({"result": 5}, INTERNAL, "the answer to window/showDocument"),
    ],
)
async def test_a_clients_error_or_nonsense_is_an_error_of_the_request(
    stdio_client: Client, answer: dict[str, Any], code: int, text: str
) -> None:
    asking = stdio_client.start("test/ask", {"seconds": SECONDS})
    stdio_client.send(id=(await stdio_client.receive())["id"], **answer)
    error = (await stdio_client.answer(asking))["error"]
    assert error["code"] == code
    assert text in error["message"]


async def test_what_a_person_can_mend_is_said_in_the_answer(client: Client) -> None:
    error = (await client.command("refuse"))["error"]
    assert error == {"code": FAILED, "message": "a.py is read-only. Make it writable."}


@pytest.mark.parametrize("name", ["crash", "nonsense"])
async def test_a_fault_of_ours_is_told_to_the_log_alone(stdio_client: Client, name: str) -> None:
    error = (await stdio_client.command(name))["error"]
    assert error == {
        "code": INTERNAL,
        "message": "workspace/executeCommand failed inside the server; its log says how.",
    }
    await stdio_client.error_line("Traceback")


async def test_a_notifications_fault_is_no_popup(stdio_client: Client) -> None:
    stdio_client.notify("test/crash")
    await stdio_client.error_line("test/crash failed")
    await stdio_client.error_line(SECRET)
    await stdio_client.result("test/tables")
    assert stdio_client.notifications == []


async def end_quietly(client: Client) -> str:
    """End the session and return its log, in which nothing is complained of."""
    assert await client.result("shutdown") is None
    client.notify("exit")
    code, log = await client.exit()
    assert code == 0
    assert [line for line in log.splitlines() if not line.startswith(("DEBUG", "INFO"))] == []
    return log


async def test_neither_settings_nor_texts_are_logged_at_any_level() -> None:
    async with server() as client:
        await client.initialize(experimental={"key": SECRET})
        asking = client.start("test/ask", {"seconds": SECONDS})
        client.send(id=(await client.receive())["id"], result={"success": True, "key": SECRET})
        await client.answer(asking)
        answer = await client.command("echo", SECRET)
        assert answer["result"]["argument"] == SECRET
        assert SECRET not in await end_quietly(client)


@pytest.mark.parametrize(
    ("offered", "chosen", "end"),
    [
        (None, "utf-16", 3),
        ([], "utf-16", 3),
        (["utf-7"], "utf-16", 3),
        (["utf-32", "utf-8", "utf-16"], "utf-32", 2),
        (["utf-7", "utf-8", "utf-16"], "utf-8", 5),
    ],
)
async def test_buffers_follow_the_editor_in_the_encoding_it_prefers(
    offered: list[str] | None, chosen: str, end: int
) -> None:
    document = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "a\f\u2028b\r\n😀"}
    change = {"range": {"start": {"line": 1, "character": 99}, "end": {"line": 9, "character": 0}}, "text": "x"}
    async with server() as client:
        initialized = await client.initialize(general={} if offered is None else {"positionEncodings": offered})
        assert initialized["capabilities"]["positionEncoding"] == chosen
        client.notify("textDocument/didOpen", {"textDocument": document})
        client.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": "file:///a.py", "version": 2}, "contentChanges": [change]},
        )
        assert await client.result("test/text", {"uri": "file:///a.py"}) == {
            "version": 2,
            "lines": ["a\f\u2028b\r\n", "😀x"],
            "end": {"line": 1, "character": end},
        }
        client.notify("textDocument/didClose", {"textDocument": {"uri": "file:///a.py"}})
        assert await client.result("test/text", {"uri": "file:///a.py"}) is None


@pytest.mark.parametrize(
    "stream",
    [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: many\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Type: text\r\n\r\n{}",
        b"Content-Length: %d\r\n\r\n" % (MAX_MESSAGE_BYTES + 1),
        b"x" * 5000,
    ],
)
async def test_a_stream_that_is_not_lsp_is_given_up(stdio_client: Client, stream: bytes) -> None:
    stdio_client.writer.write(stream)
    await stdio_client.error_line("given up", "a message")
    assert await stdio_client.exit_code() == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
async def test_tcp_is_for_this_machine_alone(host: str) -> None:
    with pytest.raises(ConfigError, match=r"isn't a loopback address. .* 127\.0\.0\.1"):
        await serve_tcp(make_server(), host, 0)


async def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Can't listen on 127.0.0.1:{port}.*another port"):
            await serve_tcp(make_server(), "127.0.0.1", port)


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(1, 40)))
def test_messages_are_whole_however_the_bytes_arrive(bodies: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(map(framed, bodies))
    assert list(frames(arriving(stream, iter(sizes)))) == bodies


def arriving(stream: bytes, sizes: Iterator[int]) -> Callable[[int], bytes]:
    rest = stream

    def read(at_most: int) -> bytes:
        nonlocal rest
        size = min(next(sizes, at_most), at_most)
        chunk, rest = rest[:size], rest[size:]
        return chunk

    return read


def test_header_names_are_read_in_any_case_and_others_skipped() -> None:
    stream = b"content-type: application/vscode-jsonrpc; charset=utf-8\r\nCONTENT-LENGTH:  2\r\n\r\n{}"
    assert list(frames(arriving(stream, iter([])))) == [b"{}"]


def test_a_header_that_does_not_end_is_no_header() -> None:
    with pytest.raises(FramingError, match="doesn't end"):
        list(frames(arriving(b"Content-Length: 2\r\n" * 1000, iter([]))))
