"""Which file a reply is for: the one that it names, and none besides because a part of its path is the same."""

import json
from collections.abc import Mapping

import pytest

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import Files, Malformed
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Lookup
from phasr_lsp.engine.normalise import guarded, normalise, widened
from tests.engine.scripted import SYNTAX

APP = "import os\n\n\ndef run():\n    return os.name\n"
NEW = "def index():\n    return 1\n"


def read(
    reply: str,
    before: Mapping[str, str],
    asked: EditFormat = EditFormat.SEARCH_REPLACE,
    *,
    reaches: bool = True,
    root: str = "",
) -> dict[str, str | None] | str:
    """What becomes of a workspace, whose first file is the target; or why the reply is refused."""
    files = {name: FileText(f"file:///{name}", name, text, "python") for name, text in before.items()}
    target = next(iter(files.values()))

    folders = {"."} | {name.rpartition("/")[0] for name in before}
    known, unknown = guarded(reply, Files(target, root=root))
    if reaches:
        there = {
            name: Lookup(
                files.get(name) or FileText(f"file:///{name}", name, "", "python", exists=False),
                (name.rpartition("/")[0] or ".") in folders,
            )
            for name in unknown
        }
        known = widened(known, there)
    result = normalise(reply, asked, known, SYNTAX).result
    if isinstance(result, ChangeSet):
        return {change.destination.name: change.after for change in result.files}
    return result.reason if isinstance(result, Malformed) else str(result)


def block(name: str, search: str = "    return os.name\n", replace: str = "    return os.sep\n") -> str:
    return f"{name}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


CHANGED = APP.replace("os.name", "os.sep")


@pytest.mark.parametrize("reaches", [True, False])
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("../src/app.py", "leaves the workspace"),
        ("/etc/src/app.py", "isn't relative to the workspace"),
        (".git/config", "belongs to git"),
        (".git/src/app.py", "belongs to git"),
        ("src/.env", "kept from models"),
        ("C:\\src\\app.py", "names a drive"),
    ],
)
def test_a_path_that_may_not_be_used_names_the_rule(name: str, rule: str, reaches: bool) -> None:
    told = read(block(name), {"src/app.py": APP}, reaches=reaches, root="/home/me/shop")
    assert isinstance(told, str)
    assert rule in told


@pytest.mark.parametrize("name", ["src/app.py", "/home/me/shop/src/app.py", "app.py", "./src/app.py"])
def test_the_workspace_before_a_path_and_a_missing_folder_are_forgiven(name: str) -> None:
    assert read(block(name), {"src/app.py": APP}, root="/home/me/shop") == {"src/app.py": CHANGED}


def test_a_diff_for_another_file_is_not_made_in_the_target() -> None:
    diff = "--- a/tests/test_app.py\n+++ b/tests/test_app.py\n@@ -1,1 +1,2 @@\n import os\n+import re\n"
    told = read(f"```diff\n{diff}```\n", {"src/app.py": APP}, EditFormat.UNIFIED_DIFF, reaches=False)
    assert told == "`tests/test_app.py` is none of the files that may be changed."


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (EditFormat.WHOLE_FILE, f"packages/b/src/app.py\n```python\n{NEW}```\n"),
        (EditFormat.TAGGED, f'<file path="packages/b/src/app.py">\n{NEW}</file>\n'),
        (EditFormat.SEARCH_REPLACE, block("packages/b/src/app.py", "", NEW)),
        (
            EditFormat.APPLY_PATCH,
            "*** Begin Patch\n*** Add File: packages/b/src/app.py\n+def index():\n+    return 1\n*** End Patch\n",
        ),
        (
            EditFormat.TOOL_CALLS,
            json.dumps({"name": "create", "input": {"path": "packages/b/src/app.py", "file_text": NEW}}),
        ),
    ],
)
@pytest.mark.parametrize("others", [{}, {"packages/b/src/other.py": "x = 1\n"}])
def test_a_new_file_takes_no_other_ones_place(asked: EditFormat, reply: str, others: dict[str, str]) -> None:
    assert read(reply, {"src/app.py": APP, **others}, asked) == {"packages/b/src/app.py": NEW}


def test_a_whole_file_under_its_bare_name_is_the_one_that_it_is_a_new_version_of() -> None:
    assert read(f"app.py\n```python\n{CHANGED}```\n", {"src/app.py": APP}, EditFormat.WHOLE_FILE) == {
        "src/app.py": CHANGED
    }


def test_another_file_may_be_changed_created_moved_and_taken_away_at_once() -> None:
    patch = (
        "*** Begin Patch\n"
        "*** Update File: src/app.py\n@@ def run():\n-    return os.name\n+    return os.sep\n"
        "*** Update File: src/old.py\n*** Move to: src/newer.py\n@@\n-x = 1\n+x = 2\n"
        "*** Delete File: src/gone.py\n"
        "*** Add File: src/made.py\n+y = 1\n"
        "*** End Patch\n"
    )
    before = {"src/app.py": APP, "src/old.py": "x = 1\n", "src/gone.py": "z = 1\n"}
    assert read(patch, before, EditFormat.APPLY_PATCH) == {
        "src/app.py": CHANGED,
        "src/newer.py": "x = 2\n",
        "src/gone.py": None,
        "src/made.py": "y = 1\n",
    }


def test_a_file_that_no_longer_parses_is_no_result() -> None:
    told = read(block("src/app.py", replace="    return = 1\n"), {"src/app.py": APP})
    assert told == "With it src/app.py no longer parses; see line 5: return = 1"
