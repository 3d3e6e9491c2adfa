"""What a user can set: the schema of `config.toml` and of the editor's settings, with its defaults.

`docs/configuration.md` describes each key; a test holds the two together. How mistakes are worded is
`config_check`, which source wins is `config_layers`, where the files lie is `adapters.config_files`.
"""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from phasr_lsp.domain.model import ASKED, EditFormat, Tier


class Apply(StrEnum):
    """What becomes of a result that is ready."""

    AUTO = "auto"
    """It goes into the buffer at once; one undo takes it back."""
    REVIEW = "review"
    """It is shown as a diff and waits for phasr.apply or phasr.discard."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=())


ModelName = Annotated[str, Field(min_length=1)]
Price = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Tiers(_Section):
    """The model of each tier."""

    simple: ModelName | None = None
    standard: ModelName | None = None
    deep: ModelName | None = None

    def model_for(self, tier: Tier) -> str | None:
        return {Tier.SIMPLE: self.simple, Tier.STANDARD: self.standard, Tier.DEEP: self.deep}[tier]


class KindSettings(_Section):
    """How one kind of task is done, whatever its own file says."""

    model: ModelName | None = None
    tier: Tier | None = None
    apply: Apply | None = None


def _asked(form: EditFormat) -> EditFormat:
    if form not in ASKED:
        raise ValueError(f'can\'t be "{form}": that is read where a model writes it, and asked of none')
    return form


class ModelSettings(_Section):
    """A model of the user's own, or what differs from what is known of one."""

    provider_model: ModelName | None = None
    """As litellm spells it. None: the name itself, or `openai/NAME` where an `api_base` is given."""
    api_base: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The name of an environment variable. Upper case alone, so that a key put here by mistake is refused."""
    context_window: Count | None = None
    """Tokens."""
    max_output_tokens: Count | None = None
    input_price: Price | None = None
    """US dollars per million tokens."""
    output_price: Price | None = None
    """US dollars per million tokens."""
    edit_format: Annotated[EditFormat, AfterValidator(_asked)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None


class Limits(_Section):
    tasks: Count = 24
    """Tasks that run at once; others wait."""
    request_seconds: Seconds = 120.0
    """How long a provider may stay silent."""
    retry_seconds: Seconds = 60.0
    """How long a provider's failures are retried."""
    max_file_bytes: Count = 1_048_576
    client_seconds: Seconds = 10.0
    """How long the editor may take to answer a request, `workspace/applyEdit` above all."""


def _full_path(path: Path) -> Path:
    if not path.is_absolute() and path.parts[:1] != ("~",):
        raise ValueError("must be a full path, or one that begins with ~")
    return path


class Embedded(_Section):
    """The model that Phasr runs itself."""

    file: Annotated[Path, AfterValidator(_full_path)] | None = None
    """Weights of the user's own, `~` not yet expanded; None: those that `phasr model install` fetched."""
    model: ModelName = "embedded/qwen2.5-coder-1.5b"
    threads: Count | None = None
    """None: one less than there are cores."""
    context_tokens: Annotated[int, Field(ge=1024, le=32_768)] = 8192
    idle_seconds: Seconds = 600.0
    """It is stopped after so long without a task."""


class Config(_Section):
    model: ModelName | None = None
    """The model where nothing more particular is set; None: what is found here."""
    apply: Apply = Apply.AUTO
    preload: bool = False
    """Load the provider library right after the start rather than with the first task."""
    tiers: Tiers = Tiers()
    kinds: dict[str, KindSettings] = {}
    """By kind name."""
    models: dict[str, ModelSettings] = {}
    """By the name under which the user knows the model."""
    limits: Limits = Limits()
    embedded: Embedded = Embedded()

    def apply_for(self, kind_name: str) -> Apply:
        settings = self.kinds.get(kind_name)
        return (settings.apply if settings else None) or self.apply

    def named_models(self) -> tuple[str, ...]:
        """Each model that is declared or chosen anywhere in this configuration, once."""
        chosen = (
            self.model,
            *(self.tiers.model_for(tier) for tier in Tier),
            *(kind.model for kind in self.kinds.values()),
        )
        return tuple(dict.fromkeys([*self.models, *filter(None, chosen)]))
