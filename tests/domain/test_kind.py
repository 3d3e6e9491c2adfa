"""Task kinds, and the wishes that stand in comments."""

from typing import Any

import pytest
from pydantic import ValidationError

from phasr_lsp.domain.kind import Kind, Output, Scope, wish_in
from phasr_lsp.domain.language import Language
from phasr_lsp.domain.model import Tier


@pytest.mark.parametrize(
    ("line", "comment", "wish"),
    [
        ("# phasr: cache the result", "#", "cache the result"),
        ("    x = 1  # phasr: rename to y", "#", "rename to y"),
        ("#PHASR:shout", "#", "shout"),
        ("## phasr: two marks", "#", "two marks"),
        ("// phasr: use Map<string, Set<number>>", "//", "use Map<string, Set<number>>"),
        ('url = "http://x"  // phasr: no literal', "//", "no literal"),
        ("/* phasr: in a block */", "//", "in a block"),
        ("/** phasr: in a doc block **/", "//", "in a doc block"),
        ("<!-- phasr: in HTML -->", "", "in HTML"),
        ("-- phasr: in Lua", "--", "in Lua"),
        ("/// phasr: doc comment", "//", "doc comment"),
        ("# phasr: keep a/ and b-", "#", "keep a/ and b-"),
        ("# phasr: 漢字 \U0001f600\r\n", "#", "漢字 \U0001f600"),
        ("# phasr:", "#", None),
        ("# phasr:   ", "#", None),
        ("# about phasr: nothing", "#", None),
        ("phasr: no comment", "#", None),
        ("x = phasr", "#", None),
        ("", "#", None),
        ("# phasr: x", "//", None),
    ],
)
def test_a_comment_that_begins_with_phasr_is_a_wish(line: str, comment: str, wish: str | None) -> None:
    assert wish_in(line, comment) == wish


def test_a_kind_needs_a_title_and_a_prompt_alone() -> None:
    kind = Kind(name="mine", title="Mine", prompt="Do it.")
    assert (kind.code_action, kind.scope, kind.output, kind.tier, kind.languages, kind.model) == (
        "refactor.rewrite",
        Scope.DEFINITION,
        Output.TARGET,
        Tier.STANDARD,
        (),
        None,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code_action", "explode"),
        ("code_action", "refactor."),
        ("scope", "galaxy"),
        ("output", "printer"),
        ("tier", "enormous"),
        ("languages", "python"),
        ("command", "rm"),
    ],
)
def test_a_mistake_in_the_front_matter_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Kind.model_validate({"name": "mine", "title": "Mine", "prompt": "Do it.", field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


PYTHON = Language("python", "", (), definitions=("function",), imports=("import",), tests="test_{stem}{suffix}")
LUA = Language("lua", "", (), definitions=("function",))
JSON = Language("json", "", ())


@pytest.mark.parametrize(
    ("settings", "spoken"),
    [
        ({}, [PYTHON, LUA, None]),
        ({"languages": ("json",)}, [JSON]),
        ({"output": Output.TESTS}, [PYTHON]),
        ({"output": Output.TESTS, "languages": ("lua",)}, []),
        ({"scope": Scope.IMPORTS}, [PYTHON]),
        ({"scope": Scope.FILE}, [PYTHON, LUA, JSON, None]),
        ({"scope": Scope.DIAGNOSTIC}, [PYTHON, LUA, JSON, None]),
    ],
)
def test_a_kind_is_for_the_languages_that_it_can_work_in(settings: Any, spoken: list[Language | None]) -> None:
    kind = Kind(name="mine", title="Mine", prompt="Do it.", **settings)
    assert [language for language in (PYTHON, LUA, JSON, None) if kind.speaks(language)] == spoken
