"""The clients' own copies of the protocol and of the settings say what the server's say."""

import json
import re

import pytest

from phasr_lsp.domain.config import Config, KindSettings, Limits, Tiers
from phasr_lsp.domain.config_layers import WORKSPACE_KEYS
from tests.editors.needs import REPOSITORY

DOCUMENT = (REPOSITORY / "docs/protocol.md").read_text("utf-8")
TYPESCRIPT = (REPOSITORY / "clients/vscode/src/protocol.ts").read_text("utf-8")
LUA_TASKS = (REPOSITORY / "clients/neovim/lua/phasr/tasks.lua").read_text("utf-8")
VSCODE_SETTINGS = (REPOSITORY / "clients/vscode/src/settings.ts").read_text("utf-8")
MANIFEST = json.loads((REPOSITORY / "clients/vscode/package.json").read_text("utf-8"))
LUA_COMMANDS = (REPOSITORY / "clients/neovim/lua/phasr/command.lua").read_text("utf-8")


def documented_fields(message: str) -> list[str]:
    section = re.search(rf"^### {message}\n(.*?)(?=^#|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert section
    return re.findall(r"^\| `(\w+)` \|", section[1], re.MULTILINE)


def documented_commands() -> set[str]:
    return set(re.findall(r"^\| `(phasr\.\w+)` \|", DOCUMENT, re.MULTILINE))


def documented_states() -> set[str]:
    row = re.search(r"^\| `state` \|.*$", DOCUMENT, re.MULTILINE)
    assert row
    return set(re.findall(r"`(\w+)`", row[0])) - {"state"}


@pytest.mark.parametrize("message", ["RunParams", "RunResult", "TaskParams", "TasksResult", "TaskInfo"])
def test_typescript_has_each_message_as_documented(message: str) -> None:
    interface = re.search(rf"interface {message} {{\n(.*?)^}}", TYPESCRIPT, re.MULTILINE | re.DOTALL)
    assert interface
    assert re.findall(r"^  (\w+)\??:", interface[1], re.MULTILINE) == documented_fields(message)


@pytest.mark.parametrize("message", ["TaskInfo", "TasksResult"])
def test_lua_has_each_message_as_documented(message: str) -> None:
    fields = re.search(rf"@class phasr\.{message}\n((?:---@field .*\n)+)", LUA_TASKS)
    assert fields
    assert re.findall(r"@field (\w+)", fields[1]) == documented_fields(message)


def test_each_client_has_every_command() -> None:
    assert set(re.findall(r'^  "(phasr\.\w+)":', TYPESCRIPT, re.MULTILINE)) == documented_commands()
    assert set(re.findall(r"'(phasr\.\w+)'", LUA_COMMANDS)) == documented_commands() | {"phasr.tasks"}


def test_each_client_has_every_state() -> None:
    assert set(re.findall(r'^  \| "(\w+)"', TYPESCRIPT, re.MULTILINE)) == documented_states()
    assert set(re.findall(r"^---\| '(\w+)'", LUA_TASKS, re.MULTILINE)) == documented_states()


def test_vs_code_offers_every_setting() -> None:
    properties = MANIFEST["contributes"]["configuration"]["properties"]
    own = {"phasr.server.command", "phasr.trace.server"}
    assert set(properties) == {f"phasr.{name}" for name in Config.model_fields} | own
    names = re.search(r"const names = \[(.*?)\]", VSCODE_SETTINGS, re.DOTALL)
    assert names
    assert set(re.findall(r'"(\w+)"', names[1])) == set(Config.model_fields)
    assert set(properties["phasr.limits"]["properties"]) == set(Limits.model_fields)
    assert set(properties["phasr.tiers"]["properties"]) == set(Tiers.model_fields)
    assert set(properties["phasr.kinds"]["additionalProperties"]["properties"]) == set(KindSettings.model_fields)


def test_a_workspace_cannot_redirect_a_key_or_run_a_command_in_vs_code() -> None:
    guarded = ["phasr.server.command", "phasr.models", "phasr.embedded"]
    properties = MANIFEST["contributes"]["configuration"]["properties"]
    assert [name for name in guarded if properties[name]["scope"] != "machine"] == []


def test_a_workspace_that_is_not_trusted_chooses_no_model_and_switches_off_no_review_in_vs_code() -> None:
    chosen = {f"phasr.{name}" for name in WORKSPACE_KEYS}
    machine = {"phasr.server.command", "phasr.models", "phasr.embedded"}
    assert set(MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]) == machine | chosen
