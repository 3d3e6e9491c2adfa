"""Tasks: what the menu offers, cancelling, reviewing, models side by side, live configuration."""

import asyncio
from typing import Any

import pytest
from lsprotocol import types

from examples.editor import Editor, plain
from tests.e2e.conftest import PRESETS, Start, World, fenced, server_process

pytestmark = pytest.mark.timeout(60)

SOURCE = "import os\n\n\ndef total(prices):\n    # phasr: round to two digits\n    return sum(prices)\n"
DOCUMENTED = 'def total(prices):\n    """The sum."""\n    # phasr: round to two digits\n    return sum(prices)\n'


async def begin(editor: Editor, uri: str, title: str = "Document") -> str:
    menu = await editor.actions(uri, SOURCE.index("def total"))
    return await editor.choose(menu[title])


async def test_the_menu_offers_what_fits_the_place(world: World, start: Start) -> None:
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    everywhere = {
        "Write tests", "Document", "Add error handling", "Add types", "Refactor", "Update imports", "Implement",
    }  # fmt: skip
    assert set(await editor.actions(uri, SOURCE.index("def total"))) == everywhere
    on_comment = await editor.actions(uri, SOURCE.index("# phasr"))
    assert set(on_comment) - everywhere == {"Do: round to two digits"}
    problem = types.Diagnostic(editor.range(uri, 0, 9), "`os` imported but unused")
    with_problem = await editor.actions(uri, 0, [problem])
    assert set(with_problem) - everywhere == {"Fix: `os` imported but unused"}
    action = with_problem["Fix: `os` imported but unused"]
    assert (action.kind, action.data, list(action.diagnostics or ())) == ("quickfix", {"kind": "fix"}, [problem])

    text = editor.open(world.write("notes.json", "{}\n"), language="json")
    assert await editor.actions(text, 0) == {}
    lua = editor.open(world.write("shop.lua", "function total() end\n"), language="lua")
    assert everywhere - set(await editor.actions(lua, 0)) == {"Write tests", "Update imports"}


async def test_only_the_kinds_that_were_asked_for(world: World, start: Start) -> None:
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    for only, expected in (
        ("quickfix", 0),
        ("refactor", 7),
        ("refactor.rewrite", 7),
        ("refactor.extract", 0),
        ("", 7),
    ):
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            editor.range(uri, SOURCE.index("def total")),
            types.CodeActionContext([], only=[only]),
        )
        found = await editor.client.text_document_code_action_async(params)
        assert len(found or ()) == expected, only


async def stopped(world: World, editor: Editor, task: str) -> None:
    """The task is cancelled, and the provider saw the connection close."""
    await editor.until(lambda: editor.tasks[task]["state"] == "cancelled")
    await world.provider.until(lambda: world.provider.hang_ups == 1 and world.provider.open == 0)
    assert not editor.applied


async def by_command(editor: Editor, uri: str, task: str) -> None:
    assert [stopped["task"] for stopped in (await editor.execute("phasr.cancel", {"task": task}))["tasks"]] == [
        task
    ]


async def by_command_without_argument(editor: Editor, uri: str, task: str) -> None:
    await editor.execute("phasr.cancel")


async def by_cancel_all(editor: Editor, uri: str, task: str) -> None:
    await editor.execute("phasr.cancelAll")


async def by_code_action(editor: Editor, uri: str, task: str) -> None:
    menu = await editor.actions(uri, 0)
    action = menu["Cancel: Document · shop.py"]
    assert action.command
    await editor.execute(action.command.command, *(action.command.arguments or ()))


async def by_progress(editor: Editor, uri: str, task: str) -> None:
    await editor.until(lambda: bool(editor.progress))
    [token] = editor.progress
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))


@pytest.mark.parametrize(
    "cancel", [by_command, by_command_without_argument, by_cancel_all, by_code_action, by_progress]
)
async def test_cancel_stops_the_work(cancel: Any, world: World, start: Start) -> None:
    world.provider.reply("never", latency=60)
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await begin(editor, uri)
    await world.asked()
    await cancel(editor, uri, task)
    await stopped(world, editor, task)


async def test_cancelling_the_request_stops_the_task_that_it_started(world: World, start: Start) -> None:
    world.provider.reply("never", latency=60)
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    action = (await editor.actions(uri, SOURCE.index("def total")))["Document"]
    assert action.command
    params = types.ExecuteCommandParams(action.command.command, action.command.arguments)
    await asyncio.wrap_future(
        editor.client.protocol.send_request(types.WORKSPACE_EXECUTE_COMMAND, params, msg_id="request-7")
    )
    await world.asked()
    editor.client.cancel_request(types.CancelParams("request-7"))
    await stopped(world, editor, "t1")


async def test_queued_retries_end_with_the_task(world: World, start: Start) -> None:
    world.provider.fail(429, headers={"Retry-After": "30"})
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await begin(editor, uri)
    await world.provider.until(lambda: len(world.provider.requests) == 1 and world.provider.open == 0, 30)
    await editor.execute("phasr.cancel", {"task": task})
    await editor.until(lambda: editor.tasks[task]["state"] == "cancelled")
    assert len(world.provider.requests) == 1


async def test_two_tasks_at_once_on_providers_of_different_wire_formats(world: World, start: Start) -> None:
    reply = fenced(DOCUMENTED)
    world.provider.reply(reply, latency=3)
    editor = await start()
    uris = [editor.open(world.write(name, SOURCE)) for name in ("a.py", "b.py")]
    place = {"start": {"line": 3, "character": 4}, "end": {"line": 3, "character": 4}}
    for uri, model in zip(uris, ("test/model", "test/claude"), strict=True):
        await editor.execute("phasr.run", {"kind": "document", "uri": uri, "range": place, "model": model})
    ended = await asyncio.gather(*(editor.ended(task) for task in ("t1", "t2")))
    assert [(task["state"], task["model"]) for task in ended] == [
        ("applied", "test/model"),
        ("applied", "test/claude"),
    ]
    assert {request.path for request in world.provider.requests} == {"/v1/chat/completions", "/v1/messages"}
    assert world.provider.peak == 2


async def test_tokens_and_cost_are_reported(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED), input_tokens=1000, output_tokens=100)
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await editor.ended(await begin(editor, uri))
    assert (task["inputTokens"], task["outputTokens"], task["cost"]) == (1000, 100, 0.002)
    place = {"start": {"line": 3, "character": 4}, "end": {"line": 3, "character": 4}}
    answer = await editor.execute(
        "phasr.run", {"kind": "document", "uri": uri, "range": place, "model": "test/strong"}
    )
    assert (await editor.ended(answer["task"]))["cost"] is None


async def test_a_malformed_reply_is_repaired_and_paid_for(world: World, start: Start) -> None:
    world.provider.reply("Sorry?", input_tokens=100, output_tokens=10, times=1)
    world.provider.reply(fenced(DOCUMENTED), input_tokens=200, output_tokens=20)
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await editor.ended(await begin(editor, uri))
    assert (task["state"], task["inputTokens"], task["outputTokens"]) == ("applied", 300, 30)
    assert "0 fenced code blocks" in world.provider.requests[1].prompt


async def test_search_and_replace_for_models_that_write_it(world: World, start: Start) -> None:
    world.provider.reply(
        "shop.py\n<<<<<<< SEARCH\nimport os\n=======\n>>>>>>> REPLACE\n"
        "\nshop.py\n<<<<<<< SEARCH\n    return sum(prices)\n"
        "=======\n    return round(sum(prices), 2)\n>>>>>>> REPLACE\n"
    )
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    menu = await editor.actions(uri, SOURCE.index("# phasr"))
    action = menu["Do: round to two digits"]
    assert action.command
    assert action.command.arguments
    arguments = {**plain(action.command.arguments[0]), "model": "test/strong"}
    answer = await editor.execute(action.command.command, arguments)
    assert (await editor.ended(answer["task"]))["state"] == "applied"
    assert editor.text(uri) == SOURCE.replace("import os\n", "").replace("sum(prices)", "round(sum(prices), 2)")


@pytest.mark.parametrize("decision", ["Apply", "Discard"])
async def test_review_shows_the_diff_and_waits(decision: str, world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start(options={"kinds": {"document": {"apply": "review"}}})
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await editor.ended(await begin(editor, uri))
    assert task["state"] == "ready"
    await editor.until(lambda: bool(editor.questions))
    assert "+1 -0" in editor.questions[0].message
    [shown] = editor.shown
    assert '+    """The sum."""' in editor.text(shown)
    assert editor.text(uri) == SOURCE
    menu = await editor.actions(uri, 0)
    action = menu[f"{decision}: Document · shop.py"]
    assert action.command
    await editor.execute(action.command.command, *(action.command.arguments or ()))
    expected = {"Apply": "applied", "Discard": "discarded"}[decision]
    await editor.until(lambda: editor.tasks["t1"]["state"] == expected)
    assert (DOCUMENTED in editor.text(uri)) == (decision == "Apply")


async def test_review_is_decided_by_the_answer_to_the_question(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start(options={"apply": "review"})
    editor.answer = lambda params: "Apply"
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await begin(editor, uri)
    await editor.until(lambda: task in editor.tasks and editor.tasks[task]["state"] == "applied")
    assert DOCUMENTED in editor.text(uri)


async def test_two_editors_are_shown_a_document_each(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    path = world.write("shop.py", SOURCE)
    editors = [await start(options={"apply": "review"}) for _ in range(2)]
    for editor in editors:
        await begin(editor, editor.open(path))
        await editor.until(lambda editor=editor: bool(editor.shown))
    [one], [other] = (editor.shown for editor in editors)
    assert one != other


async def test_a_range_from_an_older_version_is_carried_along(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    action = (await editor.actions(uri, SOURCE.index("def total")))["Document"]
    editor.type(uri, 0, "# one\n# two\n# three\n# four\n")
    assert (await editor.ended(await editor.choose(action)))["state"] == "applied"
    assert DOCUMENTED in editor.text(uri)


async def test_configuration_is_live_and_its_mistakes_are_shown(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    editor.configuration = {"model": "test/model"}
    uri = editor.open(world.write("shop.py", SOURCE))
    world.write(".phasr/config.toml", 'modle = "test/model"\n')
    await editor.ended(await begin(editor, uri))
    await editor.until(lambda: any("config.toml" in uri for uri in editor.diagnostics))
    [(file, [problem])] = [(uri, found) for uri, found in editor.diagnostics.items() if found]
    assert file.endswith("/project/.phasr/config.toml")
    assert 'Did you mean "model"?' in problem.message
    assert (problem.range.start.line, problem.range.start.character, problem.range.end.character) == (0, 0, 5)

    world.write(".phasr/config.toml", 'model = "test/strong"\n')
    changes = [types.FileEvent(file, types.FileChangeType.Changed)]
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))
    await editor.until(lambda: not editor.diagnostics[file])


async def test_settings_of_the_editor_are_pulled_when_they_change(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    editor.configuration = {"model": "test/claude"}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({}))
    await editor.until(lambda: editor.pulled >= 2)
    task = await editor.ended(await begin(editor, uri))
    assert task["model"] == "test/claude"


async def test_kinds_of_the_users_own(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    world.write(
        ".phasr/kinds/haiku.md", "---\ntitle: Write a haiku\nmodel: evil/model\n---\nA haiku about `{name}`.\n"
    )
    editor = await start()
    uri = editor.open(world.write("shop.py", SOURCE))
    task = await editor.ended(await begin(editor, uri, "Write a haiku"))
    assert task["model"] == "test/model"
    assert "A haiku about `total`." in world.provider.requests[0].prompt
    assert any(uri.endswith("haiku.md") for uri, found in editor.diagnostics.items() if found)


async def test_run_without_arguments_asks_what_to_do(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    editor = await start()
    assert await editor.execute("phasr.run") == {"task": None}
    await editor.until(lambda: bool(editor.messages))
    assert "Put the cursor on a function" in editor.messages[0]
    uri = editor.open(world.write("shop.py", SOURCE))
    await editor.actions(uri, SOURCE.index("def total"))
    editor.answer = lambda params: "Document"
    await editor.execute("phasr.run")
    await editor.ended("t1")
    assert DOCUMENTED in editor.text(uri)


async def test_run_without_arguments_asks_for_what_fits_the_language(world: World, start: Start) -> None:
    world.provider.reply(fenced(DOCUMENTED))
    kinds = world.home / "config" / "phasr" / "kinds"
    kinds.mkdir()
    for name in ("one", "two"):
        (kinds / f"{name}.md").write_text(f"---\ntitle: Twin\n---\nThis is {name}.\n")
    editor = await start()
    for path, language in (("notes.json", "json"), ("shop.lua", "lua"), ("shop.py", "python")):
        uri = editor.open(world.write(path, SOURCE), language=language)
        await editor.actions(uri, SOURCE.index("def total"))
        seen = len(editor.messages)
        editor.answer = lambda params: "Twin (two)" if "shop.py" in params.message else None
        await editor.execute("phasr.run")
        await editor.until(lambda seen=seen: len(editor.messages) > seen)
    assert editor.messages[0] == "No kind of task is for files like notes.json."
    lua, python = ({action.title for action in question.actions or ()} for question in editor.questions)
    assert {"Twin (one)", "Twin (two)"} < lua
    assert python - lua == {"Write tests", "Update imports"}
    await editor.ended("t1")
    assert "This is two." in world.provider.requests[0].prompt


async def test_shutdown_with_work_in_flight_is_clean(world: World) -> None:
    world.provider.reply("never", latency=60)
    async with server_process(world, PRESETS[0]) as editor:
        uri = editor.open(world.write("shop.py", SOURCE))
        await begin(editor, uri)
        await world.asked()
    await world.provider.until(lambda: world.provider.open == 0)
