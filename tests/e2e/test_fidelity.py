"""What must not change doesn't: bytes, positions in every encoding, what the user types meanwhile."""

import asyncio

import pytest
from lsprotocol import converters, types

from examples.editor import Editor
from tests.e2e.conftest import Start, World, fenced

pytestmark = pytest.mark.timeout(60)

TOTAL = "def total(prices):\n    return sum(prices)\n"
DOCUMENTED = 'def total(prices):\n    """The sum."""\n    return sum(prices)\n'
COUNT = "def count(prices):\n    return len(prices)\n"
COUNTED = 'def count(prices):\n    """How many."""\n    return len(prices)\n'


async def document(editor: Editor, uri: str, at: str = "total") -> str:
    menu = await editor.actions(uri, editor.text(uri).index(f"def {at}"))
    return await editor.choose(menu["Document"])


MULTIBYTE = (
    'GREETING = "👩\u200d💻 żółć 漢字 e\u0301"  # 🦆\n\n\n'
    "def total(prices):  # 🦆🦆 漢字\n"
    '    return sum(prices)  # "ü" 👍\n\n\n'
    'NAME = "ende 🏁"\n'
)
MULTIBYTE_REPLY = (
    'def total(prices):  # 🦆🦆 漢字\n    """Die Süßigkeiten 🍬: 漢字."""\n    return sum(prices)  # "ü" 👍\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_multibyte_text_before_and_inside_the_range(encoding: str, world: World, start: Start) -> None:
    world.provider.reply(fenced(MULTIBYTE_REPLY))
    editor = await start("neovim-0.11.4", encoding=encoding)
    assert editor.encoding == encoding
    uri = editor.open(world.write("shop.py", MULTIBYTE))
    menu = await editor.actions(uri, MULTIBYTE.index("# 🦆🦆") + 3)
    task = await editor.ended(await editor.choose(menu["Document"]))
    assert task["state"] == "applied", task
    old = MULTIBYTE[MULTIBYTE.index("def total") : MULTIBYTE.index("\n\nNAME")]
    assert editor.text(uri) == MULTIBYTE.replace(old, MULTIBYTE_REPLY)


BYTES = {
    "CRLF": (TOTAL.replace("\n", "\r\n") + "x = 1\r\n", DOCUMENTED.replace("\n", "\r\n") + "x = 1\r\n"),
    "mixed": (
        "def total(prices):\r\n    return sum(prices)\nx = 1\r\n",
        'def total(prices):\r\n    """The sum."""\r\n    return sum(prices)\nx = 1\r\n',
    ),
    "no final newline": (TOTAL.rstrip("\n"), DOCUMENTED.rstrip("\n")),
    "form feed and U+2028": (f"a = '\f'\nb = '\u2028'\n{TOTAL}", f"a = '\f'\nb = '\u2028'\n{DOCUMENTED}"),
    "tabs": (
        "def total(prices):\n\treturn sum(prices)\n",
        'def total(prices):\n\t"""The sum."""\n\treturn sum(prices)\n',
    ),
}


@pytest.mark.parametrize("name", BYTES)
async def test_line_endings_and_ends_stay(name: str, world: World, start: Start) -> None:
    before, after = BYTES[name]
    world.provider.reply(fenced(DOCUMENTED if name != "tabs" else after))
    editor = await start()
    uri = editor.open(world.write("shop.py", before))
    task = await editor.ended(await document(editor, uri))
    assert task["state"] == "applied", task
    assert editor.text(uri) == after


async def test_untouched_lines_are_not_in_the_edit(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    text = f"# above\n{TOTAL}# below\n"
    uri = editor.open(world.write("shop.py", text))
    received: list[types.ApplyWorkspaceEditParams] = []
    editor.on_edit = received.append
    await editor.ended(await document(editor, uri))
    place = types.Range(types.Position(2, 0), types.Position(2, 0))
    document_edit = types.TextDocumentEdit(
        types.OptionalVersionedTextDocumentIdentifier(uri, 1),
        [types.AnnotatedTextEdit("phasr", place, '    """The sum."""\n')],
    )
    assert as_json(received[0].edit) == as_json(
        types.WorkspaceEdit(
            document_changes=[document_edit],
            change_annotations={"phasr": types.ChangeAnnotation("Document · shop.py", needs_confirmation=False)},
        )
    )


def as_json(edit: types.WorkspaceEdit) -> object:
    return converters.get_converter().unstructure(edit)


async def test_a_file_with_a_byte_order_mark_that_is_not_open(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    path = world.write("shop.py", b"\xef\xbb\xbf" + TOTAL.encode())
    place = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 4}}
    answer = await editor.execute("phasr.run", {"kind": "document", "uri": path.as_uri(), "range": place})
    assert (await editor.ended(answer["task"]))["state"] == "applied"
    assert editor.text(path.as_uri()) == DOCUMENTED


async def test_latin_1_is_taken_as_the_editor_shows_it(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    path = world.write("shop.py", f"# caf\xe9\n{TOTAL}".encode("latin-1"))
    uri = editor.open(path, text=f"# café\n{TOTAL}")
    assert (await editor.ended(await document(editor, uri)))["state"] == "applied"
    assert editor.text(uri) == f"# café\n{DOCUMENTED}"


async def test_an_unsaved_buffer_is_what_counts(world: World, start: Start) -> None:
    world.provider.reply(fenced(COUNTED))
    editor = await start()
    uri = editor.open(world.write("shop.py", TOTAL))
    editor.type(uri, len(TOTAL), f"\n\n{COUNT}")
    assert (await editor.ended(await document(editor, uri, "count")))["state"] == "applied"
    assert editor.text(uri) == f"{TOTAL}\n\n{COUNTED}"
    assert (world.project / "shop.py").read_text() == TOTAL


@pytest.mark.parametrize("first", ["total", "count"])
async def test_two_tasks_on_one_file_in_both_orders(first: str, world: World, start: Start) -> None:
    for name, reply in (("total", DOCUMENTED), ("count", COUNTED)):
        world.provider.reply(fenced(reply), when=f"of `{name}`", latency=0.0 if name == first else 0.6)
    editor = await start()
    uri = editor.open(world.write("shop.py", f"{TOTAL}\n\n{COUNT}"))
    tasks = [await document(editor, uri, "total"), await document(editor, uri, "count")]
    ended = await asyncio.gather(*(editor.ended(task) for task in tasks))
    assert [task["state"] for task in ended] == ["applied", "applied"], ended
    assert [edit.after[uri] for edit in editor.applied][-1] == editor.text(uri) == f"{DOCUMENTED}\n\n{COUNTED}"


async def test_what_the_user_types_elsewhere_survives(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED), latency=0.5)
    editor = await start()
    uri = editor.open(world.write("shop.py", f"import os\n\n\n{TOTAL}\n\nx = 1\n"))
    task = await document(editor, uri)
    await world.asked()
    editor.type(uri, 0, "import sys\n")
    editor.type(uri, len(editor.text(uri)), "y = 2\n")
    assert (await editor.ended(task))["state"] == "applied"
    assert editor.text(uri) == f"import sys\nimport os\n\n\n{DOCUMENTED}\n\nx = 1\ny = 2\n"


@pytest.mark.parametrize("preset", ["vscode-1.139-languageclient-9", "neovim-0.11.4", "helix-25.01"])
async def test_typing_while_the_edit_is_on_its_way(preset: str, world: World, start: Start) -> None:
    """The edit is for a version that is gone when it arrives: refused, or said to be applied and not."""
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start(preset)
    uri = editor.open(world.write("shop.py", TOTAL))
    keys = iter("ab")

    def type_once() -> None:
        key = next(keys, None)
        if key:
            editor.type(uri, len(editor.text(uri)), f"# {key}\n")

    editor.before_apply = type_once
    task = await editor.ended(await document(editor, uri))
    assert task["state"] == "applied", task
    assert editor.text(uri) == f"{DOCUMENTED}# a\n# b\n"


async def test_a_clash_writes_nothing_and_keeps_the_result(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED), latency=0.5)
    editor = await start()
    uri = editor.open(world.write("shop.py", TOTAL))
    task = await document(editor, uri)
    await world.asked()
    editor.type(uri, TOTAL.index("    return"), "    # mine\n")
    ended = await editor.ended(task)
    assert ended["state"] == "conflicted"
    assert "line 2" in ended["message"]
    assert "phasr.apply" in ended["message"]
    mine = TOTAL.replace("    return", "    # mine\n    return")
    assert editor.text(uri) == mine

    menu = await editor.actions(uri, 0)
    assert "Apply: Document · shop.py" in menu
    editor.undo(uri)
    await editor.execute("phasr.apply", {"task": task})
    await editor.until(lambda: editor.tasks[task]["state"] == "applied")
    assert editor.text(uri) == DOCUMENTED


async def test_changes_that_break_the_file_only_together_are_not_merged(world: World, start: Start) -> None:
    text = f"import os\n\n\n{TOTAL}\n\nx = 1\n"
    world.provider.reply(fenced("def total(prices):\n    return '''sum'''\n"), latency=0.5)
    editor = await start()
    uri = editor.open(world.write("shop.py", text))
    task = await editor.choose((await editor.actions(uri, text.index("def total")))["Refactor"])
    await world.asked()
    editor.type(uri, text.index("x = 1"), "'''\n")
    editor.type(uri, 0, "'''\n")
    mine = editor.text(uri)
    ended = await editor.ended(task)
    assert ended["state"] == "conflicted", ended
    assert "no longer parse" in ended["message"]
    assert editor.text(uri) == mine


async def test_a_file_that_goes_away_meanwhile(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED), latency=0.5)
    editor = await start()
    path = world.write("shop.py", TOTAL)
    uri = editor.open(path)
    task = await document(editor, uri)
    await world.asked()
    editor.close(uri)
    path.rename(path.with_name("renamed.py"))
    ended = await editor.ended(task)
    assert ended["state"] == "conflicted"
    assert "deleted or renamed" in ended["message"]
    assert not editor.applied


async def test_a_document_that_is_closed_meanwhile_still_gets_its_edit(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED), latency=0.5)
    editor = await start()
    uri = editor.open(world.write("shop.py", TOTAL))
    task = await document(editor, uri)
    await world.asked()
    editor.close(uri)
    assert (await editor.ended(task))["state"] == "applied"
    assert editor.text(uri) == DOCUMENTED
