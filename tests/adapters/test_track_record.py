"""What is counted of replies: by real SQLite, in files that are broken, shared and gone."""

import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from phasr_lsp.adapters.track_record import TrackRecord, record_file
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.outcome import Outcome, Tally

BLOCKS, REGION = EditFormat.SEARCH_REPLACE, EditFormat.REGION
COUNTING = """
import sys
from pathlib import Path
from phasr_lsp.adapters.track_record import TrackRecord
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.outcome import Outcome

record = TrackRecord(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    record.count("openai/gpt-4o", EditFormat.SEARCH_REPLACE, Outcome.GOOD)
record.close()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "replies.sqlite3"


def count(file: Path, *replies: tuple[str, EditFormat, Outcome]) -> None:
    record = TrackRecord(file)
    for reply in replies:
        record.count(*reply)
    record.close()


def test_replies_are_counted_by_model_format_and_outcome(file: Path) -> None:
    count(file, *[("b", BLOCKS, Outcome.GOOD)] * 3, ("b", BLOCKS, Outcome.TRUNCATED), ("b", REGION, Outcome.GOOD))
    count(file, ("a", BLOCKS, Outcome.OTHER_FORMAT), ("b", BLOCKS, Outcome.MALFORMED))

    assert TrackRecord(file).tallies() == (
        Tally("a", BLOCKS, {Outcome.OTHER_FORMAT: 1}),
        Tally("b", REGION, {Outcome.GOOD: 1}),
        Tally("b", BLOCKS, {Outcome.GOOD: 3, Outcome.TRUNCATED: 1, Outcome.MALFORMED: 1}),
    )


def test_nothing_was_counted_where_no_file_is_and_none_is_made(file: Path) -> None:
    assert TrackRecord(file).tallies() == ()
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("outcome", "malformed"),
    [
        (Outcome.GOOD, 0),
        (Outcome.OTHER_FORMAT, 0),
        (Outcome.REFUSED, 0),
        (Outcome.MALFORMED, 1),
        (Outcome.TRUNCATED, 1),
        (Outcome.BREAKS_SYNTAX, 1),
    ],
)
def test_which_replies_are_malformed(outcome: Outcome, malformed: int) -> None:
    tally = Tally("a", BLOCKS, {outcome: 1})
    assert (tally.malformed, tally.total) == (malformed, 1)


def test_two_servers_count_in_one_new_file_at_once(file: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(file), "150"]
    servers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for server in servers:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        assert server.stdin
        server.stdin.write("\n")
        server.stdin.flush()
    assert [server.communicate(timeout=15) for server in servers] == [("", "")] * 2

    assert TrackRecord(file).tallies() == (Tally("openai/gpt-4o", BLOCKS, {Outcome.GOOD: 300}),)


def test_what_a_newer_version_counted_is_passed_over(file: Path) -> None:
    count(file, ("a", BLOCKS, Outcome.GOOD))
    with sqlite3.connect(file) as database:
        rows = [("a", "telepathy", "good", 5), ("a", "search_replace", "brilliant", 5)]
        database.executemany("INSERT INTO replies VALUES (?, ?, ?, ?)", rows)
    database.close()

    assert TrackRecord(file).tallies() == (Tally("a", BLOCKS, {Outcome.GOOD: 1}),)


def test_a_broken_file_costs_the_count_and_a_line_in_the_log(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    file.write_text("This is no database. " * 100)

    count(file, ("a", BLOCKS, Outcome.GOOD))

    assert TrackRecord(file).tallies() == ()
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert [record.getMessage() for record in caplog.records] == [
        f"a reply isn't counted in {file}: file is not a database",
        f"what was counted can't be read from {file}: file is not a database",
    ]


def test_a_folder_that_cannot_be_made_costs_the_count(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.parent.write_text("A file in the folder's place.")

    count(file, ("a", BLOCKS, Outcome.GOOD))

    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        f"a reply isn't counted in {file}"
    ]


def test_a_reply_that_comes_after_the_end_costs_a_line_in_the_log(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = TrackRecord(file)
    record.close()
    record.count("a", BLOCKS, Outcome.GOOD)
    assert [each.getMessage() for each in caplog.records] == [
        f"a reply isn't counted in {file}: cannot schedule new futures after shutdown"
    ]


def test_the_file_is_among_the_users_own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert record_file() == tmp_path / "phasr" / "replies.sqlite3"


def test_sqlite_is_not_loaded_before_a_reply_is_counted() -> None:
    code = (
        "import sys, phasr_lsp.adapters.track_record as t, pathlib; t.TrackRecord(pathlib.Path('x')).tallies(); "
    )
    code += "print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=15)
    assert done.stdout == "False\n"
