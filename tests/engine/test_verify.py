"""What a reply would do to a file is looked at before anybody gets to see it."""

from pathlib import Path

import pytest

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.engine.verify import find_flaw
from tests.engine.scripted import SMALL, SYNTAX, aim_at

SHOP = """\
import os


class Cart:
    def count(self):
        return 1


def total(prices):
    |>return sum(prices)  # all
"""
TEXT = SHOP.replace("|>", "")
TOTAL = TEXT[TEXT.index("def total") :]


def check(folder: Path, kind: str, after: str, expected: str | None, **wishes: str) -> None:
    """What is said of the change: words of the reason, or None for nothing."""
    aim = aim_at(kind, SHOP, folder, profile=SMALL, **wishes)
    target = aim.files.target
    changes = ChangeSet((FileChange(target.uri, target.name, target.text, after),))
    flaw = find_flaw(changes, aim, SYNTAX)
    assert (flaw and flaw.reason) == expected if expected is None else flaw and expected in flaw.reason, flaw


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        ('def total(prices):\n    """All."""\n    return sum(prices)  # all\n', None),
        ("def total(prices):\n    # Adds.\n    return sum(prices)\n", None),
        ("def total(prices):\n    return sum(prices, 0)\n", "It changes code"),
        ("def total(prices: list):\n    return sum(prices)\n", "It changes code"),
        ('def total(prices):\n    """All."""\n', "It changes code"),
    ],
)
def test_documentation_leaves_the_code_alone(total: str, expected: str | None, tmp_path: Path) -> None:
    check(tmp_path, "document", TEXT.replace(TOTAL, total), expected)


def test_code_that_no_longer_parses(tmp_path: Path) -> None:
    check(tmp_path, "refactor", TEXT.replace("(prices):", "(prices:"), "no longer parses; see line 9")


def test_a_second_copy_of_what_stands_elsewhere(tmp_path: Path) -> None:
    copy = "class Cart:\n    pass\n\n\n"
    check(tmp_path, "refactor", TEXT.replace(TOTAL, copy + TOTAL), "It repeats Cart")
    check(tmp_path, "refactor", TEXT.replace(TOTAL, TOTAL + "\n\ndef helper():\n    pass\n"), None)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (TEXT.replace("import os\n\n\n", ""), None),
        ("import math\n", "It leaves out Cart, count, total"),
        (TEXT[: TEXT.index("def total")], "It leaves out total"),
    ],
)
def test_a_whole_file_is_whole(after: str, expected: str | None, tmp_path: Path) -> None:
    source = "x = 1\n" + SHOP.replace("|>", "") + "|>\n"
    aim = aim_at("fix", source, tmp_path, diagnostic="os is unused")
    target = aim.files.target
    flaw = find_flaw(ChangeSet((FileChange(target.uri, target.name, target.text, after),)), aim, SYNTAX)
    assert flaw is None if expected is None else flaw and expected in flaw.reason, flaw


def test_where_something_is_amiss_nothing_is_no_answer(tmp_path: Path) -> None:
    check(tmp_path, "fix", TEXT, "it changes nothing", diagnostic="undefined")
    check(tmp_path, "document", TEXT, None)
