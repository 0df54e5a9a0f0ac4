"""Dispatch: exactly one run per decision, with several dispatchers, kills, and nobody there."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployments import _send_to_server
from flows.dispatch import dispatch_project
from flows.errors import DeliveryError
from flows.retrain import retrain_project
from flows.runs import AlreadyDone, finish, running
from flows.state import OutboxRow, open_ledger
from tests.flows.conftest import Listener
from tests.flows.test_ledger import T0, a_decision

NOW = pd.Timestamp("2026-01-05")


def open_workspace(folder: Path) -> SimpleNamespace:
    """Give as much of a workspace as dispatching needs, on a real ledger."""
    return SimpleNamespace(
        name="p",
        state=folder,
        ledger=open_ledger(f"sqlite:///{folder / 'ledger.db'}", lock_directory=folder),
        path=lambda *parts: folder.joinpath(*parts),
        project=SimpleNamespace(fingerprint="spec", monitoring=SimpleNamespace(webhook=None)),
        settings=SimpleNamespace(prefect_api_url="http://127.0.0.1:1/api"),
    )


@pytest.fixture
def workspace(tmp_path):
    opened = open_workspace(tmp_path)
    yield opened
    opened.ledger.close()


def ask_for(workspace, n):
    for number in range(n):
        decision = a_decision(f"d{number}")
        order = OutboxRow(
            idempotency_key=f"k{number:03d}",
            project="p",
            decision_id=decision.decision_id,
            deployment="retrain/p",
            parameters={"now": NOW.isoformat()},
            reason="it drifted",
            written_at=T0,
        )
        assert workspace.ledger.decide(decision, order)
        assert not workspace.ledger.decide(decision, order)


class Runner:
    """Takes orders as Prefect's server does: a key that it knows changes nothing.

    Every delivery is on record, the runs begun are a table with the key as primary key.
    """

    def __init__(self, folder: Path, *, dies_after: float | None = None) -> None:
        self.path = folder / "runner.db"
        self.dies_after = dies_after
        with self._open() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS delivered (key TEXT)")
            connection.execute("CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY)")

    def __call__(self, workspace, row) -> str:
        time.sleep(0.002)
        with self._open() as connection:
            connection.execute("INSERT INTO delivered VALUES (?)", (row.idempotency_key,))
            connection.execute("INSERT OR IGNORE INTO runs VALUES (?)", (row.idempotency_key,))
        if self.dies_after is not None and time.monotonic() > self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return f"run {row.idempotency_key}"

    def keys(self, table: str) -> list[str]:
        with self._open() as connection:
            return [key for (key,) in connection.execute(f"SELECT key FROM {table}")]

    def _open(self):
        return sqlite3.connect(self.path, timeout=60)


def _dispatch_and_die(folder: str, life: float) -> None:
    workspace = open_workspace(Path(folder))
    runner = Runner(Path(folder), dies_after=time.monotonic() + life)
    dispatch_project(workspace, Listener(), send=runner)


def test_dispatchers_that_are_killed_and_followed_by_others_lose_and_double_nothing(
    workspace, tmp_path
):
    ask_for(workspace, 60)
    fork = multiprocessing.get_context("fork")
    killed = 0
    for life in (0.01, 0.03, 0.05, 0.02):
        pair = [fork.Process(target=_dispatch_and_die, args=(str(tmp_path), life)) for _ in "ab"]
        for process in pair:
            process.start()
        for process in pair:
            process.join(60)
        killed += sum(process.exitcode == -signal.SIGKILL for process in pair)
    runner = Runner(tmp_path)
    dispatch_project(workspace, Listener(), send=runner)
    assert killed >= 3
    assert workspace.ledger.outbox("p") == []
    keys = sorted(row.idempotency_key for row in workspace.ledger.outbox("p", pending=False))
    assert sorted(runner.keys("runs")) == keys
    assert len(keys) == 60
    # What was delivered twice is what a dispatcher was killed on.
    assert 0 < len(runner.keys("delivered")) - 60 <= killed


def test_of_two_dispatchers_at_once_the_second_leaves_all_to_the_first(workspace, tmp_path):
    ask_for(workspace, 3)
    began, may_end = threading.Event(), threading.Event()

    def slowly(_workspace, row):
        began.set()
        assert may_end.wait(30)
        return f"run {row.idempotency_key}"

    first = threading.Thread(target=dispatch_project, args=(workspace, Listener()), kwargs={
        "send": slowly,
    })  # fmt: skip
    first.start()
    assert began.wait(30)
    other, listener = open_workspace(tmp_path), Listener()
    found = dispatch_project(other, listener, send=lambda w, row: pytest.fail("sent twice"))
    other.ledger.close()
    may_end.set()
    first.join(30)
    assert found == {"sent": {}, "waiting": ["k000", "k001", "k002"]}
    assert listener.said == ["Another dispatcher is at work; what waits is left to it."]
    assert workspace.ledger.outbox("p") == []


def test_what_nobody_takes_waits_and_holds_up_nothing_else(workspace):
    ask_for(workspace, 3)

    def picky(_workspace, row):
        if row.idempotency_key == "k001":
            raise DeliveryError("nobody is there")
        return "taken"

    listener = Listener()
    found = dispatch_project(workspace, listener, send=picky)
    assert sorted(found["sent"]) == ["k000", "k002"]
    assert found["waiting"] == ["k001"]
    assert listener.said == ["k001 waits for the next dispatch: nobody is there"]
    assert dispatch_project(workspace, Listener(), send=lambda w, r: "late")["waiting"] == []


def test_a_server_that_is_down_is_told_and_the_order_waits(workspace):
    ask_for(workspace, 1)
    listener = Listener()
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        found = dispatch_project(workspace, listener, send=_send_to_server)
    assert found == {"sent": {}, "waiting": ["k000"]}
    assert "Prefect's server at http://127.0.0.1:1/api" in listener.said[0]
    (row,) = workspace.ledger.outbox("p")
    assert row.sent_at is None


def test_a_trigger_that_ran_while_one_waited_for_the_lock_does_not_run_again(workspace):
    """Both saw that it had not run; the second gets its turn only when the first is done."""
    with running(workspace, "retrain", now=NOW, narrator=Listener(), trigger="k") as run:
        finish(run, {"run_id": run.row.run_id})
    with (
        pytest.raises(AlreadyDone) as found,
        running(workspace, "retrain", now=NOW, narrator=Listener(), trigger="k"),
    ):
        pytest.fail("it ran again")
    assert found.value.row.run_id == run.row.run_id
    listener = Listener()
    outcome = retrain_project(workspace, listener, now=NOW, trigger="k")
    assert outcome == {"run_id": run.row.run_id}
    assert len(workspace.ledger.runs("p", "retrain")) == 1
    assert "has run already" in listener.said[0]
