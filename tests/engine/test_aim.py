"""What a task works on: the part of the file, the format of the reply, the test file."""

from pathlib import Path

import pytest

from phasr_lsp.domain.errors import TargetError
from phasr_lsp.domain.kind import Scope
from phasr_lsp.domain.model import EditFormat, Profile
from phasr_lsp.domain.text import Span
from tests.engine.scripted import KINDS, SMALL, STRONG, aim_at

METHOD = "    def m(self):\n        return 1\n"
CLASS = f"class A:\n{METHOD}"
REGION, WHOLE, BLOCKS = EditFormat.REGION, EditFormat.WHOLE_FILE, EditFormat.SEARCH_REPLACE


@pytest.mark.parametrize(
    ("kind", "text", "part", "name", "top"),
    [
        pytest.param("document", "def f():\n    |>x\n", "def f():\n    x\n", "f", "f", id="a function"),
        pytest.param("document", CLASS.replace("return", "|>return"), METHOD, "m", "A", id="a method"),
        pytest.param("document", CLASS.replace("A", "|>A"), CLASS, "A", "A", id="a class"),
        pytest.param(
            "refactor", "x = 1\n|>y = 2\nz = 3<|\nw = 4\n", "y = 2\nz = 3\n", "", "", id="selected lines"
        ),
        pytest.param(
            "refactor", "x = 1\na = |>2 <|+ 3\n", "a = 2 + 3\n", "", "", id="a part of a line is the line"
        ),
        pytest.param("imports", "import b\nimport a\n\nx|> = a\n", "import b\nimport a\n", "", "", id="imports"),
        pytest.param("imports", '"""D."""\nx|> = a\n', "", "", "", id="where imports belong"),
        pytest.param("fix", "def f():\n    |>x\n", "def f():\n    x\n", "f", "f", id="around a diagnostic"),
        pytest.param("fix", "x = |>y\n", None, "", "", id="a diagnostic outside of all definitions"),
        pytest.param(
            "do",
            "# phasr: sh|>out\n@c\ndef f():\n    x\n\n\ny = 1\n",
            "# phasr: shout\n@c\ndef f():\n    x\n",
            "f",
            "f",
            id="a comment above a definition",
        ),
        pytest.param(
            "do",
            "def f():\n    # phasr: sh|>out\n    x\n",
            "def f():\n    # phasr: shout\n    x\n",
            "f",
            "f",
            id="within one",
        ),
        pytest.param("do", "# phasr: s|>\nx = 1\n\n\ndef f():\n    x\n", None, "", "", id="over other code"),
    ],
)
def test_the_part_that_is_worked_on(
    kind: str, text: str, part: str | None, name: str, top: str, tmp_path: Path
) -> None:
    aim = aim_at(kind, text, tmp_path)
    shown = None if aim.part is None else aim.part.of(aim.source.text)
    assert (shown, aim.name, aim.top) == (part, name, top)
    assert aim.files.region == aim.part


@pytest.mark.parametrize(
    ("text", "kind", "line", "detail"),
    [
        ("\n\ndef f():\n    |>x\n", "document", 4, ""),
        ("def f():\n    |>x\n", "fix", 2, "x is undefined"),
        ("def f():\n    x  # phasr: |>rename x\n", "do", 2, "rename x"),
        ("\r\ndef f():\r\n    |>x\r\n", "fix", 3, "x is undefined"),
    ],
)
def test_the_place_and_what_it_is_about(text: str, kind: str, line: int, detail: str, tmp_path: Path) -> None:
    aim = aim_at(kind, text, tmp_path, diagnostic="x is undefined")
    assert (aim.line, aim.detail) == (line, detail)


def test_a_wish_may_come_without_a_comment(tmp_path: Path) -> None:
    aim = aim_at("do", "def f():\n    |>x\n", tmp_path, instruction="cache it")
    assert aim.detail == "cache it"


@pytest.mark.parametrize(
    ("kind", "small", "strong"),
    [
        ("document", REGION, BLOCKS),
        ("refactor", REGION, BLOCKS),
        ("imports", REGION, REGION),
        ("do", REGION, BLOCKS),
        ("tests", REGION, WHOLE),
    ],
)
def test_the_format_is_the_profiles(kind: str, small: EditFormat, strong: EditFormat, tmp_path: Path) -> None:
    text = "# phasr: |>shout\ndef f():\n    x\n" if kind == "do" else "def f():\n    |>x\n"
    assert [aim_at(kind, text, tmp_path, profile=profile).format for profile in (SMALL, STRONG)] == [
        small,
        strong,
    ]


def test_without_a_part_any_part_of_the_file_may_change(tmp_path: Path) -> None:
    aims = [aim_at("fix", "x = |>y\n", tmp_path, profile=profile) for profile in (SMALL, STRONG)]
    assert [aim.format for aim in aims] == [WHOLE, BLOCKS]


@pytest.mark.parametrize(
    ("kind", "text", "name", "message"),
    [
        (
            "document",
            "x = 1\n|>\n",
            "shop.py",
            (
                "There is no function, method or type at line 2 of shop.py. "
                "Put the cursor inside one, or select the lines to work on."
            ),
        ),
        (
            "do",
            "x = 1  # |>nothing\n",
            "shop.py",
            (
                "There is no comment that begins with `phasr:` on line 1. "
                "Write what is to be done as a comment, such as `# phasr: cache the result`."
            ),
        ),
        (
            "tests",
            "def f() {\n|>}\n",
            "shop.unknown",
            (
                "Where the tests of shop.unknown belong isn't known for its language. "
                "Write the test file's first lines yourself and use another kind there."
            ),
        ),
        (
            "tests",
            "|>body { color: red }<|\n",
            "shop.css",
            (
                "Where the tests of shop.css belong isn't known for its language. "
                "Write the test file's first lines yourself and use another kind there."
            ),
        ),
    ],
)
def test_where_there_is_nothing_to_work_on_the_user_is_told(
    kind: str, text: str, name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(TargetError) as refused:
        aim_at(kind, text, tmp_path, name)
    assert str(refused.value) == message


def test_tests_go_to_a_new_file_by_the_languages_convention(tmp_path: Path) -> None:
    aim = aim_at("tests", "def f():\n    |>x\n", tmp_path, "shop/cart.py")
    target = aim.files.target
    assert (target.name, target.uri, target.exists) == (
        "tests/test_cart.py",
        (tmp_path / "tests/test_cart.py").as_uri(),
        False,
    )
    assert aim.files.region == Span(0, 0)
    assert aim.files.name == ""


@pytest.mark.parametrize(("profile", "expected"), [(SMALL, REGION), (STRONG, BLOCKS)])
def test_tests_are_appended_to_the_file_that_is_there(
    profile: Profile, expected: EditFormat, tmp_path: Path
) -> None:
    there = tmp_path / "tests" / "unit" / "test_cart.py"
    there.parent.mkdir(parents=True)
    there.write_text("import os\n\n\ndef test_a():\n    pass\n")
    aim = aim_at("tests", "def f():\n    |>x\n", tmp_path, "cart.py", profile=profile)
    assert aim.files.target.name == "tests/unit/test_cart.py"
    assert aim.files.region == Span(35, 35)
    assert aim.files.imports.of(aim.files.target.text) == "import os\n"
    assert aim.format is expected


def test_a_test_file_outside_of_the_workspace_is_refused(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (project / "tests").symlink_to(outside)
    with pytest.raises(TargetError, match="leads out of the workspace"):
        aim_at("tests", "def f():\n    |>x\n", project, "cart.py")


def test_every_shipped_scope_has_a_case_here() -> None:
    assert {kind.scope for kind in KINDS.values()} == set(Scope) - {Scope.FILE}
