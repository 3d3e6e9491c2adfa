"""What is known of a reply before it ends."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasr_lsp.domain.formats.progress import Seen, Watch


def watched(*pieces: str) -> Seen:
    watch = Watch()
    for piece in pieces:
        watch.feed(piece)
    return watch.seen


def block(search: str, replace: str, path: str = "a.py") -> str:
    return f"{path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


WHOLE = "Here it is:\n\n```python\nx = 1\ny = 2\n```\n"
DIFF = "--- a/shop/a.py\n+++ b/shop/a.py\n@@ ... @@\n one\n-two\n+TWO\n+2\n@@ -9,3 +9,2 @@\n nine\n-ten\n"
PATCH = (
    "*** Begin Patch\n*** Update File: a.py\n@@ def f():\n one\n-two\n+TWO\n@@\n-three\n"
    "*** Add File: b.py\n+x = 1\n+y = 2\n*** Delete File: c.py\n*** End Patch\n"
)
TAGGED = '<file path="a.py">\nx = 1\ny = 2\n</file>\n'
HINTED = "a.py\n<<<<<<< SEARCH\n:start_line:7\n-------\none\ntwo\n=======\none\nTWO\n>>>>>>> REPLACE\n"
CALLS = """```json
[
  {"name": "str_replace", "input": {"path": "a.py", "old_str": "one\\ntwo\\n", "new_str": "one\\nTWO\\n2\\n"}},
  {"name": "insert", "input": {"path": "b.py", "insert_line": 0, "insert_text": "x\\n"}},
  {"name": "create", "input": {"path": "c.py", "file_text": "x\\ny\\n"}}
]
```
"""
CASES = {
    "nothing": ("", Seen()),
    "prose": ("I'd change a.py.\n\nIt has --- and +++ in it.\n- this\n+ that\n", Seen()),
    "a block": (block("one\ntwo\nfour\n", "one\nTWO\n3\nfour\n"), Seen(1, 2, 1, 1)),
    "a block that deletes": (block("one\ntwo\n", "one\n"), Seen(1, 0, 1, 1)),
    "a block that repeats a line": (block("a\n", "a\na\n"), Seen(1, 1, 0, 1)),
    "a block for a new file": (block("", "x = 1\n"), Seen(1, 1, 0, 1)),
    "an open block": (block("one\n", "ONE\n").removesuffix(">>>>>>> REPLACE\n"), Seen()),
    "a block that is begun anew": ("<<<<<<< SEARCH\nold\n" + block("one\n", "ONE\n"), Seen(1, 1, 1, 1)),
    "blocks of one file": (block("a\n", "b\n") + block("c\n", "d\n"), Seen(1, 2, 2, 2)),
    "blocks of two files": (block("a\n", "b\n") + "And\n\n" + block("c\n", "d\n", "b.py"), Seen(2, 2, 2, 2)),
    "a path once for two blocks": (block("a\n", "b\n") + block("c\n", "d\n", ""), Seen(1, 2, 2, 2)),
    "a fenced block": ("a.py\n```python\n" + block("a\n", "b\n", "") + "```\n", Seen(1, 1, 1, 1)),
    "its path in the fence": ("```\n" + block("a\n", "b\n") + "```\n", Seen(1, 1, 1, 1)),
    "a block in a diff's fence": ("```diff\n" + block("a\n", "b\n") + "```\n", Seen(1, 1, 1, 1)),
    "other markers": ("------- SEARCH\na\n=======\nb\nc\n+++++++ REPLACE\n", Seen(1, 2, 1, 1)),
    "a line hint": (HINTED, Seen(1, 1, 1, 1)),
    "a whole file": (WHOLE, Seen(1, 2, 0, 1)),
    "an open fence": (WHOLE.removesuffix("```\n"), Seen()),
    "an empty fence": ("```\n```\n", Seen()),
    "two whole files": ("a.py\n" + WHOLE[13:] + "\n**b.py**:\n" + WHOLE[13:], Seen(2, 4, 0, 2)),
    "their paths in the fences": ("```py src/a.py\nx\n```\n```py src/b.py\ny\n```\n", Seen(2, 2, 0, 2)),
    "fences in a file": ("````\n# T\n```sh\nls\n```\n````\n", Seen(1, 4, 0, 1)),
    "fences as long as their own": ("```md\n# T\n```sh\nls\n```\n```\n", Seen(1, 4, 0, 1)),
    "a diff": ("```diff\n" + DIFF + "```\n", Seen(1, 2, 2, 2)),
    "a diff in a plain fence": ("```\n" + DIFF + "```\n", Seen(1, 2, 2, 2)),
    "a diff without a fence": (DIFF + "That's it.\n", Seen(1, 2, 2, 2)),
    "a diff without headers": ("```diff\n@@\n-a\n+b\n```\n", Seen(1, 1, 1, 1)),
    "a diff of two files": ("```diff\n" + DIFF + DIFF.replace("a.py", "b.py") + "```\n", Seen(2, 4, 4, 4)),
    "a file that a diff deletes": ("```diff\n--- a/a.py\n+++ /dev/null\n@@\n-a\n```\n", Seen(1, 0, 1, 1)),
    "a removed line of dashes": ("```diff\n@@\n--- a\n+b\n```\n", Seen(1, 1, 1, 1)),
    "a fence in a diff": ("```diff\n@@\n ```\n-a\n+b\n ```\n```\n", Seen(1, 1, 1, 1)),
    "a patch": (PATCH, Seen(3, 3, 2, 4)),
    "a fenced patch": ("```\n" + PATCH + "```\n", Seen(3, 3, 2, 4)),
    "a patch in a diff's fence": ("```diff\n" + PATCH + "```\n", Seen(3, 3, 2, 4)),
    "a patch without its end": ("```\n" + PATCH.removesuffix("*** End Patch\n") + "```\n", Seen(3, 3, 2, 4)),
    "a tagged file": (TAGGED, Seen(1, 2, 0, 1)),
    "tags in a fence": ("```xml\n" + TAGGED + TAGGED.replace("a.py", "b.py") + "```\n", Seen(2, 4, 0, 2)),
    "a fence in a tag": ('<file path="a.py">\n```python\nx\n```\n</file>\n', Seen(1, 1, 0, 1)),
    "a fence further down in a tag": ('<file path="a.md">\n# T\n```\nls\n```\n</file>\n', Seen(1, 4, 0, 1)),
    "an open tag": (TAGGED.removesuffix("</file>\n"), Seen()),
    "calls of tools": (CALLS, Seen(3, 5, 1, 3)),
    "broken calls of tools": (CALLS.replace("]", "}"), Seen(1, 5, 0, 1)),
    "a thought": ("<think>\n" + WHOLE + "</think>\n" + block("a\n", "b\n"), Seen(1, 1, 1, 1)),
    "a thought in one line": ("<think>No.</think> So:\n" + WHOLE, Seen(1, 2, 0, 1)),
    "a thought that doesn't end": ("[THINK]\n" + WHOLE, Seen()),
    "a thought that doesn't begin": (WHOLE + block("a\n", "b\n") + "</think>\n" + WHOLE, Seen(1, 2, 0, 1)),
    "code about thoughts": ("```python\nx = '''\n<think>\n'''\n```\n" + WHOLE, Seen(1, 5, 0, 2)),
    "prose about thoughts": ("It emits `<think>` first.\n" + WHOLE, Seen(1, 2, 0, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_finished_blocks_are_counted(name: str) -> None:
    reply, expected = CASES[name]
    assert watched(reply) == expected
    assert watched(reply.replace("\n", "\r\n")) == expected
    assert watched(*reply) == expected


@given(data=st.data(), names=st.lists(st.sampled_from(sorted(CASES)), max_size=4))
def test_where_pieces_are_cut_makes_no_difference(data: st.DataObject, names: list[str]) -> None:
    reply = "".join(CASES[name][0] for name in names)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=30)))
    pieces = [reply[start:end] for start, end in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    assert watched(*pieces) == watched(reply)


LINES = st.sampled_from([
    "```", "````", "~~~", "```python", "```diff", "```json", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE",
    "<think>", "</think>", "a.py", "--- a/a.py", "+++ b/a.py", "@@ ... @@", "-a", "+b", " c", "*** Begin Patch",
    "*** End Patch", "*** Update File: a.py", "*** Delete File: b.py", '<file path="a.py">', "</file>",
    '{"name": "insert"}', "", "x = 1",
])  # fmt: skip


@given(lines=st.lists(LINES | st.text(max_size=8), max_size=40), data=st.data())
def test_any_reply_is_read_alike_in_any_pieces(lines: list[str], data: st.DataObject) -> None:
    reply = "\n".join(lines)
    cut = data.draw(st.integers(0, len(reply)))
    seen = watched(reply)
    assert watched(reply[:cut], reply[cut:]) == watched(*reply) == seen
    assert min(seen.files, seen.added, seen.removed, seen.blocks) >= 0
    assert seen.blocks >= seen.files


def test_blocks_are_known_as_soon_as_they_end() -> None:
    watch = Watch()
    history: list[Seen] = []
    for line in (block("a\n", "b\n") + block("c\n", "d\n", "b.py")).splitlines(keepends=True):
        watch.feed(line)
        if not history or watch.seen != history[-1]:
            history.append(watch.seen)
    assert history == [Seen(), Seen(1, 1, 1, 1), Seen(2, 2, 2, 2)]


@pytest.mark.parametrize(
    "piece",
    ["x", "`", "<", "a/", "<think>", "</think>", "```a\n", "```\n", "<<<<<<< SEARCH\n", "=======\n", "--- a\n",
     "+++ b\n", "-a\n", "*** Add File: \n", '<file path="a">\n', '<file path="a">\n~~~\n', '{"name": "insert"}\n',
     "[" * 50],
)  # fmt: skip
def test_the_time_is_linear(piece: str) -> None:
    def seconds(times: int) -> float:
        started = time.process_time()
        watched("```json\n", *[piece] * times, "\n```\n")
        watched(piece * times + "\n")
        return time.process_time() - started

    few = min(seconds(5_000) for _ in range(3))
    many = min(seconds(40_000) for _ in range(3))
    assert many < 8 * 3 * few + 0.05
