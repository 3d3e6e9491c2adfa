"""The Neovim client in a real Neovim, with the real server and a scripted model."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.editors.conftest import DOCUMENTED, DOCUMENTED_SHOP, SHOP, TESTS
from tests.editors.neovim import Neovim, command_line, neovim
from tests.editors.provider import Provider
from tests.editors.terminal import terminal

pytestmark = [pytest.mark.neovim, pytest.mark.timeout(120)]


@pytest.fixture
def editor(home: Path, environment: Mapping[str, str], project: Path) -> Iterator[Neovim]:
    with neovim(home, environment) as started:
        started.open(project / "shop.py")
        started.go_to(4, 5)
        yield started


def test_a_code_action_changes_the_buffer_and_one_undo_takes_it_back(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED)
    editor.code_action("Document")
    editor.until_state("applied")
    assert editor.text == DOCUMENTED_SHOP
    assert editor.states == ["queued", "running", "verifying", "ready", "applying", "applied"]
    editor.until("#progress > 0 and progress[#progress].value.kind == 'end'")
    kinds = editor.lua("return vim.tbl_map(function(each) return each.value.kind end, progress)")
    assert kinds[0] == "begin"
    assert set(kinds[1:-1]) == {"report"}
    editor.command("undo")
    assert editor.text == SHOP


def test_write_tests_makes_a_file(editor: Neovim, model: Provider, project: Path) -> None:
    model.reply(TESTS)
    editor.code_action("Write tests")
    editor.until_state("applied")
    made = project / "tests" / "test_shop.py"
    assert made.exists()
    editor.command(f"edit {made}")
    assert editor.text == TESTS + "\n"
    editor.command("write")
    assert made.read_text("utf-8") == TESTS + "\n"


def test_cancel_closes_the_connection_to_the_model(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED, latency=30)
    editor.command("Phasr run document")
    model.until(lambda server: server.open == 1)
    editor.until("require('phasr').statusline() == 'phasr: 1 running'")
    editor.command("Phasr cancel")
    model.until(lambda server: server.hang_ups == 1 and server.open == 0)
    editor.until_state("cancelled")
    assert editor.lua("return require('phasr').statusline()") == ""
    assert editor.text == SHOP


def test_cancel_all_stops_every_task(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED, latency=30)
    editor.command("Phasr run document")
    editor.command("8Phasr run types")
    model.until(lambda server: server.open == 2)
    editor.command("Phasr cancel all")
    model.until(lambda server: server.hang_ups == 2)
    editor.until("#vim.tbl_filter(function(state) return state == 'cancelled' end, states) == 2")


def test_what_is_typed_meanwhile_stays(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED, latency=1.5)
    editor.command("Phasr run document")
    model.until(lambda server: server.open == 1)
    editor.go_to(9)
    editor.nvim.feedkeys("oreturn 'typed'\x1b", "xt")
    typed = editor.text.removeprefix(SHOP)
    editor.until_state("applied")
    assert typed
    assert editor.text == DOCUMENTED_SHOP + typed


def test_run_offers_every_tools_diagnostics_and_passes_an_instruction(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED)
    editor.lua(
        """
        local place = { lnum = 3, col = 4, end_lnum = 3, end_col = 9 }
        local found = vim.tbl_extend('error', place, { message = 'total is not documented' })
        vim.diagnostic.set(vim.api.nvim_create_namespace('another tool'), 0, { found })
        """
    )
    editor.choose("Fix: total is not documented")
    editor.command("Phasr run")
    editor.until_state("applied")
    assert "total is not documented" in model.server.requests[0].prompt
    editor.command("undo")
    editor.command("4,5Phasr run document in the manner of a poet")
    editor.until("#states > 6 and states[#states] == 'applied'")
    assert "in the manner of a poet" in model.server.requests[1].prompt


def test_a_result_under_review_waits_for_apply_or_discard(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED)
    editor.lua(
        """
        local client = vim.lsp.get_clients({ name = 'phasr' })[1]
        client.settings = { phasr = { apply = 'review' } }
        client:notify('workspace/didChangeConfiguration', { settings = client.settings })
        """
    )
    shop = editor.nvim.current.buffer.number
    editor.command("Phasr run document")
    editor.until_message("waits for your decision. :Phasr apply or :Phasr discard")
    assert editor.lua("return require('phasr').statusline()") == "phasr: 1 to review"
    assert any(window.buffer.name.endswith(".diff") for window in editor.nvim.windows)
    assert editor.nvim.current.buffer.number == shop
    assert editor.text == SHOP
    editor.command("Phasr discard")
    editor.until_state("discarded")
    editor.command("messages clear")
    editor.command("4Phasr run document")
    editor.until_message("waits for your decision")
    editor.command("Phasr apply")
    editor.until_state("applied")
    assert editor.text == DOCUMENTED_SHOP


def test_status_lists_the_tasks(editor: Neovim, model: Provider) -> None:
    model.reply(DOCUMENTED, times=1)
    model.reply("no code in here")
    editor.command("Phasr run document")
    editor.until_state("applied")
    editor.command("8Phasr run types")
    editor.until_state("failed")
    editor.command("messages clear")
    editor.command("Phasr status")
    editor.until_message("Document · shop.py")
    listed = editor.messages()
    assert "applied" in listed
    assert "failed" in listed
    assert "test/model" in listed


def test_a_command_completes_what_it_takes(editor: Neovim, model: Provider) -> None:
    def complete(line: str) -> list[str]:
        return editor.nvim.funcs.getcompletion(line, "cmdline")

    model.reply(DOCUMENTED, latency=30)
    editor.command("Phasr run document")
    editor.until_state("running")
    task = editor.lua("return require('phasr.tasks').filter(require('phasr.tasks').is_at_work)[1].task")
    assert complete("Phasr ") == ["apply", "cancel", "discard", "install", "run", "status"]
    assert complete("Phasr run d") == ["do", "document"]
    assert complete("'<,'>Phasr cancel ") == ["all", task]
    assert complete("Phasr apply ") == []


def test_the_health_check_finds_the_server(editor: Neovim) -> None:
    editor.command("checkhealth phasr")
    assert "ERROR" not in editor.text
    assert "WARNING" not in editor.text
    assert "server: " in editor.text


def test_a_session_in_a_terminal(
    home: Path, environment: Mapping[str, str], project: Path, model: Provider
) -> None:
    model.reply(DOCUMENTED, latency=2)
    command = [*command_line(home), "+4", "shop.py"]
    with terminal(command, project, home, environment) as screen:
        screen.until("the server is attached")
        screen.keys("gra")
        menu = screen.until("Write tests")
        screen.capture("neovim-1-menu")
        number = re.search(r"(\d+): Document", menu)
        assert number
        screen.keys(number[1], "Enter")
        screen.until("phasr: 1 running")
        screen.capture("neovim-2-running")
        screen.until("take the discount off")
        screen.until("phasr: 1 running", gone=True)
        screen.capture("neovim-3-applied")
        screen.keys(":Phasr status", "Enter")
        assert "Document · shop.py" in screen.until("applied")
        screen.capture("neovim-4-status")
        screen.keys("Enter", "u")
        screen.until("take the discount off", gone=True)
        screen.capture("neovim-5-undone")
