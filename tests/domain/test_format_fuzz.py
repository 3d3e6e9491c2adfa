"""No text makes a parser raise, and what comes of it is a change of the text that was given."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasr_lsp.domain.change import ChangeSet, FileChange, applied, unified_diff
from phasr_lsp.domain.formats import Files, Malformed, detect, parse
from phasr_lsp.domain.formats.continuation import joined, whole_lines
from phasr_lsp.domain.formats.names import mentioned
from phasr_lsp.domain.model import ASKED, EditFormat
from phasr_lsp.domain.paths import path_rule
from phasr_lsp.domain.text import FileText, Lookup, Span
from phasr_lsp.engine.normalise import guarded, widened
from tests.domain.rendering import SPELLINGS

pytestmark = pytest.mark.timeout(60)

TEXTS: Mapping[str, str] = {
    "src/app.py": "import os\n\n\ndef f():\n    return 1\n\n\nclass A:\n    x = 1\n",
    "src/util.py": "\ufeffx = 1\r\ny = 2\nx = 1",
    "empty.txt": "",
}

PATHS = (
    "src/app.py",
    "a/src/app.py",
    "app.py",
    "new.py",
    "/abs/x.py",
    "..\\x",
    "C:\\x.py",
    "",
    "\x00",
    "\ud800.py",
    "a" * 300,
)
PIECES = (
    "<<<<<<< SEARCH", "<<<<< SEARCH", "------- SEARCH", "=======", ">>>>>>> REPLACE", "+++++++ REPLACE",
    ":start_line:4", ":start_line:99999999999999999999", ":end_line:2", "-------", "```", "````", "```python",
    "~~~", "   ```", "``` src/app.py", "--- a/src/app.py", "+++ b/src/app.py", "--- /dev/null", "+++ /dev/null",
    "@@", "@@ ... @@", "@@ -1,2 +1,2 @@ def f():", "@@ -99999999999999999999,0 +1 @@", "@@ -0,0 +1,9 @@",
    "diff --git a/src/app.py b/new.py", "rename from src/app.py", "rename to new.py", "new file mode 100644",
    "deleted file mode 100644", "Binary files a/x and b/x differ", "GIT binary patch",
    "\\ No newline at end of file", "*** Begin Patch", "*** Update File: src/app.py", "*** End Patch",
    "*** Add File: new.py", "*** Delete File: src/util.py", "*** Move to: new.py", "*** End of File",
    "*** Rename File: x", '<file path="src/app.py">', "</file>", '<edit path="src/app.py">', "</edit>",
    "<search>", "</search>", "<replace>", "</replace>", '<delete path="src/app.py"/>', "<write_to_file>",
    "</write_to_file>", "<path>src/app.py</path>", "<content>", "</content>", "<![CDATA[", "]]>",
    "<apply_diff>", "</apply_diff>", '<invoke name="str_replace">', "</invoke>", "<tool_call>", "</tool_call>",
    '<parameter name="path">src/app.py</parameter>', '<parameter name="insert_line">-1</parameter>',
    '<parameter name="old_str">', "</parameter>", "apply_patch <<'EOF'", "EOF", "<think>", "</think>",
    "<thinking a=1>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<|begin_of_thought|>",
    "<|channel|>analysis<|message|>", "<|end|>", "# ... existing code ...", "...", "// removed code",
    "{/* ... */}", "def f():", "    return 1", "+    return 2", "-    return 1", " def f():", "class A:",
    "    x = 1", "import os", "}", "{", "(", '"""', "x = 1", "", " ", "\t", "+", "-", "\ufeff", "\u2028",
    "\x0c", "\x00", "\ud800", "\r", "1 | x", "é漢\U0001f600", "`src/app.py`:", "**src/util.py**", "`" * 40,
)  # fmt: skip

KEYS_OF_CALLS = (
    "name", "input", "arguments", "parameters", "function", "tool_calls", "path", "old_str", "new_str",
    "old_string", "new_string", "file_text", "content", "command", "insert_line", "insert_text", "edits",
    "replace_all", "expected_replacements", "patch", "diff",
)  # fmt: skip
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(PATHS + PIECES)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS_OF_CALLS), inner, max_size=5)
    ),
    max_leaves=12,
)
CALLS: st.SearchStrategy[str] = VALUES.map(json.dumps)
LINES: st.SearchStrategy[str] = st.sampled_from(PIECES) | st.sampled_from(PATHS) | CALLS | st.text(max_size=8)
FAULTLESS = [
    reply
    for each in SPELLINGS.values()
    for after in ("import os\n\n\ndef f():\n    return 2\n\n\nclass A:\n    x = 1\n", "x = 1\n", "")
    if (reply := each.render([FileChange("file:///src/app.py", "src/app.py", TEXTS["src/app.py"], after)]))
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A good reply, of which lines are lost, doubled, moved or overwritten."""
    lines = draw(st.sampled_from(FAULTLESS)).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines)))
        end = draw(st.integers(at, min(len(lines), at + 3)))
        moved = lines[at:end] if draw(st.booleans()) else draw(st.lists(LINES, max_size=2))
        lines[at : end if draw(st.booleans()) else at] = moved
    return "\n".join(lines)[: draw(st.integers(0, 2000))]


REPLIES: st.SearchStrategy[str] = (
    st.lists(LINES, max_size=25).map("\n".join)
    | damaged()
    | CALLS
    | st.text(max_size=80)
    | st.tuples(LINES, st.integers(100, 3000)).map(lambda both: f"{both[0]}\n" * both[1])
)


def files_for(reply: str, *, region: Span | None = None, name: str = "") -> Files:
    """What there is, with what the reply names, as a task has it."""

    def file(path: str) -> FileText:
        return FileText(f"file:///{path}", path, TEXTS.get(path, ""), "python", exists=path in TEXTS)

    files = Files(
        file("src/app.py"),
        region=region,
        name=name,
        imports=Span(0, 10),
        import_words=("import", "from"),
        others={path: file(path) for path in TEXTS},
        root="/abs",
    )
    files, unknown = guarded(reply, files)
    return widened(files, {path: Lookup(file(path), path.startswith("src/")) for path in unknown})


def check(asked: EditFormat, reply: str, files: Files) -> ChangeSet:
    """A refusal says why; a change, and what is kept of a refused one, is one of the files as they are."""
    result, written = parse(asked, reply, files)
    assert isinstance(written, EditFormat)
    if isinstance(result, Malformed):
        assert result.reason.strip()
    changes = result.kept if isinstance(result, Malformed) else result
    assert isinstance(changes, ChangeSet)
    after = applied(changes, TEXTS)
    assert applied(changes.inverted(), after) == TEXTS
    assert all(path_rule(change.destination.name) is None for change in changes.files)
    unified_diff(changes)
    return changes


@pytest.mark.parametrize("asked", ASKED)
@settings(max_examples=250, deadline=None)
@given(reply=REPLIES, aimed=st.booleans())
def test_no_reply_makes_a_parser_raise(asked: EditFormat, reply: str, aimed: bool) -> None:
    check(asked, reply, files_for(reply, region=Span(12, 34), name="f") if aimed else files_for(reply))


@settings(max_examples=300, deadline=None)
@given(reply=REPLIES)
def test_no_reply_makes_the_look_at_it_raise(reply: str) -> None:
    assert detect(reply) is None or detect(reply) in EditFormat
    assert all(mentioned(reply))
    assert reply.replace("\r\n", "\n").replace("\r", "\n").startswith(whole_lines(reply))


@settings(max_examples=300, deadline=None)
@given(reply=REPLIES, cut=st.integers(0, 300), rest=REPLIES)
def test_a_reply_that_goes_on_anywhere_can_be_joined(reply: str, cut: int, rest: str) -> None:
    begun = whole_lines(reply[:cut])
    assert joined(begun, rest).startswith(begun.removesuffix("\n")) or not begun
    files = files_for(joined(begun, rest))
    check(EditFormat.SEARCH_REPLACE, joined(begun, rest), files)
