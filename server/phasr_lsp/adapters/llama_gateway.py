"""The gateway to embedded models, in front of the one to everything else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from phasr_lsp.domain.model import Endpoint, ModelRequest, Reply
from phasr_lsp.domain.route import EMBEDDED
from phasr_lsp.engine.ports import Gateway, OnText

PATIENCE_SECONDS = 900.0
"""How long an embedded model may stay silent: on a busy laptop a long prompt takes minutes."""


class LocalServers(Protocol):
    """What runs the embedded models."""

    async def run(self, model: str, call: Callable[[Endpoint], Awaitable[Reply]]) -> Reply:
        """Call with the model's endpoint once it is up and has a slot. Raises a `ModelError`."""
        ...

    async def aclose(self) -> None: ...


class LlamaGateway:
    """A `Gateway`: brings an embedded model up, then speaks to it as to any OpenAI-compatible provider."""

    def __init__(self, general: Gateway, servers: LocalServers) -> None:
        self._general = general
        self._servers = servers

    async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
        if not request.endpoint.model.startswith(EMBEDDED):
            return await self._general.complete(request, on_text)
        patience = max(request.timeout_seconds, PATIENCE_SECONDS)

        def call(endpoint: Endpoint) -> Awaitable[Reply]:
            local = replace(request, endpoint=endpoint, timeout_seconds=patience)
            return self._general.complete(local, on_text)

        return await self._servers.run(request.endpoint.model, call)

    async def aclose(self) -> None:
        try:
            await self._general.aclose()
        finally:
            await self._servers.aclose()
