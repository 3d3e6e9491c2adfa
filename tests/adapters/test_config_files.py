"""Configuration files on a real disk: precedence, and the exact place of every mistake."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from phasr_lsp.adapters.config_files import (
    MAX_BYTES,
    Loaded,
    editor_settings,
    load,
    user_config_file,
    workspace_config_file,
)
from phasr_lsp.adapters.data_files import catalogue
from phasr_lsp.domain.config import Apply, Config
from phasr_lsp.domain.problem import Place, Problem


@dataclass(frozen=True)
class NoPrices:
    def knows(self, name: str) -> bool:
        return name.startswith("known/")

    def names(self) -> Collection[str]:
        return ("known/model",)


def loaded(
    folder: Path,
    user: str | bytes | None = None,
    workspaces: tuple[str | None, ...] = (),
    editor: Mapping[str, Any] | None = None,
) -> Loaded:
    """Writes the files and loads them."""
    user_file = folder / "user" / "config.toml"
    files = [workspace_config_file(folder / f"workspace{number}") for number in range(len(workspaces))]
    for path, content in zip((user_file, *files), (user, *workspaces), strict=True):
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(
        user_file,
        files,
        editor,
        catalogue=catalogue(),
        known_models=NoPrices(),
        known_kinds=("tests", "fix"),
        environ={},
    )


def check_places(folder: Path, marked: str, *messages: str) -> Config:
    """`marked` is a user's file with the places of its problems between `«` and `»`."""
    text = re.sub("[«»]", "", marked)
    result = loaded(folder, text)

    lines = text.splitlines()
    places = [problem.place for problem in result.problems]
    assert [(place.line, place.column) for place in places] == _marks(marked)
    assert [lines[place.line][place.column : place.end_column] for place in places] == re.findall(
        "«(.*?)»", marked
    )
    assert all(place.line == place.end_line for place in places)
    assert [problem.message for problem in result.problems] == list(messages)
    return result.config


def _marks(marked: str) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for number, line in enumerate(marked.splitlines()):
        places += [(number, len(re.sub("[«»]", "", line[: match.start()]))) for match in re.finditer("«", line)]
    return places


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("«modle» = 1", 'There is no setting "modle". Did you mean "model"?'),
        ("# ünï 🦊\napply = «'reveiw'»", 'apply can\'t be "reveiw", only auto or review. Did you mean "review"?'),
        ("limits.«task» = 1", 'There is no setting "task" in [limits]. Did you mean "tasks"?'),
        ("[limits]\r\ntasks = «0»\r\n", "limits.tasks must be greater than 0."),
        ("limits = { tasks = 2, «task» = 1 }", 'There is no setting "task" in [limits]. Did you mean "tasks"?'),
        ("limits = «3»", "limits must be a table."),
        (
            '[models."é/🦊"]\ntemperature = 0.1 # warm\n«"temper\\u0061ture2"» = 1',
            'There is no setting "temperature2" in [models."é/🦊"]. Did you mean "temperature"?',
        ),
        (
            'models."é/🦊" = { provider_model = "🦊", api_key_env = «"sk-1"» }',
            ('models."é/🦊".api_key_env must be the name of an environment variable, in upper case, and never '
            "the key itself."),
        ),
        ("[kinds.«test»]\ntier = 'deep'", 'There is no kind of task called "test". Did you mean "tests"?'),
        ("[[«kinds»]]\ntier = 'deep'", "kinds must be a table."),
        ("«nonsense».a.b = 1", 'There is no setting "nonsense".'),
        ('model = «"knwn/model"»', ('No model is known as "knwn/model". Did you mean "known/model"? '
         'If the name is right, add an empty table [models."knwn/model"].')),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_at_its_exact_place(tmp_path: Path, marked: str, message: str) -> None:
    check_places(tmp_path, marked, message)


def test_the_rest_of_a_file_with_mistakes_counts(tmp_path: Path) -> None:
    config = check_places(
        tmp_path,
        "model = 'known/model'\n«colour» = 3\n[limits]\ntasks = «'some'»\nretry_seconds = 5\n",
        'There is no setting "colour".',
        "limits.tasks must be a whole number.",
    )

    assert config == Config.model_validate({"model": "known/model", "limits": {"retry_seconds": 5}})


@pytest.mark.parametrize(
    ("text", "line", "underlined", "message"),
    [
        ("model = 'known/model'\napply = \n", 1, " ", "Invalid value."),
        ("model = 'known/model'\r\n[limits\r\n", 1, "s", "Expected ']' at the end of a table declaration."),
        ("model = 'known/model'\n[limits]\ntasks = 24\ntasks = 2\n", 3, "2", "Cannot overwrite a value."),
        ("model = 'known/model'\napply = '''\nauto\n\n", 1, "apply = '''", "Expected \"'''\"."),
        ("model = 'known/model'\nx = " + "[" * 5000, 1, None, "Is nested too deeply."),
        ("model = 'known/model'\n" + ".".join("x" * 5000) + " = 1", 1, None, "Is nested too deeply."),
    ],
)  # fmt: skip
def test_what_stands_before_a_syntax_error_counts(
    tmp_path: Path, text: str, line: int, underlined: str | None, message: str
) -> None:
    result = loaded(tmp_path, text)

    (problem,) = result.problems
    place = problem.place
    assert result.config == Config(model="known/model")
    assert problem.message == f"{message} Nothing from here on counts."
    assert (place.line, place.end_line) == (line, line)
    if underlined is not None:
        assert text.splitlines()[line][place.column : place.end_column] == underlined


def test_a_very_long_broken_file_is_read_in_no_time(tmp_path: Path) -> None:
    result = loaded(tmp_path, "model = 'known/model'\nx = [\n" + "#\n" * (MAX_BYTES // 2 - 50))

    assert result.config == Config(model="known/model")
    assert [problem.place.line for problem in result.problems] == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"model = '\xff'", "Isn't UTF-8 text. Save it as UTF-8."),
        (b"#" * (MAX_BYTES + 1), f"Is longer than {MAX_BYTES} bytes and isn't read."),
    ],
)
def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path, content: bytes, message: str) -> None:
    result = loaded(tmp_path, content)

    assert result == Loaded(Config(), (Problem(tmp_path / "user" / "config.toml", Place(), message),))


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "user" / "config.toml").mkdir(parents=True)

    (problem,) = loaded(tmp_path).problems

    assert problem.message == "Can't be read: Is a directory."


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert loaded(tmp_path, b"\xef\xbb\xbfmodel = 'known/model'") == Loaded(Config(model="known/model"), ())


def test_prices_are_read_without_rounding(tmp_path: Path) -> None:
    result = loaded(tmp_path, '[models."known/model"]\ninput_price = 0.1\ntemperature = 0.1')

    settings = result.config.models["known/model"]
    assert (settings.input_price, settings.temperature) == (Decimal("0.1"), 0.1)


def test_the_editor_wins_over_the_workspace_and_that_over_the_user(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        user="model = 'known/a'\ntiers = { simple = 'known/a', deep = 'known/a' }\n[models.'known/b']\n",
        workspaces=("tiers.simple = 'known/b'\ntiers.deep = 'known/b'",),
        editor={"tiers": {"deep": "known/c"}},
    )

    assert (result.config.model, result.config.tiers.simple, result.config.tiers.deep) == (
        "known/a",
        "known/b",
        "known/c",
    )
    assert result.problems == ()


def test_of_several_workspace_folders_the_first_with_a_file_counts(tmp_path: Path) -> None:
    result = loaded(tmp_path, workspaces=(None, "apply = 'review'", "model = 'nonsense'"))

    assert result == Loaded(Config(apply=Apply.REVIEW), ())


def test_a_mistake_in_the_workspace_names_its_own_file(tmp_path: Path) -> None:
    result = loaded(tmp_path, workspaces=("[models.'known/x']\napi_base = 'https://elsewhere.example'",))

    (problem,) = result.problems
    assert result.config == Config()
    assert problem.source == workspace_config_file(tmp_path / "workspace0")
    assert problem.place == Place(0, 1, 0, 7)
    assert f'"models" belongs into your own file, {tmp_path / "user" / "config.toml"}' in problem.message


def test_editors_send_null_and_empty_text_for_what_is_not_set(tmp_path: Path) -> None:
    editor = {
        "model": "",
        "apply": None,
        "tiers": {"simple": None, "deep": ""},
        "server": {"command": ["phasr"]},
        "trace": {"server": "verbose"},
        "limits": {"tasks": 3.0},
    }

    assert loaded(tmp_path, editor=editor) == Loaded(Config.model_validate({"limits": {"tasks": 3}}), ())


def test_what_the_editor_answers_wins_over_what_it_sent_at_the_start() -> None:
    tiers = {"simple": "known/a", "deep": "known/b"}
    for options in ({"model": "known/a", "tiers": tiers}, {"phasr": {"model": "known/a", "tiers": tiers}}):
        answer = {"model": None, "tiers": {"deep": "known/c"}}
        merged = {"model": None, "tiers": {"simple": "known/a", "deep": "known/c"}}
        assert editor_settings(options, answer) == merged
    assert editor_settings({"tiers": "known/a"}, {"phasr": {"tiers": tiers}}) == {"tiers": tiers}


def test_the_editors_settings_may_stand_under_the_name_of_their_section(tmp_path: Path) -> None:
    assert loaded(tmp_path, editor={"phasr": {"model": "known/a"}}) == Loaded(Config(model="known/a"), ())


def test_a_mistake_in_the_editors_settings_has_no_file(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path, editor={"modle": "x"}).problems

    assert problem == Problem(None, Place(), 'There is no setting "modle". Did you mean "model"?')
    assert str(problem) == 'Editor settings: There is no setting "modle". Did you mean "model"?'


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert loaded(tmp_path, "embedded.file = '~/w.gguf'").config.embedded.file == tmp_path / "w.gguf"


def test_the_users_file_lies_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert user_config_file() == tmp_path / "phasr" / "config.toml"


def test_no_problem_repeats_a_key(tmp_path: Path) -> None:
    canary = "sk-canary-1234567890"
    text = (
        f"api_key = '{canary}'\n[models.a]\napi_key = '{canary}'\napi_key_env = '{canary}'\n"
        f"api_base = 'https://{canary}@host/'\ninput_price = '{canary}'\n[limits]\ntasks = '{canary}'\n"
    )

    result = loaded(tmp_path, text, editor={"api_key": canary, "models": {"b": {"api_key_env": canary}}})

    assert len(result.problems) >= 8
    assert canary not in repr(result)
