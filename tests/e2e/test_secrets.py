"""A key leaves the server for its provider alone: no message, log or file has it, whatever the provider says."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.editor import Editor
from tests.e2e.conftest import PRESETS, World, fenced, server_process

pytestmark = pytest.mark.timeout(60)

KEY = "sk-canary-0123456789"
SHOWN = "canary-0123"
"""What must not be seen: the key without its ends, which some providers leave when they cover the rest."""

SOURCE = "def total(prices):\n    return sum(prices)\n"
DOCUMENTED = 'def total(prices):\n    """The sum."""\n    return sum(prices)\n'

REPLIES: dict[str, tuple[dict[str, Any], str]] = {
    "success": ({"text": fenced(DOCUMENTED)}, "applied"),
    "401 that echoes the key": ({"status": 401, "error": f"Incorrect API key provided: {KEY}"}, "failed"),
    "400 that echoes the headers": ({"status": 400, "error": f"authorization: Bearer {KEY}"}, "failed"),
    "429 that echoes the key": (
        {"status": 429, "error": f"insufficient_quota for {KEY}", "error_type": "insufficient_quota"},
        "failed",
    ),
    "500 with the key in a page": (
        {"status": 500, "body": f"<html><p>{KEY}</p></html>", "content_type": "text/html"},
        "failed",
    ),
    "200 with the key in a page": (
        {"body": f"<html><p>{KEY}</p></html>", "content_type": "text/html"},
        "failed",
    ),
    "malformed stream": (
        {"body": f'data: {{"choices": [{{"{KEY}": \n\n', "content_type": "text/event-stream"},
        "failed",
    ),
    "error in the stream": (
        {
            "body": f'data: {{"error": {{"message": "bad key {KEY}", "code": 401}}}}\n\n',
            "content_type": "text/event-stream",
        },
        "failed",
    ),
}


class Recording:
    """Everything that comes out of one server: its two streams, and all files of its machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def places(self, text: str) -> list[str]:
        """Where the text stands, as paths relative to the machine's folder."""
        root = self.folder.parent
        files = [path for path in root.rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(root)) for path in files if text.encode() in path.read_bytes())


@pytest.fixture
def recording(world: World, tmp_path: Path) -> Recording:
    """The machine's folder for temporary files is among those that are looked through."""
    for name in ("recording", "tmp"):
        (tmp_path / name).mkdir()
    world.variables |= {"TEST_KEY": KEY, "TMPDIR": str(tmp_path / "tmp")}
    world.configure(f"{world.models}\n[limits]\nretry_seconds = 0.1\n")
    return Recording(tmp_path / "recording")


@asynccontextmanager
async def recorded(world: World, recording: Recording, **options: Any) -> AsyncGenerator[Editor]:
    async with server_process(
        world, PRESETS[0], log_level="debug", recording=recording.folder, **options
    ) as editor:
        yield editor


async def run(editor: Editor, uri: str, model: str) -> dict[str, Any]:
    start = {"line": 0, "character": 4}
    arguments = {"kind": "document", "uri": uri, "range": {"start": start, "end": start}, "model": model}
    return await editor.ended((await editor.execute("phasr.run", arguments))["task"])


@pytest.mark.parametrize("model", ["test/model", "test/claude"])
async def test_no_key_is_ever_shown(model: str, world: World, recording: Recording) -> None:
    async with recorded(world, recording) as editor:
        uri = editor.open(world.write("shop.py", SOURCE))
        for name, (rule, state) in REPLIES.items():
            world.provider.load({"rules": [rule]})
            task = await run(editor, uri, model)
            assert task["state"] == state, (name, task)
            sent = [value for request in world.provider.requests for value in request.headers.values()]
            assert any(KEY in value for value in sent), name
            if editor.text(uri) != SOURCE:
                editor.undo(uri)
        await editor.execute("phasr.status")
        assert recording.places(SHOWN) == []
        seen = {text: recording.places(text) for text in ("phasr/taskChanged", "workspace/applyEdit", "TEST_KEY")}
    assert recording.places(SHOWN) == []
    assert seen == {
        "phasr/taskChanged": ["recording/stdout"],
        "workspace/applyEdit": ["recording/stdout"],
        "TEST_KEY": ["home/config/phasr/config.toml", "recording/stdout"],
    }
    assert "recording/stderr" in recording.places(" DEBUG ")


async def test_nor_in_a_result_that_is_shown(world: World, recording: Recording) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    async with recorded(world, recording, options={"apply": "review"}) as editor:
        await run(editor, editor.open(world.write("shop.py", SOURCE)), "test/model")
        await editor.until(lambda: bool(editor.questions))
        [diff] = recording.places('+    """The sum."""')
        assert diff.endswith("t1.diff")
        assert recording.places(SHOWN) == []


async def test_this_would_see_a_key(world: World, recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, pathlib, sys\n"
        "key = os.environ['TEST_KEY']\n"
        "sys.stderr.write(key)\n"
        "for name in ('TMPDIR', 'HOME'): pathlib.Path(os.environ[name], 'left').write_text(key)\n"
    )
    world.variables["PYTHONPATH"] = str(tmp_path / "site")
    async with recorded(world, recording) as editor:
        await editor.execute("phasr.run", {"kind": KEY, "uri": "file:///x.py", "range": _NOWHERE})
    assert recording.places(SHOWN) == ["home/left", "recording/stderr", "recording/stdout", "tmp/left"]


_NOWHERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
