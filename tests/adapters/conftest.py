"""The fixtures that the gateway's tests share."""

from tests.adapters.providers import aimock, gateway, llmock_server, our_server, server, setup

__all__ = ["aimock", "gateway", "llmock_server", "our_server", "server", "setup"]
