"""A measured figure, and the file and the table that hold them."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Figure:
    """One number, what it should be and how it was taken."""

    name: str
    value: float
    unit: str
    how: str
    target: float | None = None
    """The most that is good; None: it is there for comparison."""

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.value <= self.target

    def as_json(self, part: str) -> dict[str, Any]:
        fields = asdict(self) | {"part": part, "value": round(self.value, 3), "met": self.met}
        return {key: fields[key] for key in ("part", "name", "value", "unit", "target", "met", "how")}


def write(part: str, figures: Sequence[Figure], path: Path = RESULTS) -> None:
    """Put the part's figures in the place of its old ones; other parts keep theirs."""
    old: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["figures"] if path.exists() else []
    kept = [figure for figure in old if figure["part"] != part]
    results = {
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "figures": [*kept, *(figure.as_json(part) for figure in figures)],
    }
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")


def machine() -> str:
    """The processor, its cores, memory and Python, as far as they explain a figure."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def show(part: str, figures: Iterable[Figure], console: Console) -> None:
    table = Table("figure", "value", "target", "", title=part, title_justify="left")
    verdicts = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}
    for figure in figures:
        target = "" if figure.target is None else f"≤ {figure.target:g}"
        table.add_row(figure.name, readable(figure), target, verdicts[figure.met])
    console.print(table)


def readable(figure: Figure) -> str:
    """The value to three digits or more, and its unit."""
    value = f"{figure.value:,.0f}" if abs(figure.value) >= 100 else f"{figure.value:.3g}"
    return f"{value} {figure.unit}"
