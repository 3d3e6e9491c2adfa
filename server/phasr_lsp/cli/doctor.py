"""`phasr doctor`: what works here, and what to do about the rest."""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from phasr_lsp import __version__
from phasr_lsp.cli.inventory import Inventory, take_stock
from phasr_lsp.domain.errors import ModelError
from phasr_lsp.domain.model import Tier
from phasr_lsp.domain.problem import Problem

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]

LEAST_PYTHON = (3, 11)
GIT_SECONDS = 5.0


class State(StrEnum):
    OK = "ok"
    MISSING = "missing"
    """Not there; something can't be done without it."""
    WRONG = "wrong"
    """There, but it can't be used as it is."""


_COLOURS = {State.OK: "green", State.MISSING: "yellow", State.WRONG: "red"}


@dataclass(frozen=True)
class Finding:
    part: str
    state: State
    text: str
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("doctor", help="check what works here and say what to do about the rest")
    parser.add_argument("--json", action="store_true", help="write JSON for other programs")
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="the workspace folder (default: the current one)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings and return the exit code: 0, or 1 when no model can be used."""
    inventory = take_stock(args.folder.absolute())
    findings = list(examine(inventory))
    usable = [row.endpoint.model for row in inventory.models if row.obstacle is None]
    console = Console(highlight=False)
    if args.json:
        console.print_json(json.dumps({"usable": usable, "findings": [asdict(each) for each in findings]}))
    else:
        _print(console, findings, usable)
    return 0 if usable else 1


def examine(inventory: Inventory) -> Iterator[Finding]:
    yield Finding("Phasr", State.OK, __version__)
    yield _python()
    yield from _packages()
    yield _git()
    yield from _configuration(inventory)
    yield from _keys(inventory)
    yield _ollama(inventory)
    yield from _embedded(inventory)
    yield from _tiers(inventory)
    yield from _folders()


def _python() -> Finding:
    version = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info >= LEAST_PYTHON:
        return Finding("Python", State.OK, version)
    return Finding("Python", State.WRONG, version, "Install Python 3.11 or newer, and Phasr into it.")


def _packages() -> Iterator[Finding]:
    if _version("litellm") and _version("litellm-core"):
        advice = "Remove both packages and install litellm again: they overwrite each other's files."
        yield Finding("litellm", State.WRONG, "installed together with litellm-core", advice)
    else:
        yield _package("litellm", "Install Phasr again: no provider can be reached without it.")
    yield _package(
        "xllamacpp",
        "Only the embedded model needs it: install Phasr with its `local` extra, as in the README.",
    )


def _package(name: str, advice: str) -> Finding:
    version = _version(name)
    return Finding(name, State.OK, version) if version else Finding(name, State.MISSING, "not installed", advice)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git() -> Finding:
    path = shutil.which("git")
    if path is None:
        return Finding("git", State.MISSING, "not found on PATH", "Install git from your system's packages.")
    try:
        answer = subprocess.run(  # noqa: S603 - the git on the user's own PATH
            [path, "--version"], capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return Finding("git", State.WRONG, f"{path} doesn't run", "Install git from your system's packages.")
    return Finding("git", State.OK, answer.stdout.strip().removeprefix("git version "))


def _configuration(inventory: Inventory) -> Iterator[Finding]:
    for part, path, otherwise in (
        ("Your settings", inventory.user_file, "not there; the defaults hold"),
        ("Workspace", inventory.workspace_file, "not there; your own settings hold"),
    ):
        problems = [problem for problem in inventory.problems if problem.source == path]
        if not problems:
            yield Finding(part, State.OK, str(path) if path.exists() else f"{path}: {otherwise}")
        yield from (_problem(part, problem) for problem in problems)
    for problem in inventory.problems:
        if problem.source not in (inventory.user_file, inventory.workspace_file):
            yield _problem("Kinds", problem)


def _problem(part: str, problem: Problem) -> Finding:
    place = f"{problem.source}:{problem.place.line + 1}:{problem.place.column + 1}"
    return Finding(part, State.WRONG, place, problem.message)


def _keys(inventory: Inventory) -> Iterator[Finding]:
    configured = (settings.api_key_env for settings in inventory.config.models.values())
    for variable in dict.fromkeys(filter(None, configured)):
        if variable in inventory.available.variables:
            yield Finding("Key", State.OK, f"{variable} is set")
        else:
            advice = "Your settings name it: set it in the environment that your editor starts from."
            yield Finding("Key", State.MISSING, f"{variable} isn't set", advice)
    none_set = True
    for provider in inventory.catalogue.providers:
        for variable in provider.keys:
            if variable in inventory.available.variables:
                none_set = False
                yield Finding("Key", State.OK, f"{variable} is set: {provider.title}")
    if none_set:
        variables = ", ".join(each.keys[0] for each in inventory.catalogue.providers if each.keys)
        advice = f"To use a provider, set its key in the environment that your editor starts from: {variables}."
        yield Finding("Key", State.MISSING, "no provider's key is set", advice)


def _ollama(inventory: Inventory) -> Finding:
    found = inventory.ollama
    if not found.local:
        return Finding("Ollama", State.OK, f"{found.address} is another machine and wasn't asked")
    if found.models is None:
        advice = "To use it, install Ollama or start it with `ollama serve`."
        return Finding("Ollama", State.MISSING, f"doesn't answer on {found.address}", advice)
    if not found.models:
        advice = "Get one, such as `ollama pull qwen2.5-coder`."
        return Finding("Ollama", State.MISSING, f"{found.address} has no models", advice)
    text = f"{found.address}: {', '.join(found.models)}"
    if not found.reached_by_default:
        advice = f"Set OLLAMA_API_BASE={found.address} as well: calls don't follow OLLAMA_HOST."
        return Finding("Ollama", State.WRONG, text, advice)
    return Finding("Ollama", State.OK, text)


def _embedded(inventory: Inventory) -> Iterator[Finding]:
    file = inventory.config.embedded.file
    if file is not None:
        if file.is_file():
            yield Finding("Embedded", State.OK, f"{file} ({_size(file)})")
        else:
            advice = "Correct embedded.file in your settings, or remove it."
            yield Finding("Embedded", State.WRONG, f"{file} isn't there", advice)
    for name in inventory.store.installed():
        path = inventory.store.weights(name)
        yield Finding("Embedded", State.OK, f"{name}: {path} ({_size(path)})")
    if file is None and not inventory.store.installed():
        advice = "To work without any key, install it: `phasr model install`."
        yield Finding("Embedded", State.MISSING, "no weights are installed", advice)


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e9:.2f} GB"


def _tiers(inventory: Inventory) -> list[Finding]:
    findings = [_tier(inventory, tier) for tier in Tier]
    if len({(finding.text, finding.advice) for finding in findings}) == 1:
        return [replace(findings[0], part="Every tier")]
    return findings


def _tier(inventory: Inventory, tier: Tier) -> Finding:
    part = f"Tier {tier}"
    try:
        choice = inventory.choice(tier)
    except ModelError as error:
        return Finding(part, State.MISSING, error.message, error.advice)
    text = f"{choice.endpoint.model} ({choice.why})"
    obstacle = inventory.obstacle(choice.endpoint)
    if obstacle:
        return Finding(part, State.MISSING, text, f"It can't be used now: {obstacle.rstrip('.')}.")
    return Finding(part, State.OK, text)


def _folders() -> Iterator[Finding]:
    for part, path in (
        ("Config folder", platformdirs.user_config_path("phasr", appauthor=False)),
        ("Cache folder", platformdirs.user_cache_path("phasr", appauthor=False)),
        ("State folder", platformdirs.user_state_path("phasr", appauthor=False)),
    ):
        if _writable(path):
            yield Finding(part, State.OK, str(path))
        else:
            yield Finding(part, State.WRONG, f"{path} can't be written", "Correct its owner or permissions.")


def _writable(path: Path) -> bool:
    """Whether files can be made there, or the folder where it isn't there yet."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _print(console: Console, findings: list[Finding], usable: list[str]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        text = Text(finding.text)
        if finding.advice:
            text.append(f"\n{finding.advice}", style="dim")
        table.add_row(Text(finding.state, style=_COLOURS[finding.state]), finding.part, text)
    console.print(table)
    if usable:
        models = "1 model" if len(usable) == 1 else f"{len(usable)} models"
        console.print(f"\nReady: {models} can be used here. `phasr models` lists them.", style="green")
    else:
        console.print(
            "\nNot ready: no model can be used here yet. Any one of the ways above will do.", style="red"
        )
