"""What a model gets to see, and how much of it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasr_lsp.adapters.data_files import prompts
from phasr_lsp.domain.errors import ContextWindowExceeded
from phasr_lsp.domain.formats import Files
from phasr_lsp.domain.model import EditFormat, Message, Profile
from phasr_lsp.domain.text import FileText, Span
from phasr_lsp.engine.aim import Aim
from phasr_lsp.engine.context import write_messages
from tests.engine.scripted import ENDPOINT, KINDS, SMALL, STRONG, aim_at, marked

SOURCE = "import os\n\n\ndef total(a, b):\n    |>return a + b\n\n\ndef other():\n    return 1\n"
PROMPTS = prompts()
ROLE = "You are an expert programmer who changes exactly what is asked for and nothing else."
CHARACTERS = 1600
"""What fits around the part with `TIGHT`."""
TIGHT = replace(SMALL, file_tokens=500)


def user_message(aim: Aim, profile: Profile = SMALL) -> str:
    system, user = write_messages(aim, profile, ENDPOINT)
    assert (system.role, user.role) == ("system", "user")
    return user.text


def test_one_definition_in_a_small_file(tmp_path: Path) -> None:
    aim = aim_at("document", SOURCE, tmp_path, instruction="In one line.")
    instruction = PROMPTS[EditFormat.REGION].replace("{what}", "the new text of `total`")
    prompt = KINDS["document"].prompt.strip().replace("{name}", "total")
    assert write_messages(aim, SMALL, ENDPOINT) == (
        Message("system", f"{ROLE}\n\n{instruction}"),
        Message(
            "user",
            f"""\
The file `shop.py`:

```python
import os


def total(a, b):
    return a + b


def other():
    return 1
```

`total` in that file:

```python
def total(a, b):
    return a + b
```

{prompt}

In one line.""",
        ),
    )


def test_blocks_to_search_and_replace_see_the_whole_file(tmp_path: Path) -> None:
    source = SOURCE.replace("|>", "# phasr: |>swap\n    ")
    aim = aim_at("do", source, tmp_path, profile=STRONG)
    instruction = PROMPTS[EditFormat.SEARCH_REPLACE].replace("{file}", "shop.py")
    prompt = KINDS["do"].prompt.strip().replace("{detail}", "swap")
    text, _ = marked(source)
    assert write_messages(aim, STRONG, ENDPOINT) == (
        Message("system", f"{ROLE}\n\n{instruction}"),
        Message(
            "user",
            f"""\
The file `shop.py`:

```python
{text.rstrip()}
```

`total` in that file:

```python
def total(a, b):
    # phasr: swap
    return a + b
```

{prompt}""",
        ),
    )


def test_tests_for_a_new_file_are_told_what_to_import(tmp_path: Path) -> None:
    user = user_message(aim_at("tests", SOURCE, tmp_path, "src/shop/cart.py"))
    assert user.startswith("The file `src/shop/cart.py`:\n\n```python\nimport os\n")
    assert "\n\nThe tests go into the new file `tests/test_cart.py`.\n\n`total` in that file:\n\n" in user
    assert user.endswith(" Begin with these lines:\n\n```python\nimport pytest\nfrom shop.cart import total\n```")


def test_tests_for_a_file_that_is_there_see_it(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_shop.py").write_text("def test_a():\n    pass\n")
    aim = aim_at("tests", SOURCE, tmp_path)
    system, user = write_messages(aim, SMALL, ENDPOINT)
    assert "the tests to be appended to tests/test_shop.py" in system.text
    assert "The test file `tests/test_shop.py` as it is:\n\n```python\ndef test_a():\n    pass\n```" in user.text


def test_a_method_is_imported_by_its_class(tmp_path: Path) -> None:
    user = user_message(aim_at("tests", "class A:\n    def m(self):\n        |>return 1\n", tmp_path))
    assert user.endswith("\nfrom shop import A\n```")


def test_the_diagnostic_and_its_line_are_named(tmp_path: Path) -> None:
    user = user_message(aim_at("fix", SOURCE, tmp_path, diagnostic="b is undefined"))
    assert "reported on line 5: b is undefined" in user


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("profile", [SMALL, STRONG], ids=["small", "strong"])
def test_no_prompt_has_a_gap_left(kind: str, profile: Profile, tmp_path: Path) -> None:
    source = SOURCE.replace("|>", "# phasr: |>swap\n    ")
    aim = aim_at(kind, source, tmp_path, profile=profile, diagnostic="b is undefined")
    for message in write_messages(aim, profile, ENDPOINT):
        for mark in ("{what}", "{file}", "{name}", "{detail}", "{line}"):
            assert mark not in message.text


def test_what_a_user_wrote_is_no_template(tmp_path: Path) -> None:
    aim = aim_at("fix", SOURCE, tmp_path, diagnostic="{file} and {0}", instruction="Use {name}.")
    user = user_message(aim)
    assert user.endswith("\n\nUse {name}.")


def test_a_fence_is_longer_than_those_in_the_text(tmp_path: Path) -> None:
    user = user_message(aim_at("refactor", "def f():\n    |>'''\n````\n'''\n", tmp_path))
    assert "`````python\ndef f():\n    '''\n````\n'''\n`````" in user


def test_models_see_line_feeds_alone(tmp_path: Path) -> None:
    user = user_message(aim_at("document", SOURCE.replace("\n", "\r\n"), tmp_path))
    assert "\r" not in user
    assert user == user_message(aim_at("document", SOURCE, tmp_path))


def test_an_empty_file_is_said_to_be(tmp_path: Path) -> None:
    assert "The file `shop.py` is empty." in user_message(aim_at("imports", "|>", tmp_path))


# A file that is too long.


def long_file(above: int, below: int) -> str:
    return (
        "import os\nimport re\n\n\n"
        + "".join(f"above_{number} = {number}\n" for number in range(above))
        + "\n\ndef total(a, b):\n    |>return a + b\n\n\n"
        + "".join(f"below_{number} = {number}\n" for number in range(below))
    )


def excerpt(aim: Aim, profile: Profile = TIGHT) -> list[str]:
    """The lines of the file that are shown."""
    return user_message(aim, profile).partition("```python\n")[2].partition("\n```")[0].splitlines()


def test_of_a_long_file_the_imports_and_what_is_near_are_shown(tmp_path: Path) -> None:
    lines = excerpt(aim_at("document", long_file(500, 500), tmp_path))
    assert lines[:2] == ["import os", "import re"]
    assert lines[2] == lines[-1] == "# [further lines omitted]"
    shown = [line for line in lines[3:-1] if line]
    assert shown[0].startswith("above_4")
    assert "above_499 = 499" in shown
    assert "below_0 = 0" in shown
    assert shown[-1].startswith("below_")
    assert not any("total" in line for line in lines)


def test_imports_that_are_near_are_shown_once(tmp_path: Path) -> None:
    lines = excerpt(aim_at("document", long_file(0, 500), tmp_path))
    assert lines[:2] == ["import os", "import re"]
    assert lines.count("import os") == lines.count("import re") == 1
    assert lines.count("# [further lines omitted]") == 1


TEXTS = st.lists(st.text("ab (\r\u00e9\U0001f600", max_size=60), max_size=80).map("\n".join)


@given(text=TEXTS, data=st.data(), tokens=st.integers(1, 300))
def test_an_excerpt_never_exceeds_its_budget(text: str, data: st.DataObject, tokens: int) -> None:
    places = st.integers(0, len(text))
    start, end = sorted((data.draw(places), data.draw(places)))
    first, last = sorted((data.draw(places), data.draw(places)))
    file = FileText("file:///a.py", "a.py", text, "python")
    files = Files(file, Span(start, end), imports=Span(first, last))
    profile = replace(SMALL, file_tokens=tokens)
    aim = Aim(
        kind=KINDS["document"],
        format=EditFormat.REGION,
        files=files,
        source=file,
        part=files.region,
        name="",
        top="",
        language=None,
        detail="",
        line=1,
        instruction=None,
    )
    user = user_message(aim, profile)
    shown = user.partition("```\n")[2].partition("\n```")[0] if user.startswith("The file `a.py`:") else ""
    assert len(shown.replace("[further lines omitted]\n", "")) <= tokens * 3.2 + len("[further lines omitted]")


def test_a_long_test_file_is_shown_by_its_ends(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    there = "import os\n" + "".join(f"def test_{number}(): ...\n" for number in range(500))
    (tmp_path / "tests" / "test_shop.py").write_text(there)
    user = user_message(aim_at("tests", SOURCE, tmp_path), TIGHT)
    shown = user.partition("as it is:\n\n```python\n")[2].partition("\n```")[0]
    assert len(shown) <= CHARACTERS + len("\n...\n")
    assert shown.startswith("import os\n")
    assert shown.endswith("def test_499(): ...")


@pytest.mark.parametrize("profile", [SMALL, STRONG], ids=["small", "strong"])
def test_what_does_not_fit_the_window_is_said_before_it_is_sent(profile: Profile, tmp_path: Path) -> None:
    text = "def total():\n|>" + "    x = 1\n" * 4000
    aim = aim_at("document", text, tmp_path, profile=profile)
    with pytest.raises(ContextWindowExceeded) as refused:
        write_messages(aim, profile, replace(ENDPOINT, context_window=4096))
    assert re.fullmatch(
        r"shop.py takes about \d\d,\d{3} tokens, and test/model has a window of 4,096.", refused.value.message
    )
    assert refused.value.advice == "Work on a smaller part, or choose a model with a larger window."
    assert write_messages(aim, profile, replace(ENDPOINT, context_window=200_000))
    assert write_messages(aim, profile, replace(ENDPOINT, context_window=None))


def test_a_window_has_room_for_the_reply(tmp_path: Path) -> None:
    aim = aim_at("document", SOURCE, tmp_path)
    needed = int(sum(len(message.text) for message in write_messages(aim, SMALL, ENDPOINT)) / 3.2)
    short = replace(SMALL, max_output_tokens=50)
    assert write_messages(aim, short, replace(ENDPOINT, context_window=needed + 50))
    with pytest.raises(ContextWindowExceeded):
        write_messages(aim, short, replace(ENDPOINT, context_window=needed + 49))
