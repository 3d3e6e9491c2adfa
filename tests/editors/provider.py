"""The scripted model provider, on a thread of its own: the drivers of real editors block."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from tests.fault_server import FaultServer


class Provider:
    """A `FaultServer` for tests that aren't coroutines."""

    def __init__(self, server: FaultServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self._loop = loop

    def reply(self, code: str, **fields: Any) -> None:
        """Answer with this code in a fenced block; `fields` are those of the fault server's `Rule`."""
        self.server.reply(f"```python\n{code}\n```\n", **fields)

    def until(self, condition: Callable[[FaultServer], bool], seconds: float = 20) -> None:
        """Wait until `condition` holds. Raises TimeoutError."""
        wait = self.server.until(lambda: condition(self.server), seconds)
        asyncio.run_coroutine_threadsafe(wait, self._loop).result(seconds + 1)


@contextmanager
def provider() -> Generator[Provider]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="provider")
    thread.start()
    server = FaultServer()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        try:
            yield Provider(server, loop)
        finally:
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
