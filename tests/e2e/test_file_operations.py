"""A result that makes, changes, renames and deletes files arrives as a whole or not at all, in every editor."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from lsprotocol import converters, types
from pytest_lsp import ClientServerConfig, LanguageClient

from examples.editor import Editor, Habits
from tests.e2e import conftest
from tests.e2e.conftest import HABITS, PRESETS, World, initialize_params

pytestmark = pytest.mark.timeout(60)

VSCODE, NEOVIM, EGLOT, ALE = PRESETS[0], "neovim-0.11.4", "emacs-30.1-eglot-1.17", "vim-9.0-ale-3.3"
HELIX = "helix-25.01"
MOVES = {
    name: replace(habits, moves="eglot" not in name and "ale" not in name) for name, habits in HABITS.items()
}
"""What each editor does with files; an editor that doesn't say that it moves them refuses it."""

Start = Callable[..., Awaitable[Editor]]


@asynccontextmanager
async def server_process(world: World, preset: str, habits: Habits) -> AsyncGenerator[Editor]:
    command = [sys.executable, "-m", "tests.e2e.apply_server"]
    client = cast("LanguageClient", await ClientServerConfig(command, LanguageClient, world.environment).start())
    editor = Editor(client, habits)
    params = initialize_params(preset)
    params.workspace_folders = [types.WorkspaceFolder(world.project.as_uri(), "project")]
    result = await client.initialize_session(params)
    editor.encoding = str(result.capabilities.position_encoding or "utf-16")
    try:
        yield editor
        editor.leaving.set()
        await client.shutdown_session()
    finally:
        await client.stop()


@pytest.fixture
async def start(world: World) -> AsyncGenerator[Start]:
    async with AsyncExitStack() as stack:

        async def begin(preset: str, **habits: Any) -> Editor:
            return await stack.enter_async_context(
                server_process(world, preset, replace(MOVES[preset], **habits))
            )

        yield begin


def change(world: World, name: str, before: str | None, after: str | None, end: str | None = None) -> Any:
    def place(of: str) -> dict[str, str]:
        return {"uri": (world.project / of).as_uri(), "name": of}

    return {**place(name), "before": before, "after": after, "moved_to": end and place(end)}


async def apply(editor: Editor, *changes: Any) -> tuple[str, str] | None:
    """Carry the set out; the error's name and text."""
    answer = await editor.client.protocol.send_request_async("test/apply", list(changes))
    return answer and tuple(answer)


def shown(world: World, editor: Editor) -> dict[str, str]:
    """The project as its user sees it: buffers first, then the disk."""
    paths = {path for path in world.project.rglob("*") if path.is_file()}
    return {path.relative_to(world.project).as_posix(): editor.text(path.as_uri()) for path in paths}


A, B, C = "a = 1\nb = 2\nc = 3\n", "def b():\n    return 1\n\n\nx = 1\n", "# c\n"
A2, B2, D = "a = 1\nb = 5\nc = 3\n", "def b():\n    return 2\n\n\nx = 1\n", "# d\n"


def project(world: World) -> list[Any]:
    """Three files, and a set that does something else to each and makes a fourth."""
    for name, text in (("a.py", A), ("b.py", B), ("c.py", C)):
        world.write(name, text)
    return [
        change(world, "c.py", C, None),
        change(world, "b.py", B, B2, "lib/b2.py"),
        change(world, "a.py", A, A2),
        change(world, "new/d.py", None, D),
    ]


@pytest.mark.parametrize("opened", ["", "a.py", "a.py b.py c.py"])
@pytest.mark.parametrize("preset", PRESETS)
async def test_one_set_of_all_four(preset: str, opened: str, world: World, start: Start) -> None:
    editor = await start(preset)
    changes = project(world)
    for name in opened.split():
        editor.open(world.project / name)
    assert await apply(editor, *changes) is None
    result = {"a.py": A2, "lib/b2.py": B2, "new/d.py": D}
    assert shown(world, editor) == result
    assert await apply(editor, *changes) is None, "what is there already isn't done again"
    assert shown(world, editor) == result


async def test_the_edit_says_what_becomes_of_each_file(world: World, start: Start) -> None:
    editor = await start(VSCODE)
    changes = project(world)
    uris = {name: (world.project / name).as_uri() for name in ("a.py", "b.py", "c.py", "lib/b2.py", "new/d.py")}
    editor.open(world.project / "c.py")
    received: list[types.ApplyWorkspaceEditParams] = []
    editor.on_edit = received.append
    await apply(editor, *changes)

    def edit(name: str, version: int | None, *places: tuple[int, int, str]) -> types.TextDocumentEdit:
        return types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(uris[name], version),
            [
                types.AnnotatedTextEdit(
                    "phasr", types.Range(types.Position(start, 0), types.Position(end, 0)), text
                )
                for start, end, text in places
            ],
        )

    expected = types.WorkspaceEdit(
        document_changes=[
            edit("a.py", None, (1, 2, "b = 5\n")),
            types.CreateFile(uris["new/d.py"], annotation_id="phasr"),
            edit("new/d.py", None, (0, 0, D)),
            edit("b.py", None, (1, 2, "    return 2\n")),
            types.RenameFile(uris["b.py"], uris["lib/b2.py"], annotation_id="phasr"),
            edit("c.py", 1),
            types.DeleteFile(uris["c.py"], annotation_id="phasr"),
        ],
        change_annotations={"phasr": types.ChangeAnnotation("Test", needs_confirmation=False)},
    )
    unstructure = converters.get_converter().unstructure
    assert unstructure(received[0].edit) == unstructure(expected)


@pytest.mark.parametrize("preset", [VSCODE, NEOVIM, EGLOT, ALE])
async def test_what_was_typed_meanwhile_moves_along(preset: str, world: World, start: Start) -> None:
    editor = await start(preset)
    changes = project(world)
    b = world.write("b.py", B + "y = 2\n")
    assert await apply(editor, *changes) is None
    assert shown(world, editor)["lib/b2.py"] == B2 + "y = 2\n"
    assert not b.exists()


@pytest.mark.parametrize("preset", [VSCODE, EGLOT])
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("c.py", C + "# mine\n", "c.py was to be deleted, but changed meanwhile"),
        ("b.py", B.replace("1\n", "3\n", 1), "b.py changed meanwhile where the result goes, at line 2"),
        ("lib/b2.py", "# mine\n", "b.py can't be renamed to lib/b2.py, which exists"),
        ("new/d.py", "# mine\n", "new/d.py was made by somebody else"),
    ],
)
async def test_a_clash_in_one_file_leaves_all_as_they_were(
    preset: str, name: str, text: str, words: str, world: World, start: Start
) -> None:
    editor = await start(preset)
    changes = project(world)
    world.write(name, text)
    before = shown(world, editor)
    refusal = await apply(editor, *changes)
    assert refusal
    assert refusal[0] == "Conflict"
    assert words in refusal[1]
    assert "phasr.apply" in refusal[1]
    assert shown(world, editor) == before
    assert editor.applied == editor.refused == []


async def test_a_source_that_is_gone_is_a_clash(world: World, start: Start) -> None:
    editor = await start(VSCODE)
    changes = project(world)
    (world.project / "b.py").unlink()
    refusal = await apply(editor, *changes)
    assert refusal
    assert "b.py was deleted or renamed meanwhile" in refusal[1]
    assert shown(world, editor) == {"a.py": A, "c.py": C}


@pytest.mark.parametrize(("preset", "name"), [(NEOVIM, "c.py"), (EGLOT, "c.py"), (EGLOT, "b.py"), (ALE, "b.py")])
async def test_an_unsaved_buffer_is_not_taken_behind_the_editors_back(
    preset: str, name: str, world: World, start: Start
) -> None:
    """The buffer says what the change was made for, the file something older."""
    editor = await start(preset)
    changes = project(world)
    text = (world.project / name).read_text()
    editor.open(world.write(name, "# older\n"), text=text)
    refusal = await apply(editor, *changes)
    assert refusal
    assert refusal[0] == "EditorRefused"
    assert f"{name} is to be" in refusal[1]
    assert "Save it first." in refusal[1]
    assert (world.project / name).read_text() == "# older\n"
    assert shown(world, editor) == {"a.py": A, "b.py": B, "c.py": C}
    world.write(name, text)
    assert await apply(editor, *changes) is None
    assert shown(world, editor) == {"a.py": A2, "lib/b2.py": B2, "new/d.py": D}


@pytest.mark.parametrize("preset", [VSCODE, NEOVIM])
async def test_typing_in_a_file_that_is_being_deleted_keeps_it(preset: str, world: World, start: Start) -> None:
    editor = await start(preset)
    project(world)
    uri = editor.open(world.project / "c.py")
    editor.open(world.project / "a.py")
    keys = iter(["# mine\n"])

    def type_once() -> None:
        for key in keys:
            editor.type(uri, 0, key)

    editor.before_apply = type_once
    changes = [change(world, "c.py", C, None), change(world, "a.py", A, A2)]
    refusal = await apply(editor, *changes)
    assert refusal
    assert refusal[0] in ("Conflict", "EditorRefused")
    assert shown(world, editor)["c.py"] == "# mine\n" + C


@pytest.mark.parametrize("preset", [NEOVIM, EGLOT])
async def test_an_edit_that_is_refused_leaves_nothing_on_disk(preset: str, world: World, start: Start) -> None:
    editor = await start(preset)
    changes = project(world)
    before = shown(world, editor)

    def refuse(_: types.ApplyWorkspaceEditParams) -> None:
        editor.habits = replace(editor.habits, document_changes=False)

    editor.on_edit = refuse
    refusal = await apply(editor, *changes)
    assert refusal
    assert refusal[0] == "EditorRefused"
    assert shown(world, editor) == before


def refuse(editor: Editor, world: World, name: str, *, typed: str = "") -> None:
    """Have the editor refuse every edit of that file; the user types at the end of the first when it does."""
    uri = (world.project / name).as_uri()
    able = editor.habits

    def on_edit(params: types.ApplyWorkspaceEditParams) -> None:
        touched = [
            change.text_document.uri
            for change in params.edit.document_changes or ()
            if isinstance(change, types.TextDocumentEdit)
        ]
        editor.habits = replace(able, document_changes=uri not in touched)
        if uri in touched and typed:
            first = (world.project / "a.py").as_uri()
            editor.type(first, len(editor.text(first)), typed)

    editor.on_edit = on_edit


@pytest.mark.parametrize("name", ["b.py", "c.py", "new/d.py"])
async def test_what_arrived_before_a_refusal_is_taken_back(name: str, world: World, start: Start) -> None:
    editor = await start(HELIX)
    changes = project(world)
    for each in ("a.py", "b.py", "c.py"):
        editor.open(world.project / each)
    before = shown(world, editor)
    refuse(editor, world, name)
    refusal = await apply(editor, *changes)
    assert refusal
    assert refusal[0] == "EditorRefused"
    assert "by then" not in refusal[1]
    assert shown(world, editor) == before


async def test_what_is_typed_meanwhile_stays_when_the_rest_is_taken_back(world: World, start: Start) -> None:
    editor = await start(HELIX)
    project(world)
    uri = editor.open(world.project / "a.py")
    refuse(editor, world, "b.py", typed="d = 4\n")
    refusal = await apply(editor, change(world, "a.py", A, A2), change(world, "b.py", B, B2))
    assert refusal
    assert refusal[0] == "EditorRefused"
    assert editor.text(uri) == A + "d = 4\n"
    assert editor.text((world.project / "b.py").as_uri()) == B


async def test_what_cannot_be_taken_back_is_named(world: World, start: Start) -> None:
    editor = await start(HELIX)
    project(world)
    uri = editor.open(world.project / "a.py")
    able = editor.habits

    def refuse_after_the_first(_: types.ApplyWorkspaceEditParams) -> None:
        editor.habits = replace(able, document_changes=not editor.applied)

    editor.on_edit = refuse_after_the_first
    refusal = await apply(editor, change(world, "a.py", A, A2), change(world, "b.py", B, B2))
    assert refusal
    assert refusal[0] == "EditorRefused"
    assert " a.py had been changed by then, and that can't be taken back. Its result is kept" in refusal[1]
    assert editor.text(uri) == A2
    editor.on_edit = lambda _: setattr(editor, "habits", able)
    assert await apply(editor, change(world, "a.py", A, A2), change(world, "b.py", B, B2)) is None
    assert shown(world, editor) == {"a.py": A2, "b.py": B2, "c.py": C}


async def test_what_fails_on_disk_takes_the_buffers_back(world: World, start: Start) -> None:
    editor = await start(EGLOT)
    project(world)
    uri = editor.open(world.project / "a.py")
    before = shown(world, editor)
    refusal = await apply(editor, change(world, "a.py", A, A2), change(world, "b.py", B, B2, "c.py/b.py"))
    assert refusal
    assert refusal[0] == "TargetError"
    assert "c.py exists already" in refusal[1]
    assert [each.after.get(uri) for each in editor.applied] == [A2, A]
    assert shown(world, editor) == before


async def test_a_claim_about_files_is_looked_into(world: World, start: Start) -> None:
    editor = await start(VSCODE, lazy=True)
    project(world)
    refusal = await apply(editor, change(world, "c.py", C, None))
    assert refusal
    assert refusal[0] == "EditorRefused"
    assert "says that it applied the edit, but c.py is still in its place" in refusal[1]
    refusal = await apply(editor, change(world, "b.py", B, B, "b2.py"))
    assert refusal
    assert "b.py is still in its place" in refusal[1]


async def test_what_fails_on_disk_is_taken_back(world: World, start: Start) -> None:
    editor = await start(EGLOT)
    project(world)
    before = shown(world, editor)
    refusal = await apply(
        editor, change(world, "b.py", B, B2, "lib/b2.py"), change(world, "c.py", C, C, "a.py/c.py")
    )
    assert refusal
    assert refusal[0] == "TargetError"
    assert "a.py exists already" in refusal[1]
    assert shown(world, editor) == before


@pytest.mark.parametrize("preset", [VSCODE, EGLOT])
async def test_files_swap_their_places(preset: str, world: World, start: Start) -> None:
    editor = await start(preset)
    project(world)
    editor.open(world.project / "a.py")
    swap = [
        change(world, "a.py", A, A, "b.py"),
        change(world, "b.py", B, B2, "a.py"),
        change(world, "c.py", C, C),
    ]
    assert await apply(editor, *swap) is None
    assert shown(world, editor) == {"a.py": B2, "b.py": A, "c.py": C}


@pytest.mark.parametrize(
    ("name", "end", "words"),
    [
        ("../out.py", None, "lies outside"),
        (".git/config", None, "belongs to git"),
        ("c.py", "../out.py", "lies outside"),
        ("c.py", ".GIT/hooks/post-commit", "belongs to git"),
        ("c.py", "link/c.py", "symbolic link that leads out"),
    ],
)
async def test_no_file_leaves_the_workspace(
    name: str, end: str | None, words: str, world: World, start: Start
) -> None:
    editor = await start(VSCODE)
    project(world)
    out = world.write("../out.py", C)
    world.write(".git/config", C)
    (world.project / "link").symlink_to(world.home.parent)
    refusal = await apply(editor, change(world, name, C, C if end else None, end))
    assert refusal
    assert refusal[0] == "TargetError"
    assert words in refusal[1]
    assert out.read_text() == (world.project / "c.py").read_text() == C


async def test_bytes_that_are_not_text_stay_when_a_file_moves(world: World, start: Start) -> None:
    """Its mode, its mark and its line endings."""
    editor = await start(EGLOT)
    path = world.write("b.py", b"\xef\xbb\xbfx = 1\r\ny = 2\n")
    path.chmod(0o755)
    assert await apply(editor, change(world, "b.py", "x = 1\r\ny = 2\n", "x = 3\r\ny = 2\n", "c.py")) is None
    moved = world.project / "c.py"
    assert moved.read_bytes() == b"\xef\xbb\xbfx = 3\r\ny = 2\n"
    assert moved.stat().st_mode & 0o777 == 0o755


KIND = "---\ntitle: Restructure\nscope: file\ntier: standard\n---\nRestructure it.\n"
PATCH = """\
*** Begin Patch
*** Update File: a.py
@@
-b = 2
+b = 5
*** Update File: b.py
*** Move to: lib/b2.py
@@
-    return 1
+    return 2
*** Delete File: c.py
*** Add File: new/d.py
+# d
*** End Patch
"""


@pytest.mark.parametrize("preset", [VSCODE, NEOVIM, EGLOT])
async def test_a_models_reply_does_all_four(preset: str, world: World) -> None:
    """From the menu to the files, as a user has it; what reaches beyond the document waits for a decision."""
    world.provider.reply(PATCH)
    kind = world.home / "config" / "phasr" / "kinds" / "restructure.md"
    kind.parent.mkdir(parents=True, exist_ok=True)
    kind.write_text(KIND)
    project(world)
    async with conftest.server_process(world, preset, habits=MOVES[preset]) as editor:
        uri = editor.open(world.project / "a.py")
        asked: list[dict[str, str]] = []

        def answer(_: types.ShowMessageRequestParams) -> str:
            asked.append(shown(world, editor))
            return "Apply"

        editor.answer = answer
        task = await editor.choose((await editor.actions(uri, 0))["Restructure"])
        await editor.until(lambda: editor.tasks.get(task, {}).get("state") in ("applied", "failed", "conflicted"))
        assert editor.tasks[task]["state"] == "applied", editor.messages
        assert asked == [{"a.py": A, "b.py": B, "c.py": C}]
        assert shown(world, editor) == {"a.py": A2, "lib/b2.py": B2, "new/d.py": D}
