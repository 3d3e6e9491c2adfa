"""When replies are streamed: while few tasks run, and only for those who watch them, who see what is finished."""

import re

from tests.e2e.conftest import Start, World, fenced
from tests.fault_server import Fault

SOURCE = "def total(prices):\n    return sum(prices)\n"
DOCUMENTED = 'def total(prices):\n    """The sum."""\n    return sum(prices)\n'


async def streamed(world: World, start: Start, tasks: int, preset: str) -> list[bool]:
    """Of each request, whether it asked for a stream; all tasks run at once."""
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start(preset)
    uris = [editor.open(world.write(f"shop_{number}.py", SOURCE)) for number in range(tasks)]
    menus = [await editor.actions(uri, 0) for uri in uris]
    started = [await editor.choose(menu["Document"]) for menu in menus]
    for task in started:
        await editor.ended(task)
    assert [editor.text(uri) for uri in uris] == [DOCUMENTED] * tasks
    return [bool(request.body.get("stream")) for request in world.provider.requests]


async def test_the_replies_of_a_few_tasks_are_streamed(world: World, start: Start) -> None:
    assert await streamed(world, start, 2, "vscode-1.139-languageclient-9") == [True, True]


async def test_of_many_only_the_first_are(world: World, start: Start) -> None:
    assert sorted(await streamed(world, start, 5, "vscode-1.139-languageclient-9")) == [False] * 3 + [True] * 2


async def test_none_is_for_an_editor_without_progress(world: World, start: Start) -> None:
    assert await streamed(world, start, 1, "vim-9.0-ale-3.3") == [False]


async def test_finished_blocks_are_shown_while_the_reply_goes_on(world: World, start: Start) -> None:
    world.configure(world.models.replace("test/model", "test/strong", 1))
    block = "shop.py\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n\n"
    first = block.format(old=SOURCE, new=DOCUMENTED)
    second = block.format(old="a\nb\n", new="b\n").replace("shop.py", "tax.py")
    world.provider.reply(
        "Two files it is.\n\n" + first + second + "rest.py\n<<<<<<< SEARCH\nx", fault=Fault.STALL
    )
    editor = await start()
    task = await editor.choose((await editor.actions(editor.open(world.write("shop.py", SOURCE)), 0))["Document"])

    def messages() -> list[str]:
        return [value.get("message") or "" for values in editor.progress.values() for value in values]

    await editor.until(lambda: any("2 files" in message for message in messages()))
    shown = next(message for message in messages() if "2 files" in message)
    assert re.fullmatch(r"running · test/strong · 2 files, \+1 -1 · \d+ s", shown)
    await editor.execute("phasr.cancel", {"task": task})
    await editor.ended(task)
