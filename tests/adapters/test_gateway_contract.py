"""What every provider does through the gateway, whoever wrote the server and whatever the wire format."""

import asyncio
import json
from dataclasses import replace

import pytest

from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
from phasr_lsp.adapters.prices import PriceMap
from phasr_lsp.domain.errors import KeyRejected, ModelError, ModelUnavailable, RateLimited, UnknownModel
from phasr_lsp.domain.model import Endpoint, Finish, Message, ModelRequest
from tests.adapters.providers import (
    SETUPS,
    Aimock,
    MockServer,
    OurServer,
    Setup,
    connections_close,
    open_connections,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

TEXT = "Grüße, 日本語 e\u0301 : 👩🎉\n\tdef f(): ..."
"""Its characters of two UTF-16 units start at multiples of four, where aimock doesn't cut them apart."""


def ask(endpoint: Endpoint, user: str = "Say something.", system: str = "Be brief.") -> ModelRequest:
    messages = (Message("system", system), Message("user", user))
    return ModelRequest(endpoint, messages, max_output_tokens=100, timeout_seconds=20)


async def test_a_whole_reply(gateway: LiteLLMGateway, setup: Setup, server: MockServer) -> None:
    server.reply(TEXT)

    reply = await gateway.complete(ask(setup.endpoint(server)))

    assert (reply.text, reply.finish) == (TEXT, Finish.STOP)
    assert reply.seconds > 0


async def test_a_streamed_reply_arrives_in_pieces_that_make_up_the_whole(
    gateway: LiteLLMGateway, setup: Setup, server: MockServer
) -> None:
    server.reply(TEXT)
    pieces: list[str] = []

    reply = await gateway.complete(ask(setup.endpoint(server)), pieces.append)

    assert (reply.text, reply.finish) == (TEXT, Finish.STOP)
    assert "".join(pieces) == TEXT
    assert len(pieces) > 1


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_usage_and_cost(gateway: LiteLLMGateway, setup: Setup, server: MockServer, streamed: bool) -> None:
    server.reply(TEXT)

    reply = await gateway.complete(ask(setup.endpoint(server)), _ignore if streamed else None)

    if setup.reports_usage:
        assert reply.usage is not None
        assert reply.usage.input_tokens > 0
        assert reply.usage.output_tokens > 0
    else:
        assert reply.usage is None
    if setup.has_price:
        assert reply.cost is not None
        assert (reply.cost > 0) is setup.reports_usage  # Ollama's doesn't, and is free
    else:
        assert reply.cost is None


async def test_both_messages_reach_the_provider_as_they_are(
    gateway: LiteLLMGateway, setup: Setup, server: MockServer
) -> None:
    server.reply("OK")

    await gateway.complete(ask(setup.endpoint(server), user="User: ÄÖ 🎉", system='System: "quoted" \\ 漢'))

    body = server.request()
    assert json.dumps("User: ÄÖ 🎉")[1:-1] in body
    assert json.dumps('System: "quoted" \\ 漢')[1:-1] in body or not setup.shows_system


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, KeyRejected), (404, UnknownModel), (429, RateLimited), (500, ModelUnavailable)],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_errors_are_translated(
    gateway: LiteLLMGateway,
    setup: Setup,
    server: MockServer,
    status: int,
    expected: type[ModelError],
    streamed: bool,
) -> None:
    server.fail(status)

    with pytest.raises(ModelError) as caught:
        await gateway.complete(ask(setup.endpoint(server)), _ignore if streamed else None)

    assert type(caught.value) is expected
    assert setup.model in caught.value.message
    assert caught.value.advice


async def test_a_reply_that_was_cut_off_is_gone_on_with(
    gateway: LiteLLMGateway, setup: Setup, server: MockServer
) -> None:
    """By the provider itself where it can, else because it is asked to."""
    server.reply("y = 2\n")
    request = ask(setup.endpoint(server))
    begun = (*request.messages, Message("assistant", "x = 1\n"))

    reply = await gateway.complete(replace(request, messages=begun))

    assert reply.text == "y = 2\n"
    assert "x = 1" in server.request()
    goes_on = setup.model.startswith("anthropic/") and PriceMap().facts(setup.model)
    assert ("Go on behind its last line" in server.request()) is not bool(goes_on and goes_on.goes_on)


async def test_a_provider_that_goes_on_by_itself_gets_its_own_text_as_the_last_message(
    gateway: LiteLLMGateway, our_server: OurServer
) -> None:
    our_server.reply("\n\ny = 2\n")
    model = "anthropic/claude-haiku-4-5-20251001"
    request = ask(Endpoint(model, model, api_base=our_server.origin))
    begun = (*request.messages, Message("assistant", "x = 1\n"))

    reply = await gateway.complete(replace(request, messages=begun))

    assert reply.text == "\ny = 2\n"
    last = json.loads(our_server.request())["messages"][-1]
    assert last["role"] == "assistant"
    assert json.dumps(last["content"]).count("x = 1\\n") == 0
    assert "x = 1" in json.dumps(last["content"])


async def test_cancel_closes_the_connection(gateway: LiteLLMGateway, setup: Setup, server: MockServer) -> None:
    server.reply(TEXT, stalls=True)
    begun = asyncio.Event()
    task = asyncio.create_task(
        gateway.complete(ask(setup.endpoint(server)), lambda piece: begun.set() if piece else None)
    )
    await begun.wait()
    before = open_connections(server)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await connections_close(server, before)


async def test_halves_of_a_character_find_each_other(gateway: LiteLLMGateway, aimock: Aimock) -> None:
    text = "1234🎉" * 20
    aimock.reply("123" + text)
    pieces: list[str] = []

    reply = await gateway.complete(ask(SETUPS[0].endpoint(aimock)), pieces.append)

    assert reply.text == "".join(pieces) == "123" + text
    assert all(piece.isprintable() for piece in pieces)


async def test_two_providers_of_different_wire_formats_at_the_same_time(
    gateway: LiteLLMGateway, aimock: Aimock, our_server: OurServer
) -> None:
    aimock.reply("from OpenAI")
    our_server.reply("from Anthropic")
    openai = Setup("aimock", "openai/gpt-4o", "/v1").endpoint(aimock)
    anthropic = Setup("fault_server", "anthropic/claude-sonnet-5-5", "").endpoint(our_server)

    replies = await asyncio.gather(
        gateway.complete(ask(openai)),
        gateway.complete(ask(anthropic)),
        gateway.complete(ask(openai), _ignore),
        gateway.complete(ask(anthropic), _ignore),
    )

    assert [reply.text for reply in replies] == ["from OpenAI", "from Anthropic"] * 2


def _ignore(piece: str) -> None: ...
