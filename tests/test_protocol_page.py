"""docs/protocol.md, the server's messages and the clients' own copies of them say the same."""

import json
import re
import types as python_types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import attrs
import pytest
from cattrs import ClassValidationError, transform_error
from lsprotocol import types

from phasr_lsp.adapters.data_files import languages
from phasr_lsp.adapters.kind_files import load_kinds
from phasr_lsp.domain.task import TaskState
from phasr_lsp.lsp.protocol import MESSAGES, TASK_CHANGED, Command, RunParams, TaskInfo, converter

REPOSITORY = Path(__file__).parent.parent
PAGE = (REPOSITORY / "docs" / "protocol.md").read_text("utf-8")
VSCODE = REPOSITORY / "clients" / "vscode"
TYPESCRIPT = (VSCODE / "src" / "protocol.ts").read_text("utf-8")
CLIENTS = [
    *(VSCODE / "src").glob("*.ts"),
    *(REPOSITORY / "clients" / "neovim").rglob("*.lua"),
    *(REPOSITORY / "clients").glob("README.md"),
    *(REPOSITORY / "clients").glob("*/README.md"),
]


@dataclass(frozen=True)
class Field:
    """A field of a message as it is on the wire."""

    name: str
    type: str
    """In the page's words."""
    nullable: bool = False
    optional: bool = False


WORDS = {str: "string", int: "integer", float: "number", types.Range: "Range"}


def field_of(attribute: "attrs.Attribute[Any]") -> Field:
    kind: Any = attribute.type
    nullable = optional = False
    if get_origin(kind) in (Union, python_types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        optional = attribute.default is None
        nullable = not optional
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        word = f"{WORDS.get(inner, inner.__name__)}[]"
    else:
        word = WORDS[kind]
    return Field(attribute.alias or attribute.name, word, nullable, optional)


def fields(message: type[Any]) -> list[Field]:
    return [field_of(attribute) for attribute in attrs.fields(message)]


# The page.


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return re.split(r"^#+ ", PAGE, flags=re.MULTILINE)[heading_index(title)].partition("\n")[2]


def heading_index(title: str) -> int:
    titles = [part.partition("\n")[0].strip("`") for part in re.split(r"^#+ ", PAGE, flags=re.MULTILINE)]
    return titles.index(title)


def rows(title: str) -> Iterator[list[str]]:
    for line in section(title).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            yield cells


def page_field(name: str, written: str) -> Field:
    optional = written.endswith(", optional")
    word = written.removesuffix(", optional")
    nullable = word.endswith(" or null")
    return Field(name.strip("`"), word.removesuffix(" or null"), nullable, optional)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_the_page_has_the_fields_of_every_message(message: type[Any]) -> None:
    shown = [page_field(cells[0], cells[1]) for cells in rows(message.__name__)]
    assert shown == fields(message)


def test_the_page_has_every_command_with_its_messages() -> None:
    shown = {cells[0].strip("`"): cells[1:] for cells in rows("Commands")}
    assert list(shown) == [command.value for command in Command]
    known = {message.__name__ for message in MESSAGES}
    for takes, answers in shown.values():
        assert takes == "none" or takes.strip("`") in known
        assert answers.split("`")[1] in {*known, "null"}


def test_the_page_has_every_state() -> None:
    (state,) = (cells for cells in rows("TaskInfo") if cells[0] == "`state`")
    assert re.findall(r"`(\w+)`", state[2]) == [each.value for each in TaskState]


def test_the_page_has_the_notification_and_what_asks_for_it() -> None:
    assert heading_index(TASK_CHANGED)
    assert "`TaskInfo`" in section(TASK_CHANGED)
    assert "`experimental.phasr.taskChanged: true`" in section(TASK_CHANGED)


def test_the_page_has_every_shipped_kind() -> None:
    (kind,) = (cells for cells in rows("RunParams") if cells[0] == "`kind`")
    shipped, _ = load_kinds(Path("there-is-no-such-folder"), ())
    assert set(re.findall(r"`(\w+)`", kind[2])) == set(shipped)


# The wire.


def test_names_are_in_camel_case_on_the_wire() -> None:
    for message in MESSAGES:
        for field in fields(message):
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", field.name)
    info = TaskInfo(
        task="t1",
        kind="tests",
        title="Write tests · shop.py",
        uri="file:///shop.py",
        state="applied",
        model=None,
        seconds=1.5,
        message=None,
        inputTokens=3,
        outputTokens=None,
        cost=0.25,
        changed=("file:///a.py",),
    )
    sent = converter().unstructure(info)
    assert list(sent) == [field.name for field in fields(TaskInfo)]
    assert json.loads(json.dumps(sent))["inputTokens"] == 3
    assert converter().structure(sent, TaskInfo) == info


def test_a_field_that_is_not_on_the_page_is_refused() -> None:
    start = {"line": 0, "character": 0}
    sent = {"kind": "tests", "uri": "file:///a", "range": {"start": start, "end": start}}
    assert converter().structure(sent, RunParams).kind == "tests"
    with pytest.raises(ClassValidationError) as refused:
        converter().structure({**sent, "modell": "x"}, RunParams)
    assert "modell" in "".join(transform_error(refused.value))


# The clients.


def interface(name: str) -> list[Field]:
    """The fields of an interface in the extension's TypeScript, in the page's words."""
    body = re.search(rf"export interface {name} \{{\n(.*?)\n\}}", TYPESCRIPT, re.DOTALL)
    assert body, name
    found = re.findall(r"^  (\w+)(\??): ([^;]+);", body[1], re.MULTILINE)
    return [
        Field(field, typed.removesuffix(" | null"), typed.endswith(" | null"), bool(optional))
        for field, optional, typed in found
    ]


def in_typescript(field: Field) -> Field:
    word = {"integer": "number"}.get(field.type, field.type)
    return replace(field, type="TaskState" if field.name == "state" else word)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_the_extension_has_the_fields_of_every_message(message: type[Any]) -> None:
    assert interface(message.__name__) == [in_typescript(field) for field in fields(message)]


def test_the_extension_has_every_state_and_command() -> None:
    union = TYPESCRIPT.partition("export type TaskState =")[2].partition(";")[0]
    assert re.findall(r'"(\w+)"', union) == [each.value for each in TaskState]
    table = TYPESCRIPT.partition("export interface Commands {")[2].partition("\n}")[0]
    assert re.findall(r'"(phasr\.\w+)": \{', table) == [command.value for command in Command]
    assert f'NotificationType<TaskInfo>("{TASK_CHANGED}")' in TYPESCRIPT


def test_the_extensions_commands_are_registered_and_run_real_ones() -> None:
    manifest = json.loads((VSCODE / "package.json").read_text("utf-8"))
    declared = {command["command"] for command in manifest["contributes"]["commands"]}
    source = (VSCODE / "src" / "commands.ts").read_text("utf-8")
    table = source.partition("const handlers")[2].partition("};")[0]
    registered = set(re.findall(r"^    (\w+):", table, re.MULTILINE))
    assert declared == {f"phasr.client.{name}" for name in registered}
    client_only = {"restart"}
    assert {f"phasr.{name}" for name in registered - client_only} == {command.value for command in Command}


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_clients_name_no_command_that_is_not_there(path: Path) -> None:
    named = set(re.findall(r"[\"'`](phasr\.[a-z]\w*)[\"'`]", path.read_text("utf-8")))
    others = {f"phasr.{name}" for name in ("model", "tiers", "kinds", "apply", "limits", "preload", "models")}
    modules = {"phasr.embedded", "phasr.tasks", "phasr.command", "phasr.health", "phasr.init"}
    assert named <= {command.value for command in Command} | others | modules


def test_the_extension_declares_the_settings_that_there_are() -> None:
    from phasr_lsp.domain.config import Config

    manifest = json.loads((VSCODE / "package.json").read_text("utf-8"))
    declared = {name.split(".")[1] for name in manifest["contributes"]["configuration"]["properties"]}
    assert declared - {"server", "trace"} == set(Config.model_fields)


def test_languages_that_kinds_speak_of_are_there() -> None:
    kinds, _ = load_kinds(Path("there-is-no-such-folder"), ())
    for kind in kinds.values():
        assert set(kind.languages) <= set(languages())
