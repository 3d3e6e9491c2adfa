"""`phasr model install | status | remove`: the embedded models from a terminal."""

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from phasr_lsp.adapters.model_store import InstallCancelled, ModelState, ModelStore
from phasr_lsp.domain.errors import PhasrError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]

RUNTIME_ADVICE = "Install Phasr with its `local` extra (see the README); until then no embedded model can run."


def add_parser(subparsers: "Subparsers") -> None:
    """Add `model` and its three actions to the command line."""
    parser = subparsers.add_parser("model", help="install, look at or remove the model that runs on this machine")
    actions = parser.add_subparsers(dest="action", required=True)
    install = actions.add_parser("install", help="download and verify the weights")
    install.add_argument("name", nargs="?", help="which model; by default the best one for this machine's memory")
    install.add_argument("--file", type=Path, metavar="PATH", help="use this copy instead of downloading")
    actions.add_parser("status", help="show what is installed and verify it")
    remove = actions.add_parser("remove", help="delete the weights")
    remove.add_argument("name", nargs="?", help="which model; by default every one that is here")


def run(args: argparse.Namespace) -> int:
    """Do what `add_parser`'s arguments say and return the exit code: 0, or 1 after one message on stderr."""
    console, store = Console(), ModelStore()
    try:
        match args.action:
            case "install":
                _install(console, store, args.name, args.file)
            case "remove":
                _remove(console, store, args.name)
            case _:
                return _status(console, store)
    except PhasrError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    return 0


def runtime_installed() -> bool:
    """Whether llama.cpp is there to run the weights; it isn't loaded."""
    return importlib.util.find_spec("xllamacpp") is not None


def _install(console: Console, store: ModelStore, name: str | None, file: Path | None) -> None:
    model = store.model(name)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task(model.short_name, total=model.bytes)
        try:
            path = store.install(
                model.name, file=file, progress=lambda arrived, _: bar.update(task, completed=arrived)
            )
        except KeyboardInterrupt as interrupt:
            raise InstallCancelled from interrupt
    console.print(f"{model.name} is installed and verified: {path}", highlight=False, soft_wrap=True)
    if not runtime_installed():
        console.print(f"xllamacpp, which runs it, is missing. {RUNTIME_ADVICE}", style="yellow", soft_wrap=True)


def _remove(console: Console, store: ModelStore, name: str | None) -> None:
    for model in [store.model(name)] if name else store.models:
        if freed := store.remove(model.name):
            console.print(f"{model.name} was removed: {freed / 1e9:.1f} GB freed.", highlight=False)
        elif name:
            console.print(f"{model.name} isn't installed.", highlight=False)


def _status(console: Console, store: ModelStore) -> int:
    statuses = store.status()
    for status in statuses:
        verified = ", SHA-256 verified" if status.state is ModelState.INSTALLED else ""
        size = f"{status.bytes / 1e9:.2f} of {status.model.bytes / 1e9:.2f} GB"
        console.print(f"{status.model.name}: {status.state}{verified}, {size}", highlight=False, soft_wrap=True)
        if status.bytes:
            console.print(f"  {status.path}", highlight=False, soft_wrap=True)
    if any(status.state is ModelState.DAMAGED for status in statuses):
        console.print("A damaged file is replaced by `phasr model install NAME`.", style="red")
    if runtime_installed():
        console.print("xllamacpp, which runs them, is installed.", highlight=False)
    else:
        console.print(f"xllamacpp, which runs them, is missing. {RUNTIME_ADVICE}", style="yellow", soft_wrap=True)
    return 0
