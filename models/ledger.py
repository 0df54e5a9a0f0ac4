"""The trial ledger of one search directory: every trial is durable the moment it ends."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.candidate import Candidate
from models.errors import SearchError
from models.leaderboard import TrialRecord

MAX_ATTEMPTS = 3
"""A trial that was running at so many kills of its search probably caused them."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS search (fingerprint TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trials (
    number INTEGER PRIMARY KEY, state TEXT NOT NULL, score REAL, record TEXT NOT NULL
);
"""


class TrialLedger:
    """Trials of one search, in `trials.sqlite` of its directory.

    A trial's out-of-fold predictions are on disk before its row says `done`, so a row never
    names a file that is not there.

    Raises
    ------
    SearchError
        When the directory holds a search of another fingerprint.
    """

    def __init__(self, directory: Path, *, fingerprint: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "trials.sqlite"
        with self._transaction() as connection:
            connection.executescript(_SCHEMA)
            row = connection.execute("SELECT fingerprint FROM search").fetchone()
            if row is None:
                connection.execute("INSERT INTO search VALUES (?)", (fingerprint,))
            elif row[0] != fingerprint:
                raise SearchError.other_search(directory, row[0], fingerprint)

    def write(self, record: TrialRecord) -> None:
        """Write a trial that starts or has ended, replacing what was known of it."""
        row = (record.number, record.state, record.score, json.dumps(record.to_dict()))
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?)", row)

    def records(self) -> tuple[TrialRecord, ...]:
        """Give all trials in the order of their numbers."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT record FROM trials ORDER BY number").fetchall()
        return tuple(_read(json.loads(text)) for (text,) in rows)

    def interrupted(self) -> tuple[TrialRecord, ...]:
        """Give the trials that were running when the search was killed, as their next attempts.

        After `MAX_ATTEMPTS` one is written off as failed instead.
        """
        again = []
        for record in self.records():
            if record.state != "running":
                continue
            if record.attempts < MAX_ATTEMPTS:
                again.append(replace(record, attempts=record.attempts + 1))
            else:
                cause = f"the search died in each of {record.attempts} attempts"
                self.write(record.failed(cause, 0.0))
        return tuple(again)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            with connection:
                yield connection


def _read(content: dict[str, Any]) -> TrialRecord:
    content["candidate"] = Candidate(**content["candidate"])
    for name in ("fold_scores", "fit_seconds", "n_rounds", "bars"):
        content[name] = tuple(content[name])
    return TrialRecord(**content)
