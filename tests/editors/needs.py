"""What real-editor tests need on a machine, and what becomes of a test where that is missing."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
ARTIFACTS = REPOSITORY / "tests" / ".artifacts"
"""Screenshots and captures, for people to look at."""

VSCODE_SERVER = HERE / "node_modules/code-server/lib/vscode/out/server-main.js"
EXTENSION = REPOSITORY / "clients/vscode/dist/phasr-lsp.vsix"


def missing(what: str) -> NoReturn:
    """Skip the test with a line that says what to install; where CI is set, fail it."""
    line = f"{what} is missing: run tests/editors/install"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)


def program(*names: str) -> str:
    """The path of the first of these programs that is in the tests' own environment or on the PATH."""
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = filter(None, (shutil.which(name, path=folders) for name in names))
    return next(found, None) or missing(names[0])


def vscode_server() -> Path:
    return VSCODE_SERVER if VSCODE_SERVER.exists() else missing("code-server")


def extension() -> Path:
    """The packed extension, which must be newer than what it is made from."""
    if not EXTENSION.exists():
        pytest.fail("The extension isn't packed: run `npm ci && npm run package` in clients/vscode.")
    sources = [*EXTENSION.parent.parent.glob("src/*.ts"), EXTENSION.parent.parent / "package.json"]
    if any(source.stat().st_mtime > EXTENSION.stat().st_mtime for source in sources):
        pytest.fail("The packed extension is older than its source: run `npm run package` in clients/vscode.")
    return EXTENSION
