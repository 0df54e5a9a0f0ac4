"""MLflow's pages: what a person who browses is told of a retrain, its version and a decision."""

import pandas as pd

from flows.monitor import monitor_project
from flows.score import score_project
from flows.tracking import open_project_tracker
from flows.workspace import Workspace
from tests.flows.conftest import Listener

LATER = pd.Timestamp("2024-06-10")


def test_a_version_s_page_says_why_it_serves_and_leads_to_its_card(workspace: Workspace) -> None:
    tracker = open_project_tracker(workspace)
    version = tracker.get_version("shop", 1)
    run = tracker.client.get_run(version.run_id)
    assert version.tags["gate.quality"].startswith("pass: challenger")
    for note in (version.description, run.data.tags["mlflow.note.content"]):
        assert note.startswith("**Promoted: challenger")
        assert f"runs/{version.run_id}/artifacts/card.html" in note
        assert "| quality | pass |" in note
    found = {each.path for each in tracker.client.list_artifacts(version.run_id)}
    assert {"card.html", "card.md", "explanation.json"} <= found
    assert run.info.run_name == "retrain 2024-05-20"
    steps = tracker.client.get_metric_history(version.run_id, "search/best_roc_auc")
    assert len(steps) == int(run.data.metrics["trials"])
    experiment = tracker.client.get_experiment(tracker.experiment_id)
    assert "Will this customer order" in experiment.tags["mlflow.note.content"]


def test_a_decision_leads_to_its_report_and_to_the_version_it_is_about(
    workspace: Workspace, listener: Listener
) -> None:
    score_project(workspace, listener, at=LATER)
    monitor_project(workspace, listener, now=LATER)
    tracker = open_project_tracker(workspace)
    runs = tracker.client.search_runs([tracker.experiment_id], "tags.`perennial.flow` = 'monitor'")
    note = runs[0].data.tags["mlflow.note.content"]
    assert f"runs/{runs[0].info.run_id}/artifacts/drift.html" in note
    assert "#/models/shop/versions/1" in note
    assert runs[0].info.run_name.endswith(" 2024-06-10")
    found = {each.path for each in tracker.client.list_artifacts(runs[0].info.run_id)}
    assert "drift.html" in found
