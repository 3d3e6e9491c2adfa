"""What went wrong with a model, read from the exceptions that litellm raises.

litellm's own classes lump together what asks for different things: a refused connection and a page of HTML are
both its InternalServerError. The exceptions that it was raised from say more, down to httpx's, so these decide:
the provider's HTTP status first, then the transport's fault, and litellm's class where there is neither.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from phasr_lsp.adapters.prices import key_variables, provider_of
from phasr_lsp.domain.errors import (
    ContextWindowExceeded,
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
from phasr_lsp.domain.model import Endpoint

Scrub = Callable[[str], str]
"""Takes keys and prompts out of a text."""

OVERLOADED = 529
"""Anthropic's own status for a service that is too busy."""

_QUOTA_SPENT = re.compile(
    r"insufficient_quota|billing_hard_limit|billing_not_active|credit balance is too low"
    r"|insufficient (balance|credits?|funds)|requests?PerDay",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|context (window|limit|size|length)|maximum prompt length"
    r"|(prompt|input) (is )?too long|too many input tokens|maximum number of (input )?tokens"
    r"|max_new_tokens. must be|reduce the length of the messages",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"content_policy|content_filter|content management policy|usage policies|safety", re.IGNORECASE
)
_BODY_MESSAGE = re.compile(r'"message":\s*("(?:[^"\\]|\\.)*")')
_LITELLM_PREFIX = re.compile(r"^(?:[\w.]*(?:Error|Exception)s?\s*[:-]\s*)+")
_RETRY_DELAY = re.compile(r'"retryDelay":\s*"(\d+(?:\.\d+)?)s"')
_DETAIL_LENGTH = 240


class Retry(Enum):
    """Whether asking again can help."""

    NO = auto()
    SOON = auto()
    """A few times: it is more likely a wrong setting than a bad moment, and somebody waits to know."""
    YES = auto()


@dataclass(frozen=True)
class Failure:
    """One failed call."""

    error: ModelError
    retry: Retry = Retry.NO
    retry_after: float | None = None
    """Seconds for which the provider wants to be left alone."""


def read_failure(error: Exception, endpoint: Endpoint, scrub: Scrub) -> Failure:
    """Translate what litellm raised. No text of the result holds a key or the prompt."""
    import httpx

    causes = tuple(_causes(error))
    retry_after = _retry_after(causes, str(error), datetime.now(UTC))
    context = _Context(endpoint, _text(error), scrub)
    status = _http_status(causes)
    if status is not None:
        return context.by_status(status, retry_after)
    if any(isinstance(cause, ConnectionResetError) for cause in causes):
        return context.broken_off()  # some versions of litellm call this one a ConnectError, too
    if any(isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout) for cause in causes):
        return context.unreachable()
    if any(isinstance(cause, httpx.TimeoutException) for cause in causes):
        return context.silent()
    if any(isinstance(cause, httpx.TransportError) for cause in causes):
        return context.broken_off()
    if "LLM Provider NOT provided" in str(error):
        return context.unknown_provider()
    status = getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
    if status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return context.by_status(status, retry_after)
    return context.broken_off() if _is_mid_stream(error) else context.unreadable()


@dataclass(frozen=True)
class _Context:
    """Who was asked, and what came back, for messages."""

    endpoint: Endpoint
    text: str
    scrub: Scrub

    def by_status(self, status: int, retry_after: float | None) -> Failure:
        match status:
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                return Failure(self._key_rejected(status))
            case HTTPStatus.PAYMENT_REQUIRED:
                return Failure(self._quota_spent())
            case HTTPStatus.NOT_FOUND:
                return Failure(self._unknown_model())
            case HTTPStatus.TOO_MANY_REQUESTS:
                return self._too_many(retry_after)
            case HTTPStatus.REQUEST_TIMEOUT:
                return self.silent()
            case HTTPStatus.CONFLICT | HTTPStatus.TOO_EARLY:
                return Failure(self._unavailable(status), Retry.YES, retry_after)
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return Failure(self._too_long())
            case _:
                return self._by_text(status, retry_after)

    def _by_text(self, status: int, retry_after: float | None) -> Failure:
        """What providers tell apart by words alone."""
        if _TOO_LONG.search(self.text):
            return Failure(self._too_long())
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Failure(self._unavailable(status), Retry.YES, retry_after)
        if _QUOTA_SPENT.search(self.text):
            return Failure(self._quota_spent())
        if _REFUSED.search(self.text):
            return Failure(refused(self.endpoint))
        message = f"{name_of(self.endpoint)} finds fault with the request ({status}): {self._detail()}"
        return Failure(RequestRejected(message, "Choose another model, or correct this one's settings."))

    def unknown_provider(self) -> Failure:
        provider = provider_of(self.endpoint.provider_model)
        message = f"No provider is called {provider}, as {self.endpoint.model} says."
        return Failure(UnknownModel(message, "Name the model as provider/model, or give it an api_base."))

    def unreachable(self) -> Failure:
        advice = "Check the network and the provider's status page."
        if self.endpoint.api_base is not None or provider_of(self.endpoint.provider_model).startswith("ollama"):
            advice = "Start that server, or correct the address in the configuration."
        message = f"Nothing answers for {name_of(self.endpoint)}."
        return Failure(ModelUnavailable(message, advice), Retry.SOON)

    def silent(self) -> Failure:
        message = f"{name_of(self.endpoint)} was silent for too long."
        return Failure(ModelTimeout(message, "Try again, or choose a faster model."), Retry.YES)

    def broken_off(self) -> Failure:
        message = f"The reply of {name_of(self.endpoint)} broke off before its end."
        return Failure(ReplyIncomplete(message, "Try again."), Retry.YES)

    def unreadable(self) -> Failure:
        message = f"{name_of(self.endpoint)} answered with something that can't be read as a reply."
        advice = "Check its address in the configuration, and any proxy on the way."
        return Failure(ReplyIncomplete(message, advice), Retry.SOON)

    def _too_many(self, retry_after: float | None) -> Failure:
        if _QUOTA_SPENT.search(self.text):
            return Failure(self._quota_spent())
        when = "Try again in a minute" if retry_after is None else f"Try again in {retry_after:.0f} s"
        message = f"{name_of(self.endpoint)} takes no more requests for now (429)."
        return Failure(RateLimited(message, f"{when}, or choose another model."), Retry.YES, retry_after)

    def _key_rejected(self, status: int) -> KeyRejected:
        message = f"{name_of(self.endpoint)} rejected the key ({status})."
        variable = self.endpoint.api_key_env or next(iter(key_variables(self.endpoint.provider_model)), None)
        where = variable or "the provider's credentials"
        return KeyRejected(
            message, f"Check {where} and that the key may use this model, or choose another model."
        )

    def _quota_spent(self) -> QuotaSpent:
        message = f"The account's quota for {name_of(self.endpoint)} is spent."
        return QuotaSpent(message, "Add credit with the provider, or choose another model.")

    def _unknown_model(self) -> UnknownModel:
        message = f"{name_of(self.endpoint)} isn't there (404): {self._detail()}"
        provider, _, model = self.endpoint.provider_model.partition("/")
        if provider.startswith("ollama"):
            return UnknownModel(message, f"Run `ollama pull {model}`, or choose another model.")
        return UnknownModel(message, "Check the model's name and its address in the configuration.")

    def _unavailable(self, status: int) -> ModelUnavailable:
        state = "is overloaded" if status in (HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED) else "has a fault"
        message = f"{name_of(self.endpoint)} {state} ({status})."
        return ModelUnavailable(message, "Try again later, or choose another model.")

    def _too_long(self) -> ContextWindowExceeded:
        message = f"The request is longer than {name_of(self.endpoint)} can read."
        return ContextWindowExceeded(message, "Select less, or choose a model with a larger context window.")

    def _detail(self) -> str:
        """What the provider said, on one line."""
        body = _BODY_MESSAGE.search(self.text)
        text = _decoded(body[1]) if body else _LITELLM_PREFIX.sub("", self.text)
        line = " ".join(self.scrub(text).split()).rstrip(".")
        return f"{line}." if len(line) <= _DETAIL_LENGTH else f"{line[:_DETAIL_LENGTH]}…"


def name_of(endpoint: Endpoint) -> str:
    """The model and where it is asked, for a message: `fast (anthropic)`, `mine (openai at localhost:8000)`."""
    provider = provider_of(endpoint.provider_model)
    if endpoint.api_base is None:
        return endpoint.model if endpoint.model.startswith(f"{provider}/") else f"{endpoint.model} ({provider})"
    address = urlsplit(endpoint.api_base)
    port = f":{address.port}" if address.port else ""
    return f"{endpoint.model} ({provider} at {address.hostname}{port})"


def refused(endpoint: Endpoint) -> ReplyRefused:
    message = f"{name_of(endpoint)} declined to answer."
    return ReplyRefused(message, "Word the instruction differently, or choose another model.")


def empty(endpoint: Endpoint) -> ReplyIncomplete:
    return ReplyIncomplete(f"{name_of(endpoint)} sent an empty reply.", "Try again, or choose another model.")


def without_end(endpoint: Endpoint, text: str) -> Failure:
    """A stream that closed in good order after `text`, but never said that it was over."""
    context = _Context(endpoint, "", str)
    return context.broken_off() if text else context.unreadable()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it wraps and what it was raised from, each once."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        cause = pending.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [getattr(cause, "original_exception", None), cause.__cause__, cause.__context__]


def _text(error: Exception) -> str:
    """All that the provider said; an error's code is in the body alone."""
    return f"{error} {getattr(error, 'body', None) or ''}".rstrip()


def _is_mid_stream(error: Exception) -> bool:
    from litellm.exceptions import MidStreamFallbackError  # noqa: TID251 (the adapter itself)

    return isinstance(error, MidStreamFallbackError)


def _http_status(causes: tuple[BaseException, ...]) -> int | None:
    import httpx

    return next(
        (cause.response.status_code for cause in causes if isinstance(cause, httpx.HTTPStatusError)), None
    )


def _retry_after(causes: tuple[BaseException, ...], text: str, now: datetime) -> float | None:
    for cause in causes:
        headers: Any = getattr(cause, "litellm_response_headers", None) or getattr(cause, "headers", None) or {}
        if value := headers.get("retry-after"):
            return parse_retry_after(str(value), now)
    delay = _RETRY_DELAY.search(text)
    return float(delay[1]) if delay else None


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Seconds from `now` on, of a Retry-After header in either of its forms; None: it is neither."""
    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - now).total_seconds())


def _decoded(text: str) -> str:
    """A JSON string's value; as it stands where litellm has escaped it once more."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')
