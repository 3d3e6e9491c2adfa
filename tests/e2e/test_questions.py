"""What Phasr asks its user: with buttons where the editor has them, and never in vain."""

from importlib import resources
from pathlib import Path
from typing import cast

import pytest
from lsprotocol import types

from examples.editor import Editor
from phasr_lsp.domain.embedded import parse_models
from tests.e2e.conftest import Start, World, fenced

pytestmark = pytest.mark.timeout(60)

SOURCE = "def total(prices):\n    return sum(prices)\n"
DOCUMENTED = 'def total(prices):\n    """The sum."""\n    return sum(prices)\n'
INSTALL = "Install the embedded model"


async def run(world: World, editor: Editor) -> str:
    """Start a task and wait for its end; returns its message."""
    uri = editor.open(world.write("shop.py", SOURCE))
    menu = await editor.actions(uri, SOURCE.index("total"))
    return (await editor.ended(await editor.choose(menu["Document"])))["message"]


def without_questions(editor: Editor) -> None:
    """The editor answers `window/showMessageRequest` with MethodNotFound."""
    features = cast("dict[str, object]", editor.client.protocol.fm.features)  # pyright: ignore[reportUnknownMemberType]
    del features[types.WINDOW_SHOW_MESSAGE_REQUEST]


def at_start(world: World, folder: Path, code: str) -> None:
    """Have the server's interpreter run the code before anything else."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(code)
    world.variables["PYTHONPATH"] = str(folder / "site")


async def test_an_editor_that_cannot_ask_shows_the_message_all_the_same(world: World, start: Start) -> None:
    world.configure("")
    editor = await start()
    without_questions(editor)
    message = await run(world, editor)
    await editor.until(lambda: bool(editor.messages))
    assert editor.messages == [f"Document · shop.py: {message}"]
    assert "ANTHROPIC_API_KEY" in message


async def test_an_editor_that_does_not_say_that_it_asks_is_told_as_well(world: World, start: Start) -> None:
    world.configure("")
    editor = await start("helix-25.01")
    message = await run(world, editor)
    await editor.until(lambda: bool(editor.questions))
    assert editor.messages == [f"Document · shop.py: {message}"] * 2


async def test_a_result_that_waits_is_said_to_wait(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start(options={"apply": "review"})
    without_questions(editor)
    await run(world, editor)
    await editor.until(lambda: bool(editor.messages))
    assert "It waits for your decision." in editor.messages[0]


async def test_a_result_that_cannot_be_shown_is_kept(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    (world.home / "cache").mkdir()
    (world.home / "cache" / "phasr").touch()
    editor = await start(options={"apply": "review"})
    await run(world, editor)
    await editor.until(lambda: bool(editor.messages))
    assert "can't be made" in editor.messages[0]
    assert "permissions" in editor.messages[0]
    assert editor.tasks["t1"]["state"] == "ready"
    await editor.execute("phasr.apply")
    await editor.until(lambda: editor.tasks["t1"]["state"] == "applied")
    assert editor.text((world.project / "shop.py").as_uri()) == DOCUMENTED


async def test_weights_without_what_runs_them_are_not_offered_again(
    world: World, start: Start, tmp_path: Path
) -> None:
    at_start(world, tmp_path, "import sys\nsys.modules['xllamacpp'] = None\n")
    weights = world.write("my.gguf", b"GGUF")
    world.configure(f'model = "embedded/qwen2.5-coder-1.5b"\n[embedded]\nfile = "{weights}"\n')
    editor = await start()
    message = await run(world, editor)
    await editor.until(lambda: bool(editor.messages))
    assert "not xllamacpp" in message
    assert "`local` extra" in message
    assert editor.questions == []


@pytest.mark.parametrize("by", ["button", "command"])
async def test_the_model_that_was_missing_is_the_one_that_is_installed(
    by: str, world: World, start: Start
) -> None:
    """All bytes are there and wrong: so the installation ends before anything is fetched, and names its model."""
    table = resources.files("phasr_lsp.domain").joinpath("embedded_models.toml").read_text("utf-8")
    small = parse_models(table)[-1]
    partial = world.home / "cache" / "phasr" / "models" / f"{small.file}.partial"
    partial.parent.mkdir(parents=True)
    with partial.open("wb") as file:
        file.truncate(small.bytes)
    world.configure("")
    editor = await start(options={"tiers": {"simple": small.name}})
    editor.answer = lambda params: INSTALL if by == "button" else None
    message = await run(world, editor)
    assert f"`phasr model install {small.short_name}`" in message
    await editor.until(lambda: bool(editor.questions))
    if by == "command":
        await editor.execute("phasr.installModel")
    await editor.until(lambda: len(editor.messages) > 1)
    assert f"What arrived isn't {small.name}" in editor.messages[1]


async def test_an_installation_that_fails_unexpectedly_says_so(
    world: World, start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    at_start(world, tmp_path, "import shutil\nshutil.disk_usage = None\n")
    editor = await start()
    await editor.execute("phasr.installModel")
    await editor.until(lambda: bool(editor.messages))
    assert editor.messages == ["The embedded model isn't installed: Phasr made a mistake; its log says which."]
    [token] = editor.progress
    await editor.until(lambda: editor.progress[token][-1]["kind"] == "end")
    assert "Session._install failed" in capfd.readouterr().err
