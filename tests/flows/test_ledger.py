"""The ledger: what every database behind it promises."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from flows.errors import FlowError
from flows.state import (
    DecisionRow,
    Ledger,
    OutboxRow,
    Promotion,
    RunRow,
    challengers_of,
    open_ledger,
    standing_of,
)
from flows.state.tables import PROMOTIONS
from flows.steps.judging import Rivalry, rivalry_of
from tests.models.postgres import scratch_database

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


def judge(ledger: Ledger, version: str, expected: str | None, **changes: object) -> Promotion:
    values: dict[str, object] = {
        "action": "promote",
        "version": version,
        "expected_champion": expected,
        "run_id": f"run of {version}",
        "reason": "better",
        "at": T0,
    }
    return ledger.judge("p", **(values | changes))  # type: ignore[arg-type]


def settle(ledger: Ledger, version: str, *, approve: bool, run_id: str = "a person") -> Promotion:
    return ledger.settle("p", version=version, approve=approve, run_id=run_id, reason="well", at=T0)


def roll_back(ledger: Ledger, to: str | None = None, run_id: str = "r1") -> Promotion:
    return ledger.roll_back("p", to=to, run_id=run_id, reason="complaints", at=T0)


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

    def test_an_earlier_champion_serves_again(self, ledger: Ledger) -> None:
        for version, before in (("1", None), ("2", "1"), ("4", "2")):
            judge(ledger, version, before)
        row = roll_back(ledger)
        assert (row.sequence, row.action, row.champion) == (4, "rollback", "2")
        assert ledger.champion("p") == "2"
        assert roll_back(ledger, "1", "r2").champion == "1"
        assert roll_back(ledger, None, "r3").champion == "2"  # what served before, not the oldest
        assert ledger.broken_link("p") is None

    @pytest.mark.parametrize(
        ("promoted", "to", "words"),
        [
            ((), None, "Nothing serves yet"),
            (("1",), None, "first one that serves"),
            (("1", "2"), "2", "serves already"),
            (("1", "2"), "9", "served before \\(1\\), got 9"),
        ],
    )
    def test_only_what_has_served_may_serve_again(
        self, ledger: Ledger, promoted: tuple[str, ...], to: str | None, words: str
    ) -> None:
        for version, before in zip(promoted, (None, *promoted), strict=False):
            judge(ledger, version, before)
        judge(ledger, "9", promoted[-1] if promoted else None, action="reject")
        with pytest.raises(FlowError, match=words):
            roll_back(ledger, to)
        assert len(ledger.promotions("p")) == len(promoted) + 1

    def test_nothing_is_judged_on_a_record_that_was_changed(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        judge(ledger, "2", "1")
        with ledger._engine.begin() as connection:
            connection.execute(
                update(PROMOTIONS).where(PROMOTIONS.c.sequence == 1).values(reason="worse")
            )
        with pytest.raises(FlowError, match="changed at verdict 1"):
            judge(ledger, "3", "2")
        assert ledger.champion("p") == "2"

    def test_a_verdict_that_is_gone_is_missed(self, ledger: Ledger) -> None:
        for version, before in (("1", None), ("2", "1"), ("3", "2")):
            judge(ledger, version, before)
        with ledger._engine.begin() as connection:
            connection.execute(delete(PROMOTIONS).where(PROMOTIONS.c.sequence == 2))
        assert ledger.broken_link("p") == 3

    def test_a_version_that_waits_serves_once_a_person_approves(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        row = judge(ledger, "2", "1", action="await")
        assert (row.champion, ledger.champion("p")) == ("1", "1")
        assert standing_of(ledger.promotions("p")).waiting == ("2",)
        judge(ledger, "3", "1", action="reject")
        row = settle(ledger, "2", approve=True)
        assert (row.sequence, row.action, row.champion) == (4, "promote", "2")
        assert ledger.champion("p") == "2"
        assert standing_of(ledger.promotions("p")).waiting == ()
        assert ledger.broken_link("p") is None

    def test_a_version_that_was_turned_down_waits_no_longer(self, ledger: Ledger) -> None:
        judge(ledger, "1", None, action="await")
        assert ledger.champion("p") is None
        settle(ledger, "1", approve=False)
        assert ledger.champion("p") is None
        assert standing_of(ledger.promotions("p")).waiting == ()
        with pytest.raises(FlowError, match=r"\(none does\), got 1; the last verdict .* reject"):
            settle(ledger, "1", approve=True, run_id="again")

    def test_nothing_is_approved_over_a_champion_it_was_not_judged_by(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        judge(ledger, "2", "1", action="await")
        judge(ledger, "3", "1")
        with pytest.raises(FlowError, match=r"against champion 1, but 3 serves now.*perennial run"):
            settle(ledger, "2", approve=True)
        assert ledger.champion("p") == "3"
        assert standing_of(ledger.promotions("p")).waiting == ()
        assert settle(ledger, "2", approve=False).champion == "3"
        roll_back(ledger)
        judge(ledger, "4", "1", action="await")
        assert settle(ledger, "4", approve=True, run_id="again").champion == "4"

    @pytest.mark.parametrize("version", ["1", "2", "9"])
    def test_only_what_waits_can_be_settled(self, ledger: Ledger, version: str) -> None:
        judge(ledger, "1", None)
        judge(ledger, "2", "1", action="reject")
        judge(ledger, "3", "1", action="await")
        for approve in (True, False):
            with pytest.raises(FlowError, match=rf"waits for approval \(3\), got {version}"):
                settle(ledger, version, approve=approve)
        assert len(ledger.promotions("p")) == 3

    def test_of_two_words_at_once_one_holds(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        judge(ledger, "2", "1", action="await")

        def attempt(number: int) -> bool:
            try:
                settle(ledger, "2", approve=number % 2 == 0, run_id=f"word {number}")
            except FlowError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(attempt, range(8))) == 1
        assert len(ledger.promotions("p")) == 3
        assert ledger.broken_link("p") is None

    def test_nobody_is_approved_on_a_record_that_was_changed(self, ledger: Ledger) -> None:
        judge(ledger, "1", None, action="await")
        with ledger._engine.begin() as connection:
            connection.execute(update(PROMOTIONS).values(version="2"))
        with pytest.raises(FlowError, match="changed at verdict 1"):
            settle(ledger, "2", approve=True)

    def test_challengers_of_a_champion_are_counted_over_all_its_reigns(
        self, ledger: Ledger
    ) -> None:
        judge(ledger, "1", None)
        judge(ledger, "2", "1", action="reject")
        judge(ledger, "3", "1", action="await")
        settle(ledger, "3", approve=False)
        judge(ledger, "4", "1")
        judge(ledger, "5", "4", action="reject")
        roll_back(ledger)
        judge(ledger, "6", "1", action="reject")
        history = ledger.promotions("p")
        assert challengers_of(history, None) == ("1",)
        assert challengers_of(history, "1") == ("2", "3", "4", "6")
        assert challengers_of(history, "4") == ("5",)
        assert rivalry_of(history, "new") == Rivalry(champion="1", attempt=5)
        # A run that was killed after its verdict is judged as it was then.
        assert rivalry_of(history, "run of 4") == Rivalry(champion="1", attempt=3)

    def test_a_run_that_asks_again_gets_the_verdict_it_has(self, ledger: Ledger) -> None:
        judge(ledger, "1", None)
        first = judge(ledger, "2", "1")
        assert judge(ledger, "2", "1", action="reject") == first
        assert judge(ledger, "2", "2", action="await") == first
        assert len(ledger.promotions("p")) == 2

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
        with scratch_database() as url:
            driven = url.replace("://", "+psycopg://")
            ledger = open_ledger(driven, lock_directory=tmp_path)
            yield ledger
            ledger.close()


def test_an_unreachable_ledger_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(FlowError) as refusal:
        open_ledger("postgresql+psycopg://ann:secret@127.0.0.1:1/x", lock_directory=tmp_path)
    assert "PERENNIAL_LEDGER_URL" in str(refusal.value)
    assert "secret" not in str(refusal.value)
