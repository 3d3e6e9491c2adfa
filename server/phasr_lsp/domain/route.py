"""Which model does a task: what was named for it, what is configured, else what can be used here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from phasr_lsp.domain.errors import NoModel, UnknownModel
from phasr_lsp.domain.model import EditFormat, Endpoint, Profile, Tier
from phasr_lsp.domain.problem import did_you_mean

if TYPE_CHECKING:  # pydantic isn't loaded before the editor has its first answer
    from phasr_lsp.domain.config import Config, ModelSettings

EMBEDDED = "embedded/"


@dataclass(frozen=True)
class Provider:
    """A provider that is known by name. The shipped table is `domain/providers.toml`."""

    name: str
    """The prefix of its models."""
    title: str
    """What people call it."""
    keys: tuple[str, ...] = ()
    """Environment variables that may hold its key; empty: it needs none."""
    bare: tuple[str, ...] = ()
    """Globs over names that belong to it when they are written without the prefix."""
    spelling: str = ""
    """litellm's prefix, where it is another one than the name."""
    tiers: Mapping[Tier, str] | None = None
    """What is used for each tier when nothing is configured; None: it is never chosen unasked."""


@dataclass(frozen=True)
class Catalogue:
    """What is shipped with Phasr about models; `adapters.data_files` reads it."""

    providers: tuple[Provider, ...]
    """In order of preference."""
    profiles: tuple[Profile, ...]
    """The first that matches is used; the last one matches all."""
    embedded: tuple[str, ...]
    """Names of the models that Phasr can install and run itself, best first."""

    def provider_of(self, name: str) -> Provider | None:
        """The provider of a model by its prefix, or by a bare name that is known to be its own."""
        prefix, slash, _ = name.partition("/")
        if slash:
            return next((provider for provider in self.providers if provider.name == prefix), None)
        return next(
            (provider for provider in self.providers if any(fnmatchcase(name, glob) for glob in provider.bare)),
            None,
        )


@dataclass(frozen=True)
class Available:
    """What can be used here and now."""

    variables: frozenset[str] = frozenset()
    """Names of the environment variables that are set and not empty."""
    embedded: frozenset[str] = frozenset()
    """Names of the embedded models whose weights are installed."""

    @classmethod
    def of(cls, environ: Mapping[str, str], embedded: Iterable[str] = ()) -> "Available":
        set_here = frozenset(name for name, value in environ.items() if value.strip())
        return cls(set_here, frozenset(embedded))


@dataclass(frozen=True)
class Choice:
    endpoint: Endpoint
    profile: Profile
    why: str
    """A short phrase for the user: `named for this task`, `tier simple`."""


def choose(
    config: "Config",
    catalogue: Catalogue,
    available: Available,
    *,
    kind_name: str,
    kind_model: str | None = None,
    kind_tier: Tier = Tier.STANDARD,
    argument: str | None = None,
) -> Choice:
    """The model for one task.

    In this order: the task's argument, `kinds.NAME.model`, the model in the kind's own file, the model of the
    tier (`kinds.NAME.tier`, else the kind's own), `model`, and what is found: the first provider whose key is
    set, else the embedded model.

    Raises NoModel when nothing is configured and nothing can be used, or when the embedded model that is
    asked for isn't installed; UnknownModel when a name can't be resolved.
    """
    settings = config.kinds.get(kind_name)
    tier = (settings.tier if settings else None) or kind_tier
    configured = (
        (argument, "named for this task"),
        (settings.model if settings else None, f"set for {kind_name}"),
        (kind_model, f"the choice of {kind_name} itself"),
        (config.tiers.model_for(tier), f"tier {tier}"),
        (config.model, "your default"),
    )
    for name, why in configured:
        if name:
            return _choice(name, why, config, catalogue, available)
    name, why = _detect(tier, config, catalogue, available)
    return _choice(name, why, config, catalogue, available)


def _choice(name: str, why: str, config: "Config", catalogue: Catalogue, available: Available) -> Choice:
    endpoint = resolve(name, config, catalogue)
    if endpoint.model in catalogue.embedded and endpoint.model not in _installed(config, available):
        raise NoModel(
            f"The embedded model {endpoint.model} isn't installed.",
            f"Install it with `phasr model install {endpoint.model.removeprefix(EMBEDDED)}` "
            "or the command phasr.installModel.",
            model=endpoint.model,
        )
    return Choice(endpoint, profile_of(endpoint, config, catalogue), why)


def _detect(tier: Tier, config: "Config", catalogue: Catalogue, available: Available) -> tuple[str, str]:
    for provider in catalogue.providers:
        variable = next((key for key in provider.keys if key in available.variables), None)
        if provider.tiers and variable:
            return provider.tiers[tier], f"tier {tier}; {variable} is set"
    for name in (config.embedded.model, *catalogue.embedded):
        if name in _installed(config, available):
            return name, "installed here; no provider's key is set"
    variables = [provider.keys[0] for provider in catalogue.providers if provider.tiers and provider.keys]
    raise NoModel(
        "There is no model to work with.",
        f"Either set a provider's key in the environment ({', '.join(variables)}), "
        'or run Ollama and set model = "ollama/..." in Phasr\'s configuration, '
        "or install the embedded model, which needs no key: `phasr model install` "
        "or the command phasr.installModel.",
    )


def _installed(config: "Config", available: Available) -> frozenset[str]:
    """The embedded models that can run; weights of the user's own stand for the one that is configured."""
    own = (config.embedded.model,) if config.embedded.file else ()
    return available.embedded.union(own)


def resolve(name: str, config: "Config", catalogue: Catalogue) -> Endpoint:
    """Where the model is reached. Raises UnknownModel."""
    if name in catalogue.embedded:
        return Endpoint(
            model=name,
            provider_model=name,
            context_window=config.embedded.context_tokens,
            input_price=Decimal(0),
            output_price=Decimal(0),
        )
    settings = config.models.get(name)
    if settings is None:
        return Endpoint(model=name, provider_model=_provider_model(name, config, catalogue))
    return Endpoint(
        model=name,
        provider_model=_configured_provider_model(name, settings, config, catalogue),
        api_base=settings.api_base,
        api_key_env=settings.api_key_env,
        context_window=settings.context_window,
        input_price=settings.input_price,
        output_price=settings.output_price,
    )


def _configured_provider_model(
    name: str, settings: "ModelSettings", config: "Config", catalogue: Catalogue
) -> str:
    if settings.provider_model:
        return settings.provider_model
    if settings.api_base and "/" not in name:
        return f"openai/{name}"
    return _provider_model(name, config, catalogue)


def _provider_model(name: str, config: "Config", catalogue: Catalogue) -> str:
    """The name as litellm spells it."""
    provider = catalogue.provider_of(name)
    embedded = name.startswith(EMBEDDED)
    if embedded or (provider is None and "/" not in name):
        raise UnknownModel(
            f'No model is called "{name}".{did_you_mean(name, model_names(config, catalogue))}',
            f"Install one of {', '.join(catalogue.embedded)}."
            if embedded
            else "Write it as provider/model, or describe it under [models] in your configuration.",
        )
    if provider is None:
        return name
    bare = name.removeprefix(f"{provider.name}/")
    return f"{provider.spelling or provider.name}/{bare}"


def profile_of(endpoint: Endpoint, config: "Config", catalogue: Catalogue) -> Profile:
    """What to ask the model for: the shipped profile with the user's own settings laid over it."""
    profile = next(p for p in catalogue.profiles if fnmatchcase(endpoint.provider_model, p.match))
    settings = config.models.get(endpoint.model)
    if settings is None:
        return profile
    if settings.edit_format:
        whole = EditFormat.WHOLE_FILE
        file = whole if settings.edit_format is EditFormat.REGION else settings.edit_format
        profile = replace(profile, definition=settings.edit_format, file=file)
    if settings.max_output_tokens is not None:
        profile = replace(profile, max_output_tokens=settings.max_output_tokens)
    if settings.temperature is not None:
        profile = replace(profile, temperature=settings.temperature)
    return profile


def model_names(config: "Config", catalogue: Catalogue) -> tuple[str, ...]:
    """Every model that the user or Phasr names: the candidates when a name was mistyped."""
    named = [
        *config.named_models(),
        *(model for provider in catalogue.providers for model in (provider.tiers or {}).values()),
        *catalogue.embedded,
    ]
    bare = [name.partition("/")[2] for name in named if catalogue.provider_of(name.partition("/")[2])]
    return tuple(dict.fromkeys(named + bare))


def missing_key(endpoint: Endpoint, catalogue: Catalogue, available: Available) -> str | None:
    """The environment variable to set before this model can be used; None where nothing is missing."""
    if endpoint.api_key_env:
        return None if endpoint.api_key_env in available.variables else endpoint.api_key_env
    provider = catalogue.provider_of(endpoint.provider_model)
    if endpoint.api_base or provider is None or not provider.keys:
        return None
    return None if any(key in available.variables for key in provider.keys) else provider.keys[0]
