"""docs/kinds.md and what a kind can be say the same."""

import re
from pathlib import Path

from phasr_lsp.adapters.kind_files import load_kinds
from phasr_lsp.domain.kind import Kind, Output, Scope

PAGE = (Path(__file__).parent.parent / "docs" / "kinds.md").read_text("utf-8")


def first_cells(heading: str) -> list[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_the_page_names_every_setting_and_scope() -> None:
    settings = [name for name in Kind.model_fields if name not in ("name", "prompt")]
    assert sorted(first_cells("Settings")) == sorted([*settings, *Scope])
    for output in Output:
        assert f"`{output}`: " in PAGE


def test_the_page_names_every_default() -> None:
    shown = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", PAGE, re.MULTILINE))
    for name, field in Kind.model_fields.items():
        if name in shown and isinstance(field.default, str | bool):
            default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert shown[name] == f"`{default}`"


def test_the_marks_on_the_page_are_filled_in() -> None:
    source = (Path(__file__).parent.parent / "server/phasr_lsp/engine/context.py").read_text("utf-8")
    assert first_cells("The instruction") == re.findall(r'^        \("(\{\w+\})",', source, re.MULTILINE)


def test_the_example_is_a_kind(tmp_path: Path) -> None:
    (example,) = re.findall(r"```markdown\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "log.md").write_text(example)
    kinds, problems = load_kinds(tmp_path, ())
    assert problems == ()
    assert (kinds["log"].title, kinds["log"].languages) == ("Add logging", ("python", "go"))
