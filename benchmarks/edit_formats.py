"""How many replies of real models become the right edit, or a clear refusal.

`python benchmarks/edit_formats.py --stdio` reads one case as JSON a line and answers with one result a line:
`{"files_after": {path: text or null}}` or `{"error": "..."}`. `python benchmarks/edit_formats.py FOLDER...`
scores folders of cases in JSON Lines. Both go the way that a task's reply goes. docs/benchmarks.md has the fields
of a case and what counts as passed.
"""

import argparse
import json
import os
import sys
import time
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from phasr_lsp.adapters.data_files import languages
from phasr_lsp.adapters.tree_sitter_syntax import TreeSitterSyntax
from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import Files, Malformed
from phasr_lsp.domain.language import language_of
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Lookup, to_lf
from phasr_lsp.engine.normalise import Broken, guarded, normalise, widened

ROOT = Path(__file__).parents[1]
VARIABLE = "PHASR_EDIT_CASES"
"""Names folders of cases, parted as in PATH."""
EXCEPTIONS = Path(__file__).with_name("edit_formats_exceptions.toml")
LEAST_PASSED = 0.97
MOST_WRONG = 0.003
"""Shares of the cases that count."""
WIDTH = 120
"""Columns of what is printed into a pipe or a file."""

ASKED = {
    "diff": EditFormat.SEARCH_REPLACE,
    "diff-fenced": EditFormat.SEARCH_REPLACE_FENCED,
    "cline-diff": EditFormat.SEARCH_REPLACE,
    "roo-diff": EditFormat.LINE_HINTED,
    "whole": EditFormat.WHOLE_FILE,
    "udiff": EditFormat.UNIFIED_DIFF,
    "git-diff": EditFormat.UNIFIED_DIFF,
    "patch": EditFormat.APPLY_PATCH,
    "edit_tool": EditFormat.TOOL_CALLS,
    "str_replace": EditFormat.TOOL_CALLS,
    "lazy": EditFormat.LAZY,
    "tagged": EditFormat.TAGGED,
}
"""The cases' names of what the model was asked for; any other stands for search and replace."""


class Case(BaseModel):
    """One reply, the files it was written for, and what it should come to."""

    model_config = ConfigDict(frozen=True)

    reply: str | list[Any]
    """The model's text, or its tool calls."""
    id: str = ""
    source: str = ""
    format: str = ""
    files_before: Mapping[str, str | None] = {}
    files_after: Mapping[str, str | None] = {}
    """None: the file isn't there, or no longer."""
    expect: Literal["error", "unlabelled"] | None = None
    target: str = ""
    chat_files: Sequence[str] = ()
    root: str = ""
    args: Mapping[str, Any] = {}
    compare: Literal["eol", "ws", "strict"] = "eol"
    policy: bool = False
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: object) -> object:
        """A field that is null is one that is absent."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in cast("dict[str, object]", data).items() if value is not None}

    @property
    def counts(self) -> bool:
        """Whether there is one right answer: where lenient or strict is a matter of taste, and where nobody wrote
        down what is right, there is none."""
        return not self.policy and self.expect != "unlabelled"

    def relative(self, path: str) -> str:
        """A path from the workspace's top, with forward slashes."""
        path = path.replace("\\", "/")
        return path.removeprefix(self.root.rstrip("/") + "/" if self.root else "").removeprefix("./")

    @property
    def before(self) -> Mapping[str, str]:
        """The texts of the files that are there."""
        return {self.relative(path): text for path, text in self.files_before.items() if text is not None}

    @property
    def wanted(self) -> Mapping[str, str | None]:
        return {self.relative(path): text for path, text in self.files_after.items()}


@dataclass(frozen=True)
class Answer:
    """What a reply comes to."""

    after: Mapping[str, str | None]
    """The new text of each file that it changes; None for one that is gone."""
    error: str = ""
    """Why it can't be used; nothing is changed then."""

    def as_json(self) -> str:
        return json.dumps({"error": self.error} if self.error else {"files_after": self.after})


class Normaliser:
    """Answers cases, each a workspace of its own."""

    def __init__(self) -> None:
        self._languages = languages()
        self._syntax = TreeSitterSyntax(self._languages)

    def answer(self, case: Case) -> Answer:
        reply = case.reply if isinstance(case.reply, str) else json.dumps(case.reply)
        asked = ASKED.get(case.format, EditFormat.SEARCH_REPLACE)
        before = case.before
        folders = {str(folder) for name in before for folder in PurePosixPath(name).parents}
        files, unknown = guarded(reply, self._files(case, before))
        there = {
            name: Lookup(self._file(name, None), str(PurePosixPath(name).parent) in folders) for name in unknown
        }
        files = widened(files, there)
        match normalise(reply, asked, files, self._syntax).result:
            case Malformed(reason):
                return Answer({}, reason)
            case Broken() as broken:
                return Answer({}, str(broken))
            case ChangeSet() as changes if changes.fuzzy:
                return Answer({}, "An edit only resembles what is there; a person has to look at it.")
            case changes:
                gone = {change.name: None for change in changes.files if change.moves}
                return Answer({**gone, **{change.destination.name: change.after for change in changes.files}})

    def _files(self, case: Case, before: Mapping[str, str]) -> Files:
        known = {name: self._file(name, text) for name, text in before.items()}
        shown = [case.relative(path) for path in case.chat_files]
        target = case.relative(case.target) or (shown[0] if len(shown) == 1 else "")
        line = case.args.get("start_line")
        return Files(
            target=known.get(target) or self._file(target, None),
            others=known,
            root=case.root,
            sole=bool(case.target),
            line=line if isinstance(line, int) else None,
        )

    def _file(self, name: str, text: str | None) -> FileText:
        language = language_of(name, None, self._languages.values())
        known = language.name if language else ""
        return FileText(f"file:///{name}", name, text or "", known, exists=text is not None)


class Verdict(StrEnum):
    PASSED = "passed"
    WRONG = "wrong"
    """An edit that differs from what is expected, or one made where refusing was right."""
    REFUSED = "refused"
    """An error where an edit was expected."""
    EXCEPTED = "excepted"
    """Refused, and listed with the reason why that is right."""
    CRASHED = "crashed"


@dataclass(frozen=True)
class Scored:
    case: Case
    verdict: Verdict
    why: str
    """"" where it passed."""
    seconds: float


@dataclass(frozen=True)
class Rates:
    """Shares, 0 to 1, of the cases that count; those that are excepted have passed."""

    cases: int
    passed: float
    wrong: float
    crashed: int
    """Of all cases."""

    @property
    def good(self) -> bool:
        return self.passed >= LEAST_PASSED and self.wrong <= MOST_WRONG and not self.crashed


def collections() -> list[Path]:
    """The folders of cases at hand: those that the environment names, else any `corpus` beside the checkout."""
    named = os.environ.get(VARIABLE, "")
    return [Path(each) for each in named.split(os.pathsep)] if named else sorted(ROOT.parent.glob("*/corpus"))


def load(folders: Iterable[Path]) -> list[Case]:
    """The cases of all `*.jsonl` in the folders; a path may also be such a file.

    Raises `pydantic.ValidationError` for a line that is no case.
    """
    files = [file for path in folders for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]
    return [
        Case.model_validate_json(line)
        for file in files
        for line in file.read_bytes().splitlines()
        if line.strip()
    ]


def exceptions() -> Mapping[str, str]:
    """By id of the case: why refusing is right although its source expects an edit."""
    listed = tomllib.loads(EXCEPTIONS.read_text("utf-8"))["exception"]
    return {name: each["reason"] for each in listed for name in each["ids"]}


def score(cases: Iterable[Case], normaliser: Normaliser) -> Iterator[Scored]:
    excepted = exceptions()
    for case in cases:
        start = time.perf_counter()
        try:
            answer = normaliser.answer(case)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this case's verdict
            yield Scored(case, Verdict.CRASHED, repr(error), time.perf_counter() - start)
            continue
        seconds = time.perf_counter() - start
        verdict, why = judged(case, answer)
        if verdict is Verdict.REFUSED and case.id in excepted:
            verdict, why = Verdict.EXCEPTED, excepted[case.id]
        yield Scored(case, verdict, why, seconds)


def judged(case: Case, answer: Answer) -> tuple[Verdict, str]:
    """The verdict on an answer and the reason for it; whatever comes of an unlabelled reply passes."""
    if case.expect == "unlabelled":
        return Verdict.PASSED, ""
    before, wanted = case.before, case.wanted
    after = {case.relative(path): text for path, text in answer.after.items()}
    if case.expect == "error":
        return (Verdict.PASSED, "") if answer.error else (Verdict.WRONG, "an edit where refusing is right")
    if answer.error:
        return Verdict.REFUSED, answer.error
    for path in {**wanted, **after}:
        want = wanted.get(path, before.get(path))
        got = after.get(path, before.get(path))
        # An empty file and none are the same, except where one is to be deleted.
        kept = wanted.get(path, "") is not None
        if _compared(got or "" if kept else got, case.compare) != _compared(
            want or "" if kept else want, case.compare
        ):
            return Verdict.WRONG, f"`{path}` {_difference(want, got)}"
    return Verdict.PASSED, ""


def rates(scored: Sequence[Scored]) -> Rates:
    times = Counter(each.verdict for each in scored if each.case.counts)
    cases = times.total()
    return Rates(
        cases,
        passed=(times[Verdict.PASSED] + times[Verdict.EXCEPTED]) / max(cases, 1),
        wrong=times[Verdict.WRONG] / max(cases, 1),
        crashed=sum(each.verdict is Verdict.CRASHED for each in scored),
    )


def _compared(text: str | None, how: str) -> str | None:
    """A text without what a comparison passes over."""
    if text is None or how == "strict":
        return text
    text = to_lf(text)
    if how == "ws":
        return "\n".join(line.strip() for line in text.split("\n") if line.strip())
    return text.rstrip("\n")


def _difference(want: str | None, got: str | None) -> str:
    """How a file differs from what it should be, as the end of a sentence about it."""
    if want is None or got is None:
        return "is still there" if want is None else "is missing"
    wish, have = (to_lf(text).split("\n") for text in (want, got))
    at = next((at for at, pair in enumerate(zip(wish, have, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return f"has {len(have)} lines, not {len(wish)}" if len(wish) != len(have) else "has other line ends"
    return f"has in line {at + 1} {have[at]!r}, not {wish[at]!r}"


def table(scored: Iterable[Scored]) -> Table:
    """One row for each source and format, and one for all; columns that say nothing are left out."""
    rows: defaultdict[tuple[str, str], list[Scored]] = defaultdict(list)
    for each in scored:
        rows[each.case.source, each.case.format].append(each)
    total = _row([each for row in rows.values() for each in row])
    names = [name for name, value in total.items() if value]
    shown = Table("source", "format", title="edit formats", title_justify="left", box=SIMPLE_HEAD)
    for name in names:
        shown.add_column(name, justify="right")
    for (source, form), row in sorted(rows.items()):
        numbers = _row(row)
        shown.add_row(source, form, *(numbers[name] for name in names))
    shown.add_section()
    shown.add_row("all", "", *(total[name] for name in names))
    return shown


def _row(scored: Sequence[Scored]) -> dict[str, str]:
    """By column."""
    times = Counter(each.verdict for each in scored if each.case.counts)
    policy = [each.verdict for each in scored if each.case.policy]
    return {
        "cases": str(times.total()),
        "passed": str(times[Verdict.PASSED]),
        "wrong": str(times[Verdict.WRONG]),
        "refused": str(times[Verdict.REFUSED]),
        "excepted": str(times[Verdict.EXCEPTED] or ""),
        "crashed": str(sum(each.verdict is Verdict.CRASHED for each in scored) or ""),
        "policy": f"{policy.count(Verdict.PASSED)} of {len(policy)}" if policy else "",
        "unlabelled": str(sum(each.case.expect == "unlabelled" for each in scored) or ""),
        "ms a case": f"{median(each.seconds for each in scored) * 1000:.1f}",
    }


def stdio() -> None:
    """Answer cases on standard input until it ends; what isn't one is answered with an error."""
    normaliser = Normaliser()
    for line in sys.stdin.buffer:
        if line.strip():
            print(_answered(line, normaliser).as_json(), flush=True)


def _answered(line: bytes, normaliser: Normaliser) -> Answer:
    try:
        return normaliser.answer(Case.model_validate_json(line))
    except ValidationError as error:
        return Answer({}, f"This line is no case: {error}")
    except Exception as error:  # noqa: BLE001 - the cases that follow want their answers too
        traceback.print_exc()
        return Answer({}, f"The normaliser crashed, which is a bug of its: {error!r}")


def report(folders: Sequence[Path], *, failures: bool) -> bool:
    """Score and print; whether the rates are as good as they have to be."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    cases = load(folders)
    if not cases:
        sys.exit(f"There are no cases (*.jsonl) in {', '.join(map(str, folders))}.")
    scored = list(score(cases, Normaliser()))
    console.print(table(scored))
    if failures:
        for each in scored:
            if each.verdict is not Verdict.PASSED:
                label = f"{each.verdict}{' (policy)' if each.case.policy else ''}"
                console.print(
                    f"{each.case.id}  {label}: {each.why}", markup=False, highlight=False, soft_wrap=True
                )
    total = rates(scored)
    console.print(
        f"{total.passed:.1%} of {total.cases} passed (at least {LEAST_PASSED:.0%}), "
        f"{total.wrong:.1%} wrong (at most {MOST_WRONG:.1%})"
    )
    return total.good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="with cases in *.jsonl")
    parser.add_argument("--stdio", action="store_true", help="answer cases on standard input")
    parser.add_argument(
        "--failures", action="store_true", help="list the cases that didn't pass, with the reason"
    )
    arguments = parser.parse_args()
    if arguments.stdio == bool(arguments.folders):
        parser.error("name folders of cases, or --stdio")
    if absent := [str(path) for path in arguments.folders if not path.exists()]:
        parser.error(f"no such folder: {', '.join(absent)}")
    if arguments.stdio:
        stdio()
    elif not report(arguments.folders, failures=arguments.failures):
        sys.exit(1)


if __name__ == "__main__":
    main()
