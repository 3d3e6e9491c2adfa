"""A model provider that does as it is told: scripted replies, latency and faults over real HTTP on loopback.

It speaks OpenAI's chat completions (`/v1/chat/completions`) and Anthropic's messages (`/v1/messages`), whole
and streamed. It stands in for a provider, never for a part of Phasr.

In a test, on the test's own event loop:

    async with FaultServer() as server:
        server.reply("def f(): ...", when="function f")            # for every prompt that contains this
        server.reply(r"\\g<1> it is", pattern=r"say (\\w+)", expand=True)   # the regex's groups in the reply
        server.queue("first", "second")                            # one after the other, then the rules go on
        server.fail(429, headers={"Retry-After": "1"}, times=2)    # twice, then what comes after it
        server.reply("half", fault=Fault.RESET, after_chunks=1)    # the connection breaks in mid-stream
        ... server.openai_base, server.anthropic_base ...
        server.requests[0].prompt, .headers, .body, .path
        await server.until(lambda: server.hang_ups == 1)           # the client has gone away

As a process of its own, from benchmarks and end-to-end tests:

    with fault_server_process({"latency": 0.3, "rules": [{"text": "hi", "when": "greet"}]}) as urls:
        ... urls.openai_base, urls.anthropic_base, urls.control ...

    python -m tests.fault_server --script script.json --port 8123

The process prints one line of JSON with those addresses and its `pid`, and runs until it is told to stop (with
`--until-eof`: until its standard input ends). A script is `{"latency": seconds, "rules": [Rule, ...]}` with the
fields of `Rule`, where a reply that no rule fits is "OK". While it runs, `control` answers to:

    GET    {control}/requests    what was asked so far: [{"path", "headers", "body", "prompt"}, ...]
    GET    {control}/stats       {"requests", "open", "peak", "hang_ups"}
    POST   {control}/script      the body's script takes the place of the one that is there
    DELETE {control}/script      rules and records are forgotten
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.wire_formats import Answer, AnthropicWire, Counts, Json, OpenAIWire, Wire

REPOSITORY = Path(__file__).parent.parent


class Fault(StrEnum):
    """How a reply goes wrong on its way. Whole replies know neither chunks nor `after_chunks`."""

    RESET = "reset"
    """The connection is reset (a whole reply: before any byte of it)."""
    TRUNCATE = "truncate"
    """The stream ends in good order but without its end (a whole reply: half of the promised bytes come)."""
    STALL = "stall"
    """Nothing more comes, and the connection stays open until the client leaves."""
    MALFORMED = "malformed"
    """What should be JSON isn't; the rest follows as usual."""
    EMPTY = "empty"
    """Well-formed, without any choice or content."""


@dataclass(frozen=True)
class Rule:
    """What to answer, and to which prompts. The first rule that fits and isn't used up is taken."""

    text: str = "OK"
    when: str | None = None
    """Only for prompts that contain this."""
    pattern: str | None = None
    """Only for prompts in which this regular expression is found."""
    expand: bool = False
    """The text is a template for `re.Match.expand` of `pattern`."""
    times: int | None = None
    """How often at most; None: always."""
    latency: float | None = None
    """Seconds before the first byte; None: the server's own."""
    chunk: int = 8
    """Characters in one event of a stream."""
    chunk_delay: float = 0.0
    """Seconds before each event that holds text."""
    write: int | None = None
    """Bytes in one write to the socket, which cuts characters apart; None: an event is one write."""
    finish: str = "stop"
    """`stop`, `length` or `content_filter`."""
    input_tokens: int | None = None
    """None: a quarter of the prompt's length."""
    output_tokens: int | None = None
    cached_tokens: int = 0
    """The part of `input_tokens` that came from a cache."""
    usage: bool = True
    """False: tokens aren't reported."""
    reasoning: str = ""
    """Thoughts, in the provider's own field for them."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    """Sent in place of everything else: a JSON value, or a string as it is."""
    error: str = ""
    """The message of an error with the wire format's own body around it."""
    error_type: str = "error"
    content_type: str | None = None
    """In place of the right one."""
    fault: Fault | None = None
    after_chunks: int | None = None
    """The fault strikes after this many events with text; None: after the last."""

    def fits(self, prompt: str) -> bool:
        if self.when is not None and self.when not in prompt:
            return False
        return self.pattern is None or re.search(self.pattern, prompt) is not None

    def text_for(self, prompt: str) -> str:
        match = re.search(self.pattern, prompt) if self.expand and self.pattern is not None else None
        return match.expand(self.text) if match else self.text

    def answer(self, model: str, prompt: str) -> Answer:
        text = self.text_for(prompt)
        counts = Counts(
            input=len(prompt) // 4 if self.input_tokens is None else self.input_tokens,
            output=len(text) // 4 if self.output_tokens is None else self.output_tokens,
            cached=self.cached_tokens,
        )
        return Answer(
            model=model,
            text=text,
            pieces=[text[start : start + self.chunk] for start in range(0, len(text), self.chunk)],
            finish=self.finish,
            counts=counts if self.usage else None,
            reasoning=self.reasoning,
            empty=self.fault is Fault.EMPTY,
        )


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Json
    prompt: str


class FaultServer:
    """See the module's docstring. Use it as an asynchronous context manager."""

    def __init__(self, *, port: int = 0, latency: float = 0.0) -> None:
        self.latency = latency
        self.requests: list[Received] = []
        self.hang_ups = 0
        """Clients that left before their reply was over."""
        self.open = 0
        """Requests that are being answered now."""
        self.peak = 0
        """The most of them there ever were at once."""
        self._rules: list[tuple[Rule, list[Received]]] = []
        self._changed = asyncio.Condition()
        self._port = port
        self._runner = web.AppRunner(
            self._application(), handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def openai_base(self) -> str:
        return f"{self.origin}/v1"

    @property
    def anthropic_base(self) -> str:
        return self.origin

    @property
    def control(self) -> str:
        return f"{self.origin}/control"

    def add(self, rule: Rule) -> None:
        self._rules.append((rule, []))

    def reply(self, text: str, **fields: Any) -> None:
        """Add a rule; `fields` are those of `Rule`."""
        self.add(Rule(text=text, **fields))

    def queue(self, *texts: str) -> None:
        """Answer with these, one after the other."""
        for text in texts:
            self.reply(text, times=1)

    def fail(self, status: int, error: str = "", error_type: str = "error", **fields: Any) -> None:
        """Answer with an error; `fields` are those of `Rule`."""
        self.add(Rule(status=status, error=error, error_type=error_type, **fields))

    def load(self, script: Mapping[str, Any]) -> None:
        """Take a script in place of the rules and records that are there."""
        self.latency = script.get("latency", 0.0)
        self.requests.clear()
        self._rules.clear()
        for fields in script.get("rules", []):
            values: dict[str, Any] = dict(fields)
            if "fault" in values:
                values["fault"] = Fault(values["fault"])
            self.add(Rule(**values))

    async def until(self, condition: Callable[[], bool], timeout_seconds: float = 5.0) -> None:
        """Wait until `condition` holds of this server. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds), self._changed:
            await self._changed.wait_for(condition)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 2**20)
        application.add_routes(
            [
                web.post("/v1/chat/completions", partial(self._serve, OpenAIWire())),
                web.post("/v1/messages", partial(self._serve, AnthropicWire())),
                web.get("/control/requests", self._get_requests),
                web.get("/control/stats", self._get_stats),
                web.post("/control/script", self._set_script),
                web.delete("/control/script", self._set_script),
            ]
        )
        return application

    async def _serve(self, wire: Wire, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path, headers, body, wire.prompt(body))
        self.requests.append(received)
        self.open += 1
        self.peak = max(self.peak, self.open)
        await self._notify()
        try:
            return await self._answer(request, wire, received)
        except _BrokenOff:
            raise
        except (asyncio.CancelledError, ConnectionResetError):
            self.hang_ups += 1
            raise
        finally:
            self.open -= 1
            await asyncio.shield(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _rule_for(self, received: Received) -> Rule:
        for rule, used in self._rules:
            if (rule.times is None or len(used) < rule.times) and rule.fits(received.prompt):
                used.append(received)
                return rule
        return Rule()

    async def _answer(self, request: web.Request, wire: Wire, received: Received) -> web.StreamResponse:
        rule = self._rule_for(received)
        await asyncio.sleep(self.latency if rule.latency is None else rule.latency)
        if rule.body is not None or rule.status >= HTTPStatus.BAD_REQUEST:
            return _error(rule, wire)
        answer = rule.answer(received.body["model"], received.prompt)
        if received.body.get("stream"):
            return await _stream(request, rule, wire, answer)
        return await _whole(request, rule, wire, answer)

    async def _get_requests(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(received) for received in self.requests])

    async def _get_stats(self, request: web.Request) -> web.Response:
        counts = {
            "requests": len(self.requests),
            "open": self.open,
            "peak": self.peak,
            "hang_ups": self.hang_ups,
        }
        return web.json_response(counts)

    async def _set_script(self, request: web.Request) -> web.Response:
        self.load(await request.json() if request.method == "POST" else {})
        return web.json_response({})


class _BrokenOff(ConnectionResetError):
    """The server itself ended the connection, as the rule says."""


def _error(rule: Rule, wire: Wire) -> web.Response:
    message = rule.error or HTTPStatus(rule.status).phrase
    body = wire.error(rule.status, rule.error_type, message) if rule.body is None else rule.body
    return web.Response(
        status=rule.status,
        headers=rule.headers,
        text=body if isinstance(body, str) else json.dumps(body),
        content_type=rule.content_type or "application/json",
    )


async def _whole(request: web.Request, rule: Rule, wire: Wire, answer: Answer) -> web.StreamResponse:
    payload = json.dumps(wire.whole(answer), ensure_ascii=False).encode()
    if rule.fault is Fault.MALFORMED:
        payload = payload[:-20]
    response = web.StreamResponse(headers={**rule.headers, "Content-Length": str(len(payload))})
    response.content_type = rule.content_type or "application/json"
    if rule.fault is Fault.RESET or rule.fault is Fault.STALL:
        await _break_off(request, rule.fault)
    await response.prepare(request)
    if rule.fault is Fault.TRUNCATE:
        await response.write(payload[: len(payload) // 2])
        await _break_off(request, rule.fault)
    await _write(response, payload, rule.write)
    await response.write_eof()
    return response


async def _stream(request: web.Request, rule: Rule, wire: Wire, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(headers={**rule.headers, "Cache-Control": "no-cache"})
    response.content_type = rule.content_type or "text/event-stream"
    await response.prepare(request)
    events = wire.stream(answer)
    breaks = rule.fault is not None and rule.fault is not Fault.EMPTY
    sent = events.text[: rule.after_chunks] if breaks else events.text
    for event in events.head:
        await _write(response, event, rule.write)
    for event in sent:
        await asyncio.sleep(rule.chunk_delay)
        await _write(response, event, rule.write)
    if rule.fault is Fault.MALFORMED:
        await response.write(b'data: {"choices": [{"delta": {"content": \n\n')
    elif rule.fault is Fault.RESET or rule.fault is Fault.STALL:
        await _break_off(request, rule.fault)
    if rule.fault is not Fault.TRUNCATE:
        for event in [*events.text[len(sent) :], *events.tail]:
            await _write(response, event, rule.write)
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, data: bytes, size: int | None) -> None:
    step = size or len(data)
    for start in range(0, len(data), step):
        await response.write(data[start : start + step])
        await asyncio.sleep(0)


async def _break_off(request: web.Request, fault: Fault) -> None:
    """Leave the client without the rest: in silence, by the connection's end, or by its reset."""
    transport = request.transport
    if transport is None:
        raise _BrokenOff
    if fault is Fault.STALL:
        await asyncio.Event().wait()
    if fault is Fault.RESET:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    raise _BrokenOff


@dataclass(frozen=True)
class Urls:
    """Where a server process is reached."""

    openai_base: str
    anthropic_base: str
    control: str
    pid: int


@contextlib.contextmanager
def fault_server_process(script: Mapping[str, Any] | None = None) -> Generator[Urls]:
    """A server in a process of its own, which goes when the block, or this process, ends."""
    command = [sys.executable, "-m", "tests.fault_server", "--until-eof", "--script", "-"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(script or {}) + "\n")
        process.stdin.flush()
        yield Urls(**json.loads(process.stdout.readline()))
        process.stdin.close()
        process.wait(timeout=5)


async def _run(port: int, script: Mapping[str, Any], until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        loop.add_reader(sys.stdin, lambda: sys.stdin.readline() or stop.set())
    async with FaultServer(port=port) as server:
        server.load(script)
        urls = Urls(server.openai_base, server.anthropic_base, server.control, os.getpid())
        sys.stdout.write(json.dumps(asdict(urls)) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _main() -> None:
    parser = argparse.ArgumentParser(description="A scripted model provider on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses one")
    parser.add_argument("--script", help="a JSON file, or - for the first line of standard input")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    arguments = parser.parse_args()
    text = "{}"
    if arguments.script is not None:
        text = sys.stdin.readline() if arguments.script == "-" else Path(arguments.script).read_text("utf-8")
    asyncio.run(_run(arguments.port, json.loads(text), arguments.until_eof))


if __name__ == "__main__":
    _main()
