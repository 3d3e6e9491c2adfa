"""What git ignores is found out from git itself, which is made to run nothing and can't hold us up."""

import os
import subprocess
from pathlib import Path

import pytest

from phasr_lsp.adapters import git_ignore
from phasr_lsp.domain.errors import TargetError


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / ".gitignore").write_text("*.log\n/build/\ntracked.txt\n!keep.log\n")
    (folder / "tracked.txt").touch()
    subprocess.run(["git", "add", "-f", "tracked.txt"], cwd=folder, check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))
    return folder


def test_what_git_ignores(repository: Path) -> None:
    ignored = ["a.log", "new/folder/a.log", "build/x.py", ":(exclude)a.log", "two\nlines.log"]
    others = ["a.py", "tracked.txt", "-q", "*.l?g", "build", "keep.log"]
    paths = {repository / name: name for name in ignored + others}
    assert sorted(map(paths.__getitem__, git_ignore.ignored(list(paths)))) == sorted(ignored)


def test_outside_of_a_repository_nothing_is_ignored(tmp_path: Path) -> None:
    assert not git_ignore.ignored([tmp_path / "a.log"])


def test_without_git_nothing_is_ignored(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert not git_ignore.ignored([repository / "a.log"])


def test_a_repository_within_another_has_its_own_rules(repository: Path) -> None:
    inner = repository / "inner"
    subprocess.run(["git", "init", "-q", inner], check=True, env={"PATH": os.environ["PATH"]})
    (inner / ".gitignore").write_text("*.tmp\n")
    paths = [place / name for place in (inner, repository) for name in ("a.log", "a.tmp")]
    assert git_ignore.ignored(paths) == {inner / "a.tmp", repository / "a.log"}


def test_a_name_that_git_says_nothing_of_hides_none_behind_it(repository: Path) -> None:
    (repository / "folder").mkdir()
    (repository / "link").symlink_to("folder")
    names = ["a.log", "link/x", "link/y", "b.py", "c.log"]
    found = git_ignore.ignored([repository / name for name in names])
    assert found == {repository / "a.log", repository / "c.log"}


def test_a_folder_that_only_looks_like_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert not git_ignore.ignored([tmp_path / "a.log", tmp_path / "b.log"])


def test_a_repository_cannot_have_a_program_run(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    config = repository / ".git" / "config"
    config.write_text(config.read_text() + f"[core]\n\tfsmonitor = {program}\n")
    assert git_ignore.ignored([repository / "a.log"])
    assert not ran.exists()


def test_a_git_that_hangs_is_given_up(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = repository / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nread forever < pipe\n")
    program.chmod(0o755)
    subprocess.run(["mkfifo", "pipe"], cwd=repository, check=True)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(git_ignore, "SECONDS", 0.2)
    with pytest.raises(TargetError, match="didn't say within 0 s what it ignores"):
        git_ignore.ignored([repository / "a.log"])
