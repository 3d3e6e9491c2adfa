"""Models: what we know of one, what is asked of it, what comes back and what that cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Tier(StrEnum):
    """How much thought a task needs; configuration maps each tier to a model."""

    SIMPLE = "simple"
    STANDARD = "standard"
    DEEP = "deep"


class EditFormat(StrEnum):
    """The shapes of reply that Phasr reads. It asks for all of them but `lazy`, which nobody should write."""

    REGION = "region"
    WHOLE_FILE = "whole_file"
    SEARCH_REPLACE = "search_replace"
    SEARCH_REPLACE_FENCED = "search_replace_fenced"
    UNIFIED_DIFF = "unified_diff"
    APPLY_PATCH = "apply_patch"
    TOOL_CALLS = "tool_calls"
    LINE_HINTED = "line_hinted"
    LAZY = "lazy"
    TAGGED = "tagged"

    @property
    def whole(self) -> bool:
        """Whether a reply holds all of a file, whatever of it changes."""
        return self in (EditFormat.WHOLE_FILE, EditFormat.TAGGED)


ASKED = tuple(form for form in EditFormat if form is not EditFormat.LAZY)
"""The formats that a model can be asked for."""


@dataclass(frozen=True)
class Profile:
    """What a family of models writes best. The shipped table is `domain/profiles.toml`."""

    match: str
    """A glob over model names; the first profile that matches is used."""
    definition: EditFormat
    """What to ask for when one definition is to change."""
    file: EditFormat
    """What to ask for when any part of a file may change."""
    temperature: float | None
    """None: don't send one, since some current models reject the parameter."""
    max_output_tokens: int
    file_tokens: int = 16_000
    """How much of a file it is shown around the place that is to change: a local model reads slowly."""
    prompts: Mapping[EditFormat, str] = field(kw_only=True, repr=False, compare=False)
    """What a model is told about the shape of its answer, by format: `{file}` and `{what}` stand for names."""


@dataclass(frozen=True)
class Endpoint:
    """Where and how a model is reached, resolved from configuration."""

    model: str
    """The name the user knows, e.g. `anthropic/claude-sonnet-5-5` or `embedded/qwen2.5-coder-1.5b`."""
    provider_model: str
    """The name in litellm's spelling, provider prefix included."""
    api_base: str | None = None
    """Overrides the provider's own address."""
    api_key_env: str | None = None
    """The environment variable that holds the key; None leaves it to the provider's usual one."""
    context_window: int | None = None
    """Tokens; None where only the price map knows."""
    input_price: Decimal | None = None
    """US dollars per million input tokens, as configured; None asks the price map."""
    output_price: Decimal | None = None
    """US dollars per million output tokens, as configured; None asks the price map."""


@dataclass(frozen=True)
class Message:
    role: str
    """`system`, `user` or `assistant`."""
    text: str


@dataclass(frozen=True)
class ModelRequest:
    """One call to one model."""

    endpoint: Endpoint
    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float | None = None
    timeout_seconds: float = 120.0
    """The longest that the provider may stay silent; streams start it anew with every chunk."""


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int
    """All input tokens, the cached ones included."""
    output_tokens: int
    """All output tokens, the reasoning ones included."""
    cached_tokens: int = 0
    """The part of the input that was read from the provider's cache."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
        )


class Finish(StrEnum):
    """Why the model stopped writing."""

    STOP = "stop"
    LENGTH = "length"


ANEW = ""
"""A piece that no reply has: it begins, or begins again after a fault, and what was given of it before is void.

Of a reply that goes on with one that was cut off, the text of that one comes next, as if it were written again.
"""


@dataclass(frozen=True)
class Reply:
    """What a model answered, paid for whether it is of use or not."""

    text: str = field(repr=False)
    finish: Finish
    usage: Usage | None
    """None: the provider didn't say."""
    cost: Decimal | None
    """US dollars; None: unknown, which is never the same as zero."""
    seconds: float
    """From the request to the end of the reply, retries included."""
