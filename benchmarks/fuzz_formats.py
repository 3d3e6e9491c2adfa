"""Replies that nobody would write, thrown at the parsers of edit formats: `python -m benchmarks.fuzz_formats`.

Mutates good replies in every format, and the cases of `tests/data/edit-cases`. Whatever a reply holds, nothing
may raise, and a change has to be one of the files as they are. What breaks that is printed and ends the run with
status 1; the replies that are slowest for their size are printed too.
"""

import argparse
import json
import random
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from phasr_lsp.domain.formats import detect
from phasr_lsp.domain.formats.continuation import joined, whole_lines
from phasr_lsp.domain.model import ASKED, EditFormat
from phasr_lsp.domain.text import Span
from tests.domain.test_format_fuzz import FAULTLESS, KEYS_OF_CALLS, PIECES, TEXTS, check, files_for

CASES = Path("tests/data/edit-cases")
SECONDS_FOR_A_MEGABYTE = 2.0
"""A reply that takes longer for its size, and a tenth of a second besides, is reported."""
MOST_LINES = 400
SHOWN = 5


@dataclass
class Tally:
    tried: int = 0
    changed: int = 0
    """Replies of which a change came."""
    faults: dict[str, tuple[EditFormat, str]] = field(default_factory=dict[str, tuple[EditFormat, str]])
    """By the place where it went wrong: the smallest reply that leads there."""
    slowest: list[tuple[float, EditFormat, str]] = field(default_factory=list[tuple[float, EditFormat, str]])
    """Seconds beyond what the size explains."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10.0)
    arguments.add_argument("--seed", type=int, default=None, help="of the random numbers; the clock by default")
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}")
    tally = fuzz(random.Random(seed), time.monotonic() + given.minutes * 60)
    report(tally)
    sys.exit(1 if tally.faults else 0)


def fuzz(chance: random.Random, deadline: float) -> Tally:
    """Try replies until the deadline."""
    tally = Tally()
    seeds = [*FAULTLESS, *replies_in(CASES)]
    for reply in mutated(chance, seeds):
        if time.monotonic() > deadline:
            return tally
        attempt(chance, reply, tally)
    return tally


def attempt(chance: random.Random, reply: str, tally: Tally) -> None:
    """One reply to one question, and the look at it."""
    asked = chance.choice(ASKED)
    started = time.process_time()
    try:
        detect(reply)
        cut = chance.randint(0, len(reply))
        joined(whole_lines(reply[:cut]), reply[cut:])
        region = Span(12, 34) if chance.random() < 0.5 else None
        changes = check(asked, reply, files_for(reply, region=region, name="f" if region else ""))
    except Exception as error:  # noqa: BLE001 - what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        if where not in tally.faults or len(reply) < len(tally.faults[where][1]):
            tally.faults[where] = (asked, reply)
    else:
        tally.changed += not changes.empty
    tally.tried += 1
    beyond = time.process_time() - started - 0.1 - len(reply) / 1_000_000 * SECONDS_FOR_A_MEGABYTE
    if beyond > 0:
        tally.slowest = sorted([*tally.slowest, (beyond, asked, reply)], key=lambda each: -each[0])[:SHOWN]


def mutated(chance: random.Random, seeds: Sequence[str]) -> Iterator[str]:
    """Replies without end: each a good one, or two, after some damage."""
    while True:
        lines = chance.choice(seeds).split("\n")
        for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 8))):
            damage(chance, lines, seeds)
        reply = "\n".join(lines[:MOST_LINES])
        for _ in range(chance.choice((0, 0, 1, 3))):
            reply = smudged(chance, reply)
        yield reply * chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 50))


def damage(chance: random.Random, lines: list[str], seeds: Sequence[str]) -> None:
    """Change some lines in place."""
    at = chance.randint(0, len(lines))
    end = min(at + chance.randint(0, 4), len(lines))
    match chance.randint(0, 8):
        case 0:
            del lines[at:end]
        case 1:
            lines[at:at] = lines[at:end]
        case 2:
            lines[at:end] = chance.choice(seeds).split("\n")
        case 3:
            del lines[at:]
        case 4:
            lines[at:end] = [
                chance.choice((" ", "+", "-", "> ", "    ", "\t", "`")) + line for line in lines[at:end]
            ]
        case 5:
            chance.shuffle(lines[at:end])
            lines[at:end] = reversed(lines[at:end])
        case 6:
            lines[at:at] = [value(chance, 3)]
        case 7:
            lines[at:at] = [chance.choice(PIECES)] * chance.choice((1, 2, 200))
        case _:
            lines[at:at] = [chance.choice(PIECES) for _ in range(chance.randint(1, 6))]


def smudged(chance: random.Random, text: str) -> str:
    """One place of a text with other characters in it."""
    at = chance.randint(0, len(text))
    end = min(at + chance.choice((0, 0, 1, 1, 3, 20)), len(text))
    other = chance.choice(
        (
            "",
            "\r",
            "\r\n",
            "\x00",
            "\ud800",
            "\ufeff",
            "`",
            "<",
            ">",
            '"',
            "\\",
            "{",
            "]",
            chr(chance.randint(0, 0x2FFF)),
        )
    )
    return text[:at] + other * chance.choice((1, 1, 1, 50)) + text[end:]


def value(chance: random.Random, depth: int) -> str:
    """A JSON value of the kind that calls have."""

    def made(depth: int) -> object:
        match chance.randint(0, 7 if depth else 4):
            case 0:
                return chance.choice((None, True, False, 0, -1, 10**30, 1.5))
            case 1 | 2 | 3:
                return chance.choice(PIECES)
            case 4:
                return "src/app.py"
            case 5:
                return [made(depth - 1) for _ in range(chance.randint(0, 3))]
            case _:
                return {chance.choice(KEYS_OF_CALLS): made(depth - 1) for _ in range(chance.randint(0, 5))}

    return json.dumps(made(depth))


def replies_in(folder: Path) -> list[str]:
    """The replies of cases in JSON Lines; none where there is no such folder."""
    lines = (line for path in sorted(folder.glob("**/*.jsonl")) for line in path.read_text("utf-8").split("\n"))
    found = (json.loads(line).get("reply") for line in lines if line.strip())
    return [reply if isinstance(reply, str) else json.dumps(reply) for reply in found if reply]


def report(tally: Tally) -> None:
    print(f"{tally.tried} replies, {tally.changed} of them a change, {len(TEXTS)} files")
    for seconds, asked, reply in tally.slowest:
        print(f"slow: {seconds:.2f} s too long for {len(reply)} characters, asked for {asked}: {reply[:200]!r}")
    for where, (asked, reply) in tally.faults.items():
        print(f"FAULT: {where}, asked for {asked}:\n{reply!r}\n")


if __name__ == "__main__":
    main()
