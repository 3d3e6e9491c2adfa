"""A server with handlers made for trying the wire, as a process of its own: `wire_server.py stdio|tcp`."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from phasr_lsp.domain.errors import TargetError
from phasr_lsp.lsp.jsonrpc import CommandCall, MsgId, PhasrProtocol
from phasr_lsp.lsp.wire import claim_stdio, serve, serve_tcp

SECRET = "canary-5f1c"


def make_server() -> PhasrProtocol:
    server = LanguageServer("wire", "1", protocol_cls=PhasrProtocol)
    protocol = server.protocol
    assert isinstance(protocol, PhasrProtocol)
    add_commands(protocol)
    add_jobs(protocol)
    add_handlers_that_wait(server, protocol)
    add_senders(server, protocol)
    add_views(server, protocol)
    return protocol


def add_commands(protocol: PhasrProtocol) -> None:
    def echo(call: CommandCall) -> object:
        return {"id": call.msg_id, "argument": call.argument, "token": call.work_done_token}

    def refuse(_: CommandCall) -> object:
        raise TargetError("a.py is read-only.", "Make it writable.")

    def crash(_: CommandCall) -> object:
        raise ZeroDivisionError(SECRET)

    def nonsense(_: CommandCall) -> object:
        return iter(())

    def noise(_: CommandCall) -> object:
        print("Content-Length: 3\r\n\r\n{}\n")  # noqa: T201
        sys.stdout.flush()
        os.write(1, b"from a library\n")
        child = "import sys, os; os.write(1, b'from a child\\n'); sys.exit(len(sys.stdin.read()))"
        return subprocess.run([sys.executable, "-c", child], check=False).returncode

    protocol.commands.update(echo=echo, refuse=refuse, crash=crash, nonsense=nonsense, noise=noise)


def add_jobs(protocol: PhasrProtocol) -> None:
    """A command that answers at once and leaves a task at work, which cancelling the request stops."""
    jobs: dict[MsgId, asyncio.Task[None]] = {}

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            protocol.notify("test/jobStopped")

    def start(call: CommandCall) -> object:
        jobs[call.msg_id] = asyncio.get_running_loop().create_task(job())
        return "started"

    def on_cancel(msg_id: MsgId) -> None:
        if msg_id in jobs:
            jobs[msg_id].cancel()

    protocol.commands["start"] = start
    protocol.on_cancel = on_cancel


def add_handlers_that_wait(server: LanguageServer, protocol: PhasrProtocol) -> None:
    released = threading.Event()

    @server.feature("test/hang")
    async def hang(_: Any) -> None:
        protocol.notify("test/handlerStarted")
        try:
            await asyncio.Event().wait()
        finally:
            protocol.notify("test/handlerStopped")

    @server.feature("test/block")
    @server.thread()
    def block(_: Any) -> bool:
        return released.wait()

    @server.feature("test/release")
    def release(_: Any) -> None:
        released.set()

    @server.feature("test/ask")
    async def ask(params: Any) -> object:
        arguments = types.ShowDocumentParams(uri="file:///a.py")
        try:
            answer = await protocol.request("window/showDocument", arguments, params["seconds"])
        except TimeoutError as error:
            return str(error)
        return answer.success

    @server.feature("test/askAndForget")
    def ask_and_forget(_: Any) -> object:
        return protocol.send_request("window/showDocument", types.ShowDocumentParams(uri="file:///a.py")).cancel()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: Any) -> None:
        await hang(params)

    @server.feature(types.SHUTDOWN)
    async def shutdown(_: Any) -> None:
        """Ends as one does that waits for a task which somebody cancelled."""
        released.set()
        raise asyncio.CancelledError

    del block, release, ask, ask_and_forget, closed, shutdown


def add_senders(server: LanguageServer, protocol: PhasrProtocol) -> None:
    @server.feature("test/flood")
    def flood(params: Any) -> None:
        for number in range(params["messages"]):
            protocol.notify("test/flooded", {"number": number, "filler": "x" * params["bytes"]})

    @server.feature("test/threads")
    def from_threads(params: Any) -> None:
        for _ in range(params["threads"]):
            threading.Thread(target=flood, args=(params,)).start()

    @server.feature("test/mark")
    def mark(params: Any) -> None:
        sys.stderr.write(f"mark {params}\n")
        sys.stderr.flush()

    @server.feature("test/crash")
    def crash(_: Any) -> None:
        raise ZeroDivisionError(SECRET)

    del from_threads, mark, crash


def add_views(server: LanguageServer, protocol: PhasrProtocol) -> None:
    @server.feature("test/tables")
    def tables(_: Any) -> object:
        """How much the protocol remembers."""
        return [
            len(protocol._waiting),  # pyright: ignore[reportPrivateUsage]
            len(protocol._request_futures),  # pyright: ignore[reportPrivateUsage]
            len(protocol._result_types),  # pyright: ignore[reportPrivateUsage]
        ]

    @server.feature("test/text")
    def text(params: Any) -> object:
        document = protocol.documents.get(params["uri"])
        return document and {
            "version": document.version,
            "lines": list(document.lines),
            "end": document.position_at(len(document.text)),
        }

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover:
        return types.Hover(contents=str(params.position.line))

    del tables, text, hover


async def main(transport: str) -> int:
    protocol = make_server()
    if transport == "tcp":
        return await serve_tcp(protocol, "127.0.0.1", 0)
    return await serve(protocol, claim_stdio())


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    sys.exit(asyncio.run(main(sys.argv[1])))
