"""Every model of every provider, through litellm.

litellm takes seconds to import, so that happens in a thread, before the first call. Its types, globals and
exceptions stop here. It is used for one thing, turning a request into a provider's wire format and the reply
back; retries, prices and the words for what went wrong are our own.
"""

import asyncio
import codecs
import logging
import os
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any

from phasr_lsp.adapters.litellm_errors import Failure, Retry, empty, name_of, read_failure, refused, without_end
from phasr_lsp.adapters.prices import PriceMap, configured_price, key_variables
from phasr_lsp.adapters.scrubbing import scrub
from phasr_lsp.domain.errors import KeyMissing
from phasr_lsp.domain.model import ANEW, Endpoint, Finish, ModelRequest, Reply, Usage
from phasr_lsp.engine.ports import OnText

KeyFor = Callable[[Endpoint], str | None]
"""The key of an endpoint that isn't in the environment; None: look there."""

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
"""Seconds; between them the pause before a retry doubles."""
_RETRIES_IF_UNREACHABLE = 2
_NO_KEY = "none"
"""For servers that ask for no key, since litellm insists on one."""
_TELLING_LINE = 16
"""Characters; shorter lines of a prompt are found in any text."""
_GO_ON = (
    "Your answer was cut off. Go on behind its last line: begin with the line that comes next, repeat nothing, "
    "and write nothing else."
)
_TALKATIVE = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "httpcore", "openai")
"""Loggers that write addresses, headers and bodies, and with them keys."""


class LiteLLMGateway:
    """A `Gateway`. All instances of a process share litellm's state, and one event loop at a time."""

    def __init__(
        self, *, key_for: KeyFor | None = None, retry_seconds: float | Callable[[], float] = 60.0
    ) -> None:
        """`retry_seconds` bounds the time from a request to its last retry; a function is asked each time."""
        self._key_for = key_for
        self._retry_seconds = retry_seconds
        self._prices = PriceMap()
        self._importing = asyncio.Lock()
        self._litellm: Any = None

    async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
        """See `Gateway`."""
        start = monotonic()
        key = self._key(request.endpoint)
        await self.warm_up()
        arguments = self._arguments(request, key)
        attempt = 0
        while True:
            if on_text is not None:
                _begin(request, on_text)
            try:
                answer = await self._ask(arguments, on_text)
                if answer.finish is not None:
                    if arguments["messages"][-1]["role"] == "assistant":
                        answer = replace(answer, text=_behind_whole_lines(request, answer.text))
                    return self._reply(request.endpoint, answer, monotonic() - start)
                failure = without_end(request.endpoint, answer.text)
            except _provider_errors() as error:
                failure = read_failure(error, request.endpoint, partial(scrub, secrets=_secrets(request, key)))
            pause = self._pause(failure, attempt, monotonic() - start)
            if pause is None:
                raise failure.error
            _log.info("%s Trying again in %.1f s.", failure.error.message, pause)
            attempt += 1
            await asyncio.sleep(pause)

    async def warm_up(self) -> None:
        """Import litellm (3-8 s, in a thread), if that wasn't done yet. The first call does it otherwise."""
        async with self._importing:
            if self._litellm is None:
                self._litellm = await asyncio.to_thread(_import_litellm)

    async def aclose(self) -> None:
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()
            self._litellm.in_memory_llm_clients_cache.flush_cache()

    def _key(self, endpoint: Endpoint) -> str | None:
        """None: the provider has credentials of another kind, which litellm finds by itself.

        A provider's usual key goes to that provider alone: a server of the user's own gets the key that was
        named for it, or none. Raises KeyMissing.
        """
        if self._key_for is not None and (key := self._key_for(endpoint)):
            return key
        named = endpoint.api_key_env
        if endpoint.api_base is not None and named is None:
            return _NO_KEY
        variables = (named,) if named else key_variables(endpoint.provider_model)
        values = (os.environ.get(variable, "").strip() for variable in variables)
        if key := next(filter(None, values), None):
            return key
        if not variables:
            return None
        raise KeyMissing(
            f"There is no key for {name_of(endpoint)}.", f"Set {variables[0]} or choose another model."
        )

    def _arguments(self, request: ModelRequest, key: str | None) -> dict[str, Any]:
        endpoint = request.endpoint
        facts = self._prices.facts(endpoint.provider_model)
        longest = facts.max_output_tokens if facts else None
        arguments: dict[str, Any] = {
            "model": endpoint.provider_model,
            "messages": _messages(request, goes_on=facts is not None and facts.goes_on),
            "max_tokens": min(request.max_output_tokens, longest or request.max_output_tokens),
            "timeout": request.timeout_seconds,
            "max_retries": 0,
            "num_retries": 0,
            "drop_params": True,
        }
        if endpoint.api_base is not None:
            arguments["api_base"] = endpoint.api_base
        if key is not None:
            arguments["api_key"] = key
        if request.temperature is not None and (facts is None or facts.accepts_temperature):
            arguments["temperature"] = request.temperature
        return arguments

    async def _ask(self, arguments: dict[str, Any], on_text: OnText | None) -> "_Answer":
        if on_text is None:
            return _read_whole(await self._litellm.acompletion(**arguments))
        stream = await self._litellm.acompletion(**arguments, stream=True, stream_options={"include_usage": True})
        async with aclosing(stream):
            return await _read_stream(stream, on_text)

    def _reply(self, endpoint: Endpoint, answer: "_Answer", seconds: float) -> Reply:
        if answer.finish == "content_filter":
            raise refused(endpoint)
        finish = Finish.LENGTH if answer.finish == "length" else Finish.STOP
        if not answer.text and finish is Finish.STOP:
            raise empty(endpoint)
        return Reply(answer.text, finish, answer.usage, self._cost(endpoint, answer), seconds)

    def _cost(self, endpoint: Endpoint, answer: "_Answer") -> Decimal | None:
        if endpoint.input_price is not None and endpoint.output_price is not None:
            price = configured_price(endpoint.input_price, endpoint.output_price)
        else:
            price = self._prices.price(endpoint.provider_model)
        if price is None or (answer.usage is None and not price.is_free):
            return None
        return price.cost(answer.usage or Usage(0, 0), datetime.now(UTC), answer.written_tokens)

    def _pause(self, failure: Failure, attempt: int, elapsed: float) -> float | None:
        """Seconds until the next attempt: what the provider asks for, and full jitter. None: there is none."""
        if failure.retry is Retry.NO or (failure.retry is Retry.SOON and attempt >= _RETRIES_IF_UNREACHABLE):
            return None
        jitter = random.uniform(0.0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))  # noqa: S311 (no secret)
        pause = jitter + (failure.retry_after or 0.0)
        limit = self._retry_seconds if isinstance(self._retry_seconds, int | float) else self._retry_seconds()
        return pause if elapsed + pause <= limit else None


@dataclass(frozen=True)
class _Answer:
    """A reply in litellm's words."""

    text: str
    finish: str | None
    """None: it ended without saying so."""
    usage: Usage | None
    written_tokens: int = 0
    """The part of the input that the provider wrote to its cache."""


def _begin(request: ModelRequest, on_text: OnText) -> None:
    """Give the part of the reply that is there already, where one that was cut off is gone on with."""
    on_text(ANEW)
    if request.messages[-1].role == "assistant":
        on_text(request.messages[-1].text)


def _read_whole(response: Any) -> _Answer:
    usage, written = _usage(getattr(response, "usage", None))
    if not response.choices:
        return _Answer("", "stop", usage, written)
    choice = response.choices[0]
    finish = "content_filter" if _declined(choice.message) else choice.finish_reason
    return _Answer(choice.message.content or "", finish, usage, written)


async def _read_stream(stream: Any, on_text: OnText) -> _Answer:
    pieces: list[str] = []
    # Servers that count in UTF-16 cut characters apart; halves wait here for each other.
    whole_characters = codecs.getincrementaldecoder("utf-16-le")("replace")
    reported: Any = None
    finish: str | None = None
    async for chunk in stream:
        reported = getattr(chunk, "usage", None) or reported
        for choice in chunk.choices[:1]:
            finish = choice.finish_reason or finish
            if piece := whole_characters.decode(
                (choice.delta.content or "").encode("utf-16-le", "surrogatepass")
            ):
                pieces.append(piece)
                on_text(piece)
    # litellm makes up an end where none came, and counts tokens itself where nobody reported them.
    if stream.received_finish_reason is None and stream.intermittent_finish_reason is None:
        finish = None
    if not any(getattr(chunk, "usage", None) for chunk in stream.chunks):
        reported = None
    usage, written = _usage(reported)
    return _Answer("".join(pieces), finish, usage, written)


def _declined(message: Any) -> bool:
    fields: dict[str, Any] = message.provider_specific_fields or {}
    return not message.content and bool(fields.get("refusal"))


def _usage(reported: Any) -> tuple[Usage | None, int]:
    """Tokens, and those of them that were written to the cache."""
    if reported is None or not (reported.prompt_tokens or reported.completion_tokens):
        return None, 0
    details = reported.prompt_tokens_details
    cached = getattr(details, "cached_tokens", None) or 0
    written = getattr(details, "cache_creation_tokens", None) or 0
    return Usage(reported.prompt_tokens, reported.completion_tokens, cached), written


def _messages(request: ModelRequest, *, goes_on: bool) -> list[dict[str, Any]]:
    """The messages in litellm's shape; a reply that was cut off is gone on with, or asked to be."""
    messages: list[dict[str, Any]] = [{"role": each.role, "content": each.text} for each in request.messages]
    if request.messages[-1].role == "assistant":
        if goes_on:
            # No provider that goes on with a text takes one that ends in white space.
            messages[-1]["content"] = messages[-1]["content"].rstrip()
        else:
            messages.append({"role": "user", "content": _GO_ON})
    return messages


def _behind_whole_lines(request: ModelRequest, text: str) -> str:
    """A text that goes on with a reply from which the white space at its end was taken, without that."""
    whole = request.messages[-1].text
    for ending in whole[len(whole.rstrip()) :]:
        text = text.removeprefix(ending)
    return text


def _secrets(request: ModelRequest, key: str | None) -> list[str]:
    """What a provider's message may repeat and ours must not."""
    lines = (line.strip() for message in request.messages for line in message.text.splitlines())
    return [*([key] if key else []), *(line for line in lines if len(line) >= _TELLING_LINE)]


def _provider_errors() -> tuple[type[Exception], ...]:
    """The roots of what litellm raises; to be asked for when it is imported already."""
    from httpx import HTTPError
    from openai import OpenAIError

    return OpenAIError, HTTPError


def _import_litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches one from the network
    os.environ["LITELLM_MODE"] = "PRODUCTION"  # else it loads a .env file from wherever it finds one
    import litellm  # noqa: TID251 (the adapter itself)

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings: Any = litellm
    settings.suppress_debug_info = True
    settings.turn_off_message_logging = True
    settings.redact_messages_in_exceptions = True
    settings.disable_streaming_logging = True
    settings.telemetry = False
    _load_the_rest(settings)
    return litellm


def _load_the_rest(litellm: Any) -> None:
    """Have litellm import what it leaves for its first calls, which would hold up the event loop for a second.

    Nobody is asked. The model is one whose tokenizer most others share, whether or not it still exists.
    """
    arguments = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "x"}], "mock_response": "x"}
    litellm.completion(**arguments, max_retries=0, num_retries=0)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    list(litellm.completion(**arguments, **options, max_retries=0, num_retries=0))
