"""Where a search text stands in a file: in exactly one place, or it is refused."""

import pytest

from phasr_lsp.domain.matching import Ambiguous, Lines, Match, NotFound, Rung, Shift, locate, resembling, rewrite

FILE = """\
class Shop:
    def total(self):
        return sum(self.prices)

    def count(self):
        return len(self.prices)


def note(text):
\tif text:
\t\tprint(“text”)\u0020
\treturn text
"""


def found(search: str, file: str = FILE) -> Match | Ambiguous | NotFound:
    return locate(Lines(file), search.split("\n"))


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        pytest.param("    def count(self):", Match(4, 5, Rung.EXACT), id="to the letter"),
        pytest.param(
            "    def total(self):  \n        return sum(self.prices)\t",
            Match(1, 3, Rung.TRAILING_SPACE),
            id="trailing space",
        ),
        pytest.param(
            "def total(self):\n    return sum(self.prices)",
            Match(1, 3, Rung.INDENTATION, Shift("", "    ", base="    ")),
            id="too far left",
        ),
        pytest.param(
            "        def count(self):\n            return len(self.prices)",
            Match(4, 6, Rung.INDENTATION, Shift("    ", "", base="    ")),
            id="too far right",
        ),
        pytest.param(
            "if text:\n\tprint(“text”)", Match(9, 11, Rung.INDENTATION, Shift("", "\t", base="\t")), id="tabs"
        ),
        pytest.param(
            "\n\n    def count(self):\n",
            Match(4, 5, Rung.INDENTATION, Shift(base="    "), skipped=2),
            id="blank lines around it",
        ),
        pytest.param('\t\tprint("text")', Match(10, 11, Rung.LOOKALIKES, Shift(base="\t\t")), id="other quotes"),
        pytest.param(
            'print(\u201ctext")',
            Match(10, 11, Rung.LOOKALIKES, Shift("", "\t\t", base="\t\t")),
            id="other quotes, offset",
        ),
        pytest.param(
            "return\u00a0text", Match(11, 12, Rung.LOOKALIKES, Shift("", "\t", base="\t")), id="no-break space"
        ),
    ],
)
def test_each_rung_is_less_literal_than_the_one_before(search: str, expected: Match) -> None:
    assert found(search) == expected


@pytest.mark.parametrize(
    ("file", "search", "lines"),
    [
        pytest.param("a\nb\na\n", "a", (1, 3), id="to the letter"),
        pytest.param("a \nb\na\t\n", "a", (1, 3), id="trailing space"),
        pytest.param("  a\nb\n\ta\n", "a", (1, 3), id="indentation"),
        pytest.param("“a”\nb\n‘a’\n”a“\n", '"a"', (1, 4), id="look-alikes"),
        pytest.param("a\na\na\n", "a\na", (1, 2), id="overlapping"),
    ],
)
def test_no_rung_picks_the_first_of_two(file: str, search: str, lines: tuple[int, ...]) -> None:
    assert found(search, file) == Ambiguous(lines)


def test_a_better_rung_decides_though_a_worse_one_would_match_more() -> None:
    assert found("a", "  a\na\n") == Match(1, 2, Rung.EXACT)


@pytest.mark.parametrize(
    "search",
    [
        pytest.param("def total(self):\n  return sum(self.prices)", id="lines at different offsets"),
        pytest.param("    def total(self):\n\n        return sum(self.prices)", id="a blank line within"),
        pytest.param("class Shop:\n        return sum(self.prices)", id="first and last line alone"),
        pytest.param("def totally(self):", id="nearly"),
    ],
)
def test_what_merely_resembles_is_not_found(search: str) -> None:
    assert isinstance(found(search), NotFound)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("def totl(self):\n    return sum(self.prices)", NotFound(2, 0.86)),
        ("nothing alike", NotFound(None, 0.0)),
    ],
)
def test_the_nearest_text_is_named(search: str, expected: NotFound) -> None:
    assert resembling(Lines(FILE), search.split("\n")) == expected


def replaced(file: str, search: str, replace: str) -> str:
    lines, wanted = Lines(file), search.split("\n")
    match = locate(lines, wanted)
    assert isinstance(match, Match)
    lines.replace(match.first, match.end, rewrite(lines.items, wanted, replace.split("\n"), match))
    return lines.text


@pytest.mark.parametrize(
    ("file", "search", "replace", "after"),
    [
        pytest.param("a\nb\nc", "b", "x\ny", "a\nx\ny\nc", id="to the letter"),
        pytest.param("  a\n    b\n", "a\n  b", "a\n  x\n\n  y", "  a\n    x\n\n    y\n", id="moved right"),
        pytest.param("a\n  b\n", "    a\n      b", "    a\n      x", "a\n  x\n", id="moved left"),
        pytest.param("\ta\n\t\tb\n", "a\n\tb", "a\n\tb\n\tc", "\ta\n\t\tb\n\t\tc\n", id="tabs"),
        pytest.param("a  \nb\n", "a\nb", "a\nx", "a  \nx\n", id="a line that stays keeps its trailing space"),
        pytest.param("“a”\nb\n", '"a"\nb', '"a"\nx', "“a”\nx\n", id="a line that stays keeps its quotes"),
        pytest.param(
            "a\nb\n", "\na\n", "\nx\n", "x\nb\n", id="blank lines that the file hasn't aren't brought in"
        ),
        pytest.param("a\nb\n", "\na", "\na\n\nx", "a\n\nx\nb\n", id="new blank lines are"),
    ],
)
def test_the_replacement_goes_where_the_search_was_found(
    file: str, search: str, replace: str, after: str
) -> None:
    assert replaced(file, search, replace) == after


@pytest.mark.parametrize("changed", [None, 0, 100, 199])
def test_a_long_search_in_a_long_file_takes_no_time(changed: int | None) -> None:
    file = [
        line
        for at in range(7000)
        for line in (f"    def method_{at}(self, value):", "", f"        return value + {at}", "")
    ]
    search = file[20_000:20_200]
    if changed is not None:
        search[changed] = f"    total = {changed}  # not in the file"
    result = (
        resembling(Lines("\n".join(file)), search)
        if changed is not None
        else locate(Lines("\n".join(file)), search)
    )
    assert result == Match(20_000, 20_200, Rung.EXACT if changed is None else Rung.FUZZY)


def test_a_search_without_any_likeness_in_one_huge_line_takes_no_time() -> None:
    assert isinstance(resembling(Lines("a b " * 250_000), ["b a c " * 200] * 200), NotFound)
