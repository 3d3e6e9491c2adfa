"""What becomes of a call when a provider misbehaves: what is retried, what is told, and what never leaks."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
import pytest_asyncio

from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
from phasr_lsp.adapters.prices import PriceMap
from phasr_lsp.domain.errors import (
    ContextWindowExceeded,
    KeyMissing,
    KeyRejected,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    QuotaSpent,
    RateLimited,
    ReplyIncomplete,
    ReplyRefused,
    RequestRejected,
    UnknownModel,
)
from phasr_lsp.domain.model import ANEW, Endpoint, Finish, Message, ModelRequest, Reply, Usage
from tests.adapters.providers import KEY, Llmock
from tests.fault_server import Fault, FaultServer, Rule

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

WIRES = ("openai/gpt-4o", "anthropic/claude-sonnet-5-5")
CANARY = "sk-canary-AbCdEf0123456789"
PROMPT = "The quick brown fox jumps over the lazy dog."


@pytest_asyncio.fixture(loop_scope="session")
async def faults() -> AsyncIterator[FaultServer]:
    async with FaultServer() as server:
        yield server


@pytest.fixture
def patient(gateway: LiteLLMGateway) -> LiteLLMGateway:
    """A gateway that retries; `gateway` has imported litellm already and closes its connections."""
    return LiteLLMGateway(key_for=lambda endpoint: KEY, retry_seconds=10)


@pytest.fixture(params=WIRES, ids=lambda model: model.partition("/")[0])
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return request.param


def ask(
    server: FaultServer,
    model: str = WIRES[0],
    *,
    timeout_seconds: float = 10.0,
    max_output_tokens: int = 100,
    temperature: float | None = None,
) -> ModelRequest:
    base = server.anthropic_base if model.startswith("anthropic/") else server.openai_base
    endpoint = Endpoint(model, model, api_base=base)
    return ModelRequest(endpoint, (Message("user", PROMPT),), max_output_tokens, temperature, timeout_seconds)


async def complete(gateway: LiteLLMGateway, request: ModelRequest, streamed: bool = False) -> Reply:
    pieces: list[str] = []
    return await gateway.complete(request, pieces.append if streamed else None)


async def failure(gateway: LiteLLMGateway, request: ModelRequest, streamed: bool = False) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await complete(gateway, request, streamed)
    return caught.value


# What is asked for again


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
async def test_passing_faults_are_retried(
    patient: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool, status: int
) -> None:
    faults.fail(status, times=1)
    faults.reply("here again")

    reply = await complete(patient, ask(faults, model), streamed)

    assert (reply.text, len(faults.requests)) == ("here again", 2)


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(
    patient: LiteLLMGateway, faults: FaultServer, model: str, status: int, form: str
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)  # a date has no fractions: it may be 1 s away
    faults.fail(status, headers={"Retry-After": "1" if form == "seconds" else format_datetime(moment)}, times=1)

    reply = await complete(patient, ask(faults, model))

    assert len(faults.requests) == 2
    assert reply.seconds >= (1.0 if form == "seconds" else 0.9)


async def test_a_wait_beyond_the_deadline_isnt_begun(
    patient: LiteLLMGateway, faults: FaultServer, model: str
) -> None:
    faults.fail(429, headers={"Retry-After": "600"})

    error = await failure(patient, ask(faults, model))

    assert isinstance(error, RateLimited)
    assert "600 s" in error.advice
    assert len(faults.requests) == 1


async def test_retries_end_with_their_deadline(gateway: LiteLLMGateway, faults: FaultServer) -> None:
    hasty = LiteLLMGateway(key_for=lambda endpoint: KEY, retry_seconds=lambda: 1.0)
    faults.fail(503)

    error = await failure(hasty, ask(faults))

    assert isinstance(error, ModelUnavailable)
    assert 1 < len(faults.requests) < 20


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (429, "insufficient_quota", "You exceeded your current quota.", QuotaSpent),
        (402, "error", "Insufficient Balance", QuotaSpent),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", QuotaSpent),
        (401, "authentication_error", "invalid x-api-key", KeyRejected),
        (403, "permission_error", "no access to this model", KeyRejected),
        (404, "not_found_error", "no such model", UnknownModel),
        (400, "invalid_request_error", "messages: must not be empty", RequestRejected),
        (422, "error", "unprocessable", RequestRejected),
        (400, "content_policy_violation", "Rejected by our content_policy.", ReplyRefused),
        (413, "request_too_large", "Request exceeds the maximum size", ContextWindowExceeded),
    ],
)
async def test_what_wont_change_is_not_asked_again(
    patient: LiteLLMGateway,
    faults: FaultServer,
    model: str,
    streamed: bool,
    status: int,
    kind: str,
    message: str,
    expected: type[ModelError],
) -> None:
    faults.fail(status, message, kind)

    error = await failure(patient, ask(faults, model), streamed)

    assert type(error) is expected
    assert len(faults.requests) == 1


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "the input length exceeds the context length",
        "prompt too long; exceeded max context length by 12 tokens",
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens.",
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "Input is too long for requested model.",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    ],
)
async def test_a_request_that_is_too_long_in_many_wordings(
    patient: LiteLLMGateway, faults: FaultServer, model: str, message: str
) -> None:
    faults.fail(400, message, "invalid_request_error")

    error = await failure(patient, ask(faults, model))

    assert isinstance(error, ContextWindowExceeded)
    assert "larger context window" in error.advice
    assert len(faults.requests) == 1


# Connections that break


async def test_a_server_that_isnt_there(patient: LiteLLMGateway, faults: FaultServer, model: str) -> None:
    request = ask(faults, model)
    gone = replace(request, endpoint=replace(request.endpoint, api_base="http://127.0.0.1:9/v1"))

    error = await failure(patient, gone)

    assert isinstance(error, ModelUnavailable)
    assert "127.0.0.1:9" in error.message
    assert "Start that server" in error.advice


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATE])
async def test_a_reply_that_breaks_off_is_asked_for_again(
    patient: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool, fault: Fault
) -> None:
    faults.reply("half of what there is to say", fault=fault, after_chunks=1, times=1)
    faults.reply("all there is to say")

    reply = await complete(patient, ask(faults, model), streamed)

    assert (reply.text, len(faults.requests)) == ("all there is to say", 2)


async def test_who_reads_along_is_told_that_a_reply_begins_again(
    patient: LiteLLMGateway, faults: FaultServer
) -> None:
    faults.reply("half of what there is to say", fault=Fault.TRUNCATE, after_chunks=1, times=1)
    faults.reply("and the rest")
    pieces: list[str] = []
    request = ask(faults)
    cut_off = replace(request, messages=(*request.messages, Message("assistant", "the first lines\n")))

    await patient.complete(cut_off, pieces.append)

    begun = [number for number, piece in enumerate(pieces) if piece == ANEW]
    assert len(begun) == 2
    assert ["".join(pieces[begin + 1 : end]) for begin, end in zip(begun, (begun[1], None), strict=True)] == [
        "the first lines\nhalf of ",
        "the first lines\nand the rest",
    ]


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATE, Fault.MALFORMED])
async def test_a_part_is_never_taken_for_the_whole(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool, fault: Fault
) -> None:
    faults.reply("half of what there is to say", fault=fault, after_chunks=2)

    assert isinstance(await failure(gateway, ask(faults, model), streamed), ReplyIncomplete)


async def test_an_error_inside_a_stream_is_retried(patient: LiteLLMGateway, faults: FaultServer) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    event = f"event: error\ndata: {json.dumps(error)}\n\n"
    faults.add(Rule(body=event, content_type="text/event-stream", times=1))

    reply = await complete(patient, ask(faults, WIRES[1]), streamed=True)

    assert (reply.text, len(faults.requests)) == ("OK", 2)


async def test_silence_is_a_timeout(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool
) -> None:
    faults.reply("never to be heard in full", fault=Fault.STALL, after_chunks=1)

    error = await failure(gateway, ask(faults, model, timeout_seconds=0.3), streamed)

    assert isinstance(error, ModelTimeout)
    await faults.until(lambda: faults.hang_ups == 1)


async def test_a_slow_stream_is_no_silence(gateway: LiteLLMGateway, faults: FaultServer, model: str) -> None:
    faults.reply("one word at a time", chunk=3, chunk_delay=0.15)

    reply = await complete(gateway, ask(faults, model, timeout_seconds=0.6), streamed=True)

    assert reply.text == "one word at a time"
    assert reply.seconds > 0.6


# Replies that are none


async def test_a_page_instead_of_a_reply(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool
) -> None:
    faults.add(Rule(body="<html>Please log in</html>", content_type="text/html"))

    error = await failure(gateway, ask(faults, model), streamed)

    assert isinstance(error, ReplyIncomplete)
    assert "proxy" in error.advice


async def test_no_choices(gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool) -> None:
    faults.reply("not sent", fault=Fault.EMPTY)

    assert isinstance(await failure(gateway, ask(faults, model), streamed), ReplyIncomplete)


async def test_a_filtered_reply(gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool) -> None:
    faults.reply("I can't", finish="content_filter")

    assert isinstance(await failure(gateway, ask(faults, model), streamed), ReplyRefused)


async def test_a_reply_that_reached_its_limit(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool
) -> None:
    faults.reply("as far as it", finish="length")

    reply = await complete(gateway, ask(faults, model), streamed)

    assert (reply.text, reply.finish) == ("as far as it", Finish.LENGTH)


async def test_reasoning_is_not_part_of_the_text(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool
) -> None:
    faults.reply("The answer.", reasoning="Let me think.")

    reply = await complete(gateway, ask(faults, model), streamed)

    assert reply.text == "The answer."


async def test_characters_that_arrive_byte_by_byte(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool
) -> None:
    text = "Grüße 日本語 👩‍👩‍👧‍👦 e\u0301\u2028\r\n"
    faults.reply(text, chunk=1, write=1)

    reply = await complete(gateway, ask(faults, model), streamed)

    assert reply.text == text


# What it cost


async def test_cached_input_has_a_price_of_its_own(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, streamed: bool
) -> None:
    faults.reply("x", input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)
    request = ask(faults, model)
    own = replace(request.endpoint, input_price=Decimal("2.5"), output_price=Decimal(10))
    price = PriceMap().price(model)
    assert price is not None

    reply = await complete(gateway, request, streamed)
    configured = await complete(gateway, replace(request, endpoint=own), streamed)

    assert reply.usage == configured.usage == Usage(1_000_000, 100_000, 400_000)
    rates = price.rates
    assert rates.cached < rates.input
    assert reply.cost == 600_000 * rates.input + 400_000 * rates.cached + 100_000 * rates.output
    assert configured.cost == Decimal("3.5")


async def test_usage_that_is_missing_is_unknown_and_not_guessed(
    gateway: LiteLLMGateway, faults: FaultServer, streamed: bool
) -> None:
    faults.reply("x" * 400, usage=False)
    request = ask(faults)
    free = replace(request.endpoint, input_price=Decimal(0), output_price=Decimal(0))

    reply = await complete(gateway, request, streamed)
    of_no_price = await complete(gateway, replace(request, endpoint=free), streamed)

    assert (reply.usage, reply.cost) == (None, None)
    assert (of_no_price.usage, of_no_price.cost) == (None, Decimal(0))


async def test_an_unknown_price_is_unknown(gateway: LiteLLMGateway, faults: FaultServer) -> None:
    reply = await complete(gateway, ask(faults, "openai/somebodys-own-model"))

    assert reply.usage is not None
    assert reply.cost is None


# What is sent


async def test_parameters_fit_the_model(gateway: LiteLLMGateway, faults: FaultServer) -> None:
    for model in ("openai/gpt-4o", "anthropic/claude-opus-5-5"):
        await complete(gateway, ask(faults, model, temperature=0.0, max_output_tokens=10_000_000))

    plain, strict = (request.body for request in faults.requests)
    assert (plain["temperature"], plain["max_tokens"]) == (0.0, 16_384)
    assert ("temperature" in strict, strict["max_tokens"]) == (False, 128_000)


async def test_it_streams_only_for_a_listener(gateway: LiteLLMGateway, faults: FaultServer) -> None:
    await complete(gateway, ask(faults), streamed=False)
    await complete(gateway, ask(faults), streamed=True)

    whole, stream = (request.body for request in faults.requests)
    assert not whole.get("stream")
    assert (stream["stream"], stream["stream_options"]) == (True, {"include_usage": True})


async def test_many_calls_at_once(gateway: LiteLLMGateway, faults: FaultServer) -> None:
    faults.reply("there", latency=1.0)

    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(complete(gateway, ask(faults, WIRES[number % 2])))

    assert faults.peak == 40


# Cancel


async def test_cancel_leaves_a_waiting_provider(gateway: LiteLLMGateway, faults: FaultServer, model: str) -> None:
    faults.reply("never", fault=Fault.STALL)
    task = asyncio.create_task(complete(gateway, ask(faults, model)))
    await faults.until(lambda: faults.open == 1)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await faults.until(lambda: faults.hang_ups == 1)


async def test_cancel_drops_the_retry_that_is_due(patient: LiteLLMGateway, faults: FaultServer) -> None:
    faults.fail(429, headers={"Retry-After": "1"})
    task = asyncio.create_task(complete(patient, ask(faults)))
    await faults.until(lambda: len(faults.requests) == 1 and faults.open == 0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        await faults.until(lambda: len(faults.requests) > 1, timeout_seconds=2.0)


# Keys


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_no_key_and_no_prompt_gets_out(
    gateway: LiteLLMGateway,
    faults: FaultServer,
    model: str,
    streamed: bool,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", CANARY)
    faults.fail(status, f"Incorrect API key provided: {CANARY}. You sent {PROMPT!r} with sk-proj-{'x' * 40}")
    request = ask(faults, model)
    named = replace(request, endpoint=replace(request.endpoint, api_key_env="MY_KEY"))

    error = await failure(LiteLLMGateway(retry_seconds=1), named, streamed)

    written = capfd.readouterr()
    told = [str(error), repr(error), *traceback.format_exception(error), caplog.text, written.out, written.err]
    sent = faults.requests[0].headers
    assert CANARY in sent.get("authorization", "") + sent.get("x-api-key", "")
    assert not any(CANARY in text or PROMPT in text or "xxxxxx" in text for text in told)
    assert not written.out


@pytest.mark.parametrize(
    ("endpoint", "variable"),
    [
        (Endpoint("fast", "anthropic/claude-haiku-5-5"), "ANTHROPIC_API_KEY"),
        (Endpoint("fast", "anthropic/claude-haiku-5-5", api_key_env="WORK_KEY"), "WORK_KEY"),
        (Endpoint("gpt-4o", "gpt-4o"), "OPENAI_API_KEY"),
        (Endpoint("mine", "xai/grok"), "XAI_API_KEY"),
        (Endpoint("mine", "openai/x", api_base="http://127.0.0.1:9/v1", api_key_env="WORK_KEY"), "WORK_KEY"),
    ],
)
async def test_a_missing_key_is_named_before_the_call(
    endpoint: Endpoint, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv(variable, "  ")

    error = await failure(LiteLLMGateway(), ModelRequest(endpoint, (Message("user", "x"),), 10))

    assert isinstance(error, KeyMissing)
    assert endpoint.model in error.message
    assert error.advice == f"Set {variable} or choose another model."


async def test_a_provider_that_doesnt_exist(gateway: LiteLLMGateway) -> None:
    endpoint = Endpoint("nobody/knows", "nobody/knows")

    error = await failure(gateway, ModelRequest(endpoint, (Message("user", "x"),), 10))

    assert isinstance(error, UnknownModel)
    assert "No provider is called nobody" in error.message


async def test_a_server_of_ones_own_needs_no_key_and_gets_no_providers_key(
    gateway: LiteLLMGateway, faults: FaultServer, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)

    assert (await complete(LiteLLMGateway(), ask(faults, model))).text == "OK"

    assert not any(CANARY in value for value in faults.requests[0].headers.values())


async def test_a_key_may_come_from_elsewhere(gateway: LiteLLMGateway, faults: FaultServer) -> None:
    await complete(gateway, ask(faults))

    assert faults.requests[0].headers["authorization"] == f"Bearer {KEY}"


# As others see it


async def test_a_judge_finds_nothing_wrong(patient: LiteLLMGateway, llmock_server: Llmock) -> None:
    """llmock watches how its clients take faults and grades them."""
    llmock_server.behave(
        {"type": "fail", "status": 429, "retry_after": 1},
        {"type": "fail", "status": 503},
        {"type": "stream_fault", "kind": "truncate", "after_chunks": 3},
        {"type": "reply", "text": "four words and more", "times": None},
    )
    endpoint = Endpoint("openai/gpt-4o", "openai/gpt-4o", api_base=f"{llmock_server.origin}/v1")

    reply = await complete(patient, ModelRequest(endpoint, (Message("user", "x"),), 100), streamed=True)

    assert reply.text == "four words and more"
    assert llmock_server.findings() == []
