"""What a disk refuses is said to its user, with what to do about it."""

from pathlib import Path

from phasr_lsp.adapters import disk


def test_only_an_empty_file_is_taken_away(tmp_path: Path) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.write_text("x")
    empty.touch()
    for path in (full, empty, tmp_path / "none"):
        disk.remove_empty(path)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
