"""The file that benchmarks leave behind, and the verdicts on edits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import edit_formats, edit_scaling, figures
from benchmarks.edit_formats import Answer, Case, Normaliser, Verdict, judged
from benchmarks.edit_scaling import Work
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


def case_of(**fields: Any) -> Case:
    return Case.model_validate({"reply": "", "files_before": {"a.py": "x = 1\n", "b.py": "y = 1\n"}, **fields})


class TestVerdicts:
    @pytest.mark.parametrize(
        ("after", "verdict"),
        [
            pytest.param({"a.py": "x = 2\n"}, Verdict.PASSED, id="as expected"),
            pytest.param({"a.py": "x = 2\r\n"}, Verdict.PASSED, id="other line ends"),
            pytest.param({"a.py": "x = 2"}, Verdict.PASSED, id="no final newline"),
            pytest.param({"./a.py": "x = 2\n"}, Verdict.PASSED, id="another spelling of the path"),
            pytest.param({"/home/me/a.py": "x = 2\n"}, Verdict.PASSED, id="an absolute path"),
            pytest.param({"a.py": "x = 2\n", "b.py": "y = 1\n"}, Verdict.PASSED, id="a file as it was besides"),
            pytest.param({"a.py": "x  = 2\n"}, Verdict.WRONG, id="other white space"),
            pytest.param({"a.py": "x = 3\n"}, Verdict.WRONG, id="another text"),
            pytest.param({"a.py": None}, Verdict.WRONG, id="deleted"),
            pytest.param({}, Verdict.WRONG, id="nothing"),
            pytest.param({"a.py": "x = 2\n", "b.py": "y = 2\n"}, Verdict.WRONG, id="another file besides"),
        ],
    )
    def test_an_edit_is_compared_with_the_expected_one(
        self, after: dict[str, str | None], verdict: Verdict
    ) -> None:
        case = case_of(files_after={"a.py": "x = 2\n"}, root="/home/me")
        assert judged(case, Answer(after))[0] is verdict

    @pytest.mark.parametrize(
        ("compare", "text", "verdict"),
        [
            pytest.param("ws", "  x = 2  \n\n", Verdict.PASSED, id="white space ignored"),
            pytest.param("ws", "x =  2\n", Verdict.WRONG, id="but within lines"),
            pytest.param("strict", "x = 2\n", Verdict.PASSED, id="the same bytes"),
            pytest.param("strict", "x = 2\r\n", Verdict.WRONG, id="not the same line ends"),
            pytest.param("strict", "x = 2", Verdict.WRONG, id="not the same final newline"),
        ],
    )
    def test_a_case_says_how_it_is_compared(self, compare: str, text: str, verdict: Verdict) -> None:
        case = case_of(files_after={"a.py": "x = 2\n"}, compare=compare)
        assert judged(case, Answer({"a.py": text}))[0] is verdict

    @pytest.mark.parametrize(
        ("expected", "answer", "verdict"),
        [
            pytest.param({"expect": "error"}, Answer({}, "no"), Verdict.PASSED, id="rightly refused"),
            pytest.param({"expect": "error"}, Answer({}), Verdict.WRONG, id="accepted, changing nothing"),
            pytest.param({"expect": "error"}, Answer({"a.py": "x"}), Verdict.WRONG, id="accepted"),
            pytest.param({"files_after": {"a.py": "x"}}, Answer({}, "no"), Verdict.REFUSED, id="refused"),
            pytest.param({"files_after": {"a.py": None}}, Answer({"a.py": None}), Verdict.PASSED, id="deleted"),
            pytest.param({"files_after": {"a.py": None}}, Answer({"a.py": ""}), Verdict.WRONG, id="only emptied"),
            pytest.param(
                {"expect": "unlabelled"}, Answer({"a.py": "x"}), Verdict.PASSED, id="an unlabelled edit"
            ),
            pytest.param({"expect": "unlabelled"}, Answer({}, "no"), Verdict.PASSED, id="an unlabelled refusal"),
        ],
    )
    def test_refusing_is_right_or_not(self, expected: dict[str, Any], answer: Answer, verdict: Verdict) -> None:
        assert judged(case_of(**expected), answer)[0] is verdict

    def test_matters_of_taste_do_not_count(self) -> None:
        cases = [case_of(policy=True), case_of(expect="unlabelled"), case_of(expect="error")]
        assert [case.counts for case in cases] == [False, False, True]


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, edit_formats.__file__, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8", check=False)


EDIT = {"name": "edit", "input": {"path": "a.py", "old": "1", "new": "2"}}


def test_every_line_is_answered_whatever_it_holds() -> None:
    case = {"reply": [EDIT], "files_before": {"a.py": "x = 1\n"}, "format": "edit_tool"}
    lines = [
        json.dumps(case),
        "[]",
        '{"reply": 1}',
        "no JSON",
        '{"reply": "\\ud800"}',
        '{"reply": ""}',
        json.dumps(case),
    ]
    done = run("--stdio", given="\n".join(lines))
    answers: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0] == answers[-1] == {"files_after": {"a.py": "x = 2\n"}}
    assert [list(answer) for answer in answers[1:-1]] == [["error"]] * 5
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("expected", "status"), [("x = 2\n", 0), ("x = 3\n", 1)])
def test_too_many_wrong_edits_are_a_failure(tmp_path: Path, expected: str, status: int) -> None:
    case = {
        "id": "the-one", "source": "mine", "format": "edit_tool", "reply": [EDIT],
        "files_before": {"a.py": "x = 1\n"}, "files_after": {"a.py": expected},
    }  # fmt: skip
    (tmp_path / "mine.jsonl").write_text(json.dumps(case) + "\n", "utf-8")
    done = run(str(tmp_path), "--failures")
    assert done.returncode == status, done.stderr
    assert ("the-one  wrong: `a.py` has in line 1 'x = 2', not 'x = 3'" in done.stdout) == bool(status)


@pytest.mark.parametrize("work", edit_scaling.WORK, ids=lambda work: work.name)
def test_a_large_reply_makes_all_its_edits(work: Work) -> None:
    case = work.make(0.05)
    changed = "convert(value - OFFSETS["
    after = Normaliser().answer(case).after[edit_scaling.FILE]
    assert after is not None
    assert after.count(changed) == str(case.reply).count(changed) > 5
