"""What holds for all tests: none of them talks to another machine."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

_attempts: list[str] = []


@pytest.fixture(autouse=True, scope="session")
def _guard_connections() -> Iterator[None]:
    """Refuse connections that leave this machine, and remember them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True)
def _no_connection_leaves_this_machine(_guard_connections: None) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Fail the test also where the code under test swallowed the refusal."""
    _attempts.clear()
    yield
    assert not _attempts, f"this test connected to {', '.join(_attempts)}: tests stay on loopback"


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            _attempts.append(str(address))
            raise ConnectionRefusedError(f"tests stay on loopback, not {address}")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
