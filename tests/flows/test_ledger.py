"""The ledger: what every database behind it promises."""

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update

from flows.errors import FlowError
from flows.state import DecisionRow, Ledger, OutboxRow, RunRow, open_ledger
from flows.state.tables import PROMOTIONS

T0 = datetime(2013, 5, 1)


def a_run(run_id: str = "r1", **changes: object) -> RunRow:
    values: dict[str, object] = {
        "run_id": run_id,
        "project": "p",
        "flow": "retrain",
        "now": T0,
        "spec": "s",
        "reason": "asked for",
        "trigger": "",
        "status": "running",
        "started_at": T0,
    }
    return RunRow(**(values | changes))  # type: ignore[arg-type]


def judge(ledger: Ledger, version: str, expected: str | None, **changes: object) -> object:
    values: dict[str, object] = {
        "action": "promote",
        "version": version,
        "expected_champion": expected,
        "run_id": f"run of {version}",
        "reason": "better",
        "at": T0,
    }
    return ledger.judge("p", **(values | changes))  # type: ignore[arg-type]


def a_decision(name: str = "d1") -> DecisionRow:
    return DecisionRow(
        decision_id=name,
        project="p",
        version="1",
        window_start=T0,
        window_end=T0 + timedelta(days=7),
        kind="Retrain",
        reason="it drifted",
        evidence={"share": 0.4},
        decided_at=T0 + timedelta(days=7),
    )


def an_order(key: str = "k1") -> OutboxRow:
    return OutboxRow(
        idempotency_key=key,
        project="p",
        decision_id="d1",
        deployment="retrain/p",
        parameters={"now": "2013-05-08"},
        reason="it drifted",
        written_at=T0,
    )


class LedgerContract:
    """Promises of the ledger, whatever database it is on."""

    def test_a_run_is_read_back_as_written(self, ledger: Ledger) -> None:
        ledger.start_run(a_run())
        ledger.end_run("r1", status="done", at=T0, outcome={"version": "1"})
        (row,) = ledger.runs("p", "retrain")
        assert row == a_run(status="done", ended_at=T0, outcome={"version": "1"})

    def test_a_stage_that_ended_twice_keeps_its_first_output(self, ledger: Ledger) -> None:
        ledger.start_run(a_run())
        for output in ({"n": 1}, {"n": 2}):
            ledger.end_stage("r1", "labels", output=output, seconds=1.0, at=T0)
        assert ledger.stages("r1") == {"labels": {"n": 1}}

    def test_promotions_chain_and_name_the_champion(self, ledger: Ledger) -> None:
        assert ledger.champion("p") is None
        judge(ledger, "1", None)
        judge(ledger, "2", "1", action="reject")
        assert ledger.champion("p") == "1"
        judge(ledger, "3", "1")
        assert ledger.champion("p") == "3"
        assert [row.sequence for row in ledger.promotions("p")] == [1, 2, 3]
        assert ledger.broken_link("p") is None

    def test_a_stale_comparison_promotes_nothing(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        with pytest.raises(FlowError, match="1 serves now"):
            judge(ledger, "2", None)
        assert ledger.champion("p") == "1"

    def test_a_verdict_is_written_once_per_run(self, ledger: Ledger) -> None:
        first = judge(ledger, "1", None)
        assert judge(ledger, "1", None) == first
        assert len(ledger.promotions("p")) == 1

    def test_of_many_at_once_one_is_promoted(self, ledger: Ledger) -> None:
        def attempt(number: int) -> bool:
            try:
                judge(ledger, str(number), None)
            except FlowError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(attempt, range(8)))
        assert sum(won) == 1
        assert ledger.broken_link("p") is None

    def test_a_decision_and_its_order_are_written_together_and_once(self, ledger: Ledger) -> None:
        assert ledger.decide(a_decision(), an_order())
        assert not ledger.decide(a_decision(), an_order("k2"))
        assert [row.idempotency_key for row in ledger.outbox("p")] == ["k1"]

    def test_an_order_that_was_sent_waits_no_longer(self, ledger: Ledger) -> None:
        ledger.decide(a_decision(), an_order())
        ledger.mark_sent("k1", at=T0, receipt="flow run 7")
        ledger.mark_sent("k1", at=T0 + timedelta(days=1), receipt="another")
        assert ledger.outbox("p") == []
        (row,) = ledger.outbox("p", pending=False)
        assert (row.receipt, row.sent_at) == ("flow run 7", T0)

    def test_a_changed_verdict_breaks_the_chain(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        judge(ledger, "2", "1")
        with ledger._engine.begin() as connection:
            connection.execute(
                update(PROMOTIONS).where(PROMOTIONS.c.sequence == 1).values(reason="forged")
            )
        assert ledger.broken_link("p") == 1


class TestOnSQLite(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", lock_directory=tmp_path)
        yield ledger
        ledger.close()


@pytest.mark.services
class TestOnPostgreSQL(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        server = "postgresql+psycopg://root@127.0.0.1:5432"
        name = f"ledger_{uuid.uuid4().hex[:8]}"
        admin = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        try:
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
        except Exception as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PostgreSQL is not running: {error}")
        ledger = open_ledger(f"{server}/{name}", lock_directory=tmp_path)
        yield ledger
        ledger.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}"))
        admin.dispose()


def test_an_unreachable_ledger_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(FlowError) as refusal:
        open_ledger("postgresql+psycopg://ann:secret@127.0.0.1:1/x", lock_directory=tmp_path)
    assert "PERENNIAL_LEDGER_URL" in str(refusal.value)
    assert "secret" not in str(refusal.value)
