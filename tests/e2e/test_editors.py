"""The main job in every editor: action, progress, edit, undo."""

import pytest

from tests.e2e.conftest import PRESETS, Start, World, fenced

pytestmark = pytest.mark.timeout(60)

TOTAL = "def total(prices):\n    return sum(prices)\n"
SOURCE = f'import os\n\n\n{TOTAL}\n\nprint("done")\n'
DOCUMENTED = 'def total(prices):\n    """The sum of the prices."""\n    return sum(prices)\n'


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_code_action_becomes_an_edit_that_one_undo_takes_back(
    preset: str, world: World, start: Start
) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    path = world.write("shop.py", SOURCE)
    editor = await start(preset)
    uri = editor.open(path)

    menu = await editor.actions(uri, SOURCE.index("total"))
    task = await editor.ended(await editor.choose(menu["Document"]))

    assert task["state"] == "applied", task
    assert editor.text(uri) == SOURCE.replace(TOTAL, DOCUMENTED)
    editor.undo(uri)
    assert editor.text(uri) == SOURCE


@pytest.mark.parametrize("preset", PRESETS)
async def test_tests_are_written_into_a_new_file(preset: str, world: World, start: Start) -> None:
    tests = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    world.provider.reply(fenced(tests))
    path = world.write("shop.py", SOURCE)
    editor = await start(preset)
    uri = editor.open(path)

    menu = await editor.actions(uri, SOURCE.index("total"))
    task = await editor.ended(await editor.choose(menu["Write tests"]))

    assert task["state"] == "applied", task
    assert editor.text((world.project / "tests/test_shop.py").as_uri()) == tests


@pytest.mark.parametrize(
    "preset", [preset for preset in PRESETS if "28.2" not in preset and "vim-9" not in preset]
)
async def test_progress_shows_state_model_and_time(preset: str, world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start(preset)
    uri = editor.open(world.write("shop.py", SOURCE))

    menu = await editor.actions(uri, SOURCE.index("total"))
    await editor.ended(await editor.choose(menu["Document"]))
    await editor.until(lambda: any(value and value[-1]["kind"] == "end" for value in editor.progress.values()))

    [(token, values)] = editor.progress.items()
    assert token == "phasr: Document · shop.py (t1)"
    assert values[0]["title"] == "Phasr: Document · shop.py"
    assert values[0]["cancellable"]
    assert values[-1]["message"].startswith("applied · test/model · ")
