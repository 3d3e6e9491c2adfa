"""Tasks on a model that answers right after 300 ms: what Phasr adds to that, alone and twenty at once."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns
from typing import Any

import psutil

from benchmarks.figures import Figure
from benchmarks.raw_client import RawClient
from benchmarks.servers import PHASR, REPOSITORY, Desk
from tests.fault_server import fault_server_process

LATENCY = 0.3
"""Seconds before the model's first byte."""
TOKEN = 4
"""Characters in each chunk of a streamed reply."""
AT_ONCE = 20
ROUNDS = 7

_ENDED = ("applied", "failed", "conflicted", "cancelled")

_BODY = """\
    subtotal = sum(line.price * line.quantity for line in lines)
    for voucher in vouchers:
        if voucher.expired(today) or subtotal < voucher.least:
            continue
        subtotal -= min(voucher.value, subtotal)
    return round(subtotal * (1 + rate), 2)
"""
_HEAD = "def total(lines, vouchers, rate, today):\n"
_BEFORE = f"from shop.errors import EmptyBasket\n\n\n{_HEAD}{_BODY}"
_DOCUMENTED = f'{_HEAD}    """Return what a basket costs, vouchers deducted and tax added."""\n{_BODY}'
_AFTER = _BEFORE.replace(f"{_HEAD}{_BODY}", _DOCUMENTED)
_LINE = 3
"""Where the function begins."""


@dataclass(frozen=True)
class Cost:
    """Of some tasks at once."""

    milliseconds: float
    """From the first command until the last buffer holds its edit and the server says so."""
    cpu_milliseconds: float
    """Of the server, for each task."""


class Bench:
    """Phasr with a client at one end and a model at the other."""

    def __init__(self, desk: Desk, client: RawClient) -> None:
        self._desk = desk
        self._client = client
        self._process = psutil.Process(client.process.pid)
        self._files = 0

    def run(self, count: int) -> Cost:
        """So many tasks at once, each on a file of its own. Raises RuntimeError unless each edit is right."""
        client = self._client
        uris = [self._open() for _ in range(count)]
        client.code_action(uris[-1], _LINE)
        client.tasks.clear()
        bars = client.bars_ended + count
        cpu = self._cpu_seconds()
        begin = perf_counter_ns()
        for uri in uris:
            client.run("document", uri, _LINE)
        client.until(lambda: sum(task["state"] in _ENDED for task in client.tasks.values()) == count)
        nanoseconds = perf_counter_ns() - begin
        client.until(lambda: client.bars_ended == bars)
        cpu = self._cpu_seconds() - cpu
        if any(client.texts[uri] != _AFTER for uri in uris):
            reasons = {task["message"] for task in client.tasks.values()}
            raise RuntimeError(f"not every edit was made: {reasons}")
        return Cost(nanoseconds / 1e6, cpu * 1000 / count)

    def _open(self) -> str:
        self._files += 1
        return self._client.open(self._desk.write(f"basket_{self._files}.py", _BEFORE), _BEFORE)

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system


def measure(desk: Desk) -> Iterator[Figure]:
    reply = f"```python\n{_DOCUMENTED}```\n"
    with fault_server_process({"latency": LATENCY, "rules": [{"text": reply, "chunk": TOKEN}]}) as urls:
        desk.configure(urls.openai_base)
        with desk.start(PHASR) as client:
            desk.greet(client)
            bench = Bench(desk, client)
            bench.run(1)
            bench.run(AT_ONCE)
            rounds = [(bench.run(1), bench.run(AT_ONCE)) for _ in range(ROUNDS)]
        yield from _figures(rounds)
        with urllib.request.urlopen(f"{urls.control}/requests") as answer:
            messages = json.load(answer)[-1]["body"]["messages"]
        yield from _floor(urls.openai_base, messages)


def _figures(rounds: Sequence[tuple[Cost, Cost]]) -> Iterator[Figure]:
    how = (
        f"a scripted provider answers after {LATENCY * 1000:.0f} ms; VS Code's capabilities, progress shown;"
        " from executeCommand until the buffer holds the edit and the task says applied;"
        f" median of {ROUNDS} rounds, one task and {AT_ONCE} in turns"
    )
    in_process = "user and system time of the server's process until the last progress bar has gone"
    one = median(single.milliseconds for single, _ in rounds)
    many = median(batch.milliseconds for _, batch in rounds)
    yield Figure("one task, above the model's own time", one - LATENCY * 1000, "ms", how, 60)
    yield Figure(
        f"{AT_ONCE} tasks at once, against one",
        median(batch.milliseconds / single.milliseconds for single, batch in rounds),
        "x",
        how,
        1.5,
    )
    yield Figure(f"{AT_ONCE} tasks at once", many, "ms", how)
    yield Figure(
        f"CPU for each of {AT_ONCE} tasks",
        median(batch.cpu_milliseconds for _, batch in rounds),
        "ms",
        f"{in_process}; median of {ROUNDS} rounds",
        50,
    )


def _floor(openai_base: str, messages: list[dict[str, Any]]) -> Iterator[Figure]:
    """The same calls without Phasr."""
    for name, stream in (("", False), (", streamed", True)):
        work = {
            "api_base": openai_base,
            "messages": messages,
            "count": AT_ONCE,
            "rounds": ROUNDS,
            "stream": stream,
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bare_litellm"],
            cwd=REPOSITORY,
            input=json.dumps(work),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        cost = json.loads(done.stdout.splitlines()[-1])
        how = f"the same {AT_ONCE} prompts by litellm.acompletion in one process; median of {ROUNDS} rounds"
        yield Figure(f"{AT_ONCE} bare litellm calls at once{name}", cost["milliseconds"], "ms", how)
        yield Figure(f"CPU for each bare litellm call{name}", cost["cpu_milliseconds"], "ms", how)
