"""What models cost and can do, from the price map that litellm ships, without importing litellm.

The map is one JSON object, `{name: {"litellm_provider", "mode", "input_cost_per_token", ...}}`, in US dollars
per token. Models come, go and are renamed monthly, so nothing here names one.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from phasr_lsp.domain.model import Usage

_MILLION = Decimal(1_000_000)
_THRESHOLD = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
_UNCOUNTED = ("input_cost_per_request", "citation_cost_per_token")
"""Models that bill by these can't be priced from tokens alone."""

_OWN_MACHINE = {"ollama", "ollama_chat", "lm_studio", "llamafile"}
"""Providers that run on the user's own hardware."""

_KEYLESS = _OWN_MACHINE | {
    "bedrock",
    "vertex_ai",
    "sagemaker",
    "hosted_vllm",
    "custom",
    "github_copilot",
    "watsonx",
}
"""Providers that need no key, or credentials that aren't one variable."""

_KEY_VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cohere_chat": ("COHERE_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN", "TOGETHER_API_KEY"),
}
"""Where the variable isn't called after the provider, `<PROVIDER>_API_KEY`; any one of them will do."""


@dataclass(frozen=True)
class Rates:
    """US dollars per token."""

    input: Decimal
    output: Decimal
    cached: Decimal
    """Input that the provider read from its cache."""
    written: Decimal
    """Input that the provider wrote to its cache."""

    def cost(self, usage: Usage, written_tokens: int) -> Decimal:
        fresh = usage.input_tokens - usage.cached_tokens - written_tokens
        return (
            fresh * self.input
            + usage.cached_tokens * self.cached
            + written_tokens * self.written
            + usage.output_tokens * self.output
        )


@dataclass(frozen=True)
class Window:
    """A daily span of UTC hours, the end excluded; equal ends are the whole day."""

    start: time
    end: time
    weekdays: frozenset[int]
    """1 is Monday."""

    def holds(self, moment: datetime) -> bool:
        utc = moment.astimezone(UTC)
        if utc.isoweekday() not in self.weekdays:
            return False
        if self.start < self.end:
            return self.start <= utc.time() < self.end
        return utc.time() >= self.start or utc.time() < self.end


@dataclass(frozen=True)
class Price:
    """What the tokens of one model cost."""

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    """(n, rates), ascending: with more than n input tokens, all tokens of the call cost this."""
    off_peak: Rates | None = None
    windows: tuple[Window, ...] = ()
    """When `off_peak` holds in place of everything else."""

    @property
    def is_free(self) -> bool:
        return self == FREE

    def cost(self, usage: Usage, moment: datetime, written_tokens: int = 0) -> Decimal:
        """US dollars for a call that was made at `moment`."""
        return self._rates_for(usage.input_tokens, moment).cost(usage, written_tokens)

    def _rates_for(self, input_tokens: int, moment: datetime) -> Rates:
        if self.off_peak is not None and any(window.holds(moment) for window in self.windows):
            return self.off_peak
        return next((rates for floor, rates in reversed(self.tiers) if input_tokens > floor), self.rates)


FREE = Price(Rates(Decimal(0), Decimal(0), Decimal(0), Decimal(0)))


def configured_price(input_price: Decimal, output_price: Decimal) -> Price:
    """The price of a model whose rates the user gave, in US dollars per million tokens."""
    rate = input_price / _MILLION
    return Price(Rates(input=rate, output=output_price / _MILLION, cached=rate, written=rate))


_GO_ON = ("anthropic", "bedrock", "vertex_ai-anthropic")
"""Providers that go on with a last message of the model's own; others want a flag or another address for that."""


@dataclass(frozen=True)
class ModelFacts:
    """What the map says of one model."""

    price: Price | None
    """None: it doesn't say, or not in a way that tokens alone can be billed by."""
    context_window: int | None
    """Input tokens."""
    max_output_tokens: int | None
    accepts_temperature: bool
    goes_on: bool = False
    """Whether it goes on with a message of its own when that is the last one."""


class PriceMap:
    """The bundled map, read on first use (50 ms). Names are in litellm's spelling, `provider/model`."""

    def facts(self, provider_model: str) -> ModelFacts | None:
        """None: the map doesn't know the model."""
        entry = self._entry(provider_model)
        if entry is None:
            return None
        reasoning = entry.get("litellm_provider") in ("openai", "azure") and bool(entry.get("supports_reasoning"))
        return ModelFacts(
            price=_price(entry),
            context_window=_count(entry.get("max_input_tokens")),
            max_output_tokens=_count(entry.get("max_output_tokens")),
            accepts_temperature=entry.get("supports_sampling_params") is not False and not reasoning,
            goes_on=entry.get("supports_assistant_prefill") is True
            and str(entry.get("litellm_provider")).startswith(_GO_ON),
        )

    def price(self, provider_model: str) -> Price | None:
        """None: unknown, which is never the same as free."""
        if provider_of(provider_model) in _OWN_MACHINE:
            return None if provider_model.endswith("-cloud") else FREE
        facts = self.facts(provider_model)
        return facts.price if facts else None

    def knows(self, provider_model: str) -> bool:
        return self._entry(provider_model) is not None

    def names(self) -> Iterable[str]:
        """All models that write text."""
        return (name for name, entry in self._entries.items() if entry.get("mode") in ("chat", "responses"))

    def _entry(self, provider_model: str) -> Mapping[str, Any] | None:
        provider, _, model = provider_model.partition("/")
        if entry := self._entries.get(provider_model):
            return entry
        if provider == "ollama_chat":
            return self._entries.get(f"ollama/{model}")
        entry = self._entries.get(model)
        return entry if entry and _is_of(entry, provider) else None

    @cached_property
    def _entries(self) -> Mapping[str, Mapping[str, Any]]:
        entries = json.loads(_map_file().read_bytes(), parse_float=Decimal)
        del entries["sample_spec"]
        return entries


def provider_of(provider_model: str) -> str:
    """The provider in a name of litellm's spelling; a name without one is OpenAI's."""
    provider, slash, _ = provider_model.partition("/")
    return provider if slash else "openai"


def key_variables(provider_model: str) -> tuple[str, ...]:
    """The environment variables of which one must hold the provider's key; empty: none is needed."""
    provider = provider_of(provider_model)
    if provider in _KEYLESS:
        return ()
    return _KEY_VARIABLES.get(provider, (f"{provider.upper()}_API_KEY",))


def _map_file() -> Path:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("litellm isn't installed")
    return Path(spec.origin).with_name("model_prices_and_context_window_backup.json")


def _is_of(entry: Mapping[str, Any], provider: str) -> bool:
    named = entry.get("litellm_provider", "")
    return named == provider or named.startswith(f"{provider}-")


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | Decimal) and value > 0 else None


def _price(entry: Mapping[str, Any]) -> Price | None:
    if any(entry.get(name) for name in _UNCOUNTED) or _reasons_at_another_rate(entry):
        return None
    if brackets := entry.get("tiered_pricing"):
        return _bracketed(brackets)
    rates = _rates(entry)
    if rates is None:
        return None
    off_peak: Mapping[str, Any] = entry.get("off_peak_pricing") or {}
    return Price(rates, _tiers(entry), _rates(off_peak, base=entry) if off_peak else None, _windows(off_peak))


def _reasons_at_another_rate(entry: Mapping[str, Any]) -> bool:
    rate = entry.get("output_cost_per_reasoning_token")
    return rate is not None and rate != entry.get("output_cost_per_token")


def _rates(entry: Mapping[str, Any], suffix: str = "", base: Mapping[str, Any] | None = None) -> Rates | None:
    """The rates whose names end in `suffix`; `base` has what isn't named. None: no input or output rate."""

    def rate(name: str) -> Decimal | None:
        value = entry.get(name + suffix)
        if value is None and base is not None:
            value = base.get(name)
        return None if value is None else Decimal(value)

    fresh = rate("input_cost_per_token")
    output = rate("output_cost_per_token")
    if fresh is None or output is None:
        return None
    cached = rate("cache_read_input_token_cost")
    written = rate("cache_creation_input_token_cost")
    return Rates(fresh, output, fresh if cached is None else cached, fresh if written is None else written)


def _tiers(entry: Mapping[str, Any]) -> tuple[tuple[int, Rates], ...]:
    floors = sorted(int(match[1]) for name in entry if (match := _THRESHOLD.fullmatch(name)))
    tiers = ((floor * 1000, _rates(entry, f"_above_{floor}k_tokens", entry)) for floor in floors)
    return tuple((floor, rates) for floor, rates in tiers if rates is not None)


def _bracketed(brackets: Iterable[Mapping[str, Any]]) -> Price | None:
    tiers = [(int(bracket["range"][0]), _rates(bracket)) for bracket in brackets if "range" in bracket]
    known = sorted(((floor, rates) for floor, rates in tiers if rates is not None), key=lambda tier: tier[0])
    if not known or len(known) != len(tiers):
        return None
    return Price(known[0][1], tuple(known[1:]))


def _windows(off_peak: Mapping[str, Any]) -> tuple[Window, ...]:
    windows: list[Window] = []
    for window in off_peak.get("windows", ()):
        hours = window["hours_utc"]
        weekdays = frozenset(int(day) for day in window.get("weekdays", range(1, 8)))
        for span in [hours] if isinstance(hours, str) else hours:
            start, end = (time.fromisoformat(end.strip()) for end in span.split("-"))
            windows.append(Window(start, end, weekdays))
    return tuple(windows)
