"""The ledger itself: small transactions over `flows.state.tables`, on SQLite or PostgreSQL."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from flows.errors import FlowError
from flows.settings import without_password
from flows.state import tables
from flows.state.records import Action, Batch, DecisionRow, FlowName, OutboxRow, Promotion, RunRow

Row = TypeVar("Row", RunRow, Promotion, Batch, DecisionRow, OutboxRow)

_GENESIS = "0" * 64


def open_ledger(url: str, *, lock_directory: Path) -> "Ledger":
    """Open the ledger, making its tables once.

    Parameters
    ----------
    url
        SQLAlchemy URL, e.g. `sqlite:////…/ledger.db` or `postgresql+psycopg://…`.
    lock_directory
        Where the file lock for the first initialisation lives.

    Raises
    ------
    FlowError
        When the database cannot be reached.
    """
    lock_directory.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    try:
        # NOTE: two processes that create tables in one fresh database collide.
        with FileLock(lock_directory / "ledger.lock"):
            tables.METADATA.create_all(engine)
    except OperationalError as error:
        raise FlowError(
            f"The ledger at {without_password(url)} cannot be reached: {error.orig}. Expected a "
            "running database; check PERENNIAL_LEDGER_URL."
        ) from error
    return Ledger(engine)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


class Ledger:
    """Append-mostly record of one or more projects; every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    # Runs and their stages

    def start_run(self, row: RunRow) -> None:
        """Write a run that starts."""
        self._insert(tables.RUNS, asdict(row))

    def end_run(
        self, run_id: str, *, status: str, at: datetime, outcome: Mapping[str, Any]
    ) -> None:
        """Close a run as `done` or `failed`."""
        with self._engine.begin() as connection:
            connection.execute(
                update(tables.RUNS)
                .where(tables.RUNS.c.run_id == run_id)
                .values(status=status, ended_at=at, outcome=dict(outcome))
            )

    def reopen_run(self, run_id: str) -> None:
        """Mark a failed or abandoned run as running again."""
        with self._engine.begin() as connection:
            connection.execute(
                update(tables.RUNS)
                .where(tables.RUNS.c.run_id == run_id)
                .values(status="running", ended_at=None)
            )

    def runs(self, project: str, flow: FlowName | None = None) -> list[RunRow]:
        """Give the project's runs, newest first."""
        table = tables.RUNS
        query = select(table).where(table.c.project == project)
        if flow is not None:
            query = query.where(table.c.flow == flow)
        return self._rows(RunRow, query.order_by(table.c.started_at.desc(), table.c.now.desc()))

    def stages(self, run_id: str) -> dict[str, Mapping[str, Any]]:
        """Give the outputs of the run's finished stages, by name, in the order they ended."""
        table = tables.STAGES
        query = select(table).where(table.c.run_id == run_id).order_by(table.c.ended_at)
        with self._engine.connect() as connection:
            return {row.stage: row.output for row in connection.execute(query)}

    def end_stage(
        self,
        run_id: str,
        stage: str,
        *,
        output: Mapping[str, Any],
        seconds: float,
        at: datetime,
    ) -> None:
        """Write that a stage is finished and need not run again."""
        row = {"run_id": run_id, "stage": stage, "output": dict(output)}
        self._insert(tables.STAGES, {**row, "seconds": seconds, "ended_at": at}, once=True)

    def forget_stages(self, run_id: str) -> None:
        """Drop the run's finished stages: what they stood on has changed."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.STAGES).where(tables.STAGES.c.run_id == run_id))

    # Promotions

    def promotions(self, project: str) -> list[Promotion]:
        """Give every verdict, oldest first."""
        table = tables.PROMOTIONS
        query = select(table).where(table.c.project == project).order_by(table.c.sequence)
        return self._rows(Promotion, query)

    def champion(self, project: str) -> str | None:
        """Give the version that serves, or `None`."""
        history = self.promotions(project)
        return history[-1].champion if history else None

    def judge(
        self,
        project: str,
        *,
        action: Action,
        version: str,
        expected_champion: str | None,
        run_id: str,
        reason: str,
        at: datetime,
    ) -> Promotion:
        """Append a verdict if the champion is still the expected one (compare-and-set).

        A run that has its verdict already gets that one back, so a killed run may ask again.

        Raises
        ------
        FlowError
            When another verdict came between: the champion is not `expected_champion` any more.
        """
        history = self.promotions(project)
        for row in history:
            if row.run_id == run_id and row.action == action:
                return row
        champion = history[-1].champion if history else None
        if champion != expected_champion:
            raise FlowError(
                f"Version {version} was compared with champion {expected_champion}, but "
                f"{champion} serves now. Nothing was promoted; run the retrain again."
            )
        row = _chained(
            history[-1] if history else None,
            project=project,
            action=action,
            version=version,
            champion=champion if action == "reject" else version,
            run_id=run_id,
            reason=reason,
            at=at,
        )
        try:
            self._insert(tables.PROMOTIONS, asdict(row))
        except IntegrityError as error:
            raise FlowError(
                f"Another verdict on project {project} was written at the same moment. "
                f"Version {version} was not judged; run the retrain again."
            ) from error
        return row

    def broken_link(self, project: str) -> int | None:
        """Give the sequence number of the first verdict whose hash is wrong, or `None`."""
        previous = None
        for row in self.promotions(project):
            expected = _digest(row, previous.hash if previous else _GENESIS)
            if row.hash != expected:
                return row.sequence
            previous = row
        return None

    # Predictions

    def add_batch(self, batch: Batch) -> None:
        """Write a batch of predictions; a second time changes nothing."""
        self._insert(tables.BATCHES, asdict(batch), once=True)

    def batches(self, project: str, *, version: str | None = None) -> list[Batch]:
        """Give the batches, oldest first."""
        table = tables.BATCHES
        query = select(table).where(table.c.project == project)
        if version is not None:
            query = query.where(table.c.version == version)
        return self._rows(Batch, query.order_by(table.c.scored_at, table.c.last_cutoff))

    # Decisions and the outbox

    def decide(self, row: DecisionRow, outbox: OutboxRow | None) -> bool:
        """Write a decision and, in the same transaction, the retrain it asks for.

        Returns
        -------
        bool
            False when this decision was written before; then nothing is added.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(tables.DECISIONS).values(asdict(row)))
                if outbox is not None:
                    connection.execute(insert(tables.OUTBOX).values(asdict(outbox)))
        except IntegrityError:
            return False
        return True

    def decisions(self, project: str) -> list[DecisionRow]:
        """Give the decisions, oldest first."""
        table = tables.DECISIONS
        query = select(table).where(table.c.project == project)
        return self._rows(DecisionRow, query.order_by(table.c.window_end, table.c.decided_at))

    def outbox(self, project: str, *, pending: bool = True) -> list[OutboxRow]:
        """Give the retrains asked for, oldest first; only those not yet taken by default."""
        table = tables.OUTBOX
        query = select(table).where(table.c.project == project)
        if pending:
            query = query.where(table.c.sent_at.is_(None))
        return self._rows(OutboxRow, query.order_by(table.c.written_at))

    def mark_sent(self, idempotency_key: str, *, at: datetime, receipt: str) -> None:
        """Write that somebody has taken the row, with their receipt."""
        table = tables.OUTBOX
        with self._engine.begin() as connection:
            connection.execute(
                update(table)
                .where(table.c.idempotency_key == idempotency_key, table.c.sent_at.is_(None))
                .values(sent_at=at, receipt=receipt)
            )

    # Steps beneath

    def _insert(self, table: Table, values: Mapping[str, Any], *, once: bool = False) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(table).values(dict(values)))
        except IntegrityError:
            if not once:
                raise

    def _rows(self, record: type[Row], query: Select[Any]) -> list[Row]:
        names = [field.name for field in fields(record)]
        with self._engine.connect() as connection:
            return [_record(record, names, row) for row in _mappings(connection, query)]


def _mappings(connection: Connection, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _record(record: type[Row], names: Sequence[str], row: Mapping[str, Any]) -> Row:
    return record(**{name: row[name] for name in names})


def _chained(previous: Promotion | None, **content: Any) -> Promotion:
    link = previous.hash if previous else _GENESIS
    sequence = previous.sequence + 1 if previous else 1
    unsigned = Promotion(**content, sequence=sequence, previous_hash=link, hash="")
    return Promotion(**content, sequence=sequence, previous_hash=link, hash=_digest(unsigned, link))


def _digest(row: Promotion, previous_hash: str) -> str:
    content = asdict(row)
    content.pop("hash")
    content["previous_hash"] = previous_hash
    content["at"] = row.at.isoformat()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
