"""Whether git ignores a file."""

import os
import shutil
import subprocess
from pathlib import Path

from phasr_lsp.domain.errors import TargetError

SECONDS = 2.0
"""How long git may take; it takes a few milliseconds."""


def is_ignored(path: Path) -> bool:
    """A tracked file isn't ignored, and outside of a repository, or without git, none is.

    Waits for git. Raises `TargetError` when it doesn't answer in time.
    """
    git = shutil.which("git")
    folder = next((each for each in path.parents if each.is_dir()), None)
    if git is None or folder is None:
        return False
    # A name that begins with a colon is more than a name to git.
    name = f"./{path.relative_to(folder).as_posix()}"
    # The repository's configuration can name a program to run, and an editor that git started inherits its paths.
    command = [git, "-c", "core.fsmonitor=false", "check-ignore", "--quiet", "--", name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        answer = subprocess.run(  # noqa: S603 - the git on the user's own PATH
            command,
            cwd=folder,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TargetError(
            f"git didn't say within {SECONDS:.0f} s whether it ignores {path}.", "Try again."
        ) from None
    return answer.returncode == 0
