"""Phasr without a task: how fast it starts, how fast it offers actions, how much memory it holds.

Each figure is a ratio to the smallest pygls server, measured in turns on the same machine.
"""

import random
import sys
from collections.abc import Iterator
from statistics import median, quantiles
from tempfile import TemporaryFile
from time import perf_counter_ns

import psutil

from benchmarks.figures import Figure
from benchmarks.raw_client import RawClient
from benchmarks.servers import PHASR, SMALLEST, Desk, capabilities

STARTS = 12
ROUNDS = 5
REQUESTS = 500
LINES = 10_000
MEMORY_ROUNDS = 3


def start(desk: Desk) -> Iterator[Figure]:
    """From the process's start to the answer to `initialize`."""
    spent: dict[tuple[str, ...], list[float]] = {PHASR: [], SMALLEST: []}
    for command in spent:
        _milliseconds_to_initialize(desk, command)
    for _ in range(STARTS):
        for command, times in spent.items():
            times.append(_milliseconds_to_initialize(desk, command))
    ours, least = median(spent[PHASR]), median(spent[SMALLEST])
    how = f"process start to initialize's answer; median of {STARTS} starts, the two servers in turns"
    yield Figure("initialize, against the smallest pygls server", ours / least, "x", how, 1.3)
    yield Figure("initialize", ours, "ms", how)
    yield Figure("initialize, smallest pygls server", least, "ms", how)
    yield Figure(
        "litellm modules imported by then",
        _litellm_modules(desk),
        "modules",
        "lines for litellm in the log of `python -X importtime` when initialize's answer is there",
        0,
    )


def _milliseconds_to_initialize(desk: Desk, command: tuple[str, ...]) -> float:
    said = capabilities()
    begin = perf_counter_ns()
    with desk.start(command) as client:
        client.initialize(said, desk.project)
        return (perf_counter_ns() - begin) / 1e6


def _litellm_modules(desk: Desk) -> int:
    command = (sys.executable, "-X", "importtime", "-m", "phasr_lsp", "serve")
    with TemporaryFile() as log, RawClient(command, desk.environment, log) as client:
        client.initialize(capabilities(), desk.project)
        log.seek(0)
        names = [line.rpartition(b"|")[2].strip() for line in log.read().splitlines()]
    if b"phasr_lsp.lsp.server" not in names:
        raise RuntimeError("the log of imports doesn't show the server's own")
    return sum(name.partition(b".")[0] == b"litellm" for name in names)


def code_actions(desk: Desk) -> Iterator[Figure]:
    """Actions at random lines of a long file, against a handler that does nothing."""
    text = "".join(
        f"def function_{number}(value):\n    return value + {number}\n" for number in range(LINES // 2)
    )
    path = desk.write("long.py", text)
    lines = random.Random(1)
    ratios: list[float] = []
    with desk.start(PHASR) as ours, desk.start(SMALLEST) as least:
        uri = ""
        for client in (ours, least):
            desk.greet(client)
            uri = client.open(path, text)
            client.code_action(uri, 0)
        if not ours.code_action(uri, 0):
            raise RuntimeError("the menu is empty")
        every: dict[RawClient, list[float]] = {ours: [], least: []}
        for _ in range(ROUNDS):
            spent: dict[RawClient, list[float]] = {ours: [], least: []}
            for _ in range(REQUESTS):
                line = lines.randrange(LINES)
                for client, times in spent.items():
                    begin = perf_counter_ns()
                    client.code_action(uri, line)
                    times.append((perf_counter_ns() - begin) / 1e6)
            ratios.append(_p99(spent[ours]) / _p99(spent[least]))
            for client, times in spent.items():
                every[client] += times
    how = (
        f"{ROUNDS} rounds of {REQUESTS} requests at random lines of a Python file with {LINES:,} lines, "
        "the two servers in turns; from the request's first byte to the answer's last"
    )
    ratio = Figure(
        "codeAction p99, against an empty handler", median(ratios), "x", f"{how}; median of the rounds", 3.0
    )
    yield ratio
    yield Figure("codeAction p99", _p99(every[ours]), "ms", how)
    yield Figure("codeAction p99, empty handler", _p99(every[least]), "ms", how)
    yield Figure("codeAction median", median(every[ours]), "ms", how)
    yield Figure("codeAction median, empty handler", median(every[least]), "ms", how)


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def memory(desk: Desk) -> Iterator[Figure]:
    """Resident memory once one document is open and its first menu was shown."""
    rounds = [
        (_resident_mebibytes(desk, PHASR), _resident_mebibytes(desk, SMALLEST)) for _ in range(MEMORY_ROUNDS)
    ]
    how = (
        "resident set after initialized, one document opened and one codeAction answered, a model configured;"
        f" median of {MEMORY_ROUNDS} starts, the two servers in turns"
    )
    ratio = median(ours / least for ours, least in rounds)
    yield Figure("memory idle, against the smallest pygls server", ratio, "x", how, 1.5)
    yield Figure("memory idle", median(ours for ours, _ in rounds), "MiB", how)
    yield Figure("memory idle, smallest pygls server", median(least for _, least in rounds), "MiB", how)


def _resident_mebibytes(desk: Desk, command: tuple[str, ...]) -> float:
    text = "def double(value):\n    return 2 * value\n"
    with desk.start(command) as client:
        desk.greet(client)
        client.code_action(client.open(desk.write("short.py", text), text), 0)
        return psutil.Process(client.process.pid).memory_info().rss / 2**20
