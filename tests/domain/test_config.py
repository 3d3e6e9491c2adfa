"""What a configuration means: layers, precedence, mistakes and their wording."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from phasr_lsp.adapters.data_files import catalogue
from phasr_lsp.domain.config import Apply, Config, Limits
from phasr_lsp.domain.config_check import Mistake
from phasr_lsp.domain.config_layers import Known, Layer, assemble
from phasr_lsp.domain.problem import did_you_mean
from phasr_lsp.domain.route import Available

USER_FILE = "~/.config/phasr/config.toml"


@dataclass(frozen=True)
class PriceList:
    models: frozenset[str] = frozenset({"anthropic/claude-sonnet-5-5", "openai/gpt-4o", "gpt-4o"})

    def knows(self, name: str) -> bool:
        return name in self.models

    def names(self) -> Collection[str]:
        return self.models


def check(
    user: Mapping[str, Any] | None = None,
    workspace: Mapping[str, Any] | None = None,
    editor: Mapping[str, Any] | None = None,
    variables: Collection[str] = (),
) -> tuple[Config, dict[Layer, list[Mistake]]]:
    known = Known(
        catalogue(), PriceList(), ("tests", "document", "fix"), Available(frozenset(variables)), USER_FILE
    )
    return assemble({Layer.USER: user or {}, Layer.WORKSPACE: workspace or {}, Layer.EDITOR: editor or {}}, known)


def one_mistake(layer: Layer, **layers: Any) -> tuple[Config, Mistake]:
    config, mistakes = check(**layers)
    assert {other: found for other, found in mistakes.items() if found} == {layer: mistakes[layer]}
    (mistake,) = mistakes[layer]
    return config, mistake


def test_nothing_configured_is_the_documented_defaults() -> None:
    config, mistakes = check()

    assert config == Config()
    assert config.limits == Limits(
        tasks=24, request_seconds=120, retry_seconds=60, max_file_bytes=1_048_576, client_seconds=10
    )
    assert not any(mistakes.values())


def test_each_layer_wins_over_the_one_before_it_key_by_key() -> None:
    config, mistakes = check(
        user={
            "model": "ollama/a",
            "tiers": {"simple": "ollama/a", "deep": "ollama/a"},
            "kinds": {"tests": {"model": "ollama/a", "tier": "deep"}},
        },
        workspace={
            "tiers": {"simple": "ollama/b", "deep": "ollama/b"},
            "kinds": {"tests": {"model": "ollama/b"}},
        },
        editor={"tiers": {"deep": "ollama/c"}},
    )

    assert config == Config.model_validate(
        {
            "model": "ollama/a",
            "tiers": {"simple": "ollama/b", "deep": "ollama/c"},
            "kinds": {"tests": {"model": "ollama/b", "tier": "deep"}},
        }
    )
    assert not any(mistakes.values())


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"modle": "x"}, "modle", 'There is no setting "modle". Did you mean "model"?'),
    ({"tasks": 3}, "tasks", 'There is no setting "tasks". It belongs into [limits].'),
    ({"api_base": "x"}, "api_base", 'There is no setting "api_base". It belongs into [models.NAME].'),
    ({"zzzz": 3}, "zzzz", 'There is no setting "zzzz".'),
    ({"limits": {"task": 3}}, "limits.task", 'There is no setting "task" in [limits]. Did you mean "tasks"?'),
    (
        {"models": {"a/b": {"api_key": "sk-canary"}}},
        "models.a/b.api_key",
        'There is no setting "api_key" in [models."a/b"]. Did you mean "api_key_env"?',
    ),
    (
        {"models": {"a/b": {"api_key_env": "sk-canary"}}},
        "models.a/b.api_key_env",
        (
            'models."a/b".api_key_env must be the name of an environment variable, in upper case, and never'
            " the key itself."
        ),
    ),
    (
        {"models": {"a/b": {"api_base": "https://me:canary@host/v1"}}},
        "models.a/b.api_base",
        (
            'models."a/b".api_base must be an address that begins with http:// or https:// '
            "and holds no name or password."
        ),
    ),
    (
        {"apply": "reveiw"},
        "apply",
        'apply can\'t be "reveiw", only auto or review. Did you mean "review"?',
    ),
    (
        {"kinds": {"tests": {"tier": "hard"}}},
        "kinds.tests.tier",
        'kinds.tests.tier can\'t be "hard", only simple, standard or deep.',
    ),
    ({"limits": {"tasks": 0}}, "limits.tasks", "limits.tasks must be greater than 0."),
    ({"limits": {"tasks": "many"}}, "limits.tasks", "limits.tasks must be a whole number."),
    ({"limits": {"retry_seconds": []}}, "limits.retry_seconds", "limits.retry_seconds must be a number."),
    ({"preload": "perhaps"}, "preload", "preload must be true or false."),
    ({"model": 3}, "model", "model must be text in quotes."),
    ({"limits": 3}, "limits", "limits must be a table."),
    ({"kinds": [{}]}, "kinds", "kinds must be a table."),
    (
        {"embedded": {"context_tokens": 1_000_000}},
        "embedded.context_tokens",
        "embedded.context_tokens must be at most 32768.",
    ),
    (
        {"embedded": {"file": "weights.gguf"}},
        "embedded.file",
        "embedded.file must be a full path, or one that begins with ~.",
    ),
    (
        {"embedded": {"model": "embedded/qwen2.5-coder-1.5"}},
        "embedded.model",
        ('There is no embedded model "embedded/qwen2.5-coder-1.5". Did you mean "embedded/qwen2.5-coder-1.5b"?'),
    ),
    (
        {"kinds": {"test": {}}},
        "kinds.test",
        'There is no kind of task called "test". Did you mean "tests"?',
    ),
]


@pytest.mark.parametrize(("settings", "path", "message"), WRONG)
def test_a_mistake_costs_its_own_key_and_names_what_was_probably_meant(
    settings: dict[str, Any], path: str, message: str
) -> None:
    config, mistake = one_mistake(Layer.USER, user={"model": "ollama/a", **settings} | settings)

    expected: dict[str, Any] = {} if path == "model" else {"model": "ollama/a"}
    if path.startswith("kinds.tests"):
        expected["kinds"] = {"tests": {}}
    if path.startswith("models"):
        expected["models"] = {"a/b": {}}
    assert config == Config.model_validate(expected)
    assert (".".join(mistake.path), mistake.message) == (path, message)


def test_mistakes_that_hide_behind_others_are_found_too() -> None:
    _, mistakes = check(user={"modle": 1, "kinds": {"nothing": {"tier": "hard"}}})

    assert [".".join(mistake.path) for mistake in mistakes[Layer.USER]] == [
        "kinds.nothing.tier",
        "modle",
        "kinds.nothing",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"model": "anthropic/claude-sonnet-55"},
            (
                'No model is known as "anthropic/claude-sonnet-55". Did you mean "anthropic/claude-sonnet-5-5"? '
                'If the name is right, add an empty table [models."anthropic/claude-sonnet-55"].'
            ),
        ),
        (
            {"tiers": {"deep": "gpt4o"}},
            'No model is known as "gpt4o". Did you mean "gpt-4o"?',
        ),
        (
            {"kinds": {"fix": {"model": "fsat"}}, "models": {"fast": {"provider_model": "groq/x"}}},
            'No model is known as "fsat". Did you mean "fast"?',
        ),
        ({"models": {"fast": {}}}, "models.fast needs a provider_model (provider/model) or an api_base."),
    ],
)
def test_an_unknown_model_is_reported_but_never_replaced_by_another(
    settings: dict[str, Any], message: str
) -> None:
    config, mistake = one_mistake(Layer.USER, user=settings)

    assert mistake.message == message
    assert config == Config.model_validate(settings)


@pytest.mark.parametrize(
    "name",
    [
        "claude-sonnet-5-5",
        "openai/gpt-4o",
        "ollama/anything:7b",
        "embedded/qwen2.5-coder-0.5b",
        "fast",
        "new/model",
        "lan",
    ],
)
def test_models_that_are_known_or_described_are_no_mistake(name: str) -> None:
    models = {"fast": {"provider_model": "groq/x"}, "new/model": {}, "lan": {"api_base": "http://10.0.0.2/v1"}}

    assert not any(check(user={"models": models}, editor={"model": name})[1].values())


@pytest.mark.parametrize("key", ["models", "preload", "limits", "embedded"])
def test_a_workspace_is_told_which_file_the_key_belongs_into(key: str) -> None:
    values = {
        "models": {"a/b": {"api_base": "https://elsewhere.example", "nonsense": 1}},
        "preload": True,
        "limits": {"tasks": 1},
        "embedded": {"file": "/etc/passwd"},
    }

    config, mistake = one_mistake(Layer.WORKSPACE, workspace={key: values[key]})

    assert config == Config()
    assert mistake == Mistake(
        (key,),
        f'"{key}" belongs into your own file, {USER_FILE}: '
        "a workspace's file may set model, apply, tiers, kinds alone.",
    )


@pytest.mark.parametrize(
    ("name", "permitted"),
    [
        ("declared", True),
        ("groq/chosen", True),
        ("groq/editors", True),
        ("ollama/llama3.3", True),
        ("embedded/qwen2.5-coder-1.5b", True),
        ("openai/any", True),
        ("gpt-any", True),
        ("anthropic/claude-sonnet-5-5", False),
        ("claude-sonnet-5-5", False),
        ("unheard/of", False),
        ("embedded/other", False),
    ],
)
@pytest.mark.parametrize("place", [("model",), ("tiers", "deep"), ("kinds", "fix", "model")])
def test_a_workspace_chooses_among_the_users_models(name: str, permitted: bool, place: tuple[str, ...]) -> None:
    workspace: Any = name
    for key in reversed(place):
        workspace = {key: workspace}

    config, mistakes = check(
        user={"models": {"declared": {"provider_model": "groq/y"}}, "tiers": {"simple": "groq/chosen"}},
        workspace=workspace,
        editor={"kinds": {"tests": {"model": "groq/editors"}}},
        variables=("OPENAI_API_KEY",),
    )

    assert (name in config.named_models()) is permitted
    assert [mistake.path for mistake in mistakes[Layer.WORKSPACE]] == ([] if permitted else [place])


def test_a_workspace_that_names_a_foreign_model_is_given_the_nearest_of_the_users() -> None:
    _, mistake = one_mistake(Layer.WORKSPACE, user={"model": "ollama/qwen"}, workspace={"model": "olama/qwen"})

    assert mistake.message == (
        '"olama/qwen" is not among your models. Did you mean "ollama/qwen"? '
        f"To use it, name it in your own file, {USER_FILE}, or set its provider's key."
    )


REVIEW_ALL = {"apply": "review"}
REVIEW_FIX = {"kinds": {"fix": {"apply": "review"}}}
AUTO_ALL = {"apply": "auto"}
AUTO_FIX = {"kinds": {"fix": {"apply": "auto"}}}


@pytest.mark.parametrize(
    ("user", "workspace", "editor", "expected", "refused"),
    [
        ({}, REVIEW_ALL, {}, Apply.REVIEW, False),
        ({}, REVIEW_FIX, {}, Apply.REVIEW, False),
        ({}, AUTO_FIX, {}, Apply.AUTO, False),
        (REVIEW_ALL, AUTO_ALL, {}, Apply.REVIEW, True),
        (REVIEW_ALL, AUTO_FIX, {}, Apply.REVIEW, True),
        (REVIEW_FIX, AUTO_FIX, {}, Apply.REVIEW, True),
        (REVIEW_FIX, AUTO_ALL, {}, Apply.REVIEW, False),
        ({}, AUTO_FIX, REVIEW_ALL, Apply.REVIEW, True),
        (REVIEW_ALL | AUTO_FIX, AUTO_FIX, {}, Apply.AUTO, False),
        (REVIEW_ALL, {}, AUTO_ALL, Apply.AUTO, False),
    ],
)
def test_a_workspace_may_ask_for_review_but_not_switch_the_users_off(
    user: dict[str, Any],
    workspace: dict[str, Any],
    editor: dict[str, Any],
    expected: Apply,
    refused: bool,
) -> None:
    config, mistakes = check(user, workspace, editor)

    assert (config.apply_for("fix"), bool(mistakes[Layer.WORKSPACE])) == (expected, refused)


def test_a_proposal_is_made_only_where_something_is_near() -> None:
    assert did_you_mean("TEIRS", ["tiers", "kinds"]) == ' Did you mean "tiers"?'
    assert did_you_mean("x", ["tiers", "kinds"]) == ""


def test_a_format_that_nobody_is_asked_for_is_refused() -> None:
    _, mistake = one_mistake(Layer.USER, user={"models": {"test/model": {"edit_format": "lazy"}}})

    assert mistake.path == ("models", "test/model", "edit_format")
    assert mistake.message == (
        'models."test/model".edit_format can\'t be "lazy": '
        "that is read where a model writes it, and asked of none."
    )
