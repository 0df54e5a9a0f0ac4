"""The trial ledger of a search: every trial is durable the moment it ends, in SQLite or PostgreSQL.

Trials are in `trials.sqlite` of the search's directory, or in a database that many searches share.
What a row speaks of (predictions, models) is in the directory in any case. So a search is known by
a name that its directory holds, `search.id`: it goes where the files go (another mount, another
path), and a directory made anew is another search. By the fingerprint alone the same search in
another directory would believe in files it does not have.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from features.durable import write_text
from models.errors import SearchError
from models.leaderboard import TrialRecord

MAX_ATTEMPTS = 10
"""A trial that was running at so many kills of its search probably caused them; fewer would condemn
trials of a search that is killed often, by others."""

CONNECT_SECONDS = 10
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Between tries of a write to a server that does not answer."""

_MAKING_TABLES = 0x7065726E
"""Number of the lock under which tables are made: two makers collide in PostgreSQL."""

_METADATA = MetaData()
_SEARCHES = Table(
    "searches",
    _METADATA,
    Column("search", String(32), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
)
_TRIALS = Table(
    "search_trials",
    _METADATA,
    Column("search", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("score", Float),
    Column("record", Text, nullable=False),
)


class TrialLedger:
    """Trials of one search.

    A trial's out-of-fold predictions are on disk before its row says `done`, so a row never
    names a file that is not there.

    Parameters
    ----------
    url
        PostgreSQL database to keep the trials in; None for SQLite in the directory.

    Raises
    ------
    SearchError
        When the directory holds a search of another fingerprint, or the database cannot be
        reached.
    """

    def __init__(self, directory: Path, *, fingerprint: str, url: str | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._engine = _open(f"sqlite:///{directory / 'trials.sqlite'}" if url is None else url)
        self._search = _name_of(directory)
        with self._transaction() as connection:
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:number)")
                connection.execute(lock, {"number": _MAKING_TABLES})
            _METADATA.create_all(connection)
            of_search = _SEARCHES.c.search == self._search
            found = connection.scalar(select(_SEARCHES.c.fingerprint).where(of_search))
            if found is None:
                row = {"search": self._search, "fingerprint": fingerprint}
                connection.execute(insert(_SEARCHES).values(row))
            elif found != fingerprint:
                raise SearchError.other_search(directory, found, fingerprint)

    def write(self, record: TrialRecord) -> None:
        """Write a trial that starts or has ended, replacing what was known of it.

        A server that does not answer is asked again for some seconds: it may be starting anew.
        """
        is_server = self._engine.dialect.name == "postgresql"
        for pause in RETRY_SECONDS if is_server else ():
            try:
                return self._replace(record)
            except SearchError:
                time.sleep(pause)
        return self._replace(record)

    def _replace(self, record: TrialRecord) -> None:
        row = {"search": self._search, "number": record.number, "state": record.state}
        same = (_TRIALS.c.search == self._search) & (_TRIALS.c.number == record.number)
        content = {"score": record.score, "record": json.dumps(record.to_dict())}
        with self._transaction() as connection:
            connection.execute(delete(_TRIALS).where(same))
            connection.execute(insert(_TRIALS).values(row | content))

    def records(self) -> tuple[TrialRecord, ...]:
        """Give all trials in the order of their numbers."""
        own = select(_TRIALS.c.record).where(_TRIALS.c.search == self._search)
        with self._transaction() as connection:
            rows = connection.scalars(own.order_by(_TRIALS.c.number)).all()
        return tuple(TrialRecord.from_dict(json.loads(content)) for content in rows)

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
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            shown = _shown(self._engine.url)
            raise SearchError.no_ledger(shown, str(error.orig).strip()) from error


def _open(url: str) -> Engine:
    """Make an engine that connects anew for every transaction: trials take seconds."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SearchError.no_ledger("a URL", str(error)) from error
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": 30})
        event.listen(engine, "connect", _sync_fully)
        return engine
    try:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
    except ImportError as error:
        hint = f"{error} (pip install 'perennial[services]')"
        raise SearchError.no_ledger(_shown(parsed), hint) from error


def _shown(url: URL) -> str:
    """Write a URL without its password, which may be among its options too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _sync_fully(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _name_of(directory: Path) -> str:
    """Read the directory's name for its search; the first time, give it one."""
    path = directory / "search.id"
    if not path.exists():
        write_text(path, uuid.uuid4().hex)
    return path.read_text(encoding="utf-8")
