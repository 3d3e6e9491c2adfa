"""`phasr doctor` and `phasr models` as a person uses them, on a machine made for the test."""

import argparse
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from phasr_lsp.adapters.data_files import catalogue
from phasr_lsp.adapters.model_store import shipped_models
from phasr_lsp.adapters.ollama import Ollama, probe
from phasr_lsp.adapters.track_record import TrackRecord, record_file
from phasr_lsp.cli import doctor, models
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.outcome import Outcome

SMALLEST = min(shipped_models(), key=lambda model: model.bytes)
CANARY = "sk-canary-0123456789"


class _Ollama(BaseHTTPRequestHandler):
    answer: bytes = json.dumps({"models": [{"name": "qwen2.5-coder:7b"}, {"name": "llama3.3:latest"}]}).encode()

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/tags" else 404)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        pass


@pytest.fixture
def ollama_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Ollama) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is configured, installed, running or set."""
    for provider in catalogue().providers:
        for variable in provider.keys:
            monkeypatch.delenv(variable, raising=False)
    for folder in ("CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{folder}_HOME", str(tmp_path / folder.lower()))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    monkeypatch.setenv("OLLAMA_API_BASE", "http://127.0.0.1:9")
    return tmp_path


def configure(machine: Path, text: str) -> Path:
    path = machine / "config" / "phasr" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def install_smallest(machine: Path) -> Path:
    """Weights of the right size, all of them zeros: what looks at size alone takes them for real."""
    path = machine / "cache" / "phasr" / "models" / SMALLEST.file
    path.parent.mkdir(parents=True)
    path.touch()
    os.truncate(path, SMALLEST.bytes)
    return path


def printed(
    module: ModuleType, capsys: pytest.CaptureFixture[str], machine: Path, *arguments: str
) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    name = module.__name__.rpartition(".")[2]
    code = module.run(parser.parse_args([name, "--folder", str(machine / "workspace"), *arguments]))
    return code, capsys.readouterr().out


def findings(capsys: pytest.CaptureFixture[str], machine: Path) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and by part what was found: state, and text with advice."""
    code, out = printed(doctor, capsys, machine, "--json")
    by_part: dict[str, list[tuple[str, str]]] = {}
    for found in json.loads(out)["findings"]:
        text = f"{found['text']} {found['advice']}".rstrip()
        by_part.setdefault(found["part"], []).append((found["state"], text))
    return code, by_part


def listed(capsys: pytest.CaptureFixture[str], machine: Path) -> tuple[int, dict[str, Any]]:
    code, out = printed(models, capsys, machine, "--json")
    return code, {row["model"]: row for row in json.loads(out)}


def test_on_a_bare_machine_every_way_to_a_model_is_named(
    capsys: pytest.CaptureFixture[str], machine: Path
) -> None:
    code, found = findings(capsys, machine)

    assert code == 1
    assert [state for state, _ in found["Key"] + found["Ollama"] + found["Embedded"]] == ["missing"] * 3
    ((state, text),) = found["Every tier"]
    assert state == "missing"
    assert all(way in text for way in ("ANTHROPIC_API_KEY", "ollama/", "phasr model install"))
    assert [found[part][0][0] for part in ("Phasr", "Python", "litellm", "git", "Your settings")] == ["ok"] * 5


def test_a_key_is_named_and_never_shown(
    capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)

    code, found = findings(capsys, machine)
    shown = printed(doctor, capsys, machine)[1] + printed(models, capsys, machine)[1]

    assert code == 0
    assert found["Key"] == [("ok", "ANTHROPIC_API_KEY is set: Anthropic (Claude)")]
    assert found["Tier deep"] == [("ok", "anthropic/claude-opus-5-5 (tier deep; ANTHROPIC_API_KEY is set)")]
    assert CANARY not in shown
    assert CANARY not in repr(found)


def test_installed_weights_are_enough(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    path = install_smallest(machine)

    code, found = findings(capsys, machine)

    assert code == 0
    assert found["Embedded"] == [("ok", f"{SMALLEST.name}: {path} (0.49 GB)")]
    assert found["Every tier"] == [("ok", f"{SMALLEST.name} (installed here; no provider's key is set)")]


def test_ollama_is_asked_for_its_models(
    capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch, ollama_port: int
) -> None:
    monkeypatch.setenv("OLLAMA_API_BASE", f"http://127.0.0.1:{ollama_port}")
    configure(machine, "model = 'ollama/llama3.3'\ntiers.deep = 'ollama/absent'")

    code, found = findings(capsys, machine)

    assert code == 0
    assert found["Ollama"] == [("ok", f"http://127.0.0.1:{ollama_port}: qwen2.5-coder:7b, llama3.3:latest")]
    assert found["Tier simple"] == [("ok", "ollama/llama3.3 (your default)")]
    assert found["Tier deep"] == [
        (
            "missing",
            "ollama/absent (tier deep) It can't be used now: Ollama doesn't have it: `ollama pull absent`.",
        )
    ]


@pytest.mark.parametrize("variable", ["OLLAMA_HOST", "OLLAMA_API_BASE"])
@pytest.mark.parametrize("form", ["127.0.0.1:{}", "http://localhost:{}/", "0.0.0.0:{}", ":{}"])
def test_ollama_is_found_where_its_variables_say(variable: str, form: str, ollama_port: int) -> None:
    found = probe({variable: form.format(ollama_port)})

    assert found.models == ("qwen2.5-coder:7b", "llama3.3:latest")
    assert found.reached_by_default is (variable == "OLLAMA_API_BASE")


@pytest.mark.parametrize("host", ["192.168.0.4", "https://ollama.example", "http://gpu.lan:1234"])
def test_an_ollama_on_another_machine_is_not_asked(host: str) -> None:
    found = probe({"OLLAMA_HOST": host})

    assert (found.local, found.models) == (False, None)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"models": 3}', b'{"models": [{}]}'])
def test_whoever_else_answers_there_is_not_ollama(
    monkeypatch: pytest.MonkeyPatch, ollama_port: int, answer: bytes
) -> None:
    monkeypatch.setattr(_Ollama, "answer", answer)

    address = f"http://127.0.0.1:{ollama_port}"
    assert probe({"OLLAMA_API_BASE": address}) == Ollama(address, None)


def test_mistakes_in_the_settings_are_shown_with_their_place(
    capsys: pytest.CaptureFixture[str], machine: Path
) -> None:
    path = configure(machine, "modle = 'x'\n[limits]\ntasks = 0\n")
    workspace = machine / "workspace" / ".phasr" / "config.toml"
    workspace.parent.mkdir(parents=True)
    workspace.write_text("preload = true", encoding="utf-8")

    _, found = findings(capsys, machine)

    assert found["Your settings"] == [
        ("wrong", f'{path}:1:1 There is no setting "modle". Did you mean "model"?'),
        ("wrong", f"{path}:3:9 limits.tasks must be greater than 0."),
    ]
    ((state, text),) = found["Workspace"]
    assert state == "wrong"
    assert text.startswith(f'{workspace}:1:1 "preload" belongs into your own file')


def test_a_missing_git_is_reported(
    capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine))

    _, found = findings(capsys, machine)

    assert found["git"] == [("missing", "not found on PATH Install git from your system's packages.")]


def test_a_folder_that_cannot_be_written_is_reported(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    (machine / "state").write_text("a file where the folder should be")

    _, found = findings(capsys, machine)

    assert found["Cache folder"][0][0] == "ok"
    assert found["State folder"] == [
        ("wrong", f"{machine / 'state' / 'phasr'} can't be written Correct its owner or permissions.")
    ]


def test_the_list_holds_every_model_that_can_be_used(
    capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch, ollama_port: int
) -> None:
    monkeypatch.setenv("OLLAMA_API_BASE", f"http://127.0.0.1:{ollama_port}")
    monkeypatch.setenv("DEEPINFRA_API_KEY", CANARY)
    install_smallest(machine)
    configure(
        machine,
        """
        tiers.deep = "lan"
        [models.lan]
        api_base = "http://127.0.0.1:8000/v1"
        api_key_env = "LAN_KEY"
        context_window = 32768
        input_price = 0.07
        """,
    )

    code, rows = listed(capsys, machine)

    llama = "deepinfra/meta-llama/Llama-3.3-70B-Instruct-Turbo"
    assert code == 0
    assert list(rows) == ["lan", llama, "ollama/qwen2.5-coder:7b", "ollama/llama3.3:latest", SMALLEST.name]
    assert rows["lan"] == {
        "model": "lan",
        "providerModel": "openai/lan",
        "tiers": ["deep"],
        "inputPrice": 0.07,
        "outputPrice": None,
        "contextWindow": 32768,
        "editFormat": "region",
        "replies": {},
        "key": "LAN_KEY",
        "usable": False,
        "obstacle": "LAN_KEY isn't set",
    }
    assert (rows[llama]["tiers"], rows[llama]["key"], rows[llama]["usable"]) == (
        ["simple", "standard"],
        "DEEPINFRA_API_KEY",
        True,
    )
    assert rows[llama]["inputPrice"] > 0
    assert rows["ollama/llama3.3:latest"]["inputPrice"] == 0
    assert rows[SMALLEST.name]["contextWindow"] == 8192


def count(*replies: tuple[str, EditFormat, Outcome, int]) -> None:
    record = TrackRecord(record_file())
    for model, asked, outcome, times in replies:
        for _ in range(times):
            record.count(model, asked, outcome)
    record.close()


def test_malformed_replies_are_shown_for_each_format_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    model = "anthropic/claude-haiku-5-5"
    count(
        (model, EditFormat.SEARCH_REPLACE, Outcome.GOOD, 116),
        (model, EditFormat.SEARCH_REPLACE, Outcome.OTHER_FORMAT, 1),
        (model, EditFormat.SEARCH_REPLACE, Outcome.MALFORMED, 2),
        (model, EditFormat.SEARCH_REPLACE, Outcome.TRUNCATED, 1),
        (model, EditFormat.REGION, Outcome.MALFORMED, 1),
    )

    monkeypatch.setenv("COLUMNS", "120")
    shown = [" ".join(line.split()) for line in printed(models, capsys, machine)[1].splitlines()]
    row = next(number for number, line in enumerate(shown) if line.startswith(model))
    assert shown[row].endswith(" search_replace region 1 of 1 (100.0 %) set")
    assert shown[row + 1] == "search_replace 3 of 120 (2.5 %)"
    assert next(line for line in shown if line.startswith("anthropic/claude-opus-5-5")).endswith(" - set")

    rows = listed(capsys, machine)[1]
    assert rows[model]["replies"] == {
        "region": {"total": 1, "malformed": 1, "outcomes": {"malformed": 1}},
        "search_replace": {
            "total": 120,
            "malformed": 3,
            "outcomes": {"good": 116, "malformed": 2, "other_format": 1, "truncated": 1},
        },
    }
    assert rows["anthropic/claude-opus-5-5"]["replies"] == {}


def test_a_record_that_cannot_be_read_costs_its_column(
    capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    record_file().parent.mkdir(parents=True)
    record_file().write_text("This is no database. " * 100)

    code, rows = listed(capsys, machine)

    assert code == 0
    assert [row["replies"] for row in rows.values()] == [{}] * 3


def test_without_any_model_the_list_is_empty_and_says_where_to_look(
    capsys: pytest.CaptureFixture[str], machine: Path
) -> None:
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers())

    assert models.run(parser.parse_args(["models", "--folder", str(machine)])) == 1
    assert capsys.readouterr() == ("", "No model can be used here. `phasr doctor` says what to do.\n")


@pytest.mark.parametrize("module", [doctor, models])
def test_the_page_fits_into_eighty_columns(
    module: ModuleType, capsys: pytest.CaptureFixture[str], machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in catalogue().providers:
        for variable in provider.keys:
            monkeypatch.setenv(variable, CANARY)
    count(("anthropic/claude-haiku-5-5", EditFormat.SEARCH_REPLACE, Outcome.MALFORMED, 1))
    configure(machine, f"[models.{'long' * 30}]\napi_base = 'http://127.0.0.1:1/v1'")

    code, out = printed(module, capsys, machine)

    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "claude-haiku-5-5" in out
