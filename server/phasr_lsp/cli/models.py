"""`phasr models`: the models that can be used here and now, and what each is good for."""

import argparse
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from phasr_lsp.adapters.track_record import TrackRecord, record_file
from phasr_lsp.cli.inventory import Inventory, ModelRow, take_stock
from phasr_lsp.domain.outcome import Tally

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]


WIDE = 120
"""Columns from which a row needs but one line."""


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("models", help="list the models that can be used here and what they cost")
    parser.add_argument("--json", action="store_true", help="write JSON for other programs")
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="the workspace folder (default: the current one)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table and return the exit code: 0, or 1 when no model can be used."""
    inventory = take_stock(args.folder.absolute())
    usable = any(row.obstacle is None for row in inventory.models)
    tallies = TrackRecord(record_file()).tallies()
    console = Console(highlight=False)
    if args.json:
        console.print_json(json.dumps([_as_json(row, _of(row, tallies)) for row in inventory.models]))
    elif inventory.models:
        _print(console, inventory, tallies)
    if not usable:
        Console(stderr=True, highlight=False).print(
            "No model can be used here. `phasr doctor` says what to do.", markup=False
        )
    return 0 if usable else 1


def _of(row: ModelRow, tallies: Sequence[Tally]) -> list[Tally]:
    return [tally for tally in tallies if tally.model == row.endpoint.provider_model]


def _print(console: Console, inventory: Inventory, tallies: Sequence[Tally]) -> None:
    def fitted(text: str) -> str:
        """In several lines where there isn't the room for one."""
        return text if console.width >= WIDE else re.sub(r"(?<=[/_])| (?=\()", "\n", text)

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Model", overflow="fold")
    table.add_column("Tier")
    table.add_column("$ in/out", justify="right", no_wrap=True)
    table.add_column("Context", justify="right", no_wrap=True)
    table.add_column("Edits", no_wrap=True)
    table.add_column("Malformed", justify="right", no_wrap=True)
    table.add_column("Key", no_wrap=True)
    for row in inventory.models:
        table.add_row(
            fitted(row.endpoint.model),
            "\n".join(row.tiers) or "-",
            f"{_price(row.input_price)}/{_price(row.output_price)}",
            _tokens(row.context_window),
            fitted(row.profile.definition),
            "\n".join(fitted(_malformed(tally)) for tally in _of(row, tallies)) or "-",
            _key(row, inventory),
            style="dim" if row.obstacle else "",
        )
    console.print(table)
    for row in inventory.models:
        if row.obstacle:
            console.print(
                f"{row.endpoint.model} can't be used: {row.obstacle.rstrip('.')}.", style="yellow", markup=False
            )
    console.print(
        "Prices are US dollars per million tokens; ? is unknown. Malformed are the replies of which nothing "
        "could be made, by the kind of edits that was asked for.",
        style="dim",
    )


def _price(price: Decimal | None) -> str:
    return "?" if price is None else f"{price.normalize():f}"


def _tokens(tokens: int | None) -> str:
    if tokens is None:
        return "?"
    return f"{tokens / 1_000_000:.3g}M" if tokens >= 1_000_000 else f"{tokens // 1000}k"


def _malformed(tally: Tally) -> str:
    """How many replies were malformed to requests for one format."""
    return f"{tally.asked} {tally.malformed} of {tally.total} ({tally.malformed / tally.total * 100:.1f} %)"


def _key(row: ModelRow, inventory: Inventory) -> str:
    if row.key is None:
        return "none"
    return "set" if row.key in inventory.available.variables else "missing"


def _as_json(row: ModelRow, tallies: Sequence[Tally]) -> dict[str, object]:
    return {
        "model": row.endpoint.model,
        "providerModel": row.endpoint.provider_model,
        "tiers": row.tiers,
        "inputPrice": None if row.input_price is None else float(row.input_price),
        "outputPrice": None if row.output_price is None else float(row.output_price),
        "contextWindow": row.context_window,
        "editFormat": row.profile.definition,
        "replies": {
            tally.asked: {"total": tally.total, "malformed": tally.malformed, "outcomes": tally.replies}
            for tally in tallies
        },
        "key": row.key,
        "usable": row.obstacle is None,
        "obstacle": row.obstacle,
    }
