"""The synced buffers: lines, positions in three encodings, incremental changes, places carried along."""

import timeit
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import (
    Position,
    PositionEncodingKind,
    Range,
    TextDocumentContentChangeEvent,
    TextDocumentContentChangePartial,
    TextDocumentContentChangeWholeDocument,
    TextDocumentItem,
)

from phasr_lsp.domain.errors import RequestError
from phasr_lsp.lsp.documents import CHANGES_KEPT, Document, Documents, TextLines

ENCODINGS = list(PositionEncodingKind)
ODD = ["a", "é", "漢", "😀", "e\u0301", "\t", "\f", "\x85", "\u2028", "\n", "\r\n"]
texts = st.lists(st.sampled_from([*ODD, "\r"]), max_size=30).map("".join)
texts_without_bare_cr = st.lists(st.sampled_from(ODD), max_size=30).map("".join)


def opened(text: str, encoding: PositionEncodingKind | str = PositionEncodingKind.Utf16) -> Document:
    return Document(TextDocumentItem("file:///a.py", "python", 0, text), encoding)


def span(start_line: int, start: int, end_line: int, end: int) -> Range:
    return Range(Position(start_line, start), Position(end_line, end))


def replace(place: Range, text: str) -> TextDocumentContentChangeEvent:
    return TextDocumentContentChangePartial(range=place, text=text)


def whole(text: str) -> TextDocumentContentChangeEvent:
    return TextDocumentContentChangeWholeDocument(text=text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a\n", ""]),
        ("a\r\nb\rc\n", ["a\r\n", "b\r", "c\n", ""]),
        ("\n\r", ["\n", "\r", ""]),
        ("a\fb\x85c\u2028d\x1ce\v", ["a\fb\x85c\u2028d\x1ce\v"]),
    ],
)
def test_only_the_three_line_endings_of_lsp_split(text: str, lines: list[str]) -> None:
    assert list(TextLines(text).lines) == lines


@pytest.mark.parametrize(
    ("encoding", "character", "column"),
    [
        # "aé😀z": one, two, four and one bytes; one, one, two and one UTF-16 units
        ("utf-8", 3, 2),
        ("utf-8", 2, 1),
        ("utf-8", 4, 2),
        ("utf-8", 6, 2),
        ("utf-8", 7, 3),
        ("utf-8", 99, 4),
        ("utf-16", 2, 2),
        ("utf-16", 3, 2),
        ("utf-16", 4, 3),
        ("utf-16", 99, 4),
        ("utf-32", 3, 3),
        ("utf-32", 99, 4),
    ],
)
def test_positions_clamp_to_the_line_and_snap_to_a_characters_start(
    encoding: str, character: int, column: int
) -> None:
    assert TextLines("aé😀z\r\nnext", encoding).offset_at(Position(0, character)) == column


def test_positions_outside_the_text_clamp_to_its_end() -> None:
    text = TextLines("one\ntwo")
    assert text.offset_at(Position(9, 9)) == 7
    assert text.position_at(99) == Position(1, 3)
    assert text.position_at(-1) == Position(0, 0)
    assert text.offsets_at(span(1, 9, 0, 1)) == (1, 7)
    assert text.range_at(1, 5) == span(0, 1, 1, 1)


def test_an_offset_inside_a_line_ending_is_the_lines_end() -> None:
    assert TextLines("ab\r\nc").position_at(3) == Position(0, 2)


@given(texts, st.sampled_from(ENCODINGS))
def test_offsets_and_positions_are_inverse(text: str, encoding: PositionEncodingKind) -> None:
    lines = TextLines(text, encoding)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n" or offset == 0:
            assert lines.offset_at(lines.position_at(offset)) == offset


@given(texts, st.sampled_from(ENCODINGS))
def test_units_are_those_of_pythons_codecs(text: str, encoding: PositionEncodingKind) -> None:
    codec, width = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    lines = TextLines(text, encoding)
    for number, line in enumerate(lines.lines):
        content = line.rstrip("\r\n")
        start = sum(map(len, lines.lines[:number]))
        for column in range(len(content) + 1):
            units = len(content[:column].encode(codec)) // width
            assert lines.position_at(start + column) == Position(number, units)


edits = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), texts, st.booleans()), max_size=12)


@given(texts, edits, st.sampled_from(ENCODINGS))
def test_incremental_changes_equal_direct_ones(
    text: str, changes: list[tuple[int, int, str, bool]], encoding: PositionEncodingKind
) -> None:
    document = opened(text, encoding)
    for version, (first, second, inserted, is_whole) in enumerate(changes, start=1):
        if is_whole:
            document.apply([whole(inserted)], version)
            text = inserted
        else:
            place = document.range_at(*sorted((first, second)))
            start, end = document.offsets_at(place)
            document.apply([replace(place, inserted)], version)
            text = text[:start] + inserted + text[end:]
        assert document.text == text
        assert list(document.lines) == list(TextLines(text).lines)
        assert document.position_at(len(text) // 2) == TextLines(text, encoding).position_at(len(text) // 2)
    assert document.version == len(changes)


def test_a_carriage_return_and_a_line_feed_of_two_edits_join() -> None:
    document = opened("a\rb\nc")
    document.apply([replace(span(1, 0, 1, 1), "")], 1)
    assert list(document.lines) == ["a\r\n", "c"]
    assert document.moved(Position(2, 0), 0) == Position(1, 0)

    document = opened("a\rb")
    document.apply([replace(span(1, 0, 1, 0), "\n")], 1)
    assert list(document.lines) == ["a\r\n", "b"]
    assert document.moved(Position(1, 1), 0) == Position(1, 1)


def test_a_bad_range_is_clamped_and_one_that_is_upside_down_turned() -> None:
    document = opened("one\ntwo\n")
    document.apply([replace(span(7, 0, 9, 9), "end"), replace(span(0, 99, 0, 1), "N")], 1)
    assert document.text == "oN\ntwo\nend"


def test_half_a_surrogate_pair_is_replaced_and_keeps_its_length() -> None:
    document = opened("a\ud800b")
    document.apply([replace(span(0, 2, 0, 2), "\udc00")], 1)
    assert document.text == "a\ufffd\ufffdb"


@given(
    texts_without_bare_cr,
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), texts_without_bare_cr), max_size=8),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(ENCODINGS),
)
def test_moved_places_are_where_offsets_carried_through_the_edits_are(
    text: str,
    changes: list[tuple[int, int, str]],
    first: int,
    second: int,
    encoding: PositionEncodingKind,
) -> None:
    document = opened(text, encoding)
    place = document.range_at(*sorted((first, second)))
    start, end = document.offsets_at(place)
    cursor = start
    for version, (a, b, inserted) in enumerate(changes, start=1):
        edited = document.range_at(*sorted((a, b)))
        edit = (*document.offsets_at(edited), len(inserted))
        document.apply([replace(edited, inserted)], version)
        empty = start == end
        start, end, cursor = carried(start, *edit), carried_end(end, *edit), carried(cursor, *edit)
        end = start if empty else end
    assert document.moved(place, 0) == document.range_at(start, end)
    assert document.moved(place.start, 0) == document.position_at(cursor)


def carried(offset: int, start: int, end: int, inserted: int) -> int:
    if offset >= end:
        return offset + inserted - (end - start)
    return min(offset, start)


def carried_end(offset: int, start: int, end: int, inserted: int) -> int:
    if offset <= start:
        return offset
    return offset + inserted - (end - start) if offset >= end else start + inserted


def test_a_place_survives_the_whole_text_being_sent_again() -> None:
    document = opened("import a\n\ndef f():\n    pass\n\nx = 1\n")
    document.apply([whole("import a\nimport b\n\ndef f():\n    pass\n\nx = 1\n")], 1)
    document.apply([whole(document.text), whole(document.text.replace("x = 1", "x = 2"))], 2)
    assert document.moved(span(2, 0, 3, 8), 0) == span(3, 0, 4, 8)
    document.apply([whole("def f(): ...")], 3)
    assert document.moved(span(2, 0, 3, 8), 0) == span(0, 0, 0, 12)


def test_versions_may_jump() -> None:
    document = opened("a")
    document.apply([replace(span(0, 0, 0, 0), "\n")], 5)
    document.apply([replace(span(0, 0, 0, 0), "\n")], 9)
    assert document.moved(Position(0, 0), 0) == Position(2, 0)
    assert document.moved(Position(1, 0), 5) == Position(2, 0)
    assert document.moved(Position(2, 1), 9) == Position(2, 1)


@pytest.mark.parametrize("version", [0, -1, CHANGES_KEPT + 2])
def test_a_place_from_a_version_too_far_away_is_refused(version: int) -> None:
    document = opened("a")
    for number in range(1, CHANGES_KEPT + 2):
        document.apply([replace(span(0, 0, 0, 0), "b")], number)
    assert document.moved(Position(0, 0), 1) == Position(0, CHANGES_KEPT)
    with pytest.raises(RequestError, match=f"version {version} of the buffer, which is now at 65"):
        document.moved(Position(0, 0), version)


def test_listeners_hear_of_each_open_change_and_close() -> None:
    heard: list[str | None] = []
    documents = Documents(PositionEncodingKind.Utf32)

    def listener(uri: str) -> None:
        document = documents.get(uri)
        heard.append(document and document.text)

    documents.on_change.append(listener)
    documents.open(TextDocumentItem("file:///c%3A/a.py", "python", 1, "a"))
    documents.change("file:///c:/a.py", 2, [whole("b")])
    documents.change("file:///unknown.py", 2, [whole("b")])
    assert [document.version for document in documents] == [2]
    documents.close("file:///c%3A/a.py")
    documents.close("file:///unknown.py")
    assert heard == ["a", "b", None]


def test_typing_into_a_megabyte_takes_well_under_a_millisecond() -> None:
    document = opened("x = 1  # a normal line of text, some 50 letters...\n" * 20_000)
    change = [replace(span(10_000, 3, 10_000, 3), "y")]
    assert best_seconds(lambda: document.apply(change, 1)) < 0.0005
    assert best_seconds(lambda: document.offset_at(Position(10_000, 4))) < 0.0001
    assert best_seconds(lambda: document.position_at(500_000)) < 0.0001


def best_seconds(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=1, repeat=20))
