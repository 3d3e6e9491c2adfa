"""Lines and places in a text, whose lines end at LF, CRLF and CR and at nothing else."""

import pytest

from phasr_lsp.domain.text import (
    Span,
    bare,
    indentation,
    line_end,
    line_number,
    line_start,
    split_lines,
    to_lf,
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\nb", ["a\n", "b"]),
        ("a\n", ["a\n"]),
        ("\n\n", ["\n", "\n"]),
        ("a\r\nb\rc\nd", ["a\r\n", "b\r", "c\n", "d"]),
        ("a\n\rb", ["a\n", "\r", "b"]),
        ("a\r\r\nb", ["a\r", "\r\n", "b"]),
        ("a\x0cb\x0b\u0085c\u2028d\u2029e\x1cf\n", ["a\x0cb\x0b\u0085c\u2028d\u2029e\x1cf\n"]),
    ],
)
def test_a_line_ends_where_the_protocol_says(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines
    assert "".join(map(bare, lines)) == text.replace("\r", "").replace("\n", "")


def line_at(text: str) -> tuple[str, int]:
    """The line that holds the mark `|`, and its number."""
    offset = text.index("|")
    text = text.replace("|", "")
    return text[line_start(text, offset) : line_end(text, offset)], line_number(text, offset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", ("", 1)),
        ("a|b", ("ab", 1)),
        ("ab|", ("ab", 1)),
        ("a\n|b\nc", ("b\n", 2)),
        ("a\nb|\nc", ("b\n", 2)),
        ("a\r\nb|\r\nc", ("b\r\n", 2)),
        ("a\r\nb\r|\nc", ("b\r\n", 2)),
        ("a\rb\r|c", ("c", 3)),
        ("a\n|", ("", 2)),
        ("é\U0001f600\n漢|字\n", ("漢字\n", 2)),
        ("a\u2028b\n|c", ("c", 2)),
    ],
)
def test_an_offset_is_in_one_line(text: str, expected: tuple[str, int]) -> None:
    assert line_at(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("a\n  b", ""), ("\n  \n\t b\n", "\t "), ("   ", ""), ("\r\n    a\r\n", "    ")],
)
def test_indentation_is_that_of_the_first_line_with_something_in_it(text: str, expected: str) -> None:
    assert indentation(text) == expected


def test_every_ending_becomes_lf() -> None:
    assert to_lf("a\r\nb\rc\nd\r\r\n") == "a\nb\nc\nd\n\n"


def test_a_span_cuts_its_text() -> None:
    assert (Span(1, 3).of("abcd"), Span(2, 2).of("abcd"), Span(2, 2).empty, Span(1, 2).empty) == (
        "bc",
        "",
        True,
        False,
    )


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-1, 1)])
def test_a_span_that_runs_backwards_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not a span"):
        Span(start, end)
