"""`phasr model` as a person uses it, with a cache folder of its own."""

import argparse
from pathlib import Path

import pytest

from phasr_lsp.cli import model


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "phasr" / "models"


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `phasr model ARGUMENTS`."""
    parser = argparse.ArgumentParser()
    model.add_parser(parser.add_subparsers())
    code = model.run(parser.parse_args(["model", *arguments]))
    out, err = capsys.readouterr()
    return code, out, err


def test_status_names_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(capsys, "status")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == [
        "embedded/qwen2.5-coder-1.5b: not installed, 0.00 of 1.12 GB",
        "embedded/qwen2.5-coder-0.5b: not installed, 0.00 of 0.49 GB",
    ]


def test_status_shows_what_is_there(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").write_bytes(b"cut off")
    (cache / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf.partial").write_bytes(bytes(20_000_000))
    code, out, err = check(capsys, "status")
    assert (code, err) == (0, "")
    assert "embedded/qwen2.5-coder-1.5b: damaged, 0.00 of 1.12 GB" in out
    assert "embedded/qwen2.5-coder-0.5b: partly downloaded, 0.02 of 0.49 GB" in out
    assert "A damaged file is replaced by `phasr model install NAME`." in out


def test_an_unknown_model_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(capsys, "install", "gpt-9")
    assert (code, out) == (1, "")
    assert err == (
        "There is no embedded model called gpt-9. "
        "These can be installed: embedded/qwen2.5-coder-1.5b, embedded/qwen2.5-coder-0.5b.\n"
    )


def test_another_file_is_one_message(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF")
    code, _, err = check(capsys, "install", "qwen2.5-coder-0.5b", "--file", str(other))
    assert code == 1
    assert err == (
        f"{other} isn't embedded/qwen2.5-coder-0.5b: it has 4 bytes instead of 491,400,064. "
        "Name a copy of qwen2.5-coder-0.5b-instruct-q4_k_m.gguf.\n"
    )


def test_remove_frees_the_disk(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    cache.mkdir(parents=True)
    weights = cache / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    weights.write_bytes(bytes(100_000_000))
    assert check(capsys, "remove") == (0, "embedded/qwen2.5-coder-0.5b was removed: 0.1 GB freed.\n", "")
    assert not weights.exists()
    assert check(capsys, "remove", "qwen2.5-coder-0.5b") == (
        0,
        "embedded/qwen2.5-coder-0.5b isn't installed.\n",
        "",
    )
