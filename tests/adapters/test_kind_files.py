"""Kinds from files that somebody else wrote: each mistake costs one file, and none the session."""

from pathlib import Path

import pytest

from phasr_lsp.adapters.kind_files import MAX_BYTES, load_kinds

GOOD = "---\ntitle: Write a haiku\n---\nA haiku about `{name}`.\n"
MISTAKES = {
    "no title": (b"---\ntier: deep\n---\nDo it.\n", "title: Field required."),
    "not YAML": (b"---\ntitle: [\n---\nDo it.\n", "The front matter isn't YAML"),
    "a number for a key": (b"---\n1: x\ntitle: a\n---\n", "can't be understood"),
    "no such day": (b"---\ntitle: a\nday: 2024-13-45\n---\n", "can't be understood"),
    "a control character": (b"---\ntitle: a\x07\n---\n", "can't be understood"),
    "not UTF-8": (b"---\ntitle: \xe9\n---\n", "can't be read"),
    "too long": (GOOD.encode() + b"x" * MAX_BYTES, f"longer than {MAX_BYTES} bytes"),
}


def check(folder: Path, message: str) -> None:
    """The file `wrong.md` is reported; the kind beside it and those that are shipped are there."""
    (folder / "haiku.md").write_text(GOOD)
    kinds, [problem] = load_kinds(folder / "none", [folder])
    assert {"haiku", "tests", "fix"} < set(kinds)
    assert "wrong" not in kinds
    assert problem.source == folder / "wrong.md"
    assert message in problem.message


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_one_file_costs_that_file(mistake: str, tmp_path: Path) -> None:
    content, message = MISTAKES[mistake]
    (tmp_path / "wrong.md").write_bytes(content)
    check(tmp_path, message)


def test_a_link_to_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "wrong.md").symlink_to("/dev/zero")
    check(tmp_path, "isn't a plain file")


def test_a_folder_that_cannot_be_looked_into_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / ("n" * 300) / "kinds"
    kinds, [problem] = load_kinds(tmp_path, [folder])
    assert "tests" in kinds
    assert problem.source == folder
    assert "can't be read" in problem.message


def write(folder: Path, name: str, title: str, prompt: str = "Do it.") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.md"
    path.write_text(f'---\ntitle: "{title}"\n---\n{prompt}\n')
    return path


def test_the_users_kind_replaces_the_shipped_one(tmp_path: Path) -> None:
    write(tmp_path, "document", "Document in German")
    kinds, problems = load_kinds(tmp_path, ())
    assert problems == ()
    assert kinds["document"].title == "Document in German"


@pytest.mark.parametrize(
    ("name", "title", "message"),
    [
        ("document", "Something else", 'replace the kind "document"'),
        ("haiku", "Something else", 'replace the kind "haiku"'),
        ("HAIKU", "Something else", 'replace the kind "haiku"'),
        ("other", "Refactor", 'have the title "Refactor"'),
        ("other", " refactor…", 'have the title "Refactor"'),
        ("other", "Fix: {detail}", 'have the title "Fix: {detail}"'),
        ("other", "Write a haiku", 'have the title "Write a haiku"'),
    ],
)
def test_a_workspaces_kind_takes_the_place_of_none_that_is_there(
    name: str, title: str, message: str, tmp_path: Path
) -> None:
    own, workspace = tmp_path / "own", tmp_path / "workspace"
    write(own, "haiku", "Write a haiku")
    before, _ = load_kinds(own, ())
    path = write(workspace, name, title, "Something bad.")
    good = write(workspace, "sonnet", "Write a sonnet")
    kinds, [problem] = load_kinds(own, [workspace])
    assert problem.source == path
    assert message in problem.message
    assert {kind: kinds[kind] for kind in before} == before
    assert set(kinds) - set(before) == {good.stem}
