"""Replies as models write them, and the one change, or the refusal, that each of them is."""

from collections.abc import Mapping

import pytest

from phasr_lsp.domain.formats import FORMATS, Files, Malformed
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import FileText, Span

SHOP = """\
\"\"\"A shop.\"\"\"

import os
from decimal import Decimal


def total(prices):
    return sum(prices)


class Cart:
    def add(self, price):
        self.prices.append(price)

    def count(self):
        return len(self.prices)
"""

TOTAL = "def total(prices):\n    return sum(prices)\n"
COUNT = "    def count(self):\n        return len(self.prices)\n"
IMPORTS = "import os\nfrom decimal import Decimal\n"


def check(
    form: EditFormat,
    reply: str,
    expected: Mapping[str, str] | str,
    *,
    text: str | None = SHOP,
    region: str | None = None,
    at: int | None = None,
    name: str = "",
    imports: str = IMPORTS,
    imports_at: int | None = None,
    words: tuple[str, ...] = ("import", "from"),
    file: str = "shop/cart.py",
    others: Mapping[str, str] | None = None,
) -> None:
    """`expected` is the new text of each file that the reply speaks of, or words of the refusal.

    `text` is None for a file that is to be created. The region is the place of the text `region`, or the empty
    one at `at`; the imports likewise.
    """
    content = text or ""

    def place(part: str | None, empty_at: int | None) -> Span | None:
        if empty_at is not None:
            return Span(empty_at, empty_at)
        start = content.find(part) if part else -1
        return Span(start, start + len(part)) if part and start >= 0 else None

    files = Files(
        target=FileText("file:///target", file, content, "python", exists=text is not None),
        region=place(region, at),
        name=name,
        imports=place(imports, imports_at) or Span(0, 0),
        import_words=words,
        others={key: FileText(f"file:///{key}", key, value, "python") for key, value in (others or {}).items()},
    )
    result = FORMATS[form].parse(reply, files)
    if isinstance(expected, str):
        assert isinstance(result, Malformed)
        assert expected in result.reason
    else:
        assert not isinstance(result, Malformed), result.reason
        assert {change.name: change.after for change in result.files} == expected
        assert {change.before for change in result.files} <= {text, *(others or {}).values()}


def region(reply: str, expected: str, **given: object) -> None:
    """`expected` with a line end is the file's new text, without one words of the refusal."""
    whole = {"shop/cart.py": expected} if expected.endswith(("\n", "\r")) else expected
    check(EditFormat.REGION, reply, whole, **given)  # pyright: ignore[reportArgumentType]


def fenced(code: str, info: str = "python", mark: str = "```") -> str:
    return f"{mark}{info}\n{code}{mark}"


COMMAND = fenced("make\n", "sh")
NONSENSE = "nonsense\n"


def edit(search: str, replace: str, name: str = "shop/cart.py\n", size: int = 7) -> str:
    return f"{name}{'<' * size} SEARCH\n{search}{'=' * size}\n{replace}{'>' * size} REPLACE\n"


NEW_TOTAL = "def total(prices):\n    return sum(prices, start=0)\n"
CHANGED = SHOP.replace(TOTAL, NEW_TOTAL)


class TestSearchReplace:
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(edit(TOTAL, NEW_TOTAL), id="as asked"),
            pytest.param(edit(TOTAL, NEW_TOTAL, size=5), id="five marks"),
            pytest.param(edit(TOTAL, NEW_TOTAL, size=9), id="nine marks"),
            pytest.param(edit(TOTAL, NEW_TOTAL).replace("\n", "\r\n"), id="in CRLF"),
            pytest.param(edit(TOTAL, NEW_TOTAL).rstrip(), id="no newline at the end"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "`shop/cart.py`\n"), id="back-ticks"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "**`shop/cart.py`**:\n"), id="bold, back-ticks and a colon"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "- `shop/cart.py`:\n"), id="a bullet"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "1. shop/cart.py\n"), id="a number"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "### shop/cart.py\n"), id="a heading"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "File: shop/cart.py\n"), id="a word before it"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "# shop/cart.py\n"), id="a comment"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "./shop/cart.py\n"), id="a leading dot"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "shop\\cart.py\n"), id="Windows separators"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "/home/me/work/shop/cart.py\n"), id="the workspace before it"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "cart.py\n"), id="without its folder"),
            pytest.param(edit(TOTAL, NEW_TOTAL, ""), id="without a name"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "I add a start. Done:\n"), id="prose for a name"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "shop/cart.py\n```python\n") + "```\n", id="fenced, name before"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "```python\nshop/cart.py\n") + "```\n", id="fenced, name inside"),
            pytest.param(f"Sure!\n\n{edit(TOTAL, NEW_TOTAL)}\nThat is all.", id="prose around"),
            pytest.param(edit(TOTAL, NEW_TOTAL) * 2, id="the same block twice"),
            pytest.param(edit(TOTAL.replace(":\n", ":  \n"), NEW_TOTAL), id="trailing space"),
            pytest.param(edit("\n" + TOTAL + "\n\n\n\n", "\n" + NEW_TOTAL + "\n\n\n\n"), id="blank lines around"),
            pytest.param(
                f"<think>\nMaybe:\n{edit(TOTAL, NONSENSE)}</think>\n{edit(TOTAL, NEW_TOTAL)}", id="a thought"
            ),
            pytest.param(
                f"Maybe:\n{edit(TOTAL, NONSENSE)}So be it.</think>\n\n{edit(TOTAL, NEW_TOTAL)}",
                id="a thought without its beginning",
            ),
            pytest.param(
                f"{edit(TOTAL, NEW_TOTAL)}\n<thinking>{edit(TOTAL, NONSENSE)}</thinking>",
                id="a thought behind",
            ),
        ],
    )
    def test_the_marks_around_a_block_do_not_matter(self, reply: str) -> None:
        check(EditFormat.SEARCH_REPLACE, reply, {"shop/cart.py": CHANGED})

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            pytest.param("", "no SEARCH/REPLACE block", id="empty"),
            pytest.param("I can't do that.", "no SEARCH/REPLACE block", id="prose"),
            pytest.param(edit(TOTAL, NEW_TOTAL)[:-20], "cut off", id="cut off in REPLACE"),
            pytest.param(edit(TOTAL, NEW_TOTAL)[:50], "cut off", id="cut off in SEARCH"),
            pytest.param(
                edit(TOTAL, NEW_TOTAL) + edit(COUNT, "x\n")[:-12], "cut off", id="the second is cut off"
            ),
            pytest.param(
                edit(TOTAL, NEW_TOTAL)[:-16] + edit(COUNT, "x\n"), "begins inside another", id="one isn't closed"
            ),
            pytest.param(f"<think>\n{edit(TOTAL, NEW_TOTAL)}", "no SEARCH/REPLACE", id="nothing but thoughts"),
            pytest.param(
                edit("        self.prices", "x\n"), "no line of equal signs", id="no line end before the divider"
            ),
            pytest.param(edit("\n", "x\n"), "SEARCH is empty", id="empty SEARCH in a file with text"),
            pytest.param(edit("def nothing():\n", "x = 1\n"), "doesn't stand in `shop/cart.py`", id="not found"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "other.py\n"), "`other.py` is none", id="another file"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "lib/cart.py\n"), "`lib/cart.py` is none", id="another folder"),
            pytest.param(edit(TOTAL, NEW_TOTAL, "../shop/cart.js\n"), "is none", id="another suffix"),
            pytest.param(
                edit(TOTAL, NEW_TOTAL) + edit("absent\n", "x\n"), "doesn't stand", id="one of two fails"
            ),
            pytest.param(
                edit(TOTAL, "def total(prices):\n    # ... existing code ...\n"), "leaves code out", id="elision"
            ),
        ],
    )
    def test_what_can_not_be_placed_refuses_the_reply(self, reply: str, reason: str) -> None:
        check(EditFormat.SEARCH_REPLACE, reply, reason)

    def test_two_places_are_named_with_their_lines(self) -> None:
        check(EditFormat.SEARCH_REPLACE, edit("a\n", "x\n"), "(lines 1, 3)", text="a\nb\na\n")

    def test_the_nearest_text_is_shown(self) -> None:
        check(EditFormat.SEARCH_REPLACE, edit("def totl(prics, n):\n", "x\n"), "7: def total(prices):\n")

    def test_blocks_are_applied_in_order(self) -> None:
        reply = edit("a\n", "b\n") + edit("b\n", "c\n", "")
        check(EditFormat.SEARCH_REPLACE, reply, {"shop/cart.py": "c\n"}, text="a\n")

    def test_a_block_goes_to_the_file_it_names(self) -> None:
        reply = edit("a\n", "b\n", "lib/other.py\n") + edit("c\n", "d\n", "")
        check(EditFormat.SEARCH_REPLACE, reply, {"lib/other.py": "b\nd\n"}, others={"lib/other.py": "a\nc\n"})

    def test_a_name_that_fits_two_files_is_none(self) -> None:
        reply = edit(TOTAL, NEW_TOTAL, "cart.py\n")
        check(EditFormat.SEARCH_REPLACE, reply, "none of the files", others={"lib/cart.py": TOTAL})

    def test_a_long_relative_path_is_not_the_file_at_the_top(self) -> None:
        reply = edit("a\n", "b\n", "lib/cart.py\n")
        check(EditFormat.SEARCH_REPLACE, reply, "none of the files", text="a\n", file="cart.py")

    def test_a_name_without_suffix_is_known_when_it_is_a_file(self) -> None:
        reply = edit("a\n", "b\n", "Makefile\n")
        check(EditFormat.SEARCH_REPLACE, reply, {"Makefile": "b\n"}, text="a\n", others={"Makefile": "a\n"})

    def test_an_empty_search_makes_a_new_file(self) -> None:
        check(EditFormat.SEARCH_REPLACE, edit("", "x = 1\n"), {"shop/cart.py": "x = 1\n"}, text=None)

    @pytest.mark.parametrize(
        ("text", "search", "replace"),
        [
            pytest.param("new = 1\n", "old = 1\n", "new = 1\n", id="replaced"),
            pytest.param("import os\nimport re\n", "import os\n", "import os\nimport re\n", id="added"),
        ],
    )
    def test_an_edit_that_is_there_already_counts_as_done(self, text: str, search: str, replace: str) -> None:
        check(EditFormat.SEARCH_REPLACE, edit(search, replace), {"shop/cart.py": text}, text=text)

    def test_a_removal_whose_text_is_not_found_is_not_done(self) -> None:
        reply = edit("a = 1\nb = 2\n", "b = 2\n")
        check(EditFormat.SEARCH_REPLACE, reply, "doesn't stand", text="c = 99\nb = 2\n")

    def test_line_endings_stay(self) -> None:
        text, after = SHOP.replace("\n", "\r\n"), CHANGED.replace("\n", "\r\n")
        check(EditFormat.SEARCH_REPLACE, edit(TOTAL, NEW_TOTAL), {"shop/cart.py": after}, text=text)

    def test_a_replacement_stands_where_its_search_was_found(self) -> None:
        reply = edit("def count(self):\n", "def count(self) -> int:\n    # all of them\n")
        after = SHOP.replace("    def count(self):\n", "    def count(self) -> int:\n        # all of them\n")
        check(EditFormat.SEARCH_REPLACE, reply, {"shop/cart.py": after})

    @pytest.mark.parametrize(
        ("text", "search", "replace", "after"),
        [
            pytest.param("old\n", "old\n", "T\n=====\nnew\n", "T\n=====\nnew\n", id="in REPLACE"),
            pytest.param("T\n=====\nold\nT\n", "T\n=====\nold\n", "new\n", "new\nT\n", id="in SEARCH"),
        ],
    )
    def test_lines_of_equal_signs_may_stand_in_the_text(
        self, text: str, search: str, replace: str, after: str
    ) -> None:
        check(EditFormat.SEARCH_REPLACE, edit(search, replace), {"shop/cart.py": after}, text=text)

    def test_a_divider_that_can_not_be_told_is_refused(self) -> None:
        reply = edit("a\n", "b\n=======\nc\n")
        check(EditFormat.SEARCH_REPLACE, reply, "several lines of equal signs", text="a\n=======\nb\n")

    def test_code_that_speaks_of_thoughts_is_no_thought(self) -> None:
        reply = edit("old\n", "<think>\nnot a thought\n</think>\n")
        after = {"shop/cart.py": "<think>\nnot a thought\n</think>\n"}
        check(EditFormat.SEARCH_REPLACE, reply, after, text="old\n")


class TestWholeFile:
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(fenced(CHANGED), id="as asked"),
            pytest.param(fenced(CHANGED, ""), id="no language"),
            pytest.param(fenced(CHANGED, "python", "````"), id="four back-ticks"),
            pytest.param(fenced(CHANGED, "python", "~~~"), id="tildes"),
            pytest.param(f"Here:\n\n{fenced(CHANGED)}\n\nDone.", id="prose around"),
            pytest.param(f"`shop/cart.py`:\n{fenced(CHANGED)}", id="the name above"),
            pytest.param(f"shop/cart.py\n{fenced(CHANGED)}\nTry it:\n{COMMAND}", id="two"),
            pytest.param(f"<think>\n{fenced(NONSENSE)}\n</think>\n{fenced(CHANGED)}", id="a thought"),
            pytest.param(f"I drop `<think>` tags.\n{fenced(CHANGED)}", id="prose about thoughts"),
            pytest.param(f"Well. <THINK>hm\n```\n</THINK> So:\n{fenced(CHANGED)}", id="a thought in a line"),
            pytest.param(fenced(CHANGED).replace("\n", "\r\n"), id="in CRLF"),
        ],
    )
    def test_the_only_block_is_the_file(self, reply: str) -> None:
        check(EditFormat.WHOLE_FILE, reply, {"shop/cart.py": CHANGED})

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            pytest.param("", "holds 0 fenced code blocks", id="empty"),
            pytest.param(fenced(CHANGED)[:-3], "cut off", id="cut off"),
            pytest.param(fenced(CHANGED) + "\n" + fenced("x = 1\n"), "holds 2", id="two blocks"),
            pytest.param(fenced(""), "empty", id="an empty block"),
            pytest.param(
                f"tests/test_cart.py\n{fenced(CHANGED)}", "`tests/test_cart.py` is none", id="another file"
            ),
            pytest.param(
                fenced("import sys\n\n# ... rest of the code unchanged ...\n\nx = y\n# ... more ...\n"),
                "leaves code out",
                id="elision",
            ),
            pytest.param("<think>\n" + fenced(CHANGED), "holds 0", id="nothing but thoughts"),
        ],
    )
    def test_anything_else_is_refused(self, reply: str, reason: str) -> None:
        check(EditFormat.WHOLE_FILE, reply, reason)

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("# T\n\n```sh\nmake\n```\n\nend\n", id="a block with a language"),
            pytest.param("# T\n\n    ```\n    make\n    ```\n", id="an indented block"),
            pytest.param("# T\n~~~\nmake\n~~~\n", id="a block of another kind"),
        ],
    )
    def test_a_file_with_code_blocks_is_one_block(self, text: str) -> None:
        check(EditFormat.WHOLE_FILE, fenced(text, "markdown"), {"shop/cart.py": text}, text="# T\n")

    @pytest.mark.parametrize("text", ["# T\n```\nmake\n```\nend\n", "# T\n```\nmake\n```\n\n```sh\nx\n```\n"])
    def test_fences_that_can_not_be_told_apart_are_refused(self, text: str) -> None:
        check(EditFormat.WHOLE_FILE, fenced(text, "markdown"), "code block", text="# T\n")

    def test_a_longer_fence_may_hold_any_shorter(self) -> None:
        text = "# T\n```\nmake\n```\nend\n"
        check(EditFormat.WHOLE_FILE, fenced(text, "markdown", "````"), {"shop/cart.py": text}, text="# T\n")

    def test_a_file_is_created(self) -> None:
        check(EditFormat.WHOLE_FILE, fenced("x = 1\n"), {"shop/cart.py": "x = 1\n"}, text=None)

    def test_the_bytes_of_the_file_stay(self) -> None:
        text, after = "\ufeffa\r\nb\nc", "\ufeffa\r\nX\nc"
        check(EditFormat.WHOLE_FILE, fenced("a\nX\nc\n"), {"shop/cart.py": after}, text=text)


class TestRegion:
    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(fenced(NEW_TOTAL), id="as asked"),
            pytest.param(fenced(NEW_TOTAL, "python", "~~~~"), id="tildes"),
            pytest.param(fenced("\n\n" + NEW_TOTAL + "\n\n"), id="blank lines around"),
            pytest.param(fenced("    def total(prices):\n        return sum(prices, start=0)\n"), id="indented"),
            pytest.param(fenced("import os\n\n\n" + NEW_TOTAL), id="an import that is there"),
            pytest.param(fenced(CHANGED), id="the whole file"),
            pytest.param(fenced(CHANGED[CHANGED.index("def total") :]), id="all from there to the end"),
            pytest.param(f"Like this:\n{fenced(NEW_TOTAL)}\nRun it:\n{COMMAND}", id="one has the name"),
            pytest.param(
                f"<think>\n{fenced('def total(): pass' + NONSENSE)}</think>{fenced(NEW_TOTAL)}", id="a thought"
            ),
        ],
    )
    def test_the_definition_is_replaced(self, reply: str) -> None:
        region(reply, CHANGED, region=TOTAL, name="total")

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            pytest.param("", "holds 0", id="empty"),
            pytest.param("No.", "holds 0", id="prose"),
            pytest.param(fenced(NEW_TOTAL)[:-3], "cut off", id="cut off"),
            pytest.param(fenced("\n"), "empty", id="an empty block"),
            pytest.param(fenced("def totals():\n    pass\n"), "doesn't contain `total`", id="another name"),
            pytest.param(fenced(NEW_TOTAL) + "\nor\n" + fenced(TOTAL), "holds 2", id="two with the name"),
            pytest.param(
                fenced("def total(prices):\n    # ... existing code ...\n"), "leaves code out", id="elision"
            ),
            pytest.param(fenced(CHANGED.replace("price", "cost")), "repeats", id="the whole file, changed"),
        ],
    )
    def test_anything_else_is_refused(self, reply: str, reason: str) -> None:
        region(reply, reason, region=TOTAL, name="total")

    def test_without_a_region_there_is_nothing_to_replace(self) -> None:
        region(fenced(NEW_TOTAL), "No region", name="total")

    @pytest.mark.parametrize(
        ("comment", "left_out"),
        [
            ("# ...", True),
            ("# … rest …", True),
            ("# ...other methods...", True),
            ("# rest of the code unchanged", True),
            ("# existing code ...", True),
            ("# process the remaining items...", False),
            ("# the other price; wait for it ...", False),
            ("...  # existing", False),
        ],
    )
    def test_code_that_is_left_out_is_told_from_prose(self, comment: str, left_out: bool) -> None:
        code = f"def total(prices):\n    {comment}\n"
        region(
            fenced(code), "leaves code out" if left_out else SHOP.replace(TOTAL, code), region=TOTAL, name="total"
        )

    def test_a_comment_that_the_file_has_may_stay(self) -> None:
        text = "def f():\n    # ...\n    a()\n"
        region(fenced(text.replace("a()", "b()")), text.replace("a()", "b()"), text=text, region=text, name="f")

    NEW_COUNT = '    def count(self):\n        """All of them."""\n        return len(self.prices)\n'

    @pytest.mark.parametrize(
        "code",
        [
            pytest.param(NEW_COUNT, id="as it stands"),
            pytest.param(
                'def count(self):\n    """All of them."""\n    return len(self.prices)\n', id="dedented"
            ),
            pytest.param(NEW_COUNT.lstrip(" "), id="the first line copied without its indentation"),
        ],
    )
    def test_a_method_keeps_its_indentation(self, code: str) -> None:
        region(fenced(code), SHOP.replace(COUNT, self.NEW_COUNT), region=COUNT, name="count")

    def test_a_method_may_come_with_its_class_around_it(self) -> None:
        code = "class Cart:\n" + self.NEW_COUNT
        region(fenced(code), SHOP.replace(COUNT, self.NEW_COUNT), region=COUNT, name="count")

    USING = "def total(prices: Any):\n    return re.sub(prices)\n"

    def test_new_imports_join_those_of_the_file_once(self) -> None:
        code = (
            "from __future__ import annotations\nimport os\nimport re\nfrom typing import (\n    Any,\n)\n\n\n"
            + self.USING
        )
        new = "from __future__ import annotations\n" + IMPORTS + "import re\nfrom typing import (\n    Any,\n)\n"
        after = CHANGED.replace(IMPORTS, new).replace(NEW_TOTAL, self.USING)
        region(fenced(code), after, region=TOTAL, name="total")

    def test_imports_that_nothing_uses_stay_away(self) -> None:
        code = "import json\nfrom typing import Any, Union\nfrom decimal import Decimal\n\n\n" + self.USING
        after = CHANGED.replace(IMPORTS, IMPORTS + "from typing import Any, Union\n")
        region(fenced(code), after.replace(NEW_TOTAL, self.USING), region=TOTAL, name="total")

    @pytest.mark.parametrize(
        ("text", "at", "after"),
        [
            pytest.param("def f():\n    pass\n", 0, "import re\n\n\ndef f():\n    re\n", id="at the top"),
            pytest.param(
                '"""D."""\n\n\ndef f():\n    pass\n',
                9,
                '"""D."""\n\nimport re\n\n\ndef f():\n    re\n',
                id="docstring",
            ),
            pytest.param(
                "\ufeffdef f():\n    pass\n", 0, "\ufeffimport re\n\n\ndef f():\n    re\n", id="a byte-order mark"
            ),
        ],
    )
    def test_a_file_without_imports_gets_some(self, text: str, at: int, after: str) -> None:
        code = "import re\n\n\ndef f():\n    re\n"
        region(fenced(code), after, text=text, region=text[text.index("def") :], name="f", imports_at=at)

    def test_a_definition_right_below_the_imports_gets_none_of_them(self) -> None:
        text, code = "import os\ndef f():\n    pass\n", "import os\nimport re\n\ndef f():\n    re\n"
        after = "import os\nimport re\ndef f():\n    re\n"
        region(fenced(code), after, text=text, region=text[10:], name="f", imports="import os\n")

    def test_imports_above_which_the_definition_stands_stay_there(self) -> None:
        text = "def f():\n    pass\n\nimport os\n"
        after = "def f():\n    re\n    re\n\nimport os\nimport re\n"
        region(
            fenced("import re\ndef f():\n    re\n    re\n"),
            after,
            text=text,
            region=text[:18],
            name="f",
            imports="import os\n",
        )

    def test_go_knows_a_path_in_its_list(self) -> None:
        text = 'package a\n\nimport (\n\t"fmt"\n)\n\nfunc f() {\n}\n'
        code = 'import "fmt"\nimport "os"\n\nfunc f() {\n\tfmt.Println()\n}\n'
        after = 'package a\n\nimport (\n\t"fmt"\n)\nimport "os"\n\nfunc f() {\n\tfmt.Println()\n}\n'
        region(
            fenced(code),
            after,
            text=text,
            region=text[text.index("func") :],
            name="f",
            imports=text[11:29],
            words=("import",),
        )

    class TestImports:
        def test_the_import_block_is_replaced(self) -> None:
            new = "import os\nimport re\n"
            region(fenced(new), SHOP.replace(IMPORTS, new), region=IMPORTS)

        def test_an_import_block_with_more_of_the_file_is_refused(self) -> None:
            region(fenced(IMPORTS + "import re\n\n\n" + TOTAL), "repeats", region=IMPORTS)

        @pytest.mark.parametrize(
            ("text", "at", "after"),
            [
                pytest.param(
                    "def f():\n    re\n", 0, "import os\nimport re\n\n\ndef f():\n    re\n", id="at the top"
                ),
                pytest.param('"""D."""\n', 9, '"""D."""\n\nimport os\nimport re\n', id="at the end"),
                pytest.param("", 0, "import os\nimport re\n", id="in an empty file"),
            ],
        )
        def test_the_empty_import_block_is_filled(self, text: str, at: int, after: str) -> None:
            region(fenced("import os\nimport re\n"), after, text=text, at=at, imports_at=at)

        def test_line_endings_stay(self) -> None:
            text = SHOP.replace("\n", "\r\n")
            after = text.replace("import os\r\n", "import os\r\nimport re\r\n")
            code = "import os\nimport re\nfrom decimal import Decimal\n"
            crlf = IMPORTS.replace("\n", "\r\n")
            region(fenced(code), after, text=text, region=crlf, imports=crlf)

    class TestAppending:
        TEST = "def test_total():\n    assert total([]) == 0\n"

        @pytest.mark.parametrize(
            ("text", "after"),
            [
                pytest.param("import os\n\nx = 1\n", "import os\n\nx = 1\n\n\n", id="a file"),
                pytest.param("x = 1\n\n\n\n", "x = 1\n\n\n\n", id="blank lines at its end"),
                pytest.param("x = 1", "x = 1\n\n\n", id="no final newline"),
                pytest.param("", "", id="an empty file"),
            ],
        )
        def test_two_blank_lines_stand_above(self, text: str, after: str) -> None:
            end = self.TEST if text.endswith("\n") or not text else self.TEST[:-1] + "\n"
            expected = after + end
            files = {"shop/cart.py": expected if text.endswith("\n") or not text else expected.rstrip("\n")}
            check(EditFormat.REGION, fenced(self.TEST), files, text=text, at=len(text), imports="import os\n")

        def test_a_new_file_holds_the_block_as_it_is(self) -> None:
            code = '"""Tests."""\n\nimport pytest\n\n\n' + self.TEST
            region(fenced(code), code, text=None, at=0)

        def test_imports_join_those_of_the_file(self) -> None:
            text = "import os\n\n\ndef test_a():\n    pass\n"
            test = "def test_b():\n    assert re.match(total, 'x')\n"
            code = "import os\nimport re\n\nfrom shop import total\n\n\n" + test
            after = "import os\nimport re\nfrom shop import total\n\n\ndef test_a():\n    pass\n\n\n" + test
            region(fenced(code), after, text=text, at=len(text), imports="import os\n")

        def test_a_test_file_that_is_repeated_is_refused(self) -> None:
            text = "import os\n\n\ndef test_a():\n    assert os\n"
            region(fenced(text + "\n\n" + self.TEST), "repeats", text=text, at=len(text), imports="import os\n")

        def test_in_mid_file_blank_lines_stand_below_as_well(self) -> None:
            text = "a = 1\nb = 2\n"
            region(fenced("c = 3\n"), "a = 1\n\n\nc = 3\n\n\nb = 2\n", text=text, at=6)


def test_every_format_has_a_parser() -> None:
    assert set(FORMATS) == set(EditFormat)
