"""A storm of alarms: the loop retrains as often as its budget allows, and never more.

    python -m benchmarks.monitoring.storm [--events 10000] [--days 90] [--cooldown 0] [--kills 20]

Every event is a look of the monitor at a window that is as alarming as can be. Evidence, decision,
ledger, outbox and dispatchers are the product's; the runs are taken by a table that, like Prefect's
server, begins a run for a key that it does not know. Two dispatchers work beside the storm; they
are killed with SIGKILL and begun again. In the end each decision to retrain has exactly one run.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sqlite3
import tempfile
import time
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from flows.dispatch import dispatch_project
from flows.measurement import BUDGET_DAYS, retrains_before
from flows.narration import Silent
from flows.state import DecisionRow, OutboxRow, open_ledger
from monitoring.decision import PastDecision, decide
from monitoring.drift import measure_drift
from monitoring.evidence import Evidence
from monitoring.performance import measure_performance
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.windows import Window

START = pd.Timestamp("2026-01-01")


def open_project(folder: Path) -> Any:
    """Open as much of a project as decisions and dispatchers need, on a real ledger."""
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", lock_directory=folder)
    return SimpleNamespace(name="storm", ledger=ledger, path=lambda *p: folder.joinpath(*p))


def alarming_evidence() -> Evidence:
    """Measure a window whose labels say the opposite of what they said."""
    rng = np.random.default_rng(0)

    def window(name: str, sign: float) -> Window:
        a = rng.normal(size=400)
        return Window(
            features=pd.DataFrame({"a": a}),
            scores=1 / (1 + np.exp(-2 * a)),
            labels=(sign * a + rng.normal(size=400) > 0).astype(float),
            cutoff_time=(START + pd.to_timedelta(np.arange(400), unit="h")).to_numpy("M8[us]"),
            name=name,
        )

    reference, current = window("reference", 1.0), window("current", -1.0)
    return Evidence(
        drift=measure_drift(
            reference,
            current,
            policy=DriftPolicy(max_evidently_columns=0),
            importance={"a": 1.0},
        ),
        performance=measure_performance(
            reference,
            current,
            metric=lambda y, p: float(np.mean((p > 0.5) == y)),
            greater_is_better=True,
            metric_name="accuracy",
            seed=0,
        ),
    )


def look(workspace: Any, evidence: Evidence, now: pd.Timestamp, policy: DecisionPolicy) -> str:
    """Decide on an event, and write decision and order."""
    asked_for = retrains_before(workspace, now)
    month_ago = now - pd.Timedelta(days=BUDGET_DAYS)
    past = workspace.ledger.decisions(workspace.name, newest=policy.of_windows)
    decision = decide(
        evidence,
        [PastDecision(decided_at=row.decided_at, alarming=True) for row in past],
        policy=policy,
        now=now.to_pydatetime(),
        last_retrain=max(asked_for, default=None),
        n_retrains=sum(pd.Timestamp(moment) > month_ago for moment in asked_for),
    )
    name = f"{now:%Y%m%d%H%M%S%f}"
    row = DecisionRow(
        decision_id=name,
        project=workspace.name,
        version="1",
        window_start=now.to_pydatetime() - timedelta(days=7),
        window_end=now.to_pydatetime(),
        kind=type(decision).__name__,  # type: ignore[arg-type]
        reason=decision.reason,
        evidence={},
        decided_at=now.to_pydatetime(),
    )
    order = OutboxRow(
        idempotency_key=name,
        project=workspace.name,
        decision_id=name,
        deployment="retrain/storm",
        parameters={"now": now.isoformat()},
        reason=decision.reason,
        written_at=now.to_pydatetime(),
    )
    workspace.ledger.decide(row, order if row.kind == "Retrain" else None)
    return row.kind


def take(folder: Path, key: str) -> str:
    """Begin a run for a key that is not known."""
    with sqlite3.connect(folder / "runs.db", timeout=60) as runs:
        runs.execute("CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY)")
        runs.execute("CREATE TABLE IF NOT EXISTS delivered (key TEXT)")
        runs.execute("INSERT INTO delivered VALUES (?)", (key,))
        runs.execute("INSERT OR IGNORE INTO runs VALUES (?)", (key,))
    return f"run {key}"


def dispatch_forever(folder: str, deadly: bool) -> None:
    """Dispatch again and again; a deadly dispatcher is killed between delivery and receipt."""
    workspace = open_project(Path(folder))
    lot = random.Random(os.getpid())

    def send(_workspace: Any, row: OutboxRow) -> str:
        receipt = take(Path(folder), row.idempotency_key)
        if deadly and lot.random() < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return receipt

    while True:
        dispatch_project(workspace, Silent(), send=send)  # type: ignore[arg-type]
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--days", type=float, default=90)
    parser.add_argument("--cooldown", type=float, default=0.0, help="Days.")
    parser.add_argument("--kills", type=int, default=20, help="Dispatchers killed at most.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(asked, Path(name))


def run(asked: argparse.Namespace, folder: Path) -> None:
    """Let the storm blow and count."""
    policy = DecisionPolicy(cooldown_days=asked.cooldown)
    workspace, evidence = open_project(folder), alarming_evidence()
    fork = multiprocessing.get_context("fork")

    def begin(deadly: bool) -> BaseProcess:
        process = fork.Process(target=dispatch_forever, args=(str(folder), deadly), daemon=True)
        process.start()
        return process

    dispatchers, n_kills = [begin(True), begin(True)], 0
    started = time.process_time()
    moments = pd.date_range(START, START + pd.Timedelta(days=asked.days), periods=asked.events)
    kinds = []
    for moment in moments:
        kinds.append(look(workspace, evidence, moment.floor("us"), policy))
        for place, process in enumerate(dispatchers):
            if not process.is_alive():
                n_kills += 1
                dispatchers[place] = begin(n_kills < asked.kills)
    seconds = time.process_time() - started
    for process in dispatchers:
        process.kill()
        process.join()
    dispatch_project(workspace, Silent(), send=lambda _, row: take(folder, row.idempotency_key))  # type: ignore[arg-type]
    _report(workspace, folder, kinds, policy, n_kills=n_kills, seconds=seconds)
    workspace.ledger.close()


def _report(
    workspace: Any,
    folder: Path,
    kinds: list[str],
    policy: DecisionPolicy,
    *,
    n_kills: int,
    seconds: float,
) -> None:
    with sqlite3.connect(folder / "runs.db") as runs:
        begun = sorted(key for (key,) in runs.execute("SELECT key FROM runs"))
        (n_delivered,) = runs.execute("SELECT count(*) FROM delivered").fetchone()
    orders = workspace.ledger.outbox(workspace.name, pending=False)
    moments = pd.Series(sorted(pd.Timestamp(order.written_at) for order in orders))
    most = max(
        ((moments > moment - pd.Timedelta(days=BUDGET_DAYS)) & (moments <= moment)).sum()
        for moment in moments
    )
    print(
        "| events | decisions to retrain | most in 30 days | allowed | runs | delivered "
        "| dispatchers killed | waiting | one run each | CPU ms per event |"
    )
    print("|---" * 10 + "|")
    is_one = begun == sorted(order.idempotency_key for order in orders)
    print(
        f"| {len(kinds):,} | {kinds.count('Retrain')} | {most} | {policy.max_retrains} | "
        f"{len(begun)} | {n_delivered} | {n_kills} | {len(workspace.ledger.outbox('storm'))} | "
        f"{'yes' if is_one else 'NO'} | {1_000 * seconds / len(kinds):.1f} |"
    )


if __name__ == "__main__":
    main()
