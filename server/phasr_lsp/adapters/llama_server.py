"""llama.cpp servers as child processes: started on first use, stopped when idle."""

import asyncio
import importlib.util
import json
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from phasr_lsp.domain.errors import ModelUnavailable, NoRuntime
from phasr_lsp.domain.model import Endpoint
from phasr_lsp.domain.route import EMBEDDED

T = TypeVar("T")

SLOTS = 2
"""Calls that a model works on at the same time; others wait."""
STOP_SECONDS = 5.0
"""How long a child may take to go before it is killed."""


def spare_threads() -> int:
    """One less than there are cores, so that the editor stays quick."""
    return max(1, (os.cpu_count() or 1) - 1)


@dataclass(frozen=True)
class LlamaSettings:
    threads: int = field(default_factory=spare_threads)
    context_tokens: int = 8192
    """For each of the calls at work."""
    idle_seconds: float = 600.0
    """A server without a call is stopped after so long."""
    start_seconds: float = 120.0
    """The longest that loading may take."""


class LlamaServers:
    """The embedded models that run: one server for each that is in use."""

    def __init__(
        self, weights: Callable[[str], Path], settings: Callable[[], LlamaSettings] = LlamaSettings
    ) -> None:
        """`weights` gives a model's file or raises `NoModel`; both are asked anew at each start."""
        self._weights = weights
        self._settings = settings
        self._servers: dict[str, LlamaServer] = {}

    async def run(self, model: str, call: Callable[[Endpoint], Awaitable[T]]) -> T:
        """As `LlamaServer.run`, for the model of that name."""
        if model not in self._servers:
            self._servers[model] = LlamaServer(model, lambda: self._weights(model), self._settings)
        return await self._servers[model].run(call)

    def key_for(self, endpoint: Endpoint) -> str | None:
        """The key of a server that runs now; None when the endpoint is none of these."""
        return next((key for server in self._servers.values() if (key := server.key_for(endpoint))), None)

    async def aclose(self) -> None:
        for server in self._servers.values():
            await server.aclose()


class LlamaServer:
    """One model's server."""

    def __init__(
        self, model: str, weights: Callable[[], Path], settings: Callable[[], LlamaSettings] = LlamaSettings
    ) -> None:
        self._model = model
        self._weights = weights
        self._settings = settings
        self._slots = asyncio.Semaphore(SLOTS)
        self._calls = 0
        self._start: asyncio.Task[_Child] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def run(self, call: Callable[[Endpoint], Awaitable[T]]) -> T:
        """Wait for a free slot, start the child if none runs, and make the call.

        Raises `NoModel` when the weights are missing, `NoRuntime` when xllamacpp is, `ModelUnavailable` when the
        child doesn't start or dies meanwhile, and what `call` raises.
        """
        async with self._slots:
            self._calls += 1
            self._keep_running()
            try:
                child = await self._running()
                return await child.guard(call)
            finally:
                self._calls -= 1
                if not self._calls:
                    delay = self._settings().idle_seconds
                    self._idle = asyncio.get_running_loop().call_later(delay, self._stop)

    def key_for(self, endpoint: Endpoint) -> str | None:
        child = self._child()
        return child.key if child and child.endpoint.api_base == endpoint.api_base else None

    async def aclose(self) -> None:
        """Stop the child, loading or not, and wait until it is gone. A later call starts another one."""
        self._keep_running()
        self._stop()
        if self._stopping:
            await self._stopping

    def _keep_running(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _child(self) -> "_Child | None":
        """The child, once it is ready and as long as it lives."""
        start = self._start
        if start is None or not start.done() or start.cancelled() or start.exception():
            return None
        return None if start.result().ended.done() else start.result()

    async def _running(self) -> "_Child":
        """The child; callers that come while it loads share the one start, which no caller's end cancels."""
        if self._start is None or (self._start.done() and not self._child()):
            self._start = asyncio.create_task(_start(self._model, self._weights, self._settings()))
            self._start.add_done_callback(lambda start: start.cancelled() or start.exception())
        start = self._start
        await asyncio.wait({start})
        if start.cancelled():
            raise ModelUnavailable(
                f"{self._model} was stopped while it loaded.", "Run the task again to start it."
            )
        return start.result()

    def _stop(self) -> None:
        if self._start:
            self._stopping = asyncio.create_task(_stop(self._start, after=self._stopping))
            self._start = None


@dataclass(frozen=True)
class _Child:
    process: Process
    ended: asyncio.Task[int]
    endpoint: Endpoint
    key: str = field(repr=False)

    async def guard(self, call: Callable[[Endpoint], Awaitable[T]]) -> T:
        """Make the call for as long as the child lives. Raises `ModelUnavailable` when it dies."""
        work = asyncio.ensure_future(call(self.endpoint))
        try:
            await asyncio.wait({work, self.ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
        if work.cancelled():
            raise ModelUnavailable(
                f"{self.endpoint.model} stopped while it worked (exit status {self.ended.result()}).",
                "Run the task again: that starts it anew. Too little memory is the usual reason.",
            )
        return work.result()


async def _start(model: str, weights: Callable[[], Path], settings: LlamaSettings) -> _Child:
    """Raises `NoModel`, `NoRuntime` and `ModelUnavailable`."""
    path = weights()
    if importlib.util.find_spec("xllamacpp") is None:
        raise NoRuntime(
            f"{model} is installed, but not xllamacpp, which runs it.",
            "Install Phasr with its `local` extra (see the README), or choose another model.",
        )
    key = secrets.token_urlsafe(32)
    request = {
        "model": str(path),
        "key": key,
        "threads": settings.threads,
        "context_tokens": settings.context_tokens,
        "slots": SLOTS,
    }
    # -P: the editor's working folder, which may hold anything, isn't searched for modules.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "phasr_lsp.adapters.llama_child"),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,  # Ctrl-C in a terminal reaches the parent alone, which stops it in order
    )
    ended = asyncio.create_task(process.wait())
    try:
        async with asyncio.timeout(settings.start_seconds):
            address = await _handshake(process, request, model)
    except TimeoutError as error:
        await _end(process, ended)
        raise ModelUnavailable(
            f"{model} didn't load within {settings.start_seconds:.0f} s.",
            "Try again when the machine is less busy, or choose another model.",
        ) from error
    except BaseException:
        await _end(process, ended)
        raise
    endpoint = Endpoint(
        model=model,
        provider_model=f"openai/{model.removeprefix(EMBEDDED)}",
        api_base=f"{address}/v1",
        context_window=settings.context_tokens,
        input_price=Decimal(0),
        output_price=Decimal(0),
    )
    return _Child(process, ended, endpoint, key)


async def _handshake(process: Process, request: dict[str, str | int], model: str) -> str:
    """Tell the child what to load and return its address. Raises `ModelUnavailable`."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    process.stdin.write(json.dumps(request).encode() + b"\n")
    answer = json.loads(await process.stdout.readline() or "{}")
    if "address" not in answer:
        reason = answer.get("error", "it ended while loading").rstrip(".")
        raise ModelUnavailable(
            f"{model} can't be loaded: {reason}.",
            "`phasr model status` verifies its file; `phasr model install` replaces a damaged one.",
        )
    return answer["address"]


async def _stop(start: asyncio.Task[_Child], after: asyncio.Task[None] | None) -> None:
    """End what `start` has started or is starting, and what was to be stopped before."""
    if after:
        await after
    start.cancel()
    await asyncio.wait({start})
    if not start.cancelled() and not start.exception():
        await _end(start.result().process, start.result().ended)


async def _end(process: Process, ended: asyncio.Task[int]) -> None:
    if process.stdin:
        process.stdin.close()
    done, _ = await asyncio.wait({ended}, timeout=STOP_SECONDS)
    if not done:
        process.kill()
        await ended
