"""The embedded models: what their weights are and where the same bytes may be had."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phasr_lsp.domain.route import EMBEDDED


@dataclass(frozen=True)
class HubFile:
    """The weights on the Hugging Face hub."""

    repository: str
    revision: str
    """A commit, so that the file can't change under its name."""


@dataclass(frozen=True)
class WheelSeries:
    """The weights cut into the data files of several wheels; patterns take the number `part`, counted from 1."""

    package: str
    version: str
    member: str
    """The path inside the wheel."""
    parts: int
    part_bytes: int
    """The size of every part but the last."""


@dataclass(frozen=True)
class EmbeddedModel:
    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    least_memory_bytes: int
    """Below this much memory in the machine a smaller model is the better choice."""
    hub: HubFile
    wheels: WheelSeries

    @property
    def short_name(self) -> str:
        return self.name.removeprefix(EMBEDDED)


def parse_models(text: str) -> tuple[EmbeddedModel, ...]:
    """Read the text of `embedded_models.toml`, best model first."""
    return tuple(_model(row) for row in tomllib.loads(text)["models"])


def model_for(models: Sequence[EmbeddedModel], memory_bytes: int | None) -> EmbeddedModel:
    """The best model for a machine with that much memory; None: not known, take the best."""
    if memory_bytes is None:
        return models[0]
    return next((model for model in models if memory_bytes >= model.least_memory_bytes), models[-1])


def _model(row: dict[str, Any]) -> EmbeddedModel:
    hub, wheels = HubFile(**row.pop("hub")), WheelSeries(**row.pop("wheels"))
    return EmbeddedModel(**row, hub=hub, wheels=wheels)
