"""Whatever goes wrong: one clear message that says what to do, the task failed, no edit, the server alive."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from examples.editor import Editor
from tests.e2e.conftest import MODELS, Start, World, fenced
from tests.fault_server import Fault

pytestmark = pytest.mark.timeout(60)

SOURCE = "def total(prices):\n    return sum(prices)\n"
GOOD = fenced('def total(prices):\n    """The sum."""\n    return sum(prices)\n')


async def run(editor: Editor, uri: str, **arguments: Any) -> dict[str, Any]:
    """Start a task at the first line of the file and wait for its end."""
    start = {"line": 0, "character": 4}
    answer = await editor.execute(
        "phasr.run", {"kind": "document", "uri": uri, "range": {"start": start, "end": start}, **arguments}
    )
    return await editor.ended(answer["task"])


async def check(editor: Editor, uri: str, *words: str, **arguments: Any) -> None:
    """The task fails with one message that has all the words, and a good task still works afterwards."""
    seen = len(editor.messages)
    task = await run(editor, uri, **arguments)
    await editor.until(lambda: len(editor.messages) > seen)
    assert task["state"] == "failed", task
    for word in words:
        assert word in task["message"], task["message"]
    assert editor.messages[seen:] == [f"{task['title']}: {task['message']}"]
    assert not editor.applied
    assert (await editor.execute("phasr.status"))["tasks"][-1]["task"] == task["task"]


FILES: dict[str, tuple[Callable[[World], Path], tuple[str, ...]]] = {
    "doesn't exist": (lambda world: world.project / "gone.py", ("doesn't exist", "Save it")),
    "over 1 MiB": (lambda world: world.write("big.py", "x = 1\n" * 200_000), ("1,048,576", "max_file_bytes")),
    "binary": (lambda world: world.write("data.py", b"\x00\x01\x02"), ("binary",)),
    "not UTF-8": (lambda world: world.write("latin.py", "# é\n".encode("latin-1")), ("isn't UTF-8", "Open it")),
    "outside": (lambda world: _file(world.home / "other.py"), ("outside of the workspace", "Open the folder")),
    "link out": (lambda world: _link(world, world.home / "other.py"), ("symbolic link", "Open the folder")),
    "read-only": (lambda world: _read_only(world.write("fixed.py", SOURCE)), ("read-only", "Make it writable")),
    "folder": (lambda world: world.write("folder/a.py", SOURCE).parent, ("not a plain file",)),
    "below a file": (lambda world: world.write("a.py", SOURCE) / "b.py", ("Not a directory", "Check its name")),
    "link to itself": (lambda world: _circle(world), ("can't be a file", "Open the file itself")),
    "name too long": (lambda world: world.project / f"{'n' * 300}.py", ("too long", "Check its name")),
    "in .git": (lambda world: world.write(".git/hook.py", SOURCE), ("belongs to git",)),
}


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SOURCE)
    return path


def _link(world: World, target: Path) -> Path:
    link = world.project / "link.py"
    link.symlink_to(_file(target))
    return link


def _circle(world: World) -> Path:
    link = world.project / "circle.py"
    link.symlink_to(link)
    return link


def _read_only(path: Path) -> Path:
    path.chmod(stat.S_IRUSR)
    return path


async def test_files_that_cannot_be_worked_on(world: World, start: Start) -> None:
    editor = await start()
    for make, words in FILES.values():
        await check(editor, make(world).as_uri(), *words)
    assert not world.provider.requests


async def test_the_same_of_open_buffers(world: World, start: Start) -> None:
    editor = await start()
    big = editor.open(world.write("big.py", ""), text="x = 1\n" * 200_000)
    await check(editor, big, "1,048,576")
    outside = editor.open(_file(world.home / "other.py"))
    await check(editor, outside, "outside of the workspace")
    nowhere = editor.open(world.write("plain.py", "x = 1\n"))
    await check(editor, nowhere, "no function, method or type at line 1", "Put the cursor inside one")
    assert not world.provider.requests


@dataclass(frozen=True)
class Provider:
    """A provider's misbehaviour, and the words of the message that it leads to."""

    rule: dict[str, Any]
    words: tuple[str, ...]
    requests: int | None = 1
    """How many are sent in all; None where chance decides on a retry."""


REFUSAL = "I can't help with that."
PROVIDERS = {
    "key rejected": Provider({"status": 401, "error": "bad key sk-canary-0123456789"}, ("TEST_KEY",)),
    "unknown model": Provider({"status": 404, "error": "no such model"}, ("test/model",)),
    "quota spent": Provider(
        {"status": 429, "error": "insufficient_quota", "error_type": "insufficient_quota"}, ("quota",)
    ),
    "out of context": Provider(
        {
            "status": 400,
            "error": "This model's maximum context length is 10 tokens",
            "error_type": "context_length_exceeded",
        },
        ("window",),
    ),
    "refusing": Provider({"text": REFUSAL}, ("No edit can be made", "stronger model"), requests=3),
    "nonsense": Provider({"text": fenced("def total(\n")}, ("no longer parses", "not applied"), requests=3),
    "cut off": Provider(
        {"text": fenced(SOURCE), "finish": "length"}, ("cut off", "max_output_tokens"), requests=3
    ),
    "filtered": Provider({"text": "", "finish": "content_filter"}, ("test/model",)),
    "empty": Provider({"fault": Fault.EMPTY}, ("test/model",), requests=None),
}


async def test_providers_that_fail(world: World, start: Start) -> None:
    world.configure(f"{world.models}\n[limits]\nretry_seconds = 0.1\n")
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    for name, case in PROVIDERS.items():
        world.provider.load({"rules": [case.rule]})
        await check(editor, uri, *case.words)
        assert case.requests in (None, len(world.provider.requests)), name


async def test_failures_that_pass_are_retried(world: World, start: Start) -> None:
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    for rule in (
        {"status": 429, "headers": {"Retry-After": "0"}, "times": 1},
        {"status": 429, "times": 1},
        {"status": 500, "times": 1},
        {"status": 529, "times": 1},
        {"fault": Fault.RESET, "times": 1},
    ):
        world.provider.load({"rules": [rule, {"text": GOOD}]})
        task = await run(editor, uri)
        assert task["state"] == "applied", (rule, task)
        assert len(world.provider.requests) == 2
        editor.undo(uri)


async def test_a_model_that_is_down_or_slow(world: World, start: Start) -> None:
    base = MODELS.format(openai="http://127.0.0.1:9/v1", anthropic=world.provider.anthropic_base)
    world.configure(f"{base}\n[limits]\nretry_seconds = 0.5\nrequest_seconds = 0.5\n")
    world.provider.reply("never", latency=60)
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    await check(editor, uri, "test/model")
    await check(editor, uri, "test/claude", "silent", model="test/claude")


async def test_requests_that_name_what_is_not_there(world: World, start: Start) -> None:
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    await check(editor, uri, 'No kind is called "documnt"', 'Did you mean "document"?', kind="documnt")
    await check(editor, uri, 'No model is called "modle"', model="modle")
    await check(editor, uri, "ANTHROPIC_API_KEY", model="anthropic/claude-sonnet-5-5")
    await check(editor, uri, "too far apart", "once more", version=-3)
    await check(editor, uri, "no comment that begins with `phasr:`", kind="do")
    assert not world.provider.requests


async def test_without_any_model_one_message_names_the_ways_to_get_one(world: World, start: Start) -> None:
    world.configure("")
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    assert "Document" in await editor.actions(uri, 4)
    await check(editor, uri, "ANTHROPIC_API_KEY", "ollama/", "phasr model install", "phasr.installModel")
    assert [action.title for action in editor.questions[0].actions or ()] == ["Install the embedded model"]


@pytest.mark.parametrize(
    "argument",
    [{}, {"kind": 3}, {"kind": "tests", "uri": "file:///x", "range": {}}, "tests", {"kind": "tests", "extra": 1}],
)
async def test_malformed_arguments_are_answered_as_such(argument: Any, world: World, start: Start) -> None:
    from pygls.exceptions import JsonRpcInvalidParams

    editor = await start()
    with pytest.raises(JsonRpcInvalidParams, match="RunParams"):
        await editor.execute("phasr.run", argument)
    assert (await editor.execute("phasr.status"))["tasks"] == []


async def test_no_folder(world: World, start: Start) -> None:
    world.provider.reply(GOOD)
    editor = await start(folders=())
    uri = editor.open(world.write("shop.py", SOURCE))
    await check(editor, uri, "No folder is open", "Open the project's folder", kind="tests")
    assert (await run(editor, uri))["state"] == "applied"


async def test_a_folder_whose_configuration_cannot_be_looked_for(world: World, start: Start) -> None:
    world.provider.reply(GOOD)
    editor = await start(folders=(world.project, world.project / ("n" * 300)))
    uri = editor.open(world.write("shop.py", SOURCE))

    def problems() -> set[str]:
        found = (problem for each in editor.diagnostics.values() for problem in each)
        return {problem.message.partition(":")[0] for problem in found}

    await editor.until(lambda: problems() == {"Can't be read", "The file can't be read"})
    assert (await run(editor, uri))["state"] == "applied"


async def test_several_folders(world: World, start: Start) -> None:
    world.provider.reply(fenced("def test_total():\n    assert True\n"))
    other = world.home / "other"
    editor = await start(folders=(world.project, other))
    uri = editor.open(_file(other / "shop.py"))
    assert (await run(editor, uri, kind="tests"))["state"] == "applied"
    assert (other / "tests" / "test_shop.py").exists()
    assert not (world.project / "tests").exists()


async def test_a_folder_that_is_closed_under_another_spelling(world: World, start: Start) -> None:
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    spelled = world.project.as_uri().replace("/project", "/%70roject")
    event = types.WorkspaceFoldersChangeEvent(added=[], removed=[types.WorkspaceFolder(spelled, "project")])
    editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
    await check(editor, uri, "No folder is open", kind="tests")
