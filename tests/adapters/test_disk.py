"""What a disk refuses is said to its user, with what to do about it."""

from pathlib import Path

import pytest

from phasr_lsp.adapters import disk
from phasr_lsp.domain.errors import TargetError


def test_only_an_empty_file_is_taken_away(tmp_path: Path) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.write_text("x")
    empty.touch()
    for path in (full, empty, tmp_path / "none"):
        disk.remove_empty(path)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


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
