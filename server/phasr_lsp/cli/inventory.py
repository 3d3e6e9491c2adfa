"""What there is on this machine to work with: the ground of `phasr doctor` and `phasr models`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from phasr_lsp.adapters import config_files, data_files, kind_files, ollama
from phasr_lsp.adapters.model_store import ModelStore
from phasr_lsp.adapters.ollama import Ollama
from phasr_lsp.adapters.prices import PriceMap
from phasr_lsp.cli.model import RUNTIME_ADVICE, runtime_installed
from phasr_lsp.domain.config import Config
from phasr_lsp.domain.errors import ModelError
from phasr_lsp.domain.model import Endpoint, Profile, Tier
from phasr_lsp.domain.problem import Problem
from phasr_lsp.domain.route import Available, Catalogue, Choice, choose, missing_key, profile_of, resolve

PER_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class ModelRow:
    """One model that is configured or can be used here."""

    endpoint: Endpoint
    profile: Profile
    tiers: tuple[Tier, ...]
    """The tiers that it serves."""
    input_price: Decimal | None
    """US dollars per million tokens; None: unknown."""
    output_price: Decimal | None
    context_window: int | None
    """Tokens; None: unknown."""
    key: str | None
    """The environment variable that holds its key; None: it needs none."""
    obstacle: str | None
    """Why it can't be used now; None: it can."""


@dataclass(frozen=True)
class Inventory:
    folder: Path
    """The workspace folder."""
    user_file: Path
    workspace_file: Path
    config: Config
    problems: tuple[Problem, ...]
    catalogue: Catalogue
    available: Available
    prices: PriceMap
    store: ModelStore
    ollama: Ollama

    def choice(self, tier: Tier) -> Choice:
        """The model of the tier where a kind has no setting of its own. Raises NoModel or UnknownModel."""
        return choose(self.config, self.catalogue, self.available, kind_name="", kind_tier=tier)

    def obstacle(self, endpoint: Endpoint) -> str | None:
        """Why the model can't be used now; None: it can."""
        variable = missing_key(endpoint, self.catalogue, self.available)
        if variable:
            return f"{variable} isn't set"
        if endpoint.model in self.catalogue.embedded and not runtime_installed():
            return f"xllamacpp, which runs it, is missing. {RUNTIME_ADVICE}"
        prefix, _, name = endpoint.provider_model.partition("/")
        if prefix not in ("ollama", "ollama_chat") or endpoint.api_base or not self.ollama.local:
            return None
        if self.ollama.models is None:
            return f"Ollama doesn't answer on {self.ollama.address}"
        if name in self.ollama.models or f"{name}:latest" in self.ollama.models:
            return None
        return f"Ollama doesn't have it: `ollama pull {name}`"

    @cached_property
    def models(self) -> tuple[ModelRow, ...]:
        """Every model that is configured or can be used here, each once."""
        rows: dict[str, ModelRow] = {}
        for name in self._names():
            try:
                endpoint = resolve(name, self.config, self.catalogue)
            except ModelError:  # a name that means nothing is reported with the configuration's problems
                continue
            rows.setdefault(endpoint.provider_model, self._row(endpoint))
        return tuple(rows.values())

    def _names(self) -> Iterator[str]:
        yield from self.config.named_models()
        for provider in self.catalogue.providers:
            if not self.available.variables.isdisjoint(provider.keys):
                yield from (provider.tiers or {}).values()
        yield from (f"ollama/{name}" for name in self.ollama.models or ())
        yield from (name for name in self.catalogue.embedded if name in self.available.embedded)

    def _row(self, endpoint: Endpoint) -> ModelRow:
        price = self.prices.price(endpoint.provider_model)
        facts = self.prices.facts(endpoint.provider_model)
        input_price, output_price = endpoint.input_price, endpoint.output_price
        if price and input_price is None:
            input_price = price.rates.input * PER_MILLION
        if price and output_price is None:
            output_price = price.rates.output * PER_MILLION
        return ModelRow(
            endpoint=endpoint,
            profile=profile_of(endpoint, self.config, self.catalogue),
            tiers=tuple(tier for tier in Tier if self._serves(tier) == endpoint.model),
            input_price=input_price,
            output_price=output_price,
            context_window=endpoint.context_window or (facts.context_window if facts else None),
            key=self._key(endpoint),
            obstacle=self.obstacle(endpoint),
        )

    def _serves(self, tier: Tier) -> str | None:
        try:
            return self.choice(tier).endpoint.model
        except ModelError:
            return None

    def _key(self, endpoint: Endpoint) -> str | None:
        if endpoint.api_key_env or endpoint.api_base:
            return endpoint.api_key_env
        provider = self.catalogue.provider_of(endpoint.provider_model)
        keys = provider.keys if provider else ()
        return next((key for key in keys if key in self.available.variables), next(iter(keys), None))


def take_stock(folder: Path) -> Inventory:
    """Look at the configuration that holds in `folder`, the environment, Ollama and the installed weights."""
    user_file = config_files.user_config_file()
    workspace_file = config_files.workspace_config_file(folder)
    catalogue, prices, store = data_files.catalogue(), PriceMap(), ModelStore()
    own_kinds, workspace_kinds = (path.parent / kind_files.FOLDER for path in (user_file, workspace_file))
    kinds, kind_problems = kind_files.load_kinds(own_kinds, [workspace_kinds])
    loaded = config_files.load(
        user_file,
        [workspace_file],
        None,
        catalogue=catalogue,
        known_models=prices,
        known_kinds=tuple(kinds),
        environ=os.environ,
    )
    own_file = loaded.config.embedded.file
    installed = {*store.installed(), *([loaded.config.embedded.model] if own_file and own_file.is_file() else ())}
    return Inventory(
        folder=folder,
        user_file=user_file,
        workspace_file=workspace_file,
        config=loaded.config,
        problems=(*loaded.problems, *kind_problems),
        catalogue=catalogue,
        available=Available.of(os.environ, installed),
        prices=prices,
        store=store,
        ollama=ollama.probe(os.environ),
    )
