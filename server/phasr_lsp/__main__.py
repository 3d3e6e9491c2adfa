"""The command `phasr`: argument parsing, and the one place where everything is put together."""

import argparse
import asyncio
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phasr_lsp import __version__

if TYPE_CHECKING:
    from phasr_lsp.adapters.model_store import ModelStore
    from phasr_lsp.lsp.server import PhasrServer
    from phasr_lsp.lsp.session import Install, Session


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="phasr", description="The right model for each coding task.")
    parser.add_argument("--version", action="version", version=f"phasr {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the language server, on stdio unless --tcp is given")
    serve.add_argument("--tcp", metavar="HOST:PORT", help="listen on a loopback address, such as 127.0.0.1:0")
    serve.add_argument("--stdio", action="store_true", help="talk on standard input and output (the default)")
    serve.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    if sys.argv[1:2] == ["serve"]:
        return _serve(parser.parse_args())
    parts = {name: import_module(f"phasr_lsp.cli.{name}") for name in _COMMANDS}
    for part in parts.values():
        part.add_parser(commands)
    return _run(parts, parser.parse_args())


_COMMANDS = ("doctor", "model", "models")
"""Modules of `cli/`; the server starts without them."""


def _run(parts: Mapping[str, Any], arguments: argparse.Namespace) -> int:
    from phasr_lsp.domain.errors import PhasrError

    try:
        return parts[arguments.command].run(arguments)
    except PhasrError as error:
        sys.stderr.write(f"phasr: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _serve(arguments: argparse.Namespace) -> int:
    from phasr_lsp.lsp import wire

    stream = None if arguments.tcp else wire.claim_stdio()
    logging.basicConfig(
        level=arguments.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    from phasr_lsp.domain.errors import ConfigError
    from phasr_lsp.lsp.server import PhasrServer

    async def serve() -> int:
        server = PhasrServer(_open_session)
        try:
            if stream is not None:
                return await wire.serve(server.protocol, stream)
            host, _, port = arguments.tcp.rpartition(":")
            if not port.isdecimal():
                raise ConfigError(f"--tcp {arguments.tcp} has no port.", "Write it as 127.0.0.1:PORT.")
            return await wire.serve_tcp(server.protocol, host.strip("[]"), int(port))
        finally:
            await _close(server)

    async def serve_and_leave() -> None:
        code = await serve()
        logging.shutdown()
        # Not by return: the interpreter would wait for threads, such as one that still imports litellm.
        os._exit(code)

    try:
        asyncio.run(serve_and_leave())
    except ConfigError as error:
        sys.stderr.write(f"phasr: {error}\n")
        return 2
    except KeyboardInterrupt:
        pass
    return 130


_CLOSE_SECONDS = 5.0
"""How long the end may take; the embedded model's process dies with ours in any case."""


async def _close(server: "PhasrServer") -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await server.aclose()
    except TimeoutError:
        logging.getLogger(__name__).warning("gave up waiting for what still runs")


def _open_session(server: "PhasrServer") -> "Session":
    """Put a session together from the adapters."""
    import platformdirs

    from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
    from phasr_lsp.adapters.llama_gateway import LlamaGateway
    from phasr_lsp.adapters.llama_server import LlamaServers, LlamaSettings, spare_threads
    from phasr_lsp.adapters.model_store import ModelStore
    from phasr_lsp.adapters.prices import PriceMap
    from phasr_lsp.adapters.track_record import TrackRecord, record_file
    from phasr_lsp.adapters.tree_sitter_syntax import TreeSitterSyntax
    from phasr_lsp.lsp.session import Parts, Session
    from phasr_lsp.lsp.settings import LiveSettings

    store = ModelStore()
    settings = LiveSettings(PriceMap(), store.installed)

    def weights(name: str) -> Path:
        return settings.config.embedded.file or store.weights(name)

    def llama_settings() -> LlamaSettings:
        embedded = settings.config.embedded
        return LlamaSettings(
            threads=embedded.threads or spare_threads(),
            context_tokens=embedded.context_tokens,
            idle_seconds=embedded.idle_seconds,
        )

    servers = LlamaServers(weights, llama_settings)
    general = LiteLLMGateway(key_for=servers.key_for, retry_seconds=lambda: settings.config.limits.retry_seconds)
    parts = Parts(
        gateway=LlamaGateway(general, servers),
        preloader=general,
        syntax=TreeSitterSyntax(settings.languages),
        settings=settings,
        record=TrackRecord(record_file()),
        install_model=_installer(store),
        # Task ids begin anew in each server.
        reviews=platformdirs.user_cache_path("phasr", appauthor=False) / "reviews" / str(os.getpid()),
    )
    return Session(server.protocol, server.client, parts, server.folders, server.initialization_options)


def _installer(store: "ModelStore") -> "Install":
    """Installs embedded models in a thread that stops when the caller does."""

    async def install(name: str | None, report: Callable[[str, int], None]) -> None:
        loop = asyncio.get_running_loop()
        model = store.model(name)
        cancelled = threading.Event()
        shown = -1

        def progress(arrived: int, whole: int) -> None:
            nonlocal shown
            percent = arrived * 100 // whole
            if percent > shown:
                shown = percent
                text = f"{model.name}: {arrived / 1e6:,.0f} of {whole / 1e6:,.0f} MB"
                loop.call_soon_threadsafe(report, text, percent)

        work = functools.partial(store.install, model.name, progress=progress, cancelled=cancelled.is_set)
        try:
            await loop.run_in_executor(None, work)
        finally:
            cancelled.set()

    return install


if __name__ == "__main__":
    sys.exit(main())
