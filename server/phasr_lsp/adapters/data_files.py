"""The tables shipped in `domain/`, read into the domain's types."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import TypeAdapter

from phasr_lsp.domain.embedded import parse_models
from phasr_lsp.domain.language import Language
from phasr_lsp.domain.model import ASKED, EditFormat, Profile, Tier
from phasr_lsp.domain.route import Catalogue, Provider


def _text(*name: str) -> str:
    return resources.files("phasr_lsp.domain").joinpath(*name).read_text("utf-8")


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(_text(name))


@cache
def catalogue() -> Catalogue:
    """What is shipped about models: providers, profiles, embedded models."""
    return Catalogue(
        providers=tuple(_provider(row) for row in _table("providers.toml")["provider"]),
        profiles=tuple(
            _profile(match, row) for row in _table("profiles.toml")["profile"] for match in row["match"]
        ),
        embedded=tuple(model.name for model in parse_models(_text("embedded_models.toml"))),
    )


def _provider(row: dict[str, Any]) -> Provider:
    return Provider(
        name=row["name"],
        title=row["title"],
        keys=tuple(row["keys"]),
        bare=tuple(row.get("bare", ())),
        spelling=row.get("spelling", ""),
        tiers={tier: row[tier] for tier in Tier} if Tier.STANDARD in row else None,
    )


def _profile(match: str, row: dict[str, Any]) -> Profile:
    return Profile(
        match=match,
        definition=EditFormat(row["definition"]),
        file=EditFormat(row["file"]),
        temperature=row.get("temperature"),
        max_output_tokens=row["max_output_tokens"],
        file_tokens=row.get("file_tokens", Profile.file_tokens),
        prompts=prompts(),
    )


@cache
def prompts() -> Mapping[EditFormat, str]:
    """What a model is told about each format; the front matter of the files says where that is from."""
    return {form: _text("formats", "prompts", f"{form}.md").split("---\n", 2)[2].strip() for form in ASKED}


@cache
def languages() -> dict[str, Language]:
    """The language table by name."""
    rows = {name: {"name": name, **row} for name, row in _table("languages.toml").items()}
    return TypeAdapter(dict[str, Language]).validate_python(rows)
