"""`python -m benchmarks [PART...]`: measure, print and write `benchmarks/results.json`."""

import argparse
from collections.abc import Callable, Iterable

from rich.console import Console

from benchmarks import edit_scaling, figures, main_job

PARTS: dict[str, Callable[[], Iterable[figures.Figure]]] = {
    "main-job": main_job.measure,
    "edit-formats": edit_scaling.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all by default: {', '.join(PARTS)}")
    chosen: list[str] = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    console = Console()
    for part in chosen:
        with console.status(f"{part} …") as status:
            measured: list[figures.Figure] = []
            for figure in PARTS[part]():
                measured.append(figure)
                status.update(f"{part}: {figure.name} {figures.readable(figure)}")
        figures.write(part, measured)
        figures.show(part, measured, console)
    console.print(figures.machine())


if __name__ == "__main__":
    main()
