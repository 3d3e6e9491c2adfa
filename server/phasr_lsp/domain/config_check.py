"""What the schema refuses in one layer of configuration, worded for the person who wrote it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from phasr_lsp.domain.config import Config, Embedded, KindSettings, Limits, ModelSettings, Tiers
from phasr_lsp.domain.problem import did_you_mean

Settings = Mapping[str, Any]
"""A layer of configuration as its file or the editor gives it: not yet checked."""
KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Mistake:
    path: KeyPath
    """The key, with the tables around it."""
    message: str
    in_value: bool = False
    """Whether the value is wrong, rather than the key."""


def schema_mistakes(settings: Settings) -> list[Mistake]:
    """What would have to be taken out of the layer; taking it out can bring further mistakes to light."""
    try:
        Config.model_validate(settings)
    except ValidationError as error:
        return [_mistake(detail) for detail in error.errors(include_url=False)]
    return []


def dotted(path: Iterable[str]) -> str:
    """The key as TOML writes it."""
    return ".".join(key if key.replace("_", "").replace("-", "").isalnum() else f'"{key}"' for key in path)


def _mistake(detail: ErrorDetails) -> Mistake:
    path = tuple(str(part) for part in detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            return Mistake(path, _no_such_setting(path))
        case "enum":
            return Mistake(path, _not_one_of(path, detail), in_value=True)
        case _:
            return Mistake(path, f"{dotted(path)} {_requirement(detail)}.", in_value=True)


_TABLES: Mapping[KeyPath, type[BaseModel]] = {
    (): Config,
    ("tiers",): Tiers,
    ("kinds", "*"): KindSettings,
    ("models", "*"): ModelSettings,
    ("limits",): Limits,
    ("embedded",): Embedded,
}


def _no_such_setting(path: KeyPath) -> str:
    table, key = path[:-1], path[-1]
    message = f'There is no setting "{key}"{f" in [{dotted(table)}]" if table else ""}.'
    fields = _TABLES[table if len(table) < 2 else (table[0], "*")].model_fields
    if proposal := did_you_mean(key, fields):
        return message + proposal
    homes = [home for home, section in _TABLES.items() if home and key in section.model_fields]
    if not homes:
        return message
    return f"{message} It belongs into [{'.'.join(homes[0]).replace('*', 'NAME')}]."


def _not_one_of(path: KeyPath, detail: ErrorDetails) -> str:
    expected: str = detail.get("ctx", {})["expected"].replace("'", "")
    value = str(detail["input"])
    candidates = expected.replace(" or ", ", ").split(", ")
    return f'{dotted(path)} can\'t be "{value}", only {expected}.{did_you_mean(value, candidates)}'


_PATTERNS = {
    "api_base": "must be an address that begins with http:// or https:// and holds no name or password",
    "api_key_env": "must be the name of an environment variable, in upper case, and never the key itself",
}
_TYPES = {
    "int": "must be a whole number",
    "float": "must be a number",
    "decimal": "must be a number",
    "finite": "must be a finite number",
    "bool": "must be true or false",
    "string": "must be text in quotes",
    "path": "must be text in quotes",
    "model": "must be a table",
    "dict": "must be a table",
}


def _requirement(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "greater_than":
            return f"must be greater than {context['gt']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "string_too_short":
            return "must not be empty"
        case "string_pattern_mismatch":
            return _PATTERNS[str(detail["loc"][-1])]
        case "value_error":
            return str(context["error"])
        case other:
            return _TYPES.get(other.partition("_")[0], detail["msg"])
