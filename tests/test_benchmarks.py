"""The file that benchmarks leave behind."""

import json
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.figures import Figure


def written(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["figures"]


def test_a_part_replaces_its_own_figures_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    figures.write("fleet", [Figure("tasks", 1000, "tasks/s", "counted")], path)
    figures.write("main-job", [Figure("start", 9.0, "x", "timed", 1.3), Figure("gone", 1, "s", "timed")], path)
    figures.write("main-job", [Figure("start", 1.30001, "x", "timed", 1.3)], path)
    assert written(path) == [
        {
            "part": "fleet", "name": "tasks", "value": 1000, "unit": "tasks/s",
            "target": None, "met": None, "how": "counted",
        },
        {
            "part": "main-job", "name": "start", "value": 1.3, "unit": "x",
            "target": 1.3, "met": False, "how": "timed",
        },
    ]  # fmt: skip


def test_the_file_names_the_machine_without_its_paths(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    figures.write("main-job", [], path)
    results = json.loads(path.read_text("utf-8"))
    assert set(results) == {"machine", "date", "figures"}
    assert "Python 3" in results["machine"]
    assert "/" not in results["machine"]
