"""What holds for every ChangeSet: it can be taken back, joined to another, merged, and sent as positions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol.types import PositionEncodingKind

from examples.editor import offset_of
from phasr_lsp.domain.change import ChangeSet, FileChange, Place, applied, counts, minimal_edits
from phasr_lsp.domain.merge import merge, merged
from phasr_lsp.lsp.documents import TextLines

pytestmark = pytest.mark.timeout(60)

NAMES: tuple[str, ...] = ("a", "b", "c", "d", "e")
TEXTS = st.text(alphabet="xy\n\r\ufeffé漢\U0001f600", max_size=12)
BASES = st.dictionaries(st.sampled_from(NAMES), TEXTS)
FEW = st.integers(0, 3).map(lambda number: number == 0)


def change(source: str, before: str | None, after: str | None, end: str) -> FileChange:
    moved_to = Place(f"file:///{end}", end) if end != source else None
    return FileChange(f"file:///{source}", source, before, after, moved_to)


@st.composite
def steps(draw: st.DrawFn, files: dict[str, str]) -> ChangeSet:
    """Any step from these files: each stays, changes, moves, swaps or goes, and new ones come in free places."""
    ends = dict(zip(NAMES, draw(st.just(NAMES) | st.permutations(NAMES)), strict=True))
    changes: list[FileChange] = []
    occupied: set[str] = set()
    for name, text in files.items():
        after = draw(st.just(text) | TEXTS | st.none())
        end = name if after is None else ends[name]
        changes.append(change(name, text, after, end))
        if after is not None:
            occupied.add(end)
    changes += [change(name, None, draw(TEXTS), name) for name in NAMES if name not in occupied and draw(FEW)]
    return ChangeSet(tuple(draw(st.permutations(changes))))


@settings(deadline=None)
@given(st.data(), BASES)
def test_a_set_and_its_inverse_leave_every_byte_as_it_was(data: st.DataObject, files: dict[str, str]) -> None:
    step = data.draw(steps(files))
    assert applied(step.inverted(), applied(step, files)) == files
    assert step.inverted().inverted() == step
    assert step.then(step.inverted()) == ChangeSet()
    added, removed = counts(step)
    assert counts(step.inverted()) == (removed, added)


@settings(deadline=None)
@given(st.data(), BASES)
def test_one_set_does_what_two_do_in_turn(data: st.DataObject, files: dict[str, str]) -> None:
    first = data.draw(steps(files))
    between = applied(first, files)
    second = data.draw(steps(between))
    result = applied(second, between)
    both = first.then(second)
    assert applied(both, files) == result
    assert both == both.normal()
    assert both.empty == (files == result)
    third = data.draw(steps(result))
    assert applied(both.then(third), files) == applied(first.then(second.then(third)), files)


@settings(deadline=None)
@given(st.data(), BASES)
def test_the_normal_form_is_the_same_step_in_any_order(data: st.DataObject, files: dict[str, str]) -> None:
    step = data.draw(steps(files))
    result = applied(step, files)
    for part in data.draw(st.permutations(step.normal().files)):
        files = applied(ChangeSet((part,)), files)
    assert files == result


@settings(deadline=None)
@given(st.data(), BASES, BASES)
def test_sets_of_different_files_commute(data: st.DataObject, one: dict[str, str], other: dict[str, str]) -> None:
    """The files of the second have names of their own."""
    first, second = data.draw(steps(one)), upper(data.draw(steps(other)))
    files = one | {name.upper(): text for name, text in other.items()}
    expected = applied(second, applied(first, files))
    for pair in ((first, second), (second, first)):
        both = merged(*pair)
        assert isinstance(both, ChangeSet)
        assert applied(both, files) == expected
        assert applied(pair[0].then(pair[1]), files) == expected


def upper(step: ChangeSet) -> ChangeSet:
    return ChangeSet(
        tuple(
            change(file.name.upper(), file.before, file.after, file.destination.name.upper())
            for file in step.files
        )
    )


@settings(deadline=None)
@given(st.data(), BASES)
def test_what_is_merged_is_the_same_from_both_sides(data: st.DataObject, files: dict[str, str]) -> None:
    """Each text is merged as `merge` does it, wherever the file goes."""
    one, other = (data.draw(steps(files).filter(keeps_places)) for _ in range(2))
    found, mirrored = merged(one, other), merged(other, one)
    if not (isinstance(found, ChangeSet) and isinstance(mirrored, ChangeSet)):
        assert not isinstance(found, ChangeSet)
        assert not isinstance(mirrored, ChangeSet)
        assert {clash.name for clash in found} == {clash.name for clash in mirrored}
        return
    assert applied(found, files) == applied(mirrored, files)
    ours, theirs = ({file.uri: file for file in step.files} for step in (one, other))
    for file in found.files:
        mine, yours = ours.get(file.uri), theirs.get(file.uri)
        if mine and yours and mine.after is not None and yours.after is not None:
            assert file.after == merge(mine.before or "", mine.after, yours.after)


def keeps_places(step: ChangeSet) -> bool:
    """Whether no file takes a place that another one leaves; the two would be on different bases else."""
    return step == step.normal()


@settings(deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(PositionEncodingKind))
def test_edits_sent_as_positions_do_what_they_do_directly(
    before: str, after: str, encoding: PositionEncodingKind
) -> None:
    lines = TextLines(before, encoding)
    text = before
    for edit in reversed(minimal_edits(before, after)):
        place = lines.range_at(edit.span.start, edit.span.end)
        start, end = (offset_of(before, each, encoding.value) for each in (place.start, place.end))
        text = text[:start] + edit.text + text[end:]
    assert text == after
