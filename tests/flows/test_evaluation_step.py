"""The holdout's step: what it leaves for card and explanation, and by what it slices."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import delete

from flows import steps
from flows.runs import Run
from flows.settings import Settings
from flows.stages import Found, LabelsMade, PlanMade, SnapshotTaken
from flows.state.tables import STAGES
from flows.workspace import Workspace, open_workspace
from models.metrics import METRICS
from models.persistence import load_model, save_model
from models.serving.decision import Decision
from models.task import Problem
from tests.flows.conftest import Listener
from tests.flows.shop import SPEC


def evaluated_again(
    workspace: Workspace, spec: str, *, model: Path | None = None
) -> dict[str, Any]:
    """Judge the trained shop's ensemble, or another one, anew under another spec."""
    (workspace.folder / "perennial.yaml").write_text(spec)
    opened = open_workspace(workspace.folder, Settings(orchestrator="none"))
    with opened.ledger._engine.begin() as connection:
        connection.execute(delete(STAGES).where(STAGES.c.stage == "holdout"))
    (row,) = opened.ledger.runs("shop", "retrain")
    run = Run(workspace=opened, row=row, narrator=Listener(), resumed=True)
    done = opened.ledger.stages(row.run_id)
    # The stage names the folder of the shop that all tests share.
    own = opened.path("searches", row.run_id)
    found = replace(Found(**done["search"]), directory=str(own))
    if model is not None:
        found = replace(found, model=str(model))
    steps.evaluate(
        run,
        SnapshotTaken(**done["snapshot"]),
        LabelsMade(**done["labels"]),
        PlanMade(**done["plan"]),
        found,
    )
    opened.ledger.close()
    content: dict[str, Any] = json.loads(Path(found.directory, "evaluation.json").read_text())
    return content


def test_slices_are_those_declared_and_otherwise_by_the_most_important_columns(
    workspace: Workspace,
) -> None:
    (bundle,) = workspace.path("versions").iterdir()
    usual = json.loads((bundle / "evaluation.json").read_text())
    columns = {each["column"] for each in usual["slices"]}
    assert 1 <= len(columns) <= 3
    assert any("orders" in column for column in columns)
    assert sum(each["n_rows"] for each in usual["periods"]) == usual["n_rows"]
    drivers = json.loads((bundle / "explanation.json").read_text())
    assert drivers["sources"][0][0] == "orders"

    told = evaluated_again(workspace, SPEC + "promotion: {slices: [region]}\n")
    assert [each["column"] for each in told["slices"]] == ["region"] * 3
    assert {each["level"] for each in told["slices"]} == {"north", "south", "west"}
    assert sum(each["n_rows"] for each in told["slices"]) == told["n_rows"]
    assert told["scores"] == usual["scores"]


def test_a_metric_of_calls_is_asked_about_the_calls_of_the_model_itself(
    workspace: Workspace, tmp_path: Path
) -> None:
    (search,) = workspace.path("searches").iterdir()
    early = replace(
        load_model(search / "model"),
        problem=Problem(task="binary", metric="f1", classes=(False, True)),
        decision=Decision(threshold=0.31),
    )
    save_model(early, tmp_path / "early")
    spec = SPEC.replace("metric: roc_auc", "metric: f1")
    told = evaluated_again(workspace, spec, model=tmp_path / "early")
    sealed = pd.read_parquet(search / "holdout.parquet")
    truth, chances = sealed["label"].to_numpy(), sealed["prediction"].to_numpy()
    f1 = METRICS["f1"].score
    assert told["scores"]["f1"]["value"] == f1(truth, chances > 0.31) != f1(truth, chances)
    assert told["decision"]["threshold"] == 0.31
