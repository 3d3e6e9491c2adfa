"""What tree-sitter knows of a text, in every language of the table that has definitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasr_lsp.adapters.data_files import languages
from phasr_lsp.adapters.tree_sitter_syntax import TreeSitterSyntax
from phasr_lsp.domain.text import FileText, Span
from phasr_lsp.engine.ports import Definition

LANGUAGES = languages()
SYNTAX = TreeSitterSyntax(LANGUAGES)


def file(text: str, language: str) -> FileText:
    return FileText("file:///a", "a", text, language)


def marked(text: str) -> tuple[str, int]:
    """The text without its mark `|>`, and where that stood."""
    return text.replace("|>", ""), text.index("|>")


def check(language: str, text: str, expected: tuple[str, str, str] | None) -> None:
    """`expected` is the name, the outermost name and the text of the definition at the mark `|>`."""
    source, at = marked(text)
    found = SYNTAX.definition_at(file(source, language), Span(at, at))
    assert (found and (found.name, found.top, found.span.of(source))) == expected


METHOD = "    def total(self):\n        return 1\n"
CLASS = f"@final\nclass Shop:\n    kind = 1\n\n{METHOD}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(CLASS.replace("return", "|>return"), ("total", "Shop", METHOD), id="in a method"),
        pytest.param(CLASS.replace("1\n", "1|>\n"), ("Shop", "Shop", CLASS), id="in a class, not in a method"),
        pytest.param(CLASS.replace("    def", "|>    def"), ("total", "Shop", METHOD), id="left of def"),
        pytest.param(CLASS.replace("(self)", "|>(self)"), ("total", "Shop", METHOD), id="in its head"),
        pytest.param(CLASS.replace("final", "fi|>nal"), ("Shop", "Shop", CLASS), id="on a decorator"),
        pytest.param("|>" + CLASS, ("Shop", "Shop", CLASS), id="left of a decorator"),
        pytest.param(CLASS.replace("class", "|>class"), ("Shop", "Shop", CLASS), id="left of class"),
        pytest.param(CLASS.rstrip() + "|>", ("total", "Shop", METHOD.rstrip()), id="at the end of the file"),
        pytest.param("async def f():\n  |>  pass\n", ("f", "f", "async def f():\n    pass\n"), id="async"),
        pytest.param("class A: x = |>1\n", ("A", "A", "class A: x = 1\n"), id="a class of one line"),
        pytest.param(
            "class A: \n  def f(self): |>x\n", ("f", "A", "  def f(self): x\n"), id="a method of one line"
        ),
        pytest.param(
            "def f():\n  def g():\n    |>x\n", ("g", "f", "  def g():\n    x\n"), id="a function within"
        ),
        pytest.param(
            "if x:\n    def f():\n        |>y\n", ("f", "f", "    def f():\n        y\n"), id="in an if"
        ),
        pytest.param(
            'n = "漢\U0001f600"\n\n\ndef é():\n    |>x\n', ("é", "é", "def é():\n    x\n"), id="multi-byte before"
        ),
        pytest.param(
            'def f():\n    "é\U0001f600e\u0301"|>\n',
            ("f", "f", 'def f():\n    "é\U0001f600e\u0301"\n'),
            id="within",
        ),
        pytest.param("\ufeffdef f():\n    |>x\n", ("f", "f", "\ufeffdef f():\n    x\n"), id="a byte-order mark"),
        pytest.param("x\r\ndef f():\r\n    |>x\r\n", ("f", "f", "def f():\r\n    x\r\n"), id="CRLF"),
        pytest.param("x = 1\n|>\ndef f():\n    pass\n", None, id="on a blank line between"),
        pytest.param("x = |>1\n", None, id="no definition"),
        pytest.param("|>", None, id="an empty file"),
    ],
)
def test_the_smallest_python_definition_at_the_cursor(text: str, expected: tuple[str, str, str] | None) -> None:
    check("python", text, expected)


def whole(name: str, text: str, top: str | None = None) -> tuple[str, str, str]:
    return name, name if top is None else top, text


DEFINITIONS: list[tuple[str, str, tuple[str, str, str] | None]] = [
    ("javascript", "export default function f() {\n|>}\n", whole("f", "export default function f() {\n}\n")),
    ("javascript", "|>export class A {}\n", whole("A", "export class A {}\n")),
    (
        "javascript",
        "export const f = async (a) => {\n|>};\n",
        whole("f", "export const f = async (a) => {\n};\n"),
    ),
    ("javascript", "const f = function () {|>};\n", whole("f", "const f = function () {};\n")),
    ("javascript", "function* g() { |>}\n", whole("g", "function* g() { }\n")),
    ("javascript", "class A { m() { |>} n() {} }\n", whole("A", "class A { m() { } n() {} }\n")),
    ("javascript", "class A {\n  static m() {|>}\n}\n", whole("m", "  static m() {}\n", "A")),
    ("javascript", "export const n = |>1;\n", None),
    (
        "typescript",
        "export abstract class A {\n  n: |>number;\n}\n",
        whole("A", "export abstract class A {\n  n: number;\n}\n"),
    ),
    ("typescript", "export interface I { a: |>number }\n", whole("I", "export interface I { a: number }\n")),
    ("typescript", "type T = |>string;\n", whole("T", "type T = string;\n")),
    ("typescript", "enum E { A|> }\n", whole("E", "enum E { A }\n")),
    ("tsx", "const V = () => <p>é|></p>;\n", whole("V", "const V = () => <p>é</p>;\n")),
    ("go", "package a\n\nfunc (t *T) M() {\n|>}\n", whole("M", "func (t *T) M() {\n}\n")),
    ("go", "package a\n\ntype T struct {\n\tA |>int\n}\n", whole("T", "type T struct {\n\tA int\n}\n")),
    ("rust", "impl A {\n    fn m(&self) {\n|>    }\n}\n", whole("m", "    fn m(&self) {\n    }\n", "A")),
    ("rust", "impl A {\n    const N: i32 = |>1;\n}\n", whole("A", "impl A {\n    const N: i32 = 1;\n}\n")),
    ("rust", "pub enum E { |>A }\n", whole("E", "pub enum E { A }\n")),
    ("rust", "macro_rules! m { () => {|>} }\n", whole("m", "macro_rules! m { () => {} }\n")),
    ("java", "class A {\n  @Override\n  int m() { |>}\n}\n", whole("m", "  @Override\n  int m() { }\n", "A")),
    ("java", "record R(int |>a) {}\n", whole("R", "record R(int a) {}\n")),
    ("c", "static int *f(int a)\n{\n|>}\n", whole("f", "static int *f(int a)\n{\n}\n")),
    ("c", "|>struct s *f(void)\n{\n}\n", whole("f", "struct s *f(void)\n{\n}\n")),
    ("c", "struct s { int |>a; };\n", whole("s", "struct s { int a; };\n")),
    ("c", "struct s |>x;\n", None),
    ("cpp", "template <class T>\nT f(T a) {\n|>}\n", whole("f", "template <class T>\nT f(T a) {\n}\n")),
    ("cpp", "int &r() {|>}\n", whole("r", "int &r() {}\n")),
    ("cpp", "class A {\n  int m() {|>}\n};\n", whole("m", "  int m() {}\n", "A")),
    ("csharp", "namespace N {\n  class A {\n    int M() {|>}\n  }\n}\n", whole("M", "    int M() {}\n", "A")),
    (
        "ruby",
        "module M\n  def self.s\n    |>1\n  end\nend\n",
        whole("s", "  def self.s\n    1\n  end\n", "M"),
    ),
    ("php", "<?php\nclass A {\n  function m() {|>}\n}\n", whole("m", "  function m() {}\n", "A")),
    ("lua", "local function f()\n|>end\n", whole("f", "local function f()\nend\n")),
    ("bash", "f() {\n  echo|>\n}\n", whole("f", "f() {\n  echo\n}\n")),
    ("json", "{|>}", None),
    ("cpp", "class A {\n  int a;\n};|>\n", whole("A", "class A {\n  int a;\n};\n")),
    ("", "def f():\n  |>pass\n", None),
]


@pytest.mark.parametrize(("language", "text", "expected"), DEFINITIONS)
def test_every_language_has_its_definitions(
    language: str, text: str, expected: tuple[str, str, str] | None
) -> None:
    check(language, text, expected)


def test_no_language_with_definitions_is_left_out() -> None:
    tested = {language for language, _, _ in DEFINITIONS} | {"python"}
    assert {name for name, language in LANGUAGES.items() if language.definitions} <= tested


TWO = f"class A:\n{METHOD}\n{METHOD.replace('total', 'count')}"


@pytest.mark.parametrize(
    ("selected", "name"),
    [
        pytest.param("return 1", "total", id="within a method"),
        pytest.param(METHOD, "total", id="its lines"),
        pytest.param(METHOD + "\n", "total", id="its lines and a blank one"),
        pytest.param(TWO[TWO.index("return") : TWO.index("count")], "A", id="parts of two"),
        pytest.param(TWO, "A", id="everything"),
    ],
)
def test_a_selection_is_the_smallest_definition_around_it(selected: str, name: str) -> None:
    start = TWO.index(selected)
    found = SYNTAX.definition_at(file(TWO, "python"), Span(start, start + len(selected)))
    assert found
    assert found.name == name


def test_the_definition_below_a_comment_has_its_decorators() -> None:
    source, at = marked("def a():\n    pass\n\n\n# é\n|>@deco\ndef b():\n    pass\n")
    start = source.index("@deco")
    below = [found for found in SYNTAX.definitions(file(source, "python")) if found.span.start >= at]
    assert below == [Definition("b", Span(start, len(source)), "b")]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", '"""D."""\n# c\n[import os\nfrom a import (\n    b,\n)\n]\nx = 1\nimport late\n', None),
        ("python", '"""D."""\n[]\nx = 1\n', None),
        ("python", "#!/usr/bin/env python\n[]x = 1\n", None),
        ("python", "# Licence\n\n# About f.\n[]", "# Licence\n[]\n# About f.\ndef f(): pass\n"),
        ("python", "[]# About f.\ndef f(): pass\n", None),
        ("python", "é = 1\n", "[]é = 1\n"),
        ("python", '"""é\U0001f600"""\r\n[import os\r\n]x = 1\r\n', None),
        ("python", "[import os]", None),
        ("javascript", '// c\n[import a from "a";\nimport "b";\n]\nf();\n', None),
        ("tsx", '[import a from "a";\n]f();\n', None),
        ("go", 'package a\n\n[import (\n\t"fmt"\n)\n]\nfunc f() {}\n', None),
        ("go", "package a\n[]\nfunc f() {}\n", None),
        ("rust", "[use a::b;\n]\nfn f() {}\n", None),
        ("rust", "[]/// About S.\nstruct S;\n", None),
        ("java", "package a;\n\n[import b.C;\n]\nclass A {}\n", None),
        ("c", "[#include <a.h>\n#include <b.h>\n]\nint x;\n", None),
        ("csharp", "[using System;\n]\nclass A {}\n", None),
        ("php", "<?php\n[use A\\B;\n]f();\n", None),
        ("php", "<?php\n[]f();\n", None),
        ("ruby", "[]x = 1\n", None),
        ("python", "[]", None),
    ],
)
def test_imports_are_whole_lines_or_the_place_where_they_belong(
    language: str, text: str, expected: str | None
) -> None:
    """The brackets hold the imports."""
    shown = expected or text
    source = shown.replace("[", "", 1).replace("]", "", 1)
    span = SYNTAX.imports(file(source, language))
    assert f"{source[: span.start]}[{span.of(source)}]{source[span.end :]}" == shown


def test_import_statements_may_stand_anywhere() -> None:
    text = "import os\nfrom a import (\n    é,\n)\n\nx = 1\nimport late"
    found = SYNTAX.import_statements(file(text, "python"))
    assert [span.of(text) for span in found] == ["import os\n", "from a import (\n    é,\n)\n", "import late"]
    assert SYNTAX.import_statements(file(text, "json")) == ()


@pytest.mark.parametrize(
    ("language", "text", "line"),
    [
        ("python", "x = 1\n", None),
        ("python", "", None),
        ("python", "x = 1\n\ndef f(:\n    pass\n", 3),
        ("python", 'x = """é\U0001f600\n', 1),
        ("javascript", "x;\nfunction f() {\n", 2),
        ("typescript", "const a: = 1;\n", 1),
        ("json", '{"a": }', 1),
        ("rust", "fn f() {\n  let = ;\n}\n", 2),
        ("no such language", "((((", None),
        ("python", "x = '\ud800'\n", None),
        ("go", "0\x000", 1),
    ],
)
def test_the_first_syntax_error_has_a_line(language: str, text: str, line: int | None) -> None:
    assert SYNTAX.first_error(file(text, language)) == line


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(
            ["class A", "def f", "function f() {", "}", "(", ")", "\n", "é", "\ud800", "import a", "'", "  "]
        )
        | st.text(max_size=4),
        max_size=15,
    ),
    data=st.data(),
)
def test_no_text_is_too_broken(language: str, pieces: list[str], data: st.DataObject) -> None:
    text = file("".join(pieces), language)
    at = data.draw(st.integers(0, len(text.text)))
    end = len(text.text)
    found = SYNTAX.definition_at(text, Span(at, at))
    below = next((found for found in SYNTAX.definitions(text) if found.span.start >= at), None)
    line = SYNTAX.first_error(text)
    assert SYNTAX.imports(text).end <= end
    assert all(definition is None or definition.span.end <= end for definition in (found, below))
    assert line is None or line >= 1


def test_deep_nesting_is_no_problem() -> None:
    text = "function f(){" * 3000 + "}" * 3000
    found = SYNTAX.definition_at(file(text, "javascript"), Span(len(text) // 2, len(text) // 2))
    assert found == Definition("f", Span(0, len(text)), "f")


def test_a_long_file_takes_no_time() -> None:
    text = "".join(f"def f{at}(a):\n    return a + {at}\n\n\n" for at in range(5000))
    found = SYNTAX.definition_at(file(text, "python"), Span(len(text) - 5, len(text) - 5))
    assert found
    assert found.name == "f4999"


def test_the_time_grows_with_the_text_and_not_faster() -> None:
    text = "# é\n" + "".join(f"def f{at}(a):\n    return a + {at}\n\n\n" for at in range(25_000))
    found = SYNTAX.definitions(file(text, "python"))
    assert [found[-1].name, found[-1].span.of(text)] == ["f24999", "def f24999(a):\n    return a + 24999\n"]


def test_definitions_that_share_their_lines_count_once() -> None:
    text = "class A { m() {} n() {} }\n"
    assert SYNTAX.definitions(file(text, "javascript")) == (Definition("A", Span(0, len(text)), "A"),)
