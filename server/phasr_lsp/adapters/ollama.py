"""Whether Ollama runs on this machine, and which models it has."""

import http.client
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEFAULT_PORT = 11434
SECONDS = 1.0
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Ollama:
    address: str
    """`http://HOST:PORT`."""
    models: tuple[str, ...] | None
    """Without the prefix `ollama/`; None: it doesn't answer, or wasn't asked since it isn't on this machine."""
    local: bool = True
    reached_by_default: bool = True
    """Whether calls go to this address unless configuration says otherwise."""


def probe(environ: Mapping[str, str]) -> Ollama:
    """Ask for the list of models, for a second at the most. Nothing is asked of other machines."""
    named = environ.get("OLLAMA_API_BASE") or environ.get("OLLAMA_HOST") or ""
    host, port = _host_and_port(named)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}"
    by_default = bool(environ.get("OLLAMA_API_BASE")) or port == DEFAULT_PORT
    if named.startswith("https:") or not _is_loopback(host):
        return Ollama(address, None, local=False, reached_by_default=by_default)
    return Ollama(address, _models(host, port), reached_by_default=by_default)


def _host_and_port(named: str) -> tuple[str, int]:
    parts = urlsplit(named if "//" in named else f"//{named}")
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        port = DEFAULT_PORT
    host = parts.hostname or "127.0.0.1"
    return ("127.0.0.1" if host == "0.0.0.0" else host), port  # noqa: S104 - where it listens, not where we do


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _models(host: str, port: int) -> tuple[str, ...] | None:
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/api/tags")
        answer: Any = json.loads(connection.getresponse().read(MAX_BYTES))
        return tuple(str(model["name"]) for model in answer["models"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None  # nobody there, or somebody else
    finally:
        connection.close()
