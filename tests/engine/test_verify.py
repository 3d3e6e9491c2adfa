"""What a reply would do to a file is looked at before anybody gets to see it."""

from pathlib import Path

import pytest

from phasr_lsp.domain.change import ChangeSet, FileChange
from phasr_lsp.domain.model import Profile
from phasr_lsp.engine.verify import find_flaw
from tests.engine.scripted import SMALL, STRONG, SYNTAX, aim_at

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


def check(
    folder: Path,
    kind: str,
    after: str,
    expected: str | None,
    *,
    source: str = SHOP,
    profile: Profile = SMALL,
    **wishes: str,
) -> None:
    """What is said of the change: words of the reason, or None for nothing."""
    aim = aim_at(kind, source, folder, profile=profile, **wishes)
    target = aim.files.target
    changes = ChangeSet((FileChange(target.uri, target.name, target.text, after),))
    flaw = find_flaw(changes, aim, aim.files, SYNTAX)
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
    flaw = find_flaw(
        ChangeSet((FileChange(target.uri, target.name, target.text, after),)), aim, aim.files, SYNTAX
    )
    assert flaw is None if expected is None else flaw and expected in flaw.reason, flaw


BETTER = TEXT.replace("sum(prices)", "sum(prices, 0)")
CART = TEXT[TEXT.index("class Cart") : TEXT.index("def total")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(BETTER, None, id="the part alone"),
        pytest.param(BETTER.replace("import os\n", "import math\nimport sys\n"), None, id="imports with it"),
        pytest.param(BETTER + "\n\ndef helper():\n    return 1\n", None, id="a helper below"),
        pytest.param(
            BETTER.replace("class Cart", "class Helper:\n    pass\n\n\nclass Cart"), None, id="one above"
        ),
        pytest.param(BETTER.replace("def total", "LIMIT = 1\n\n\ndef total"), None, id="a constant"),
        pytest.param(
            BETTER.replace("\n\ndef total", "\n    def more(self):\n        return 1\n\n\ndef total"),
            "It changes Cart",
            id="a method in another class",
        ),
        pytest.param(
            TEXT.replace(CART, ""), "It leaves out Cart, count: that has to stay", id="another is deleted"
        ),
        pytest.param(
            BETTER.replace("return 1", "return 2"), "It changes Cart outside `total`: change", id="changed"
        ),
        pytest.param(
            BETTER.replace("        return", "        os.abort()\n        return"),
            "It changes Cart",
            id="added to",
        ),
        pytest.param(TEXT.replace(TOTAL, ""), "It leaves out total", id="the part itself is gone"),
        pytest.param(CART + BETTER.replace(CART, ""), None, id="moved"),
    ],
)
def test_blocks_change_the_definition_alone(after: str, expected: str | None, tmp_path: Path) -> None:
    check(tmp_path, "refactor", after, expected, profile=STRONG)


LINES = "X = 1\nX = 1\n\n\n@cache\ndef a():\n    |>return 1\n\n\n@cache\ndef b():\n    return 1\n\n\nY = 2\n"
PLAIN = LINES.replace("|>", "")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(PLAIN.replace("X = 1\n", "", 1), "It changes lines outside `a`", id="one of two alike"),
        pytest.param(PLAIN.replace("Y = 2", "Y = 3"), "It changes lines outside `a`", id="below"),
        pytest.param(
            PLAIN.replace("\n\nY", "\n\n@cache\ndef c():\n    return 1\n\n\nY"), None, id="a twin below"
        ),
        pytest.param(
            PLAIN.replace("@cache", "@cache\ndef c():\n    return 1\n\n\n@cache", 1), None, id="a twin above"
        ),
        pytest.param("# Heads it.\n" + PLAIN.replace("X = 1", "\nX = 1"), None, id="comments and blank lines"),
    ],
)
def test_code_outside_of_definitions_stays_too(after: str, expected: str | None, tmp_path: Path) -> None:
    check(tmp_path, "refactor", after, expected, source=LINES, profile=STRONG)


@pytest.mark.parametrize("kind", ["fix", "do"])
def test_what_is_amiss_may_be_mended_elsewhere_and_nothing_is_lost(kind: str, tmp_path: Path) -> None:
    source = SHOP.replace("    |>", "    |># phasr: count from 2\n    ")
    text = source.replace("|>", "")
    for after, expected in (
        (text.replace("return 1", "return 2"), None),
        (text.replace("    def count(self):\n        return 1", "    pass"), "It leaves out count"),
    ):
        named = expected if kind == "fix" else None
        check(tmp_path, kind, after, named, source=source, profile=STRONG, diagnostic="bad number")


def test_what_the_wish_names_may_go(tmp_path: Path) -> None:
    gone = TEXT.replace(CART, "")
    check(tmp_path, "fix", gone, None, profile=STRONG, diagnostic="Cart is never used")
    emptied = TEXT.replace("def count(self):\n        return 1", "pass")
    check(tmp_path, "fix", emptied, "It leaves out count", profile=STRONG, diagnostic="Cart is wrong")
    check(tmp_path, "fix", gone, "It leaves out Cart", profile=STRONG, diagnostic="Cart_ is never used")


def test_a_method_is_not_mistaken_for_one_of_another_class(tmp_path: Path) -> None:
    get = "\n    def get(self):\n        return 1\n"
    source = f"class A:{get}\n\nclass B:\n    x = 2\n{get}".replace("return", "|>return", 1)
    text = source.replace("|>", "")
    lost = text.replace(f"2\n{get}", "2\n")
    check(tmp_path, "fix", lost, "It leaves out get", source=source, profile=STRONG, diagnostic="bad")
    renamed = text.replace("class A", "class C")
    check(tmp_path, "fix", renamed, None, source=source, profile=STRONG, diagnostic="A is a bad name")


def test_tests_that_exist_are_kept(tmp_path: Path) -> None:
    old = "def test_a():\n    assert True\n\n\ndef test_b():\n    assert True\n"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_shop.py").write_text(old)
    new = "\n\ndef test_total():\n    assert total([1]) == 1\n"
    check(tmp_path, "tests", old + new, None, profile=STRONG)
    check(tmp_path, "tests", old.replace("True", "1") + new, None, profile=STRONG)
    check(tmp_path, "tests", old[: old.index("def test_b")] + new, "It leaves out test_b", profile=STRONG)


def test_where_something_is_amiss_nothing_is_no_answer(tmp_path: Path) -> None:
    check(tmp_path, "fix", TEXT, "it changes nothing", diagnostic="undefined")
    check(tmp_path, "document", TEXT, None)
