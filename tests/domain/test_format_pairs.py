"""A model that is asked for one format and answers in another: the right edit, or none."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from phasr_lsp.adapters.data_files import languages
from phasr_lsp.adapters.tree_sitter_syntax import TreeSitterSyntax
from phasr_lsp.domain.change import ChangeSet, FileChange, Place, applied
from phasr_lsp.domain.formats import Files, Malformed
from phasr_lsp.domain.model import ASKED, EditFormat
from phasr_lsp.domain.text import FileText, Lookup, Span
from phasr_lsp.engine.normalise import guarded, normalise, widened
from tests.domain import rendering
from tests.domain.rendering import SPELLINGS, Named

SYNTAX = TreeSitterSyntax(languages())
ROOT = "/home/user/shop"

CART = """\
\"\"\"A cart.\"\"\"

import os
from decimal import Decimal


def total(prices):
    result = 0
    for price in prices:
        result += price
    return result


class Cart:
    def __init__(self, owner):
        self.owner = owner
        self.prices = []

    def add(self, price):
        self.prices.append(price)

    def count(self):
        return len(self.prices)


def path(name):
    return os.path.join("carts", name)
"""
TOTAL = CART[CART.index("def total") : CART.index("\n\nclass")]
NEW_TOTAL = TOTAL.replace("= 0", "= Decimal(0)")
STOCK = """\
GOODS = {}


def amount(name):
    return GOODS.get(name, 0)


def put(name):
    GOODS[name] = 1
"""
NOTES = "# Notes\n\nNothing yet.\n"
TEXTS = {"shop/cart.py": CART, "shop/stock.py": STOCK, "docs/notes.md": NOTES}

COUNT = "    def count(self):\n"
CLEAR = "    def clear(self):\n        self.prices.clear()\n\n"
ADD = "    def add(self, price):\n        self.prices.append(price)\n\n"
EDITED = {"shop/cart.py": CART.replace(TOTAL, NEW_TOTAL)}
NEW_STOCK = {"shop/stock.py": STOCK.replace("name, 0", "name, 1")}
MADE = {"shop/till.py": "def pay(amount):\n    return -amount\n"}
SITUATIONS: Mapping[str, Mapping[str, str | None]] = {
    "one edit": EDITED,
    "two places": {"shop/cart.py": EDITED["shop/cart.py"].replace('"carts", name', '"cart", name')},
    "lines that come": {"shop/cart.py": CART.replace(COUNT, CLEAR + COUNT)},
    "lines that go": {"shop/cart.py": CART.replace(ADD, "")},
    "three files": EDITED | NEW_STOCK | {"docs/notes.md": NOTES + "\nStill nothing.\n"},
    "a new file": MADE,
    "a new file beside an edit": EDITED | MADE,
    "a file that goes": {"shop/stock.py": None},
    "a file that moves": NEW_STOCK,
}

NAMES: Mapping[str, Named] = {
    "plain": str,
    "back-ticks": lambda name: f"`{name}`",
    "bold": lambda name: f"**{name}**:",
    "a heading": lambda name: f"### {name}",
    "a label": lambda name: f"File: `{name}`",
    "a bullet": lambda name: f"- {name}",
    "absolute": lambda name: f"{ROOT}/{name}",
    "Windows": lambda name: name.replace("/", "\\"),
    "a dot": lambda name: f"./{name}",
}
AROUND: Mapping[str, Callable[[str, str], str]] = {
    "bare": lambda reply, _: reply,
    "prose": lambda reply, _: (
        f"Sure! This is what I'd change:\n\n{reply}\nLet me know if `total` should round.\n"
    ),
    "a thought": lambda reply, other: f"<think>\nPerhaps so?\n\n{other}\nNo, better:\n</think>\n\n{reply}",
    "a thought without its beginning": lambda reply, _: f"Where is `total`?\n</think>\n\n{reply}",
    "a thought behind": lambda reply, other: f"{reply}\n<thinking>\nOr perhaps:\n\n{other}\n</thinking>\n",
    "CRLF": lambda reply, _: reply.replace("\n", "\r\n"),
    "no last newline": lambda reply, _: reply.rstrip("\n"),
}
"""What a model writes around its edits; the second text is another edit, which it thinks better of."""


def file(name: str, text: str | None) -> FileText:
    language = {"py": "python", "md": "markdown"}.get(name.rpartition(".")[2], "")
    return FileText(f"file:///{name}", name, text or "", language, exists=text is not None)


FILES = Files(
    target=file("shop/cart.py", CART),
    others={name: file(name, text) for name, text in TEXTS.items()},
    region=Span(CART.index(TOTAL), CART.index(TOTAL) + len(TOTAL)),
    name="total",
    imports=Span(CART.index("import os"), CART.index("\n\ndef total")),
    import_words=("import", "from"),
    root=ROOT,
)


def changes_in(situation: str) -> list[FileChange]:
    moved = Place("file:///shop/goods.py", "shop/goods.py") if situation == "a file that moves" else None
    return [
        FileChange(f"file:///{name}", name, TEXTS.get(name), after, moved)
        for name, after in SITUATIONS[situation].items()
    ]


def read(reply: str, asked: EditFormat, files: Files = FILES) -> Mapping[str, str] | str:
    """All files after the reply, or the refusal."""
    guarded_files, unknown = guarded(reply, files)
    there = {name: Lookup(file(name, None), name.startswith(("shop/", "docs/"))) for name in unknown}
    result = normalise(reply, asked, widened(guarded_files, there), SYNTAX).result
    match result:
        case ChangeSet():
            if result.fuzzy:
                return "A part of it only resembles the file."
            return applied(result, TEXTS)
        case Malformed():
            assert result.reason
            return result.reason
        case broken:
            return str(broken)


SAYABLE = [
    (spelling, situation)
    for spelling, each in SPELLINGS.items()
    for situation in SITUATIONS
    if each.render(changes_in(situation)) is not None
]
DOUBTFUL = {
    *(("lazy, lines", situation) for situation in SITUATIONS),
    *((spelling, "lines that go") for spelling in ("lazy", "whole_file", "whole_file, name behind the fence")),
}
"""What may be refused, or change nothing: a missing method can have been left out, a snippet begin anywhere."""


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(("spelling", "situation"), SAYABLE)
def test_a_reply_is_read_as_what_it_is(spelling: str, situation: str, asked: EditFormat) -> None:
    """Whatever stands around it."""
    changes = changes_in(situation)
    reply = SPELLINGS[spelling].render(changes) or ""
    thought = SPELLINGS[spelling].render([replace(each, after=f"{each.after}x = 1\n") for each in changes]) or ""
    alone = reply.startswith(("{", "["))
    for around, write in AROUND.items():
        if not alone or around in {"bare", "no last newline"}:
            found = read(write(reply, thought), asked)
            doubtful = (spelling, situation) in DOUBTFUL and (isinstance(found, str) or found == TEXTS)
            assert doubtful or found == applied(ChangeSet(tuple(changes)), TEXTS), f"{around}: {found}"


TAKES_NAMES = [
    name
    for name, each in SPELLINGS.items()
    if name != "lazy, lines" and "NAME" in (each.render(changes_in("one edit"), lambda _: "NAME") or "")
]


@pytest.mark.parametrize("shown", NAMES)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("spelling", TAKES_NAMES)
def test_a_name_is_read_however_it_is_written(spelling: str, asked: EditFormat, shown: str) -> None:
    changes = changes_in("three files")
    reply = SPELLINGS[spelling].render(changes, NAMES[shown]) or ""
    assert read(reply, asked) == applied(ChangeSet(tuple(changes)), TEXTS)


@pytest.mark.parametrize("shown", SPELLINGS)
@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if not name.startswith("lazy")])
def test_an_edit_that_a_text_shows_is_text(spelling: str, shown: str) -> None:
    """Documentation with an example of a format is changed, not what the example is about.

    Of an example in the format that it is written in itself, or with code left out, that needn't be believed.
    """
    example = SPELLINGS[shown].render(changes_in("one edit"))
    after = f"# Notes\n\nA model may answer:\n\n{rendering.fence(f'{example}', 'text')}\nNothing more.\n"
    change = FileChange("file:///docs/notes.md", "docs/notes.md", NOTES, after)
    reply = SPELLINGS[spelling].render([change])
    assert reply is not None
    found = read(reply, SPELLINGS[spelling].format)
    doubtful = isinstance(found, str) and (spelling == shown or shown.startswith("lazy"))
    assert doubtful or found == TEXTS | {"docs/notes.md": after}, found


@pytest.mark.parametrize("asked", ASKED)
def test_one_definition_alone(asked: EditFormat) -> None:
    reply = f"Here you are:\n\n```python\n{NEW_TOTAL}```\n"
    found = read(reply, asked)
    assert found == TEXTS | EDITED or isinstance(found, str)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("total([1, 2])\n", id="a use"),
        pytest.param("$ pytest -q\n3 passed\n", id="a session"),
        pytest.param("for price in prices:\n    result -= price\n", id="lines of a definition"),
        pytest.param("{}\n", id="brackets"),
        pytest.param("class Cart:\n    owner = None\n", id="half a class"),
        pytest.param("from decimal import Decimal\n", id="an import"),
    ],
)
def test_a_snippet_is_no_edit(asked: EditFormat, code: str) -> None:
    """Of a file that nobody names, and of which it doesn't say where it belongs."""
    files = replace(FILES, region=None, name="")
    found = read(f"For example:\n\n```python\n{code}```\n", asked, files)
    assert isinstance(found, str) or found == TEXTS, found


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("reply", ["", "\n", "I can't do that.", "`total` is right as it is.", "```\n```\n"])
def test_a_reply_without_an_edit(asked: EditFormat, reply: str) -> None:
    assert isinstance(read(reply, asked), str)
