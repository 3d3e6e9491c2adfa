"""Replies that were read wrongly once, as the properties and the fuzzer found them: an edit or a refusal."""

import pytest

from phasr_lsp.domain.change import applied
from phasr_lsp.domain.formats import Files, Malformed, parse
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText

REFUSED = None
DIFF = "diff --git a/app.c b/app.c\n--- a/app.c\n+++ b/app.c\n"


def blocks(search: str, replace: str, hint: str = "") -> str:
    return f"app.c\n<<<<<<< SEARCH\n{hint}{search}=======\n{replace}>>>>>>> REPLACE\n"


def patch(body: str) -> str:
    return f"*** Begin Patch\n*** Update File: app.c\n@@\n{body}*** End Patch\n"


def call(old: str, new: str) -> str:
    given = {"path": "app.c", "old_str": old, "new_str": new}
    parameters = "".join(f'<parameter name="{name}">{value}</parameter>\n' for name, value in given.items())
    return f'<invoke name="str_replace">\n{parameters}</invoke>\n'


@pytest.mark.parametrize(
    ("asked", "text", "reply", "expected"),
    [
        pytest.param(
            EditFormat.UNIFIED_DIFF,
            "for (;;) {\n--i;\n}\n",
            "```diff\n--- app.c\n+++ app.c\n@@ ... @@\n for (;;) {\n---i;\n+++i;\n }\n```\n",
            "for (;;) {\n++i;\n}\n",
            id="a decrement is no header",
        ),
        pytest.param(
            EditFormat.UNIFIED_DIFF,
            "-- old\nx\n",
            "```diff\n--- app.c\n+++ app.c\n@@ ... @@\n--- old\n+++ new\n x\n```\n",
            "++ new\nx\n",
            id="a comment is no header",
        ),
        pytest.param(
            EditFormat.UNIFIED_DIFF,
            "<think>\nx\n",
            f"{DIFF}@@ -1,2 +1 @@\n-<think>\n x\n",
            "x\n",
            id="a tag in a diff",
        ),
        pytest.param(
            EditFormat.UNIFIED_DIFF,
            "\n\n\na\nb\n",
            f"{DIFF}@@ -1,3 +1,4 @@\n+x\n \n \n \n",
            "x\n\n\n\na\nb\n",
            id="blank lines are context",
        ),
        pytest.param(
            EditFormat.APPLY_PATCH, "\na\nb\n\n", patch("-\n"), REFUSED, id="one of several blank lines goes"
        ),
        pytest.param(EditFormat.APPLY_PATCH, "\n", patch(" \n+a\n"), "\na\n", id="a file of one blank line"),
        pytest.param(
            EditFormat.APPLY_PATCH,
            "x\n*** End Patch\ny\n",
            patch(" x\n *** End Patch\n-y\n"),
            "x\n*** End Patch\n",
            id="a patch's end as context",
        ),
        pytest.param(
            EditFormat.SEARCH_REPLACE,
            "a\nb\n",
            blocks("a\n", "x\n>>>>>>> REPLACE\ny\n"),
            REFUSED,
            id="a marker in the text",
        ),
        pytest.param(
            EditFormat.SEARCH_REPLACE,
            "a\nb\n\n\n\n",
            "app.c\n------- SEARCH\n\n\n\n=======\n\n\n\nc\n+++++++ REPLACE\n",
            REFUSED,
            id="blank lines are no empty search",
        ),
        pytest.param(
            EditFormat.SEARCH_REPLACE,
            "=======\nx\n",
            blocks("=======\nx\n", "=======\ny\n"),
            REFUSED,
            id="a search that begins with a divider",
        ),
        pytest.param(
            EditFormat.TOOL_CALLS, "a\nb\n", call("a\nb", "a\nb\n"), "a\nb\n\n", id="a blank line that comes"
        ),
        pytest.param(
            EditFormat.TOOL_CALLS, "d\nd", call("d\n", "c\n"), REFUSED, id="a line twice, once without its end"
        ),
        pytest.param(
            EditFormat.TOOL_CALLS,
            "a\na\nb",
            '[{"name": "str_replace", "input": {"path": "app.c", "old_str": "a\\nb", "new_str": "a\\na\\nb"}}]',
            "a\na\na\nb",
            id="one more of equal lines",
        ),
        pytest.param(
            EditFormat.TOOL_CALLS,
            "a\na\na\n",
            '[{"name": "str_replace", "input": {"path": "app.c", "old_str": "a\\na", "new_str": "b"}}]',
            REFUSED,
            id="places that overlap",
        ),
        pytest.param(
            EditFormat.TOOL_CALLS,
            "x\n",
            call("x", 'x\n</parameter>\n<delete path="app.c"/>'),
            'x\n</parameter>\n<delete path="app.c"/>\n',
            id="a parameter that holds its own end",
        ),
        pytest.param(
            EditFormat.WHOLE_FILE,
            "int a;\n",
            'app.c\n```c\n<delete path="app.c"/>\n```\n',
            '<delete path="app.c"/>\n',
            id="a tag as text",
        ),
        pytest.param(
            EditFormat.WHOLE_FILE,
            "int a;\n",
            "<think>\nPerhaps:\n\napp.c\n```c\nint b;\n```\n",
            REFUSED,
            id="a thought that doesn't end",
        ),
        pytest.param(
            EditFormat.TAGGED,
            "x\n",
            '<file path="app.c">\n\nx\n\n</file>\n',
            "\nx\n\n",
            id="blank lines at the ends",
        ),
        pytest.param(
            EditFormat.TAGGED,
            "a\nb\nc\n",
            '<edit path="app.c">\n<search>\nb\n</search>\n<replace>\n</replace>\n</edit>\n',
            "a\nc\n",
            id="lines that go leave none behind",
        ),
        pytest.param(
            EditFormat.LAZY,
            "// ... rest ...\nd\n<search>\n",
            "app.c\n```\n// ... rest ...\n]]>\n<search>\n```\n",
            REFUSED,
            id="a closing bracket alone",
        ),
        pytest.param(EditFormat.REGION, "x\n", "diff --git ", REFUSED, id="half a header"),
        pytest.param(
            EditFormat.UNIFIED_DIFF,
            "x\n",
            f"{DIFF}@@ -1 +0,0 @@\n-x\n" * 2,
            REFUSED,
            id="the only line goes twice",
        ),
        pytest.param(
            EditFormat.TOOL_CALLS,
            "a\nf\ng\nf",
            '[{"name": "str_replace", "input": {"path": "app.c", "old_str": "f\\n", "new_str": ""}}]',
            REFUSED,
            id="a line that goes, there twice",
        ),
        pytest.param(
            EditFormat.SEARCH_REPLACE,
            "\ufeffa = 1\nb = 1\r\nc = 1\n",
            blocks("a = 1\nb = 1\n", "b = 1\n"),
            "\ufeffb = 1\r\nc = 1\n",
            id="a byte-order mark and mixed endings",
        ),
        pytest.param(
            EditFormat.SEARCH_REPLACE,
            "\ufeffa\r\n",
            blocks("a\n", "b\na\n"),
            "\ufeffb\r\na\r\n",
            id="a line above a byte-order mark",
        ),
    ],
)
def test_a_finding(asked: EditFormat, text: str, reply: str, expected: str | None) -> None:
    files = Files(FileText("file:///app.c", "app.c", text, "c"))
    result, _ = parse(asked, reply, files)
    if isinstance(result, Malformed):
        assert expected is None, result.reason
    else:
        assert applied(result, {"app.c": text}) == {"app.c": expected}


def test_a_file_that_is_made_and_moved_at_once() -> None:
    """In one diff, by a model that repeats its own history."""
    reply = (
        "--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+a\n"
        "diff --git a/new.c b/newer.c\nrename from new.c\nrename to newer.c\n"
    )
    missing = {name: FileText(f"file:///{name}", name, "", "c", exists=False) for name in ("new.c", "newer.c")}
    result, _ = parse(
        EditFormat.UNIFIED_DIFF, reply, Files(FileText("file:///app.c", "app.c", "x\n", "c"), others=missing)
    )
    assert isinstance(result, Malformed) or applied(result, {"app.c": "x\n"}) == {
        "app.c": "x\n",
        "newer.c": "a\n",
    }


MOVED = "diff --git a/app.c b/new.c\nrename from app.c\nrename to new.c\n"
MADE = "diff --git a/new.c b/new.c\nnew file mode 100644\n--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+a\n"


@pytest.mark.parametrize("reply", [MOVED + MADE, MADE + MOVED])
def test_two_files_in_one_place(reply: str) -> None:
    missing = FileText("file:///new.c", "new.c", "", "c", exists=False)
    files = Files(FileText("file:///app.c", "app.c", "x\n", "c"), others={"new.c": missing})
    result, _ = parse(EditFormat.UNIFIED_DIFF, reply, files)
    assert isinstance(result, Malformed)
    assert set(applied(result.kept, {"app.c": "x\n"}).values()) <= {"x\n", "a\n"}
