"""What a disk refuses is said to its user, with what to do about it."""

from pathlib import Path

import pytest

from phasr_lsp.adapters import disk
from phasr_lsp.domain.errors import TargetError


def test_only_a_file_that_is_as_it_was_made_is_taken_back(tmp_path: Path) -> None:
    for name, text in (("full", "x"), ("empty", ""), ("same", "é\r\n"), ("other", "y")):
        disk.create(tmp_path / name, text)
    for name, text in (("full", ""), ("empty", ""), ("same", "é\r\n"), ("other", "x"), ("none", "")):
        disk.take_back(tmp_path / name, text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "other"]


def check(path: Path, text: str, message: str, advice: str) -> None:
    for write in (disk.create, disk.write):
        with pytest.raises(TargetError) as raised:
            write(path, text)
        assert message in raised.value.message
        assert advice in raised.value.advice
    assert not path.exists()


def test_half_a_character_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    check(tmp_path / "new" / "a.py", "x = '\ud83d'", "half a character, '\\ud83d'", "Run the task again")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check(tmp_path / "file" / "new" / "a.py", "x = 1\n", "Not a directory", "permissions")


def test_what_is_there_is_replaced_only_where_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    disk.create(path, "x = 1\r\n")
    with pytest.raises(TargetError, match="exists already"):
        disk.create(path, "x = 2\n")
    assert path.read_bytes() == b"x = 1\r\n"
    disk.write(path, "x = 3\n")
    assert path.read_bytes() == b"x = 3\n"


def test_a_name_that_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="too long"):
        disk.exists(tmp_path / ("n" * 300))


def test_test_files_are_looked_for_where_people_put_them(tmp_path: Path) -> None:
    outside, folder = tmp_path, tmp_path / "project"
    wanted = ["app/shop.py", "app/test_shop.py", "app/tests/deep/test_a.py", "tests/test_b.py", "spec/c_spec.rb"]
    others = [
        "tests/node_modules/left-pad/test.js",
        "tests/.cache/test_shop.py",
        "tests/__pycache__/test_b.pyc",
        "app/other/test_shop.py",
        "../tests/test_shop.py",
    ]
    for name in (*wanted, *others):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert (outside / "tests").is_dir()
    found = disk.test_files(folder / "app" / "shop.py", folder)
    assert sorted(path.relative_to(folder).as_posix() for path in found) == sorted(wanted)


@pytest.mark.parametrize("text", [None, "y = 2\r\n"])
def test_a_file_is_moved_with_its_mode_and_mark_and_back(text: str | None, tmp_path: Path) -> None:
    path, target = tmp_path / "a.sh", tmp_path / "new" / "b.sh"
    path.write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    path.chmod(0o750)
    back = disk.move(path, target, text)
    assert not path.exists()
    assert target.read_bytes() == b"\xef\xbb\xbf" + (text or "x = 1\r\n").encode()
    assert target.stat().st_mode & 0o777 == 0o750
    back()
    assert not target.exists()
    assert path.read_bytes() == b"\xef\xbb\xbfx = 1\r\n"
    assert path.stat().st_mode & 0o777 == 0o750


def test_a_file_is_not_moved_onto_another(tmp_path: Path) -> None:
    path, target = tmp_path / "a", tmp_path / "b"
    path.write_text("a")
    target.write_text("b")
    with pytest.raises(TargetError, match="b exists already"):
        disk.move(path, target, None)
    with pytest.raises(TargetError, match="half a character"):
        disk.move(path, tmp_path / "c", "\ud83d")
    with pytest.raises(TargetError, match="can't be renamed"):
        disk.move(tmp_path / "none", target, None)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(TargetError, match="symbolic link"):
        disk.move(tmp_path / "link", tmp_path / "c", None)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"a": "a", "b": "b", "link": "a"}


def test_what_was_deleted_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbf\xff\0")
    path.chmod(0o640)
    back = disk.remove(path)
    assert not path.exists()
    with pytest.raises(TargetError, match="can't be deleted: No such file"):
        disk.remove(path)
    back()
    assert path.read_bytes() == b"\xef\xbb\xbf\xff\0"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../x", "outside"),
        ("/etc/x", "outside"),
        ("out/x", "symbolic link that leads out"),
        ("circle/x", "can't be a file|symbolic link"),
        ("a\0b", "can't be a file"),
        (".git/config", "belongs to git"),
        ("sub/.GIT/config", "belongs to git"),
        (".git./config", "belongs to git"),
        ("inside/config", "belongs to git"),
    ],
)
def test_a_path_is_confined(name: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "out").symlink_to(tmp_path)
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "inside").symlink_to(folder / ".git")
    with pytest.raises(TargetError, match=message):
        disk.confine(folder / name, [folder])
    assert disk.confine(folder / "src" / "x.py", [tmp_path, folder]) == folder
