"""The loop on a small shop: real tables, real Feast, MLflow and Evidently, in a temporary place."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import FeatureError
from flows import warmth
from flows.dispatch import dispatch_project
from flows.errors import FlowError
from flows.monitor import monitor_project
from flows.retrain import retrain_project
from flows.score import score_project
from flows.settings import Settings
from flows.state import DecisionRow, OutboxRow
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, open_workspace
from tests.flows.conftest import NOW, Listener
from tests.flows.shop import SPEC

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]

WEEK = pd.Timedelta(days=7)


def plain(folder: Path) -> Workspace:
    return open_workspace(folder, Settings(orchestrator="none"))


class TestRetrain:
    def test_a_first_champion_serves_with_its_lineage(self, workspace: Workspace) -> None:
        assert workspace.ledger.champion("shop") == "1"
        tracker = open_project_tracker(workspace)
        version = tracker.get_version_by_alias("shop", "champion")
        assert version is not None
        assert version.version == 1
        outcome = workspace.ledger.runs("shop", "retrain")[0].outcome
        assert outcome is not None
        assert version.tags["perennial.snapshot"] == outcome["snapshot"]["snapshot_id"]
        assert version.tags["feast.feature_service"] == outcome["store"]["service"]
        assert version.tags["validation_status"] == "approved"
        assert "roc_auc" in version.description

    def test_the_past_of_the_customer_is_worth_something(self, workspace: Workspace) -> None:
        outcome = workspace.ledger.runs("shop", "retrain")[0].outcome
        assert outcome is not None
        assert outcome["holdout"]["low"] > 0.6
        assert outcome["plan"]["by_table"]["orders"] > 5

    def test_no_training_row_was_unknown_at_now(self, workspace: Workspace) -> None:
        outcome = workspace.ledger.runs("shop", "retrain")[0].outcome
        assert outcome is not None
        rows = pd.read_parquet(outcome["labels"]["path"])
        assert (rows["label_time"] <= NOW).all()
        assert outcome["labels"]["n_pending"] > 0

    def test_the_same_trigger_is_not_run_twice(self, workspace: Workspace) -> None:
        first = retrain_project(workspace, Listener(), now=NOW + WEEK, trigger="k")
        second = retrain_project(workspace, Listener(), now=NOW + WEEK, trigger="k")
        assert first["run_id"] == second["run_id"]
        assert len(workspace.ledger.runs("shop", "retrain")) == 2
        assert first["search"]["n_warm"] > 0

    def test_the_same_data_and_seed_give_the_same_leaderboard(
        self, workspace: Workspace, tmp_path: Path
    ) -> None:
        before = workspace.ledger.runs("shop", "retrain")[0].outcome
        assert before is not None
        again = plain(_copy_of_sources(workspace.folder, tmp_path / "again"))
        outcome = retrain_project(again, Listener(), now=NOW)
        again.ledger.close()
        boards = [
            json.loads((Path(o["search"]["directory"]) / "leaderboard.json").read_text())
            for o in (before, outcome)
        ]
        kept = [[(t["number"], t["candidate"], t["score"]) for t in board] for board in boards]
        assert kept[0] == kept[1]

    # Killed within the search: the next test.
    @pytest.mark.parametrize("stage", ["snapshot", "version"])
    def test_killed_after_a_stage_it_goes_on_and_ends_the_same(
        self, shop: Path, trained: Path, stage: str
    ) -> None:
        _run_until(shop, stage)
        workspace, listener = plain(shop), Listener()
        before = workspace.ledger.runs("shop", "retrain")[0]
        assert before.status == "running"
        # What a search begins from is written on its way, and told to nobody.
        finished = [s for s in workspace.ledger.stages(before.run_id) if s != warmth.STAGE]
        outcome = retrain_project(workspace, listener)
        assert listener.reused == finished
        assert stage in finished
        assert outcome["run_id"] == before.run_id
        assert workspace.ledger.champion("shop") == "1"
        assert len(open_project_tracker(workspace).list_versions("shop")) == 1
        undisturbed = plain(trained).ledger.runs("shop", "retrain")[0].outcome
        assert undisturbed is not None
        for name in ("weights", "ensemble_score", "candidates"):
            assert outcome["search"][name] == undisturbed["search"][name]
        assert outcome["holdout"]["value"] == undisturbed["holdout"]["value"]
        workspace.ledger.close()

    def test_killed_within_the_search_no_finished_trial_is_redone(self, shop: Path) -> None:
        process = _start(shop)
        trials = shop / ".perennial" / "searches"
        _wait_for(lambda: _n_done(trials) >= 2 or process.poll() is not None)
        process.kill()
        process.wait()
        workspace, listener = plain(shop), Listener()
        outcome = retrain_project(workspace, listener)
        assert outcome["search"]["n_resumed"] >= 2
        assert outcome["search"]["n_trials"] == 5
        workspace.ledger.close()

    # SIGINT comes to `perennial up` in test_up, and to searches in tests/models/test_search.
    def test_stopped_politely_it_leaves_no_process_and_can_go_on(self, shop: Path) -> None:
        process = _start(shop, orchestrator="prefect")
        trials = shop / ".perennial" / "searches"
        _wait_for(lambda: list(trials.rglob("oof/*")) or process.poll() is not None)
        assert process.poll() is None, (shop / "run.log").read_text()
        assert _processes_of(shop) > {process.pid}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        _wait_for(lambda: not _processes_of(shop), 20)
        assert was_left(shop, "interrupted", after="matrix")


def _n_done(searches: Path) -> int:
    """Count the trials that ledgers of searches call done."""
    n_done = 0
    for path in searches.rglob("trials.sqlite"):
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            if connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'search_trials'"
            ).fetchone():
                found = connection.execute(
                    "SELECT count(*) FROM search_trials WHERE state = 'done'"
                )
                n_done += found.fetchone()[0]
    return n_done


class TestScore:
    def test_what_is_due_is_scored_once(self, workspace: Workspace) -> None:
        at = NOW + 2 * WEEK
        outcome = score_project(workspace, Listener(), at=at)
        frame = pd.read_parquet(outcome["path"])
        assert len(frame) == outcome["n_rows"] == 240
        assert frame["prediction_id"].is_unique
        assert frame["prediction"].between(0, 1).all()
        assert (frame["cutoff_time"] > NOW).all()
        assert (frame["cutoff_time"] <= at).all()
        assert score_project(workspace, Listener(), at=at)["n_rows"] == 0

    def test_asked_rows_are_scored_alike(self, workspace: Workspace) -> None:
        at = NOW + WEEK
        due = pd.read_parquet(score_project(workspace, Listener(), at=at)["path"])
        asked = due.iloc[:7][["customer_id", "cutoff_time"]]
        asked.to_csv(workspace.folder / "asked.csv", index=False)
        path = str(workspace.folder / "asked.csv")
        scored = pd.read_parquet(score_project(workspace, Listener(), at=at, rows=path)["path"])
        np.testing.assert_allclose(scored["prediction"], due["prediction"].iloc[:7], rtol=1e-12)
        np.testing.assert_array_equal(scored["feature_hash"], due["feature_hash"].iloc[:7])

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("customer_id\n1\n", "missing cutoff_time"),
            ("customer_id,cutoff_time\n", "expected rows to score"),
            ("customer_id,cutoff_time\n1,2031-01-01\n", "lie after"),
            ("customer_id,cutoff_time\n1,yesterday\n", "expected moments"),
            ("customer_id,cutoff_time\n99999,2024-05-21\n", "99999"),
        ],
    )
    def test_a_wrong_file_is_refused_and_nothing_is_written(
        self, workspace: Workspace, content: str, words: str
    ) -> None:
        path = workspace.folder / "asked.csv"
        path.write_text(content)
        with pytest.raises((FlowError, FeatureError), match=words):
            score_project(workspace, Listener(), at=NOW + WEEK, rows=str(path))
        assert workspace.ledger.batches("shop") == []
        assert not workspace.path("predictions").exists()

    def test_without_a_champion_it_says_what_to_do(self, shop: Path) -> None:
        workspace = plain(shop)
        with pytest.raises(FlowError, match="perennial run"):
            score_project(workspace, Listener(), at=NOW)
        workspace.ledger.close()


class TestMonitor:
    def test_a_quiet_window_keeps_and_leaves_a_report(self, workspace: Workspace) -> None:
        at = NOW + 2 * WEEK
        score_project(workspace, Listener(), at=at)
        outcome = monitor_project(workspace, Listener(), now=at)
        assert outcome["kind"] in ("Keep", "Wait")
        assert outcome["n_rows"] == 240
        assert "<html" in Path(outcome["report"]).read_text()[:2000].lower()
        (decision,) = workspace.ledger.decisions("shop")
        assert decision.evidence["evidence"]["drift"]["n_current"] == 240
        assert workspace.ledger.outbox("shop") == []

    def test_too_few_rows_wait(self, workspace: Workspace) -> None:
        outcome = monitor_project(workspace, Listener(), now=NOW + WEEK)
        assert outcome["kind"] == "Wait"
        assert outcome["n_rows"] == 0


class TestDispatch:
    def test_a_decision_becomes_exactly_one_retrain(self, workspace: Workspace) -> None:
        decision, order = _decision(workspace)
        assert workspace.ledger.decide(decision, order)
        first = dispatch_project(workspace, Listener())
        again = dispatch_project(workspace, Listener())
        assert list(first["sent"]) == [order.idempotency_key]
        assert again["sent"] == {}
        runs = workspace.ledger.runs("shop", "retrain")
        assert [run.trigger for run in runs].count(order.idempotency_key) == 1

    def test_an_order_taken_but_not_marked_runs_no_second_time(self, workspace: Workspace) -> None:
        decision, order = _decision(workspace)
        workspace.ledger.decide(decision, order)
        retrain_project(
            workspace, Listener(), now=NOW + WEEK, reason="it", trigger=order.idempotency_key
        )
        n_runs = len(workspace.ledger.runs("shop", "retrain"))
        dispatch_project(workspace, Listener())
        assert len(workspace.ledger.runs("shop", "retrain")) == n_runs
        assert workspace.ledger.outbox("shop") == []


class TestBadInput:
    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda f: _append(f, "customers", "1,north,30,2023-01-01"), "1"),
            (lambda f: _append(f, "customers", ",north,30,2023-01-01"), "customer_id"),
            (lambda f: _spec(f, "time: ordered_at", "time: orderd_at"), "ordered_at"),
            (lambda f: _spec(f, "task: binary", "task: regression"), "label"),
            (lambda f: _spec(f, "FROM customers\n", "FROM custmers\n"), "customers"),
            (lambda f: _spec(f, "count(order_id) > 0", "true"), "class"),
            (lambda f: (f / "data" / "orders.csv").write_text("order_id\n"), "orders"),
            (lambda f: (f / "data" / "orders.csv").unlink(), "orders"),
            (lambda f: _append(f, "orders", "99999,1,not a time,3,2024-01-02,2"), "ordered_at"),
        ],
    )
    def test_one_clear_error_and_the_champion_keeps_serving(
        self, workspace: Workspace, damage: object, words: str
    ) -> None:
        damage(workspace.folder)  # type: ignore[operator]
        before = _state(workspace)
        damaged = plain(workspace.folder)
        with pytest.raises((FlowError, FeatureError)) as refusal:
            retrain_project(damaged, Listener(), now=NOW + WEEK)
        damaged.ledger.close()
        assert words in str(refusal.value)
        assert _state(workspace) == before


def _state(workspace: Workspace) -> object:
    """What must not change when a run is refused."""
    half_written = [path for path in workspace.state.rglob("*") if ".tmp" in path.suffixes]
    return (
        workspace.ledger.promotions("shop"),
        half_written,
        sorted(path.name for path in workspace.path("versions").iterdir()),
        sorted(path.name for path in workspace.path("plans").iterdir()),
    )


def _append(folder: Path, table: str, line: str) -> None:
    with (folder / "data" / f"{table}.csv").open("a") as file:
        file.write(line + "\n")


def _spec(folder: Path, before: str, after: str) -> None:
    assert before in SPEC
    (folder / "perennial.yaml").write_text(SPEC.replace(before, after))


def _copy_of_sources(folder: Path, target: Path) -> Path:
    (target / "data").mkdir(parents=True)
    for path in (folder / "data").iterdir():
        (target / "data" / path.name).write_bytes(path.read_bytes())
    (target / "perennial.yaml").write_bytes((folder / "perennial.yaml").read_bytes())
    return target


def _decision(workspace: Workspace) -> tuple[DecisionRow, OutboxRow]:
    moment = (NOW + WEEK).to_pydatetime()
    decision = DecisionRow(
        decision_id="d1",
        project="shop",
        version="1",
        window_start=NOW.to_pydatetime(),
        window_end=moment,
        kind="Retrain",
        reason="it drifted",
        evidence={"decision": {"alarming": True}},
        decided_at=moment,
    )
    order = OutboxRow(
        idempotency_key="shop-1-d1",
        project="shop",
        decision_id="d1",
        deployment="retrain/shop",
        parameters={"now": moment.isoformat()},
        reason="drift: it drifted",
        written_at=moment,
    )
    return decision, order


def _start(folder: Path, *, orchestrator: str = "none") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "flows.cli", "run", "--now", str(NOW), "-p", str(folder)]
    # Opening a project tells Prefect, through this process's environment, where its files are.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment |= {"PERENNIAL_ORCHESTRATOR": orchestrator, "PROJECT": str(folder)}
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _processes_of(folder: Path) -> set[int]:
    """Give every living process that was started for a folder, by the mark in its environment."""
    mark, found = f"PROJECT={folder}".encode(), set()
    for entry in Path("/proc").iterdir():
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def _run_until(folder: Path, stage: str) -> None:
    """Start a run in a process of its own and kill it as soon as a stage is finished."""
    process = _start(folder)
    workspace = plain(folder)

    def reached() -> bool:
        runs = workspace.ledger.runs("shop", "retrain")
        return bool(runs) and stage in workspace.ledger.stages(runs[0].run_id)

    _wait_for(lambda: reached() or process.poll() is not None)
    process.kill()
    process.wait()
    workspace.ledger.close()
    assert was_left(folder, "running", after=stage)


def was_left(folder: Path, status: str, *, after: str) -> bool:
    """Whether the newest retrain had ended a stage and was left in a status."""
    workspace = plain(folder)
    row = workspace.ledger.runs("shop", "retrain")[0]
    found = after in workspace.ledger.stages(row.run_id) and row.status == status
    workspace.ledger.close()
    return found


def _wait_for(condition: object, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
