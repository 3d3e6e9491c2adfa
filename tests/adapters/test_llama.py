"""The embedded model for real: its own weights in its own child process, called over HTTP."""

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
import pytest

from phasr_lsp.adapters.llama_gateway import LlamaGateway
from phasr_lsp.adapters.llama_server import LlamaServers, LlamaSettings
from phasr_lsp.domain.errors import ModelUnavailable, NoModel
from phasr_lsp.domain.model import Endpoint, Finish, Message, ModelRequest, Reply, Usage
from phasr_lsp.engine.ports import OnText
from tests.embedded import MODEL, weights

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("embedded")]
"""Loading takes seconds, and much longer on a busy machine; one model at a time is enough for its memory."""

REQUEST = ModelRequest(
    endpoint=Endpoint(model=MODEL, provider_model=MODEL),
    messages=(Message("user", "Write a Python function add(a, b) that returns the sum. Answer with code only."),),
    max_output_tokens=64,
    temperature=0.0,
)


@pytest.fixture(scope="session")
def model_file() -> Path:
    return weights()


@pytest.fixture
async def servers(model_file: Path) -> AsyncIterator[LlamaServers]:
    servers = LlamaServers(lambda _: model_file)
    yield servers
    await servers.aclose()
    assert children() == []


class HttpGateway:
    """A plain OpenAI-compatible client."""

    def __init__(self, key_for: Callable[[Endpoint], str | None]) -> None:
        self.key_for = key_for
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
        self.requests.append(request)
        answer = await post(request.endpoint, self.key_for(request.endpoint), request)
        answer.raise_for_status()
        body = answer.json()
        return Reply(
            text=body["choices"][0]["message"]["content"],
            finish=Finish(body["choices"][0]["finish_reason"]),
            usage=Usage(body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]),
            cost=Decimal(0),
            seconds=0.0,
        )

    async def aclose(self) -> None:
        pass


async def post(endpoint: Endpoint, key: str | None, request: ModelRequest = REQUEST) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(
            f"{endpoint.api_base}/chat/completions",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            json={
                "messages": [{"role": message.role, "content": message.text} for message in request.messages],
                "max_tokens": request.max_output_tokens,
                "temperature": request.temperature,
            },
            timeout=request.timeout_seconds,
        )


def children() -> list[psutil.Process]:
    """The llama.cpp processes that this test has started and that still live."""
    found = psutil.Process().children()
    return [child for child in found if "phasr_lsp.adapters.llama_child" in child.cmdline()]


async def until_gone(process: psutil.Process) -> None:
    await asyncio.to_thread(process.wait, 30)


async def test_the_model_answers(servers: LlamaServers) -> None:
    general = HttpGateway(servers.key_for)
    reply = await LlamaGateway(general, servers).complete(REQUEST)

    assert "return a + b" in reply.text
    assert reply.usage is not None
    assert reply.usage.input_tokens > 10
    called = general.requests[0].endpoint
    assert called == Endpoint(
        model=MODEL,
        provider_model="openai/qwen2.5-coder-1.5b",
        api_base=called.api_base,
        context_window=8192,
        input_price=Decimal(0),
        output_price=Decimal(0),
    )
    assert (called.api_base or "").startswith("http://127.0.0.1:")


async def test_other_models_pass_straight_through(servers: LlamaServers) -> None:
    class Elsewhere(HttpGateway):
        async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
            return Reply(request.endpoint.model, Finish.STOP, None, None, 0.0)

    request = replace(REQUEST, endpoint=Endpoint(model="openai/x", provider_model="openai/x"))
    reply = await LlamaGateway(Elsewhere(servers.key_for), servers).complete(request)
    assert reply.text == "openai/x"
    assert children() == []


async def test_without_the_key_nobody_gets_in(servers: LlamaServers) -> None:
    async def intrude(endpoint: Endpoint) -> list[int]:
        keys = [None, "guess", servers.key_for(endpoint)]
        return [(await post(endpoint, key, replace(REQUEST, max_output_tokens=1))).status_code for key in keys]

    assert await servers.run(MODEL, intrude) == [401, 401, 200]
    assert servers.key_for(Endpoint(model=MODEL, provider_model="x", api_base="http://127.0.0.1:9/v1")) is None
    assert servers.key_for(Endpoint(model="openai/x", provider_model="openai/x")) is None


async def test_the_key_is_in_no_command_line_and_no_environment(servers: LlamaServers) -> None:
    async def look(endpoint: Endpoint) -> tuple[str | None, str]:
        (child,) = children()
        return servers.key_for(endpoint), f"{child.cmdline()} {child.environ()} {endpoint!r}"

    key, visible = await servers.run(MODEL, look)
    assert key
    assert key not in visible


async def test_first_uses_at_the_same_time_share_one_child_and_two_slots(servers: LlamaServers) -> None:
    at_work, most, first_two = 0, 0, asyncio.Event()

    async def call(endpoint: Endpoint) -> str | None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        if at_work == 2:
            first_two.set()
        await first_two.wait()
        at_work -= 1
        return endpoint.api_base

    addresses = await asyncio.gather(*(servers.run(MODEL, call) for _ in range(5)))
    assert len(set(addresses)) == 1
    assert len(children()) == 1
    assert most == 2


async def test_a_call_that_waits_for_a_slot_can_be_cancelled(servers: LlamaServers) -> None:
    busy, release = asyncio.Barrier(3), asyncio.Event()

    async def hold(_endpoint: Endpoint) -> None:
        await busy.wait()
        await release.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(servers.run(MODEL, hold))
        await busy.wait()
        waiting = tasks.create_task(servers.run(MODEL, hold))
        await asyncio.wait({waiting}, timeout=0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()


async def test_cancelling_a_call_leaves_the_model_running(servers: LlamaServers) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def call(_endpoint: Endpoint) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(servers.run(MODEL, call))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()
    assert len(children()) == 1


async def test_it_is_stopped_when_idle_and_started_again(model_file: Path) -> None:
    servers = LlamaServers(lambda _: model_file, lambda: LlamaSettings(idle_seconds=0.05))

    async def call(_endpoint: Endpoint) -> psutil.Process:
        (child,) = children()
        return child

    try:
        first = await servers.run(MODEL, call)
        await until_gone(first)
        second = await servers.run(MODEL, call)
        assert second.pid != first.pid
    finally:
        await servers.aclose()
    assert children() == []


async def test_a_crash_fails_the_call_and_the_next_starts_anew(servers: LlamaServers) -> None:
    async def crash(_endpoint: Endpoint) -> None:
        (child,) = children()
        child.kill()
        await asyncio.Event().wait()

    with pytest.raises(ModelUnavailable, match="stopped while it worked") as raised:
        await servers.run(MODEL, crash)
    assert "Run the task again" in raised.value.advice

    gateway = LlamaGateway(HttpGateway(servers.key_for), servers)
    assert (await gateway.complete(REQUEST)).text


async def test_closing_while_it_loads_stops_it(servers: LlamaServers) -> None:
    async def call(_endpoint: Endpoint) -> None:
        raise AssertionError("never reached")

    task = asyncio.create_task(servers.run(MODEL, call))
    while not children():  # noqa: ASYNC110 - another process is watched, which has no event to wait for
        await asyncio.sleep(0)
    await servers.aclose()
    with pytest.raises(ModelUnavailable, match="stopped while it loaded"):
        await task


async def test_loading_has_a_time_limit(model_file: Path) -> None:
    servers = LlamaServers(lambda _: model_file, lambda: LlamaSettings(start_seconds=0.2))

    async def call(_endpoint: Endpoint) -> None:
        raise AssertionError("never reached")

    with pytest.raises(ModelUnavailable, match="didn't load within 0 s"):
        await servers.run(MODEL, call)
    assert children() == []


async def test_a_damaged_file_is_explained(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(1000))
    servers = LlamaServers(lambda _: damaged)

    async def call(_endpoint: Endpoint) -> None:
        raise AssertionError("never reached")

    with pytest.raises(ModelUnavailable, match="can't be loaded") as raised:
        await servers.run(MODEL, call)
    assert "phasr model install" in raised.value.advice
    assert children() == []


async def test_missing_weights_are_the_callers_error() -> None:
    def no_weights(model: str) -> Path:
        raise NoModel(f"The weights of {model} aren't installed.", "Install them.")

    async def call(_endpoint: Endpoint) -> None:
        raise AssertionError("never reached")

    with pytest.raises(NoModel, match="aren't installed"):
        await LlamaServers(no_weights).run(MODEL, call)


PARENT = """
import asyncio, sys
from pathlib import Path
from phasr_lsp.adapters.llama_server import LlamaServers

async def call(endpoint):
    print("loaded", flush=True)
    await asyncio.Event().wait()

asyncio.run(LlamaServers(lambda _: Path(sys.argv[1])).run("embedded/any", call))
"""


@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "while loading"])
def test_the_child_dies_with_a_parent_that_is_killed(model_file: Path, loaded: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(model_file)], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            assert parent.stdout
            if loaded:
                assert parent.stdout.readline() == "loaded\n"
            child = loading_child(psutil.Process(parent.pid))
        finally:
            parent.kill()
    # Waiting for the weights to load would take it a second or more; the kernel's signal takes 10 ms.
    assert ends_within(0.5, child)


def loading_child(parent: psutil.Process) -> psutil.Process:
    """Its child, from the moment that it maps the weights: from then on loading holds the interpreter's lock."""
    while True:
        for child in parent.children():
            if any(file.path.endswith(".gguf") for file in child.memory_maps()):
                return child


def ends_within(seconds: float, process: psutil.Process) -> bool:
    """Whether it does; a zombie has ended, whether or not the system's init has time for it."""
    if not hasattr(os, "pidfd_open"):
        return not psutil.wait_procs([process], timeout=seconds)[1]
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)
