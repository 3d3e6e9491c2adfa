"""What a model is told about each format: there for all, with a source, and readable by its own parser."""

import tomllib
from importlib import resources

import frontmatter
import pytest

from phasr_lsp.adapters.data_files import prompts
from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import FORMATS, Files
from phasr_lsp.domain.model import ASKED, EditFormat
from phasr_lsp.domain.text import FileText

SHIPPED = resources.files("phasr_lsp.domain")
FOLDER = SHIPPED / "formats" / "prompts"
PROSE = {EditFormat.REGION, EditFormat.WHOLE_FILE}
"""Formats that are asked for without an example."""
BEFORE = {
    EditFormat.UNIFIED_DIFF: "a line that stays\na line that goes\n",
    EditFormat.APPLY_PATCH: "the first line of the function or class around the change\n"
    "a line that stays\na line that goes\n",
    EditFormat.TOOL_CALLS: "text in the file\n",
    EditFormat.TAGGED: "text\n",
}
AFTER = {
    EditFormat.UNIFIED_DIFF: "a line that stays\nthe line that takes its place\n",
    EditFormat.APPLY_PATCH: "the first line of the function or class around the change\n"
    "a line that stays\nthe line that takes its place\n",
    EditFormat.TOOL_CALLS: "text in its place\n",
    EditFormat.TAGGED: "the file's text\n",
}
SEARCHED = "lines that stand in the file, copied to the letter\n"
REPLACED = "the lines that take their place\n"


def test_every_format_that_is_asked_for_has_a_prompt_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{form}.md" for form in ASKED}
    assert set(prompts()) == set(ASKED) == set(EditFormat) - {EditFormat.LAZY}


@pytest.mark.parametrize("form", ASKED)
def test_every_prompt_says_where_its_form_is_from(form: EditFormat) -> None:
    post = frontmatter.loads((FOLDER / f"{form}.md").read_text("utf-8"))
    assert list(post.metadata) == ["source"]
    assert len(str(post["source"])) > 40
    assert prompts()[form] == post.content


def test_every_profile_says_why_it_asks_for_what_it_asks() -> None:
    rows = tomllib.loads(SHIPPED.joinpath("profiles.toml").read_text("utf-8"))["profile"]
    for row in rows:
        assert len(row["source"]) > 30, row["match"]
        assert {row["definition"], row["file"]} <= set(ASKED), row["match"]
        assert row["file"] != EditFormat.REGION, row["match"]


@pytest.mark.parametrize("form", [form for form in ASKED if form not in PROSE])
def test_a_parser_reads_the_example_of_its_prompt(form: EditFormat) -> None:
    prompt = prompts()[form].replace("{file}", "shop/cart.py")
    target = FileText("file:///shop/cart.py", "shop/cart.py", BEFORE.get(form, SEARCHED), "python")
    result = FORMATS[form].parse(prompt, Files(target))
    assert isinstance(result, ChangeSet), result.reason
    assert [(file.name, file.after) for file in result.files] == [("shop/cart.py", AFTER.get(form, REPLACED))]
