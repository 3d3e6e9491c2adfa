"""Which files git ignores."""

import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

from phasr_lsp.domain.errors import TargetError

SECONDS = 2.0
"""How long git may take for all files; it takes a few milliseconds."""

_PROBE = "."
"""A name that git answers for wherever it works at all."""


def ignored(paths: Sequence[Path]) -> frozenset[Path]:
    """Those that git ignores: no tracked file, and none outside of a repository or where git isn't installed.

    A path must not lead through a symbolic link, for git says nothing of such a path. Waits for git. Raises
    `TargetError` when it doesn't answer in time, or can't be run.
    """
    git = shutil.which("git")
    if git is None:
        return frozenset()
    # A repository may stand within another, and git answers for its own files alone.
    by_repository: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        repository = next((each for each in path.parents if (each / ".git").exists()), None)
        if repository:
            by_repository[repository].append(path)
    deadline = monotonic() + SECONDS
    return frozenset(
        path
        for repository, inside in by_repository.items()
        for path in _ignored_in(git, repository, inside, deadline)
    )


def _ignored_in(git: str, repository: Path, paths: Sequence[Path], deadline: float) -> Iterator[Path]:
    """As `ignored`, for the files of one repository, until `deadline` on the monotonic clock."""
    rest = list(paths)
    while rest:
        # A name that begins with a colon is more than a name to git.
        names = [f"./{path.relative_to(repository).as_posix()}" for path in rest]
        answers = _ask(git, repository, [_PROBE, *names], deadline)
        if not answers:
            return
        yield from (path for path, answer in zip(rest, answers[1:], strict=False) if answer)
        # git ends at a name that it can't answer for, such as one in a submodule that isn't there.
        rest = rest[len(answers) :]


def _ask(git: str, folder: Path, names: Sequence[str], deadline: float) -> list[bool]:
    """Whether git ignores each of the names, as far as it came. Raises `TargetError`."""
    # The repository's configuration can name a program to run, and an editor that git started inherits its paths.
    command = [git, "-c", "core.fsmonitor=false", "check-ignore", "--stdin", "-z", "--verbose", "--non-matching"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        answer = subprocess.run(  # noqa: S603 - the git on the user's own PATH
            command,
            cwd=folder,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
            input=b"".join(os.fsencode(name) + b"\0" for name in names),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=max(deadline - monotonic(), 0.0),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TargetError(f"git didn't say within {SECONDS:.0f} s what it ignores.", "Try again.") from None
    except OSError as error:
        raise TargetError(f"git can't be asked what it ignores: {error.strerror}.", "Try again.") from error
    # Of each name four fields: the file, line and text of the rule that matches it, and the name.
    rules = answer.stdout.split(b"\0")[:-1][2::4]
    return [rule != b"" and not rule.startswith(b"!") for rule in rules]
