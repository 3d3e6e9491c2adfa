"""How the time and the memory that a reply takes grow with its size, and what a usual reply takes."""

import gc
import json
import math
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import linear_regression, median

from benchmarks import edit_formats
from benchmarks.edit_formats import Case, Normaliser, Scored
from benchmarks.figures import Figure

OWN = Path(__file__).parents[1] / "tests/data/edit-cases"
SIZES = (0.25, 0.5, 1.0)
"""Shares of the full size."""
ROUNDS = 5
FILE = "src/readings.py"

MARKERS = (
    *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "```python", "```", "~~~~", "```` md", ":start_line:7"),
    *(f"--- a/{FILE}", f"+++ b/{FILE}", "@@ -1,2 +1,2 @@", f"diff --git a/{FILE} b/{FILE}", "-old", "+new"),
    *("*** Begin Patch", f"*** Update File: {FILE}", "*** End Patch", "*** End of File"),
    *(f'<file path="{FILE}">', "</file>", "<search>", "<replace>", "<think>", "</think>", '<invoke name="edit">'),
    *("# ... existing code ...", "{", "[", '{"name": "edit"', FILE, f"`{FILE}`:", "", "    return value"),
)


@dataclass(frozen=True)
class Work:
    """A large reply, to be measured in three sizes."""

    name: str
    make: Callable[[float], Case]
    """Given its share of the full size."""
    edits: bool = True
    """Whether an edit comes of it, and no refusal."""


def measure() -> Iterator[Figure]:
    normaliser = Normaliser()
    for work in WORK:
        yield from _scaled(work, normaliser)
    for name, markers in JUNK.items():
        names = {form: asked for asked, form in edit_formats.ASKED.items()}.values()
        tried = (
            (_seconds(_junk(markers, asked, SIZES[0]), normaliser, at), asked) for at, asked in enumerate(names)
        )
        make = partial(_junk, markers, max(tried)[1])
        yield from _scaled(Work(f"5 MB of {name}", make, edits=False), normaliser)
    yield from _cases(normaliser)


def _scaled(work: Work, normaliser: Normaliser) -> Iterator[Figure]:
    cases = [work.make(size) for size in SIZES]
    sizes = [_size(case) for case in cases]
    answer = normaliser.answer(cases[-1])
    if bool(answer.after) is not work.edits:
        raise RuntimeError(f"{work.name}: {answer.error or 'an edit of a reply that holds none'}")
    rounds = [[_seconds(case, normaliser, attempt) for case in cases] for attempt in range(ROUNDS)]
    taken = [median(times) for times in zip(*rounds, strict=True)]
    growth = linear_regression([math.log(size) for size in sizes], [math.log(each) for each in taken]).slope
    how = f"{sizes[-1] / 1e6:.1f} MB of reply and file, asked for {cases[-1].format}"
    yield Figure(work.name, taken[-1], "s", f"processor time, median of {ROUNDS}; {how}", 1)
    points = ", ".join(f"{seconds:.3g} s" for seconds in taken)
    yield Figure(f"{work.name}: growth", growth, "exponent", f"slope of log time over log size; {points}", 1.2)
    peak = _peak(cases[-1], normaliser) / sizes[-1]
    yield Figure(f"{work.name}: memory", peak, "× input", f"tracemalloc's peak, the input not counted; {how}", 10)


def _seconds(case: Case, normaliser: Normaliser, attempt: int) -> float:
    """Of the processor: nothing is waited for, so other processes' work needn't count."""
    case = _unseen(case, attempt)
    gc.collect()
    start = time.process_time()
    normaliser.answer(case)
    return time.process_time() - start


def _unseen(case: Case, attempt: int) -> Case:
    """The case with a reply that no cache knows: in use, each comes once."""
    return case.model_copy(update={"reply": "\n" * (attempt + 1) + str(case.reply)})


def _peak(case: Case, normaliser: Normaliser) -> int:
    """Bytes that Python allocates at most at one time."""
    case = _unseen(case, ROUNDS)
    gc.collect()
    tracemalloc.start()
    try:
        normaliser.answer(case)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _size(case: Case) -> int:
    """Characters, which are bytes here, of reply and files."""
    return len(case.reply) + sum(map(len, case.before.values()))


def _cases(normaliser: Normaliser) -> Iterator[Figure]:
    """The usual reply, and what becomes of it."""
    own = _scored([OWN], normaliser)
    found = _scored(edit_formats.collections(), normaliser)
    milliseconds = median(each.seconds for each in [*own, *found]) * 1000
    how = f"of {len(own)} cases of our own and {len(found)} in collections at hand"
    yield Figure("a case, median", milliseconds, "ms", how, 2)
    for name, scored in {"our own cases": own, "collections": found}.items():
        if scored:
            rates = edit_formats.rates(scored)
            how = f"{rates.cases} cases that have one right answer"
            most = 100 * (1 - edit_formats.LEAST_PASSED)
            yield Figure(f"{name}: not passed", 100 * (1 - rates.passed), "%", how, round(most, 1))
            yield Figure(f"{name}: wrong", 100 * rates.wrong, "%", how, 100 * edit_formats.MOST_WRONG)


def _scored(folders: Sequence[Path], normaliser: Normaliser) -> list[Scored]:
    return list(edit_formats.score(edit_formats.load(folders), normaliser))


def _function(number: int) -> str:
    return f'''\
def reading_{number}(sensor, unit="litres"):
    """What sensor {number} measured, in the unit that is asked for."""
    value = sensor.measure(channel={number}, samples=16)
    if value is None:
        raise LookupError("sensor {number} is silent")
    return convert(value, unit) + OFFSETS[{number}]


'''


_OLD, _NEW = "    return convert(value, unit) + OFFSETS[{}]\n", "    return convert(value - OFFSETS[{}], unit)\n"
_BYTES, _LINES = len(_function(1000)), _function(0).count("\n")
"""Of one function."""


def _file(functions: int) -> dict[str, str]:
    return {FILE: "".join(_function(number) for number in range(functions))}


def _case(reply: str, asked: str, functions: int) -> Case:
    return Case(reply=reply, format=asked, files_before=_file(functions), target=FILE)


def _changed(share: float, share_of_edits: float | None = None) -> tuple[int, Iterator[tuple[int, str, str]]]:
    """How many functions a file of that share of 1 MB has, and those among them that change: the same share of
    200 if no other one is given, each by its number, and a line with the one that takes its place."""
    functions = int(1e6 * share / _BYTES)
    edits = min(int(200 * (share if share_of_edits is None else share_of_edits)), functions)
    numbers = (edit * (functions // edits) for edit in range(edits))
    return functions, ((number, _OLD.format(number), _NEW.format(number)) for number in numbers)


def _blocks(share: float) -> Case:
    functions, changed = _changed(share)
    blocks = (
        f"{FILE}\n```python\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n" for _, old, new in changed
    )
    return _case("\n".join(blocks), "diff", functions)


def _hunks(share: float) -> Case:
    functions, changed = _changed(share)
    return _case(f"--- a/{FILE}\n+++ b/{FILE}\n" + "".join(map(_hunk, changed)), "udiff", functions)


def _hunk(change: tuple[int, str, str]) -> str:
    """Eight lines, with the line numbers wrong by a hundred as a model writes them."""
    number, old, new = change
    context = [f" {line}\n" for line in _function(number).split("\n")[2:5]]
    line = number * _LINES + 103
    return f"@@ -{line},6 +{line},6 @@\n" + "".join([*context, f"-{old}", f"+{new}", " \n", " \n"])


def _patch(share: float) -> Case:
    functions, changed = _changed(share)
    hunks = (f"@@ {_function(number).splitlines()[0]}\n-{old}+{new}" for number, old, new in changed)
    return _case(f"*** Begin Patch\n*** Update File: {FILE}\n{''.join(hunks)}*** End Patch\n", "patch", functions)


def _calls(share: float) -> Case:
    """200, whatever the size of the file: each of them searches all of it, and growth is with the file alone."""
    functions, changed = _changed(share, share_of_edits=1)
    calls = [
        {"name": "str_replace", "input": {"path": FILE, "old_str": old, "new_str": new}}
        for _, old, new in changed
    ]
    return _case(json.dumps(calls), "edit_tool", functions)


def _long_diff(share: float) -> Case:
    """10,000 lines: a hunk of eight for every other function."""
    hunks = int(10_000 * share) // 8
    changed = ((number, _OLD.format(number), _NEW.format(number)) for number in range(0, 2 * hunks, 2))
    return _case(f"--- a/{FILE}\n+++ b/{FILE}\n" + "".join(map(_hunk, changed)), "udiff", 2 * hunks)


def _junk(markers: Sequence[str], asked: str, share: float) -> Case:
    """That share of 5 MB of lines, always the same ones."""
    mean = sum(map(len, markers)) / len(markers) + 1
    lines = random.Random(0).choices(markers, k=int(5e6 * share / mean))
    return _case("\n".join(lines), asked, functions=20)


WORK = (
    Work("200 search/replace blocks in 1 MB", _blocks),
    Work("200 diff hunks in 1 MB", _hunks),
    Work("200 patch hunks in 1 MB", _patch),
    Work("200 tool calls in 1 MB", _calls),
    Work("a diff of 10,000 lines", _long_diff),
)
JUNK: Mapping[str, Sequence[str]] = {
    "all markers in disorder": MARKERS,
    "SEARCH blocks in disorder": ("<<<<<<< SEARCH", "x = 1", "=======", "x = 2", ">>>>>>> REPLACE"),
    "unclosed fences": ("```python", "````", "~~~~ text", "x = 1"),
    "unclosed tags": ('<invoke name="edit">', f'<file path="{FILE}">', "<search>", "x = 1"),
}
