"""Which other files of a workspace a task may touch; what is refused is refused by name, with the rule."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from lsprotocol import types

from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.text import FileText, Lookup
from phasr_lsp.lsp.documents import Documents
from phasr_lsp.lsp.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / ".gitignore").write_text("dist/\n")
    (folder / ".phasrignore").write_text("# private\n/notes/*.md\n")
    (folder / "shop.py").write_text("x = 1\n")
    (folder / "big.txt").write_text("x" * 2000)
    (folder / "image.txt").write_bytes(b"\0")
    (folder / "latin.txt").write_bytes(b"\xe9")
    (folder / "folder").mkdir()
    (folder / "out").symlink_to(tmp_path)
    (folder / ".env").write_text("KEY=1\n")
    for link, end in (
        ("settings.txt", ".env"),
        ("later.txt", "deploy/server.pem"),
        ("plans", "notes"),
        ("bundle", "dist"),
        ("library", "folder"),
    ):
        (folder / link).symlink_to(end)
    return folder


def workspace(folder: Path, documents: Documents | None = None) -> Workspace:
    made = Workspace(documents or Documents(), {}, lambda: 1000)
    made.folders = (folder,)
    return made


def document(folder: Path) -> str:
    return (folder / "src" / "app.py").as_uri()


def sibling(folder: Path, name: str) -> FileText:
    return workspace(folder).sibling(document(folder), name)


def test_a_file_that_is_there_and_one_that_is_to_be(folder: Path) -> None:
    assert sibling(folder, "shop.py") == FileText((folder / "shop.py").as_uri(), "shop.py", "x = 1\n", "")
    assert sibling(folder, "notes/new.py") == FileText(
        (folder / "notes/new.py").as_uri(), "notes/new.py", "", "", exists=False
    )


REFUSED = [
    ("../shop.py", "'../shop.py' may not be used: it leaves the workspace (..)."),
    ("/etc/passwd", "'/etc/passwd' may not be used: it isn't relative to the workspace."),
    ("a\0b", "'a\\x00b' may not be used: it holds a character that no name may have"),
    (".Git/config", "'.Git/config' may not be used: it belongs to git"),
    ("deploy/server.pem", "'deploy/server.pem' may not be used: it is kept from models (*.pem)."),
    ("notes/a.md", "'notes/a.md' may not be used: .phasrignore keeps it from models (/notes/*.md)."),
    ("dist/app.js", "'dist/app.js' may not be used: git ignores it."),
    ("out/x.py", "out/x.py is a symbolic link that leads out of the workspace"),
    ("big.txt", "big.txt has 2,000 bytes; the limit is 1,000."),
    ("image.txt", "image.txt is a binary file."),
    ("latin.txt", "latin.txt isn't UTF-8."),
    ("folder", "folder is not a plain file."),
    ("settings.txt", "'settings.txt' may not be used: it is kept from models (.env*)."),
    ("later.txt", "'later.txt' may not be used: it is kept from models (*.pem)."),
    ("plans/a.md", "'plans/a.md' may not be used: .phasrignore keeps it from models (/notes/*.md)."),
    ("bundle/app.js", "'bundle/app.js' may not be used: git ignores it."),
]


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_what_may_not_be_touched(name: str, words: str, folder: Path) -> None:
    with pytest.raises(TargetError) as raised:
        sibling(folder, name)
    assert words in raised.value.message


def test_a_link_is_ignored_by_its_own_name_too(folder: Path) -> None:
    assert sibling(folder, "library/new.py").name == "library/new.py"
    (folder / ".gitignore").write_text("library\n")
    with pytest.raises(TargetError, match="git ignores it"):
        sibling(folder, "library/new.py")


async def test_one_question_for_many_names(folder: Path) -> None:
    found = await workspace(folder).lookup(
        document(folder), ["shop.py", "new.py", "made/up.py", *(name for name, _ in REFUSED)]
    )
    assert found["shop.py"] == Lookup(sibling(folder, "shop.py"), has_folder=True)
    assert found["new.py"] == Lookup(sibling(folder, "new.py"), has_folder=True)
    assert found["made/up.py"] == Lookup(sibling(folder, "made/up.py"), has_folder=False)
    for name, words in REFUSED:
        reason = found[name].found
        assert isinstance(reason, str)
        assert words in reason


async def test_names_are_looked_up_as_the_editor_shows_them(folder: Path) -> None:
    documents = Documents()
    for name, text in (("shop.py", "x = 2\n"), ("latin.txt", "é"), ("big.txt", "x" * 1001), ("settings.txt", "")):
        documents.open(types.TextDocumentItem((folder / name).as_uri(), "python", 7, text))
    found = await workspace(folder, documents).lookup(
        document(folder), ["shop.py", "latin.txt", "big.txt", "settings.txt"]
    )
    shop, latin, big, settings = (each.found for each in found.values())
    assert shop == FileText((folder / "shop.py").as_uri(), "shop.py", "x = 2\n", "", 7)
    assert latin == FileText((folder / "latin.txt").as_uri(), "latin.txt", "é", "", 7)
    assert big == (
        "big.txt has 1,001 bytes; the limit is 1,000. "
        "Raise limits.max_file_bytes in the configuration if it has to be this file."
    )
    assert isinstance(settings, str)
    assert "(.env*)" in settings


async def test_the_event_loop_goes_on_while_git_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This git answers when the event loop lets it, and says how often it was started."""
    program = folder / "bin" / "git"
    program.parent.mkdir()
    started, gate = folder / "started", folder / "gate"
    program.write_text(f"#!/bin/sh\necho >> {started}\nread line < {gate}\n")
    program.chmod(0o755)
    os.mkfifo(gate)
    monkeypatch.setenv("PATH", str(program.parent))
    names = [f"file_{number}.py" for number in range(200)]
    asked = asyncio.create_task(workspace(folder).lookup(document(folder), names))
    await asyncio.to_thread(gate.write_text, "go on\n")
    assert list(await asked) == names
    assert started.read_text() == "\n"


async def test_where_no_folder_is_open_there_are_no_other_files(folder: Path) -> None:
    alone = workspace(folder)
    alone.folders = ()
    found = await alone.lookup(document(folder), ["shop.py"])
    assert found == {
        "shop.py": Lookup("No folder is open, so there is no place for another file. Open the project's folder.")
    }
