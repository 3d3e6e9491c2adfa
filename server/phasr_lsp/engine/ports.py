"""What the engine needs from the outside: small Protocols, implemented under `adapters/` and `lsp/`."""

from collections.abc import Callable
from typing import Protocol

from phasr_lsp.domain.model import ModelRequest, Reply

OnText = Callable[[str], None]
"""Called on the event loop with each piece of a reply as it arrives."""


class Gateway(Protocol):
    """The one way to a model."""

    async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
        """Ask once and return the whole reply; transport faults are retried inside.

        The reply is streamed only when `on_text` is given, since a chunk costs 0.7 ms of CPU.
        Cancelling the awaiting task closes the connection and drops queued retries.

        Raises a `ModelError`.
        """
        ...

    async def aclose(self) -> None:
        """Close connections and stop what was started. Safe to call twice."""
        ...
