"""The tables shipped in `domain/`, read into the domain's types."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from phasr_lsp.domain.model import EditFormat, Profile, Tier
from phasr_lsp.domain.route import Catalogue, Provider


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("phasr_lsp.domain").joinpath(name).read_text("utf-8"))


@cache
def catalogue() -> Catalogue:
    """What is shipped about models: providers, profiles, embedded models."""
    providers = _table("providers.toml")
    return Catalogue(
        providers=tuple(_provider(row) for row in providers["provider"]),
        profiles=tuple(
            _profile(match, row) for row in _table("profiles.toml")["profile"] for match in row["match"]
        ),
        embedded=tuple(providers["embedded"]["models"]),
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
    )
