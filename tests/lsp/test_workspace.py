"""Which other files of a workspace a task may touch; what is refused is refused by name, with the rule."""

import subprocess
from pathlib import Path

import pytest

from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.text import FileText
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
    return folder


def sibling(folder: Path, name: str) -> FileText:
    workspace = Workspace(Documents(), {}, lambda: 1000)
    workspace.folders = (folder,)
    return workspace.sibling((folder / "src" / "app.py").as_uri(), name)


def test_a_file_that_is_there_and_one_that_is_to_be(folder: Path) -> None:
    assert sibling(folder, "shop.py") == FileText((folder / "shop.py").as_uri(), "shop.py", "x = 1\n", "")
    assert sibling(folder, "notes/new.py") == FileText(
        (folder / "notes/new.py").as_uri(), "notes/new.py", "", "", exists=False
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
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
    ],
)
def test_what_may_not_be_touched(name: str, words: str, folder: Path) -> None:
    with pytest.raises(TargetError) as raised:
        sibling(folder, name)
    assert words in raised.value.message
