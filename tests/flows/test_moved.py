"""A state directory that was copied elsewhere, and whose first place is gone, goes on."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import delete

from flows.explain import explain_row
from flows.integrity import verify_version
from flows.lineage import Tracer
from flows.retrain import retrain_project
from flows.score import score_project
from flows.settings import Settings
from flows.state.tables import STAGES
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, open_workspace
from tests.flows.conftest import NOW, Listener, copy_project

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def moved(trained: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Give a copy of the trained project while the first one cannot be reached."""
    copy_project(trained, tmp_path / "elsewhere")
    hidden = trained.rename(trained.with_name("hidden"))
    opened = open_workspace(tmp_path / "elsewhere", Settings(orchestrator="none"))
    try:
        yield opened
    finally:
        opened.ledger.close()
        hidden.rename(trained)


def named_in(database: Path, place: Path) -> list[str]:
    """Give the columns of a database that name a place."""
    with sqlite3.connect(database) as opened:
        tables = [name for (name,) in opened.execute("SELECT name FROM sqlite_master")]
        columns = [
            (table, column[1])
            for table in tables
            for column in opened.execute(f"PRAGMA table_info({table})")
        ]
        return [
            f"{table}.{column}"
            for table, column in columns
            if opened.execute(
                f"SELECT count(*) FROM {table} WHERE instr(CAST({column} AS TEXT), ?)",
                (str(place),),
            ).fetchone()[0]
        ]


def test_what_was_moved_serves_explains_traces_and_goes_on(
    moved: Workspace, trained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="perennial"):
        tracker = open_project_tracker(moved)
    (line,) = [each.getMessage() for each in caplog.records if each.name == "perennial"]
    assert str(trained) in line
    assert str(moved.state) in line
    version = tracker.get_version_by_alias("shop", "champion")
    assert version is not None
    assert tracker.fetch_version(version, moved.folder / "fetched").is_dir()
    assert named_in(moved.path("mlflow", "mlflow.db"), trained) == []
    assert named_in(moved.path("ledger.db"), trained) == []
    caplog.clear()
    open_project_tracker(moved)
    assert not [each for each in caplog.records if each.name == "perennial"]

    later = NOW + pd.Timedelta(days=14)
    score_project(moved, Listener(), at=later)
    (batch,) = moved.ledger.batches("shop")
    written = pd.read_parquet(moved.state / batch.path)
    told = explain_row(moved, Listener(), row=str(written["customer_id"].iloc[0]))
    assert told.recorded is not None
    assert told.recorded.same_features
    assert verify_version(moved, Tracer(moved).version("1")).findings == ()

    outcome = retrain_project(moved, Listener(), now=later)
    assert outcome["version"]["version"] == "2"
    assert Path(outcome["version"]["card"]).is_relative_to(moved.state)
    assert outcome["search"]["n_warm"] > 0
    assert named_in(moved.path("ledger.db"), moved.folder) == []


def test_a_run_that_was_cut_off_goes_on_where_its_state_is_now(
    moved: Workspace, listener: Listener
) -> None:
    (row,) = moved.ledger.runs("shop", "retrain")
    with moved.ledger._engine.begin() as connection:
        connection.execute(delete(STAGES).where(STAGES.c.stage.in_(("holdout", "gates", "online"))))
    moved.ledger.reopen_run(row.run_id)
    retrain_project(moved, listener, now=NOW)
    assert "search" in listener.reused
    assert {"holdout", "gates"} <= set(listener.done)
