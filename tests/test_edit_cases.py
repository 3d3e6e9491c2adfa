"""Replies and what they should come to: our own, and whatever collections of real ones are at hand.

Collections are other people's data and no part of the repository; docs/benchmarks.md says how to point to some.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from benchmarks.edit_formats import (
    ROOT,
    VARIABLE,
    Normaliser,
    Scored,
    Verdict,
    collections,
    exceptions,
    load,
    rates,
    score,
)

OWN = sorted((ROOT / "tests/data/edit-cases").glob("*.jsonl"))
MOST_EXCEPTIONS = 0.02
"""A share of the cases that count."""

REFUSED: Mapping[str, str] = {
    "plandex-tests-0a41a8dd442f": "a new method between two markers may stand at either end of the one left out",
    "plandex-tests-80b170a20116": "a new call between two markers may stand behind any of three statements",
}
"""Cases that we fail, all of them by a refusal, with the reason."""

pytestmark = pytest.mark.xdist_group("edit-cases")


FOUND = [file for folder in collections() for file in sorted(folder.glob("*.jsonl"))]
"""The files of the collections at hand."""
needs_collections = pytest.mark.skipif(
    not FOUND, reason=f"no collection of cases; set {VARIABLE} to a folder with *.jsonl (docs/benchmarks.md)"
)


@cache
def scored(file: Path) -> list[Scored]:
    return list(score(load([file]), Normaliser()))


def all_scored() -> list[Scored]:
    return [each for file in FOUND for each in scored(file)]


def surprises(file: Path) -> list[str]:
    """The cases that went another way than they should, and how."""
    expected = {Verdict.PASSED, Verdict.EXCEPTED}
    return [
        f"{each.case.id} {each.verdict}: {each.why}"
        for each in scored(file)
        if (each.case.counts and each.verdict not in expected) or each.verdict is Verdict.CRASHED
        if not (each.verdict is Verdict.REFUSED and each.case.id in REFUSED)
    ]


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.stem)
def test_our_own_replies_become_the_right_edit_or_a_refusal(file: Path) -> None:
    assert surprises(file) == []


def test_no_two_of_our_own_have_the_same_id() -> None:
    ids = [case.id for case in load(OWN)]
    assert sorted(set(ids)) == sorted(ids)


@needs_collections
@pytest.mark.parametrize("file", FOUND or [Path()], ids=lambda file: file.stem)
def test_replies_of_real_models_become_the_right_edit_or_a_refusal(file: Path) -> None:
    assert surprises(file) == []


@needs_collections
def test_the_rates_over_all_collections_are_good() -> None:
    total = rates(all_scored())
    assert total.good, total


@needs_collections
def test_every_exception_is_refused_and_there_are_few() -> None:
    listed = exceptions()
    here = [each for each in all_scored() if each.case.id in listed]
    assert {each.case.id: each.verdict for each in here} == {each.case.id: Verdict.EXCEPTED for each in here}
    assert len(here) <= MOST_EXCEPTIONS * rates(all_scored()).cases


@needs_collections
def test_every_known_refusal_is_still_one() -> None:
    now = {each.case.id: each.verdict for each in all_scored() if each.case.id in REFUSED}
    assert now == dict.fromkeys(now, Verdict.REFUSED)
