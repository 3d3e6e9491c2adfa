"""`.phasrignore` is read as git reads `.gitignore`, and the line that keeps a file is named."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasr_lsp.domain.ignore import ignoring_rule

pytestmark = pytest.mark.timeout(60)

RULES = (
    """\
# comment
*.csv
!keep.csv
/build/
docs/*.txt
**/cache/**
a/**/z
\\#odd
[!a-c]?.bin
!build/inside
"""
    "secret\\ "
)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("data.csv", "*.csv"),
        ("deep/data.csv", "*.csv"),
        ("deep/keep.csv", None),
        ("data.csv.py", None),
        ("build/x.py", "/build/"),
        ("build/inside", "/build/"),
        ("build", None),
        ("src/build/x.py", None),
        ("docs/a.txt", "docs/*.txt"),
        ("docs/b/a.txt", None),
        ("x/cache/y", "**/cache/**"),
        ("x/cache", None),
        ("a/z", "a/**/z"),
        ("a/b/c/z", "a/**/z"),
        ("secret ", "secret\\ "),
        ("#odd", "\\#odd"),
        ("dx.bin", "[!a-c]?.bin"),
        ("ax.bin", None),
        ("comment", None),
    ],
)
def test_the_line_that_ignores_a_file(name: str, rule: str | None) -> None:
    assert ignoring_rule(name, RULES) == rule


def test_no_rules_ignore_nothing() -> None:
    assert ignoring_rule("a", "") is None


def test_many_stars_take_no_time() -> None:
    assert ignoring_rule("a" * 250, "*a" * 60 + "b") is None
    assert ignoring_rule("/".join("a" * 200), "**/a/" * 60 + "b") is None


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


PARTS = st.sampled_from(["a", "b", "ab", "a.b", "*", "?", "a*", "*b", "**", "[ab]", "[!a]", "[^a]", "\\*", "**a"])
LINES = st.tuples(
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PARTS, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/", " "]),
).map("".join)
NAMES = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "*", "c"]), min_size=1, max_size=4).map("/".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=4), st.lists(NAMES, min_size=1, max_size=20))
def test_git_agrees(repository: Path, lines: list[str], names: list[str]) -> None:
    rules = "\n".join(lines)
    (repository / ".gitignore").write_text(rules)
    answer = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=repository,
        input="\0".join(names).encode(),
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )
    assert answer.returncode in (0, 1)
    ignored = set(filter(None, answer.stdout.decode().split("\0")))
    assert {name for name in names if ignoring_rule(name, rules)} == ignored
