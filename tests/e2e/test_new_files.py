"""A new file comes about once, as the editor writes it, or leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from examples.editor import Editor, Habits
from tests.e2e.conftest import HABITS, Start, World, fenced

pytestmark = pytest.mark.timeout(60)

SOURCE = "def total(prices):\n    return sum(prices)\n"
TESTS = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
REFUSING = Habits(document_changes=False)
NEOVIM = "neovim-0.11.4"


@pytest.fixture
def new(world: World) -> Path:
    world.provider.reply(fenced(TESTS))
    return world.project / "tests" / "test_shop.py"


async def write_tests(world: World, editor: Editor) -> dict[str, Any]:
    uri = editor.open(world.write("shop.py", SOURCE))
    menu = await editor.actions(uri, SOURCE.index("total"))
    return await editor.ended(await editor.choose(menu["Write tests"]))


async def test_an_editor_may_write_line_endings_of_its_own(world: World, start: Start, new: Path) -> None:
    editor = await start()

    def with_crlf(params: types.ApplyWorkspaceEditParams) -> None:
        for change in params.edit.document_changes or ():
            for edit in change.edits if isinstance(change, types.TextDocumentEdit) else ():
                assert isinstance(edit, types.AnnotatedTextEdit)
                edit.new_text = edit.new_text.replace("\n", "\r\n")

    editor.on_edit = with_crlf
    task = await write_tests(world, editor)
    assert task["state"] == "applied", task
    assert editor.text(new.as_uri()) == TESTS.replace("\n", "\r\n")
    assert len(editor.applied) == 1


async def test_what_is_there_already_is_not_written_twice(world: World, start: Start, new: Path) -> None:
    editor = await start(habits=REFUSING)
    task = await write_tests(world, editor)
    assert task["state"] == "ready", task
    new.parent.mkdir()
    new.write_text(TESTS.replace("\n", "\r\n"), newline="")
    await editor.execute("phasr.apply", {"task": task["task"]})
    await editor.until(lambda: editor.tasks[task["task"]]["state"] == "applied")
    assert editor.applied == []


async def test_a_refused_edit_leaves_no_empty_file(world: World, start: Start, new: Path) -> None:
    editor = await start(NEOVIM, habits=REFUSING)
    task = await write_tests(world, editor)
    assert task["state"] == "ready", task
    assert not new.exists()

    editor.habits = HABITS[NEOVIM]
    await editor.execute("phasr.apply", {"task": task["task"]})
    await editor.until(lambda: editor.tasks[task["task"]]["state"] == "applied")
    assert editor.text(new.as_uri()) == TESTS


async def test_a_second_try_leaves_no_empty_line(world: World, start: Start, new: Path) -> None:
    """The first edit only makes the editor open the empty file, which it shows as one empty line."""
    editor = await start(NEOVIM, habits=REFUSING)

    def on_edit(params: types.ApplyWorkspaceEditParams) -> None:
        if new.as_uri() in editor.buffers:
            editor.habits = HABITS[NEOVIM]
        else:
            editor.open(new, text="\n")

    editor.on_edit = on_edit
    task = await write_tests(world, editor)
    assert task["state"] == "applied", task
    assert editor.text(new.as_uri()) == TESTS
