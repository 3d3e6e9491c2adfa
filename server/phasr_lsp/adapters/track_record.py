"""How well models keep to the formats they are asked for, counted in one small SQLite table.

All servers of a user count in the same file. A file that can't be used costs the count, and a line in the log.
"""

import logging
from collections import defaultdict
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.outcome import Outcome, Tally

if TYPE_CHECKING:  # loaded with the first reply, not with the server
    import sqlite3

_log = logging.getLogger(__name__)

WAIT_SECONDS = 5.0
"""How long a count waits while another process writes."""

_TABLE = """
CREATE TABLE IF NOT EXISTS replies (
    model TEXT, asked TEXT, outcome TEXT, count INTEGER NOT NULL, PRIMARY KEY (model, asked, outcome)
) WITHOUT ROWID
"""
_COUNT = "INSERT INTO replies VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
_READ = "SELECT model, asked, outcome, count FROM replies ORDER BY model, asked"


def record_file() -> Path:
    """The user's own."""
    return platformdirs.user_state_path("phasr", appauthor=False) / "replies.sqlite3"


class TrackRecord:
    """The engine's `Record`."""

    def __init__(self, file: Path) -> None:
        """The file needn't exist."""
        self._file = file
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="phasr track record")

    def count(self, model: str, asked: EditFormat, outcome: Outcome) -> None:
        """Returns at once; a thread of its own writes."""
        try:
            written = self._writer.submit(self._write, model, asked, outcome)
        except RuntimeError as error:  # closed, or the interpreter is ending
            self._log(error)
        else:
            written.add_done_callback(self._log_failure)

    def close(self) -> None:
        """Wait until all that was counted is written."""
        self._writer.shutdown()

    def tallies(self) -> tuple[Tally, ...]:
        """All that was ever counted, by model and format; none where the file can't be read."""
        if not self._file.exists():
            return ()
        import sqlite3

        try:
            with self._open() as database:
                rows = database.execute(_READ).fetchall()
        except (sqlite3.Error, OSError) as error:
            _log.warning("what was counted can't be read from %s: %s", self._file, error)
            return ()
        return _tallies(rows)

    def _write(self, model: str, asked: EditFormat, outcome: Outcome) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.execute(_COUNT, (model, asked, outcome))

    @contextmanager
    def _open(self) -> Generator["sqlite3.Connection"]:
        """The table, in a transaction that is committed unless something is raised."""
        import sqlite3

        database = sqlite3.connect(self._file, timeout=WAIT_SECONDS)
        try:
            with suppress(sqlite3.OperationalError):
                # Busy, and without waiting: another process makes this switch, which stays in the file.
                database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            with database:
                database.execute(_TABLE)
                yield database
        finally:
            database.close()

    def _log_failure(self, written: Future[None]) -> None:
        error = written.exception()
        if error:
            self._log(error)

    def _log(self, error: BaseException) -> None:
        _log.warning("a reply isn't counted in %s: %s", self._file, error)


def _tallies(rows: list[tuple[str, str, str, int]]) -> tuple[Tally, ...]:
    """A newer Phasr may have counted what this one doesn't know: that is left out."""
    formats, outcomes = {str(form) for form in EditFormat}, {str(outcome) for outcome in Outcome}
    found: defaultdict[tuple[str, str], dict[Outcome, int]] = defaultdict(dict)
    for model, asked, outcome, count in rows:
        if asked in formats and outcome in outcomes:
            found[model, asked][Outcome(outcome)] = count
    return tuple(Tally(model, EditFormat(asked), replies) for (model, asked), replies in found.items())
