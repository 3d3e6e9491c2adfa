"""From the user's file, the workspace's file and the editor's settings to one configuration.

A mistake costs the key that it stands in and nothing else. A workspace's file is written by whoever wrote the
workspace, so it chooses among what is the user's: it can name no address, no key and no new model, and it can't
switch off a review that the user asked for.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, cast

from phasr_lsp.domain.config import Apply, Config
from phasr_lsp.domain.config_check import KeyPath, Mistake, Settings, dotted, schema_mistakes
from phasr_lsp.domain.problem import did_you_mean
from phasr_lsp.domain.route import EMBEDDED, Available, Catalogue, Provider, model_names

WORKSPACE_KEYS = ("model", "apply", "tiers", "kinds")


class Layer(StrEnum):
    USER = "user"
    WORKSPACE = "workspace"
    """Wins over the user's file."""
    EDITOR = "editor"
    """Wins over both files."""


class KnownModels(Protocol):
    """The models that a price list knows."""

    def knows(self, name: str, /) -> bool: ...

    def names(self) -> Iterable[str]: ...


@dataclass(frozen=True)
class Known:
    """What the names in a configuration can refer to."""

    catalogue: Catalogue
    models: KnownModels
    kinds: Collection[str]
    available: Available
    user_file: str
    """What a message calls the user's own file."""


def assemble(layers: Mapping[Layer, Settings], known: Known) -> tuple[Config, dict[Layer, list[Mistake]]]:
    """The configuration that the layers make together, and what is wrong in each."""
    user, workspace, editor = (merged(layers.get(layer, {})) for layer in Layer)
    reserved = _take_out(workspace, _reserved(workspace, known))
    mistakes = {
        Layer.USER: _take_out_invalid(user, known),
        Layer.WORKSPACE: reserved + _take_out_invalid(workspace, known),
        Layer.EDITOR: _take_out_invalid(editor, known),
    }
    own = Config.model_validate(merged(user, editor))
    mistakes[Layer.USER] += _unresolved(user, own, known)
    mistakes[Layer.EDITOR] += _unresolved(editor, own, known)
    mistakes[Layer.WORKSPACE] += _take_out(workspace, _foreign_models(workspace, own, known))
    mistakes[Layer.WORKSPACE] += _take_out(workspace, _loosened(workspace, own))
    return Config.model_validate(merged(user, workspace, editor)), mistakes


def _take_out_invalid(settings: dict[str, Any], known: Known) -> list[Mistake]:
    mistakes: list[Mistake] = []
    while found := _take_out(settings, schema_mistakes(settings)):
        mistakes += found
    return mistakes + _take_out(settings, _unknown_names(settings, known))


def _take_out(settings: dict[str, Any], mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Removes the keys that the mistakes stand in and returns the mistakes."""
    found = list(mistakes)
    for mistake in found:
        table = settings
        for key in mistake.path[:-1]:
            table = table[key]
        del table[mistake.path[-1]]
    return found


def _reserved(settings: Settings, known: Known) -> list[Mistake]:
    """What only the user's own file may hold."""
    return [
        Mistake(
            (key,),
            f'"{key}" belongs into your own file, {known.user_file}: '
            f"a workspace's file may set {', '.join(WORKSPACE_KEYS)} alone.",
        )
        for key in settings
        if key in Config.model_fields and key not in WORKSPACE_KEYS
    ]


def _unknown_names(settings: Settings, known: Known) -> Iterator[Mistake]:
    for kind in settings.get("kinds", {}):
        if kind not in known.kinds:
            message = f'There is no kind of task called "{kind}".{did_you_mean(kind, known.kinds)}'
            yield Mistake(("kinds", kind), message)
    embedded = settings.get("embedded", {}).get("model")
    if embedded and embedded not in known.catalogue.embedded:
        message = f'There is no embedded model "{embedded}".{did_you_mean(embedded, known.catalogue.embedded)}'
        yield Mistake(("embedded", "model"), message, in_value=True)


def _unresolved(settings: Settings, own: Config, known: Known) -> Iterator[Mistake]:
    """Models that nobody knows. The setting stays: another model than the one that was named could be one
    that the user doesn't want to send code to."""
    for name in settings.get("models", {}):
        described = own.models[name]
        if not ("/" in name or described.provider_model or described.api_base or _is_known(name, known)):
            message = f"{dotted(('models', name))} needs a provider_model (provider/model) or an api_base."
            yield Mistake(("models", name), message)
    for path, name in _chosen_models(settings):
        if name not in own.models and not _is_known(name, known):
            candidates = model_names(own, known.catalogue)
            meant = did_you_mean(name, candidates) or did_you_mean(name, known.models.names())
            table = dotted(("models", name))
            advice = f" If the name is right, add an empty table [{table}]." if "/" in name else ""
            yield Mistake(path, f'No model is known as "{name}".{meant}{advice}', in_value=True)


def _is_known(name: str, known: Known) -> bool:
    """Whether a model is known without a description by the user."""
    if name.startswith(EMBEDDED):
        return name in known.catalogue.embedded
    provider = known.catalogue.provider_of(name)
    if provider is None:
        return known.models.knows(name)
    return not provider.keys or known.models.knows(name if "/" in name else f"{provider.name}/{name}")


def _foreign_models(settings: Settings, own: Config, known: Known) -> Iterator[Mistake]:
    """Models that the user neither names nor has the key for."""
    usable = [provider for provider in known.catalogue.providers if _usable(provider, known)]
    for path, name in _chosen_models(settings):
        if name in own.named_models() or name in known.catalogue.embedded:
            continue
        if known.catalogue.provider_of(name) in usable:
            continue
        candidates = [
            *own.named_models(),
            *(model for provider in usable for model in (provider.tiers or {}).values()),
            *known.catalogue.embedded,
        ]
        yield Mistake(
            path,
            f'"{name}" is not among your models.{did_you_mean(name, candidates)} '
            f"To use it, name it in your own file, {known.user_file}, or set its provider's key.",
            in_value=True,
        )


def _usable(provider: Provider, known: Known) -> bool:
    return not provider.keys or not known.available.variables.isdisjoint(provider.keys)


def _loosened(settings: Settings, own: Config) -> Iterator[Mistake]:
    """Where the workspace would have results applied that the user wants to see first."""
    message = "You asked to review results: a workspace's file can't set \"auto\" here."
    if settings.get("apply") == Apply.AUTO and own.apply is Apply.REVIEW:
        yield Mistake(("apply",), message, in_value=True)
    for kind, table in settings.get("kinds", {}).items():
        if table.get("apply") == Apply.AUTO and own.apply_for(kind) is Apply.REVIEW:
            yield Mistake(("kinds", kind, "apply"), message, in_value=True)


def _chosen_models(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """Each place where a valid layer chooses a model."""
    if name := settings.get("model"):
        yield ("model",), name
    for tier, name in settings.get("tiers", {}).items():
        yield ("tiers", tier), name
    for kind, table in settings.get("kinds", {}).items():
        if name := table.get("model"):
            yield ("kinds", kind, "model"), name


def merged(*layers: Settings) -> dict[str, Any]:
    """The layers in one, table by table; the later value wins."""
    whole: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping):
                below = whole.get(key)
                table: Settings = cast(Settings, below) if isinstance(below, Mapping) else {}
                whole[key] = merged(table, cast(Settings, value))
            else:
                whole[key] = value
    return whole
