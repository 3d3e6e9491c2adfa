"""The price map: what it says, and that we read it as litellm itself does."""

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from phasr_lsp.adapters import prices
from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
from phasr_lsp.adapters.prices import FREE, ModelFacts, Price, PriceMap, Rates, key_variables
from phasr_lsp.domain.model import Usage

WEDNESDAY_NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def small_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PriceMap:
    """A map with one entry of each shape, so that prices may change without us."""
    plain = {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06}
    entries: dict[str, Any] = {
        "sample_spec": {},
        "plain": {
            **plain,
            "litellm_provider": "openai",
            "max_input_tokens": 128_000,
            "max_output_tokens": 4096.0,
        },
        "thinker": {**plain, "litellm_provider": "openai", "supports_reasoning": True},
        "strict": {**plain, "litellm_provider": "anthropic", "supports_sampling_params": False},
        "xai/tiered": {
            **plain,
            "litellm_provider": "xai",
            "cache_read_input_token_cost": 1e-07,
            "input_cost_per_token_above_128k_tokens": 2e-06,
            "output_cost_per_token_above_128k_tokens": 1e-05,
            "cache_read_input_token_cost_above_128k_tokens": 2e-07,
            "input_cost_per_token_above_272k_tokens": 4e-06,
        },
        "dashscope/brackets": {
            "litellm_provider": "dashscope",
            "mode": "chat",
            "tiered_pricing": [
                {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
                {"range": [32000.0, 256000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 9e-06},
            ],
        },
        "deepseek/nightly": {
            **plain,
            "litellm_provider": "deepseek",
            "off_peak_pricing": {
                "input_cost_per_token": 5e-07,
                "output_cost_per_token": 2e-06,
                "windows": [
                    {"hours_utc": ["22:00-04:00", "10:00-11:00"], "weekdays": [1, 2, 3, 4, 5]},
                    {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
                ],
            },
        },
        "perplexity/by-request": {**plain, "litellm_provider": "perplexity", "input_cost_per_request": 0.005},
        "github_copilot/unpriced": {"litellm_provider": "github_copilot", "mode": "chat"},
        "ollama/hosted:120b-cloud": {**plain, "litellm_provider": "ollama", "input_cost_per_token": 0},
        "painter": {"litellm_provider": "openai", "mode": "image_generation"},
    }
    file = tmp_path / "map.json"
    file.write_text(json.dumps(entries))
    monkeypatch.setattr(prices, "_map_file", lambda: file)
    return PriceMap()


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        ("plain", Usage(1000, 100), "0.0015"),
        ("openai/plain", Usage(1000, 100), "0.0015"),
        ("openai/plain", Usage(1000, 100, cached_tokens=400), "0.0015"),
        ("xai/tiered", Usage(128_000, 0, cached_tokens=28_000), "0.1028"),
        ("xai/tiered", Usage(128_001, 1000), "0.266002"),
        ("xai/tiered", Usage(300_000, 0), "1.2"),
        ("dashscope/brackets", Usage(32_000, 1000), "0.037"),
        ("dashscope/brackets", Usage(32_001, 1000), "0.073002"),
        ("ollama/anything:7b", Usage(1000, 1000), "0"),
        ("ollama_chat/anything:7b", Usage(1000, 1000), "0"),
    ],
)
def test_what_a_call_costs(small_map: PriceMap, model: str, usage: Usage, dollars: str) -> None:
    price = small_map.price(model)

    assert price is not None
    assert price.cost(usage, WEDNESDAY_NOON) == Decimal(dollars)


@pytest.mark.parametrize(
    "model",
    [
        "anthropic/plain",
        "nobody/knows",
        "perplexity/by-request",
        "github_copilot/unpriced",
        "ollama/hosted:120b-cloud",
    ],
)
def test_what_isnt_known_has_no_price(small_map: PriceMap, model: str) -> None:
    assert small_map.price(model) is None


@pytest.mark.parametrize(
    ("moment", "cheap"),
    [
        (datetime(2026, 11, 25, 21, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 25, 3, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 25, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 10, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), True),
    ],
)
def test_nights_and_weekends_are_cheaper(small_map: PriceMap, moment: datetime, cheap: bool) -> None:
    price = small_map.price("deepseek/nightly")

    assert price is not None
    assert price.cost(Usage(1000, 0), moment) == Decimal("0.0005" if cheap else "0.001")


def test_facts(small_map: PriceMap) -> None:
    rate = Decimal("0.000001")
    rates = Rates(input=rate, output=Decimal("0.000005"), cached=rate, written=rate)

    assert small_map.facts("openai/plain") == ModelFacts(Price(rates), 128_000, 4096, accepts_temperature=True)
    assert small_map.facts("openai/thinker") == ModelFacts(Price(rates), None, None, accepts_temperature=False)
    assert small_map.facts("anthropic/strict") == ModelFacts(Price(rates), None, None, accepts_temperature=False)
    assert small_map.facts("openai/strict") is None
    assert (small_map.knows("plain"), small_map.knows("openai/painter"), small_map.knows("o/o")) == (
        True,
        True,
        False,
    )
    assert {"plain", "xai/tiered"} < set(small_map.names())
    assert not {"painter", "sample_spec"} & set(small_map.names())


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("gpt-4o", ("OPENAI_API_KEY",)),
        ("xai/grok", ("XAI_API_KEY",)),
        ("gemini/flash", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
        ("ollama_chat/llama3", ()),
        ("bedrock/claude", ()),
    ],
)
def test_key_variables(model: str, variables: tuple[str, ...]) -> None:
    assert key_variables(model) == variables


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(60)
async def test_the_bundled_map_is_read_as_litellm_reads_it(gateway: LiteLLMGateway) -> None:
    """Every model of the providers that matter most, above and below each threshold, part of it cached."""
    ours = PriceMap()
    usages = [Usage(tokens, 1000, tokens // 2) for tokens in (1000, 100_001, 128_001, 200_001, 272_001, 900_000)]
    providers = ("anthropic", "openai", "gemini", "deepseek", "xai", "mistral", "groq", "deepinfra", "dashscope")

    differences = await asyncio.to_thread(lambda: list(_differences(ours, providers, usages)))

    assert differences == [], len(differences)


def _differences(ours: PriceMap, providers: tuple[str, ...], usages: list[Usage]) -> Iterable[Any]:
    import litellm  # noqa: TID251 (what there is to compare with)

    library: Any = litellm
    types = library.types.utils
    for name in ours.names():
        entry = library.model_cost[name]
        price = ours.price(name)
        provider = entry["litellm_provider"]
        if f"{provider}/{name}" in library.model_cost:  # it looks there first
            continue
        if provider not in providers or price is None or price == FREE or entry.get("off_peak_pricing"):
            continue
        for usage in usages:
            details = types.PromptTokensDetailsWrapper(cached_tokens=usage.cached_tokens)
            total = usage.input_tokens + usage.output_tokens
            theirs = types.Usage(usage.input_tokens, usage.output_tokens, total, prompt_tokens_details=details)
            halves = library.cost_per_token(model=name, custom_llm_provider=provider, usage_object=theirs)
            expected, cost = Decimal(sum(halves)), price.cost(usage, WEDNESDAY_NOON)
            if abs(cost - expected) > Decimal("1e-9"):
                yield name, usage, float(expected), float(cost)
