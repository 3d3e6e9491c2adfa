"""From bytes to messages and back: stdio, TCP and the loop that serves one client.

Knows nothing of JSON or of LSP's methods: it hands message bodies to a `Session`. Reading and writing block
threads of their own, so neither a busy server nor a client that stops reading can stall the event loop.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import queue
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from phasr_lsp.domain.errors import ConfigError

logger = logging.getLogger(__name__)

MAX_UNREAD_BYTES = 64 * 2**20
"""A client that leaves more than this unread is given up."""
MAX_MESSAGE_BYTES = 256 * 2**20
MAX_HEADER_BYTES = 4096
MESSAGES_AHEAD = 64
"""How many messages are read before the loop has taken up the first of them."""
FLUSH_SECONDS = 2.0
"""How long the last messages may take to leave before the server ends without them."""


class Session(Protocol):
    """The server's side of the conversation; all of it is called on the event loop."""

    def connect(self, send: Callable[[bytes], None]) -> None:
        """Start; `send` takes one message body, may be called from any thread and never blocks."""
        ...

    def receive(self, body: bytes) -> None:
        """Act on one message; never raises."""
        ...

    def close(self) -> None:
        """The client has gone: stop everything. Safe to call twice."""
        ...

    async def finished(self) -> int:
        """Return the process's exit code once the conversation is over."""
        ...


@dataclass(frozen=True, slots=True)
class ByteStream:
    """Two blocking calls on the same client."""

    read: Callable[[int], bytes]
    """At most so many bytes; none at the end of the stream. Raises OSError."""
    write: Callable[[memoryview], int]
    """Returns how many bytes were taken. Raises OSError."""


def claim_stdio() -> ByteStream:
    """Take stdin and stdout for the wire alone; call it before anything else can print.

    What this process or a child prints from now on goes to stderr, and reading stdin finds it empty.
    """
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    os.set_blocking(wire_in, True)
    os.set_blocking(wire_out, True)
    return ByteStream(partial(os.read, wire_in), partial(os.write, wire_out))


async def serve(session: Session, stream: ByteStream) -> int:
    """Serve one client until it says exit or goes; returns the exit code."""
    loop = asyncio.get_running_loop()

    def on_end(reason: str | None) -> None:
        if reason is not None:
            logger.error("the connection is given up: %s", reason)
        session.close()

    outgoing = Outgoing(stream.write, on_end)
    session.connect(outgoing.send)
    threading.Thread(
        target=_read_messages, args=(stream.read, loop, session.receive, on_end), name="wire-in", daemon=True
    ).start()
    try:
        return await session.finished()
    finally:
        session.close()
        await outgoing.close()


async def serve_tcp(session: Session, host: str, port: int) -> int:
    """Listen on a loopback address, serve the first client and return the exit code.

    `port` 0 lets the system choose; stderr says which one it is.
    Raises `ConfigError` when the address isn't a loopback one or can't be listened on.
    """
    with _listen(host, port) as listener:
        sys.stderr.write(f"listening on {_readable(listener)}\n")
        sys.stderr.flush()
        connection, _ = await asyncio.get_running_loop().sock_accept(listener)
    with connection:
        connection.setblocking(True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return await serve(session, ByteStream(connection.recv, connection.send))
        finally:
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)


class Outgoing:
    """Messages on their way to the client: a queue of whole frames that one thread writes.

    So `send` never blocks and frames stay whole, whichever thread sends. Create it on the event loop.
    """

    def __init__(
        self,
        write: Callable[[memoryview], int],
        on_failure: Callable[[str], None],
        max_unread_bytes: int = MAX_UNREAD_BYTES,
    ) -> None:
        self._write = write
        self._on_failure = on_failure
        self._max_unread_bytes = max_unread_bytes
        self._loop = asyncio.get_running_loop()
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unread_bytes = 0
        self._failed = False
        self._ended = asyncio.Event()
        threading.Thread(target=self._run, name="wire-out", daemon=True).start()

    def send(self, body: bytes) -> None:
        """Queue one message. After a failure messages are dropped."""
        frame = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        with self._lock:
            if self._failed:
                return
            self._unread_bytes += len(frame)
            full = self._unread_bytes > self._max_unread_bytes
        if full:
            self._fail(f"the client leaves {self._max_unread_bytes} bytes unread")
        else:
            self._frames.put(frame)

    async def close(self) -> None:
        """Write what is queued, within `FLUSH_SECONDS`."""
        self._frames.put(None)
        if not self._failed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._ended.wait()

    def _run(self) -> None:
        try:
            while (frame := self._frames.get()) is not None:
                rest = memoryview(frame)
                while rest:
                    rest = rest[self._write(rest) :]
                with self._lock:
                    self._unread_bytes -= len(frame)
        except OSError as error:
            self._fail(f"the client can't be written to ({error.strerror})")
        _call_on(self._loop, self._ended.set)

    def _fail(self, reason: str) -> None:
        with self._lock:
            if self._failed:
                return
            self._failed = True
        _call_on(self._loop, self._on_failure, reason)


class FramingError(Exception):
    """The stream isn't LSP's base protocol, or no longer: where the next message begins can't be known."""


def frames(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The bodies of the messages as they arrive, until the stream ends.

    Raises `FramingError`, and OSError from `read`.
    """
    buffer = bytearray()

    def more() -> bool:
        chunk = read(2**16)
        buffer.extend(chunk)
        return bool(chunk)

    while True:
        while (end := buffer.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)) < 0:
            if len(buffer) >= MAX_HEADER_BYTES:
                raise FramingError("a message's header doesn't end")
            if not more():
                return
        length = _content_length(bytes(buffer[:end]))
        del buffer[: end + 4]
        while len(buffer) < length:
            if not more():
                return
        yield bytes(buffer[:length])
        del buffer[:length]


_HEADER = re.compile(rb"([A-Za-z-]+):[ \t]*(.*?)[ \t]*")


def _content_length(header: bytes) -> int:
    """The body's size. Strict, so that a web page can't speak to the server by posting to its port."""
    length = None
    for line in header.split(b"\r\n"):
        field = _HEADER.fullmatch(line)
        if field is None:
            raise FramingError("a message's header isn't LSP's")
        if field[1].lower() == b"content-length":
            length = field[2]
    if length is None or not re.fullmatch(rb"[0-9]{1,12}", length):
        raise FramingError("a message's header has no usable Content-Length")
    if int(length) > MAX_MESSAGE_BYTES:
        raise FramingError(f"a message has more than {MAX_MESSAGE_BYTES} bytes")
    return int(length)


def _read_messages(
    read: Callable[[int], bytes],
    loop: asyncio.AbstractEventLoop,
    receive: Callable[[bytes], None],
    on_end: Callable[[str | None], None],
) -> None:
    """Hand every message to the loop, a bounded number ahead of it; runs on a thread."""
    ahead = threading.Semaphore(MESSAGES_AHEAD)

    def deliver(body: bytes) -> None:
        ahead.release()
        receive(body)

    reason = None
    try:
        for body in frames(read):
            ahead.acquire()
            _call_on(loop, deliver, body)
    except FramingError as error:
        reason = str(error)
    except OSError as error:
        reason = f"the client can't be read from ({error.strerror})"
    _call_on(loop, on_end, reason)


def _call_on(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """Have `call` made on `loop`, from any thread; does nothing when the loop is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ConfigError(f"{host} isn't a loopback address.", "Whoever connects can edit files: use 127.0.0.1.")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listener = socket.create_server((str(address), port), family=family, backlog=1)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"Can't listen on {host}:{port}: {error}.", "Choose another port, or 0 for any."
        ) from error
    listener.setblocking(False)
    return listener


def _readable(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
