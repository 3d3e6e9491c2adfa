"""The VS Code client in a real VS Code, with the real server and a scripted model."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.editors.conftest import DOCUMENTED, DOCUMENTED_SHOP, SHOP, TESTS
from tests.editors.provider import Provider
from tests.editors.vscode import Workbench, vscode

pytestmark = [pytest.mark.vscode, pytest.mark.timeout(180), pytest.mark.xdist_group("vscode")]

STATUS = "#phasr\\.phasr-lsp\\.phasr\\.tasks"
PROGRESS = ".statusbar-item:not([id^='phasr'])"
DOCSTRING = "take the discount off"


@pytest.fixture(scope="module")
def running(home: Path, environment: Mapping[str, str]) -> Iterator[Workbench]:
    with vscode(home, environment, {}) as workbench:
        yield workbench


@pytest.fixture
def workbench(running: Workbench, project: Path, request: pytest.FixtureRequest) -> Iterator[Workbench]:
    running.open(project, "shop.py")
    running.see(STATUS, "Phasr")
    running.see(STATUS, "not running", gone=True)
    running.go_to(4, 5)
    yield running
    running.screenshot(request.node.name.removeprefix("test_"))


def test_a_code_action_changes_the_buffer_and_one_undo_takes_it_back(
    workbench: Workbench, model: Provider, project: Path
) -> None:
    model.reply(DOCUMENTED, latency=2)
    workbench.code_action("Document")
    workbench.see(STATUS, "1 running")
    workbench.see(PROGRESS, "Phasr: Document · shop.py")
    workbench.screenshot("progress")
    workbench.see(".view-line", DOCSTRING)
    workbench.see(STATUS, "running", gone=True)
    workbench.see(PROGRESS, "Phasr: Document", gone=True)
    workbench.screenshot("applied")
    workbench.save()
    assert (project / "shop.py").read_text("utf-8") == DOCUMENTED_SHOP
    workbench.press("Control+z")
    workbench.see(".view-line", DOCSTRING, gone=True)
    workbench.save()
    assert (project / "shop.py").read_text("utf-8") == SHOP


def test_write_tests_makes_a_file(workbench: Workbench, model: Provider, project: Path) -> None:
    model.reply(TESTS)
    workbench.code_action("Write tests")
    workbench.see(".explorer-folders-view .monaco-list-row", "tests")
    workbench.command("Phasr: Show Status")
    workbench.pick("Write tests · shop.py")
    workbench.screenshot("what-can-be-done-with-a-task")
    workbench.pick("Open test_shop.py")
    workbench.see(".tab.active", "test_shop.py")
    workbench.see(".view-line", "def test_total")
    assert workbench.lines() == [*TESTS.splitlines(), ""]
    workbench.save()
    assert (project / "tests" / "test_shop.py").read_text("utf-8") == TESTS + "\n"


def test_a_click_on_the_status_bar_cancels(workbench: Workbench, model: Provider) -> None:
    model.reply(DOCUMENTED, latency=30)
    workbench.code_action("Document")
    model.until(lambda server: server.open == 1)
    workbench.see(STATUS, "1 running")
    workbench.click(STATUS)
    workbench.see(".quick-input-widget", "Cancel which task?")
    workbench.screenshot("cancel")
    workbench.pick("Document · shop.py")
    model.until(lambda server: server.hang_ups == 1 and server.open == 0)
    workbench.see(STATUS, "running", gone=True)
    workbench.command("Phasr: Show Status")
    workbench.see(".quick-input-widget .monaco-list-row", "cancelled")
    assert workbench.lines() == SHOP.split("\n")


def test_cancel_all_stops_every_task(workbench: Workbench, model: Provider) -> None:
    model.reply(DOCUMENTED, latency=30)
    workbench.code_action("Document")
    workbench.see(STATUS, "1 running")
    workbench.code_action("Add types")
    workbench.see(STATUS, "2 running")
    model.until(lambda server: server.open == 2)
    workbench.command("Phasr: Cancel All")
    model.until(lambda server: server.hang_ups == 2)
    workbench.see(STATUS, "running", gone=True)


def test_what_is_typed_meanwhile_stays(workbench: Workbench, model: Provider, project: Path) -> None:
    model.reply(DOCUMENTED, latency=3)
    workbench.code_action("Document")
    model.until(lambda server: server.open == 1)
    workbench.go_to(9, 23)
    workbench.type("  # the first of them")
    workbench.see(".view-line", DOCSTRING)
    workbench.save()
    expected = DOCUMENTED_SHOP.replace("min(prices)", "min(prices)  # the first of them")
    assert (project / "shop.py").read_text("utf-8") == expected


def test_run_offers_what_fits_and_review_waits_for_a_decision(workbench: Workbench, model: Provider) -> None:
    model.reply(DOCUMENTED)
    workbench.command("Preferences: Open Workspace Settings (JSON)")
    workbench.see(".view-line", "{")
    workbench.go_to(1, 2)
    workbench.type('"phasr.apply": "review"')
    workbench.save()
    workbench.click(".tab", "shop.py")
    workbench.go_to(4, 5)
    workbench.command("Phasr: Run…")
    workbench.see(".quick-input-widget .monaco-list-row", "Write tests")
    workbench.screenshot("run")
    workbench.pick("Document")
    workbench.see(STATUS, "1 to review")
    workbench.see(".tab", "t1.diff")
    workbench.see(".notification-toast", "It waits for your decision")
    workbench.screenshot("review")
    assert workbench.lines() == SHOP.split("\n")
    workbench.command("Phasr: Apply Result…")
    workbench.pick("Document · shop.py")
    workbench.see(".editor-group-container.active .view-line", DOCSTRING)
    workbench.see(STATUS, "to review", gone=True)
    assert workbench.lines() == DOCUMENTED_SHOP.split("\n")


def test_a_failure_says_what_to_do(workbench: Workbench, model: Provider) -> None:
    model.server.fail(401, "invalid key", "authentication_error")
    workbench.code_action("Document")
    workbench.see(".notification-toast", "Document · shop.py")
    workbench.screenshot("failure")
    workbench.command("Phasr: Show Status")
    workbench.see(".quick-input-widget .monaco-list-row", "failed")


def test_restart_brings_the_server_back(workbench: Workbench, model: Provider) -> None:
    model.reply(DOCUMENTED)
    workbench.command("Phasr: Restart Server")
    workbench.see(STATUS, "not running")
    workbench.command("Phasr: Run…")
    workbench.pick("Document")
    workbench.see(".view-line", DOCSTRING)


def test_a_missing_server_is_explained(
    tmp_path_factory: pytest.TempPathFactory, environment: Mapping[str, str], project: Path
) -> None:
    home = tmp_path_factory.mktemp("without-server")
    with vscode(home, environment, {"phasr.server.command": ["no-such-phasr", "serve"]}) as workbench:
        workbench.open(project, "shop.py")
        workbench.see(".notification-toast", '"no-such-phasr" was not found')
        workbench.screenshot("missing-server")
        workbench.click(".notification-toast .monaco-button", "Set the Command")
        try:
            workbench.see(".settings-editor .setting-item", "Command")
        finally:
            workbench.screenshot("missing-server-settings")
