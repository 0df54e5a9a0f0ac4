"""The ledger itself: small transactions over `flows.state.tables`, on SQLite or PostgreSQL."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Engine, create_engine, delete, event, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from flows.errors import FlowError
from flows.settings import without_password
from flows.state import tables
from flows.state.leases import Lease, Leases, check_fence
from flows.state.places import Places
from flows.state.promotions import Promotions
from flows.state.records import Batch, DecisionRow, FlowName, OutboxRow, RunRow


def open_ledger(url: str, *, lock_directory: Path) -> "Ledger":
    """Open the ledger, making its tables once.

    Parameters
    ----------
    url
        SQLAlchemy URL, e.g. `sqlite:////…/ledger.db` or `postgresql+psycopg://…`.
    lock_directory
        The state directory: where the file lock for the first initialisation lives, and what paths
        in the ledger are relative to.

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
    return Ledger(engine, Places(lock_directory))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


class Ledger(Promotions, Leases):
    """Append-mostly record of one or more projects; every method is one transaction.

    Paths inside the state directory are kept without it; who asks is given them as they are here.
    """

    def __init__(self, engine: Engine, places: Places) -> None:
        super().__init__(engine)
        self._places = places

    # Runs and their stages

    def start_run(self, row: RunRow) -> None:
        """Write a run that starts."""
        self._insert(tables.RUNS, asdict(row))

    def end_run(
        self, run_id: str, *, status: str, at: datetime, outcome: Mapping[str, Any]
    ) -> None:
        """Close a run as `done`, `failed` or `interrupted`."""
        with self._engine.begin() as connection:
            connection.execute(
                update(tables.RUNS)
                .where(tables.RUNS.c.run_id == run_id)
                .values(status=status, ended_at=at, outcome=self._places.keep(dict(outcome)))
            )

    def reopen_run(self, run_id: str) -> None:
        """Mark a failed or interrupted run as running again."""
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
        rows = self._rows(RunRow, query.order_by(table.c.started_at.desc(), table.c.now.desc()))
        return [replace(row, outcome=self._places.find(row.outcome)) for row in rows]

    def stages(self, run_id: str) -> dict[str, Mapping[str, Any]]:
        """Give the outputs of the run's finished stages, by name, in the order they ended."""
        table = tables.STAGES
        query = select(table).where(table.c.run_id == run_id).order_by(table.c.ended_at)
        with self._engine.connect() as connection:
            return {row.stage: self._places.find(row.output) for row in connection.execute(query)}

    def end_stage(
        self,
        run_id: str,
        stage: str,
        *,
        output: Mapping[str, Any],
        seconds: float,
        at: datetime,
        lease: Lease | None = None,
    ) -> None:
        """Write that a stage is finished and need not run again.

        Raises
        ------
        FlowError
            When the lease is another's by now.
        """
        row = {"run_id": run_id, "stage": stage, "output": self._places.keep(dict(output))}
        values = {**row, "seconds": seconds, "ended_at": at}
        with suppress(IntegrityError), self._engine.begin() as connection:
            if lease is not None:
                check_fence(connection, lease)
            connection.execute(insert(tables.STAGES).values(values))

    def forget_stages(self, run_id: str) -> None:
        """Drop the run's finished stages: what they stood on has changed."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.STAGES).where(tables.STAGES.c.run_id == run_id))

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

    def decisions(
        self,
        project: str,
        *,
        version: str | None = None,
        before: datetime | None = None,
        newest: int | None = None,
    ) -> list[DecisionRow]:
        """Give the decisions, oldest first.

        Each brings its evidence, which is long: who needs few of many says which.

        Parameters
        ----------
        version
            Only those about this version.
        before
            Only those decided before this moment.
        newest
            Only so many.
        """
        table = tables.DECISIONS
        query = select(table).where(table.c.project == project)
        if version is not None:
            query = query.where(table.c.version == version)
        if before is not None:
            query = query.where(table.c.decided_at < before)
        query = query.order_by(table.c.window_end.desc(), table.c.decided_at.desc())
        if newest is not None:
            query = query.limit(newest)
        return self._rows(DecisionRow, query)[::-1]

    def decided(self, project: str) -> list[tuple[str, datetime, str]]:
        """Give id, moment and kind of every decision, oldest first, without the evidence."""
        table = tables.DECISIONS
        query = select(table.c.decision_id, table.c.decided_at, table.c.kind)
        query = query.where(table.c.project == project)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(table.c.window_end, table.c.decided_at))
            return [(str(name), moment, str(kind)) for name, moment, kind in found]

    def decisions_by_id(self, ids: Sequence[str]) -> list[DecisionRow]:
        """Give these decisions, oldest first."""
        table = tables.DECISIONS
        query = select(table).where(table.c.decision_id.in_(list(ids)))
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
