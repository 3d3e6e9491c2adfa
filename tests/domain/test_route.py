"""Which model does a task, for every way of naming one."""

import tomllib
from decimal import Decimal
from importlib import resources

import pytest

from phasr_lsp.adapters.data_files import catalogue, prompts
from phasr_lsp.adapters.prices import PriceMap, key_variables
from phasr_lsp.domain.config import Config
from phasr_lsp.domain.errors import NoModel, UnknownModel
from phasr_lsp.domain.model import ASKED, EditFormat, Endpoint, Profile, Tier
from phasr_lsp.domain.route import Available, Choice, Provider, choose, missing_key, profile_of, resolve

SMALL = "embedded/qwen2.5-coder-0.5b"
LARGE = "embedded/qwen2.5-coder-1.5b"


def chosen(
    config: dict[str, object] | None = None,
    *,
    kind_model: str | None = None,
    tier: Tier = Tier.SIMPLE,
    argument: str | None = None,
    variables: tuple[str, ...] = (),
    embedded: tuple[str, ...] = (),
) -> Choice:
    return choose(
        Config.model_validate(config or {}),
        catalogue(),
        Available(frozenset(variables), frozenset(embedded)),
        kind_name="tests",
        kind_model=kind_model,
        kind_tier=tier,
        argument=argument,
    )


EVERYTHING: dict[str, object] = {
    "model": "x/default",
    "tiers": {"simple": "x/tier", "deep": "x/deep"},
    "kinds": {"tests": {"model": "x/kind"}},
}


@pytest.mark.parametrize(
    ("config", "kind_model", "argument", "expected"),
    [
        (EVERYTHING, "x/own", "x/argument", ("x/argument", "named for this task")),
        (EVERYTHING, "x/own", None, ("x/kind", "set for tests")),
        ({**EVERYTHING, "kinds": {}}, "x/own", None, ("x/own", "the choice of tests itself")),
        ({**EVERYTHING, "kinds": {}}, None, None, ("x/tier", "tier simple")),
        ({**EVERYTHING, "kinds": {"tests": {"tier": "deep"}}}, None, None, ("x/deep", "tier deep")),
        ({**EVERYTHING, "kinds": {"tests": {"tier": "standard"}}}, None, None, ("x/default", "your default")),
        ({"model": "x/default"}, None, None, ("x/default", "your default")),
    ],
)
def test_the_more_particular_setting_wins(
    config: dict[str, object], kind_model: str | None, argument: str | None, expected: tuple[str, str]
) -> None:
    choice = chosen(config, kind_model=kind_model, argument=argument, variables=("ANTHROPIC_API_KEY",))

    assert (choice.endpoint.model, choice.why) == expected


@pytest.mark.parametrize(
    ("variables", "embedded", "tier", "expected"),
    [
        (("OPENAI_API_KEY", "ANTHROPIC_API_KEY"), (LARGE,), Tier.DEEP, "anthropic/claude-opus-5-5"),
        (("OPENAI_API_KEY",), (LARGE,), Tier.SIMPLE, "openai/gpt-6-luna"),
        (("GOOGLE_API_KEY",), (), Tier.STANDARD, "gemini/gemini-4-argon"),
        (("GROQ_API_KEY",), (SMALL, LARGE), Tier.DEEP, LARGE),
        ((), (SMALL,), Tier.DEEP, SMALL),
    ],
)
def test_without_configuration_the_first_usable_model_is_found(
    variables: tuple[str, ...], embedded: tuple[str, ...], tier: Tier, expected: str
) -> None:
    assert chosen(tier=tier, variables=variables, embedded=embedded).endpoint.model == expected


def test_the_choice_says_which_variable_led_to_it() -> None:
    assert chosen(variables=("GOOGLE_API_KEY",)).why == "tier simple; GOOGLE_API_KEY is set"


def test_with_nothing_usable_one_message_names_every_way_to_a_model() -> None:
    with pytest.raises(NoModel) as raised:
        chosen()

    for way in ("ANTHROPIC_API_KEY", "DEEPINFRA_API_KEY", "ollama/", "phasr model install", "phasr.installModel"):
        assert way in str(raised.value)


def test_an_embedded_model_that_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(NoModel, match=r"embedded/qwen2.5-coder-0.5b isn't installed\. .*phasr model install"):
        chosen(argument=SMALL, embedded=(LARGE,))


def test_weights_of_the_users_own_stand_for_the_configured_embedded_model() -> None:
    embedded = {"file": "/models/own.gguf", "model": SMALL}

    assert chosen({"embedded": embedded}).endpoint.model == SMALL


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("claud-sonnet-5-5", 'Did you mean "claude-sonnet-5-5"?'),
        ("fsat", 'Did you mean "fast"?'),
        ("embedded/qwen2.5-coder-1b", f'Did you mean "{LARGE}"?'),
        ("zzz", "Write it as provider/model"),
    ],
)
def test_a_name_that_cannot_be_resolved_is_refused_with_the_nearest_one(name: str, proposal: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        chosen({"models": {"fast": {"provider_model": "x/fast"}}}, argument=name)

    assert proposal in str(raised.value)


@pytest.mark.parametrize(
    ("name", "provider_model"),
    [
        ("claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"),
        ("anthropic/claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"),
        ("gpt-6.1-sol", "openai/gpt-6.1-sol"),
        ("o3", "openai/o3"),
        ("gemini-4-argon", "gemini/gemini-4-argon"),
        ("ollama/qwen2.5-coder:7b", "ollama_chat/qwen2.5-coder:7b"),
        ("deepinfra/meta-llama/Llama-3.3-70B-Instruct-Turbo",) * 2,
        ("fireworks_ai/some/model",) * 2,
        ("lan", "openai/lan"),
        ("alias", "deepseek/deepseek-v4-pro"),
    ],
)
def test_names_are_put_into_the_spelling_of_litellm(name: str, provider_model: str) -> None:
    config = Config.model_validate(
        {
            "models": {
                "lan": {"api_base": "http://192.168.1.5:8000/v1"},
                "alias": {"provider_model": "deepseek/deepseek-v4-pro"},
            }
        }
    )

    assert resolve(name, config, catalogue()).provider_model == provider_model


def test_an_endpoint_carries_what_is_configured() -> None:
    settings = {
        "provider_model": "openai/qwen",
        "api_base": "https://models.example/v1",
        "api_key_env": "EXAMPLE_KEY",
        "context_window": 65_536,
        "input_price": Decimal("0.07"),
        "output_price": Decimal("0.30"),
    }

    endpoint = chosen({"model": "qwen", "models": {"qwen": settings}}).endpoint

    assert endpoint == Endpoint(
        model="qwen",
        provider_model="openai/qwen",
        api_base="https://models.example/v1",
        api_key_env="EXAMPLE_KEY",
        context_window=65_536,
        input_price=Decimal("0.07"),
        output_price=Decimal("0.30"),
    )


def test_the_embedded_model_costs_nothing_and_has_the_configured_context() -> None:
    endpoint = chosen({"embedded": {"context_tokens": 4096}}, embedded=(LARGE,)).endpoint

    assert endpoint == Endpoint(
        LARGE, LARGE, context_window=4096, input_price=Decimal(0), output_price=Decimal(0)
    )


REGION = (EditFormat.REGION, EditFormat.WHOLE_FILE)
SEARCH_REPLACE = (EditFormat.SEARCH_REPLACE, EditFormat.SEARCH_REPLACE)
FENCED = (EditFormat.SEARCH_REPLACE_FENCED, EditFormat.SEARCH_REPLACE_FENCED)
PATCH = (EditFormat.APPLY_PATCH, EditFormat.APPLY_PATCH)
DIFF = (EditFormat.UNIFIED_DIFF, EditFormat.UNIFIED_DIFF)


@pytest.mark.parametrize(
    ("name", "formats", "temperature"),
    [
        (LARGE, REGION, 0.0),
        ("ollama/deepseek-coder:6.7b", REGION, 0.0),
        ("claude-sonnet-5-5", SEARCH_REPLACE, None),
        ("openrouter/anthropic/claude-sonnet-5-5", SEARCH_REPLACE, None),
        ("gpt-4o", SEARCH_REPLACE, None),
        ("gpt-6.1-sol", SEARCH_REPLACE, None),
        ("gpt-4-turbo", DIFF, None),
        ("openai/gpt-4-1106-preview", DIFF, None),
        ("openai/gpt-5.1-codex-mini", PATCH, None),
        ("groq/openai/gpt-oss-20b", REGION, None),
        ("deepseek/deepseek-v4-flash", SEARCH_REPLACE, None),
        ("gemini/gemini-3.8-flash", FENCED, None),
        ("deepinfra/meta-llama/Llama-3.3-70B-Instruct-Turbo", REGION, None),
    ],
)
def test_the_profile_follows_the_family(
    name: str, formats: tuple[EditFormat, EditFormat], temperature: float | None
) -> None:
    config = Config()

    profile = profile_of(resolve(name, config, catalogue()), config, catalogue())

    assert ((profile.definition, profile.file), profile.temperature) == (formats, temperature)


@pytest.mark.parametrize(
    ("edit_format", "formats"),
    [
        ("region", REGION),
        *((form, (form, form)) for form in ASKED if form is not EditFormat.REGION),
    ],
)
def test_configured_values_override_the_profile(edit_format: str, formats: tuple[EditFormat, EditFormat]) -> None:
    settings = {"edit_format": edit_format, "max_output_tokens": 700, "temperature": 0.5}

    profile = chosen({"model": "x/y", "models": {"x/y": settings}}).profile

    assert profile == Profile("*", *formats, temperature=0.5, max_output_tokens=700, prompts=prompts())


@pytest.mark.parametrize(
    ("name", "variables", "expected"),
    [
        ("claude-haiku-5-5", (), "ANTHROPIC_API_KEY"),
        ("claude-haiku-5-5", ("ANTHROPIC_API_KEY",), None),
        ("gemini/gemini-4-argon", ("GOOGLE_API_KEY",), None),
        ("ollama/llama3.3", (), None),
        ("somewhere/model", (), None),
        ("keyed", (), "LAN_KEY"),
        ("keyless", (), None),
    ],
)
def test_the_missing_key_is_named(name: str, variables: tuple[str, ...], expected: str | None) -> None:
    base = "http://127.0.0.1:8000/v1"
    config = Config.model_validate(
        {"models": {"keyed": {"api_base": base, "api_key_env": "LAN_KEY"}, "keyless": {"api_base": base}}}
    )

    endpoint = resolve(name, config, catalogue())

    assert missing_key(endpoint, catalogue(), Available(frozenset(variables))) == expected


def test_variables_that_are_set_to_nothing_do_not_count() -> None:
    assert Available.of({"A": "1", "B": "", "C": " "}, [LARGE]) == Available(frozenset({"A"}), frozenset({LARGE}))


@pytest.mark.parametrize("provider", catalogue().providers, ids=lambda provider: provider.name)
def test_what_is_shipped_about_a_provider_agrees_with_the_price_list(provider: Provider) -> None:
    """A model that was renamed or dropped shows here."""
    prices = PriceMap()

    assert [name for name in (provider.tiers or {}).values() if prices.price(name) is None] == []
    assert provider.keys == key_variables(f"{provider.name}/any")


def test_every_profile_says_where_it_comes_from_and_the_last_one_takes_any_model() -> None:
    table = tomllib.loads(resources.files("phasr_lsp.domain").joinpath("profiles.toml").read_text("utf-8"))

    assert [row["match"] for row in table["profile"] if not row["source"]] == []
    assert catalogue().profiles[-1].match == "*"
