"""Explain: the row's features as scoring computed them, and reasons that lead to its prediction."""

import numpy as np
import pandas as pd
import pytest

from flows.errors import FlowError
from flows.explain import explain_row
from flows.score import score_project
from flows.workspace import Workspace
from tests.flows.commands import commanded
from tests.flows.conftest import Listener

LATER = pd.Timestamp("2024-06-10")


def batch_of(workspace: Workspace) -> pd.DataFrame:
    batch = workspace.ledger.batches(workspace.name)[-1]
    return pd.read_parquet(workspace.state / batch.path)


def test_a_scored_row_is_explained_from_the_very_features_it_was_scored_on(
    workspace: Workspace, listener: Listener
) -> None:
    score_project(workspace, listener, at=LATER)
    written = batch_of(workspace)
    runs, snapshots = len(workspace.ledger.runs(workspace.name, "score")), written.iloc[5]
    told = explain_row(workspace, listener, row=str(snapshots["customer_id"]))
    assert told.recorded is not None
    assert told.recorded.same_features
    assert told.recorded.prediction == told.prediction
    assert told.cutoff_time == written["cutoff_time"].max()
    assert told.end == pytest.approx(told.prediction[0], abs=1e-6)
    odds = np.log(told.start / (1 - told.start)) + sum(each.added for each in told.reasons)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(told.end, abs=1e-9)
    sizes = [abs(each.added) for each in told.reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert any("its orders" in each.sentence for each in told.reasons)
    assert len(workspace.ledger.runs(workspace.name, "score")) == runs
    assert len(workspace.ledger.batches(workspace.name)) == 1

    # An earlier moment gives what was known then, in the same place and without a record.
    before = explain_row(
        workspace, listener, row=str(told.key), at=told.cutoff_time - pd.Timedelta(days=40)
    )
    assert before.recorded is None
    counts = [
        {each.column: each.value for each in one.reasons}["COUNT(orders)"] for one in (before, told)
    ]
    assert int(counts[0]) <= int(counts[1])


def test_what_cannot_be_explained_is_refused_with_what_to_do(
    workspace: Workspace, listener: Listener
) -> None:
    with pytest.raises(FlowError, match=r"customer_id 17 is on record.*--at"):
        explain_row(workspace, listener, row="17")
    with pytest.raises(FlowError, match="got 17000, which no row has"):
        explain_row(workspace, listener, row="17000", at=pd.Timestamp("2024-05-01"))
    with pytest.raises(FlowError, match="customer_id as int64, got 'x'"):
        explain_row(workspace, listener, row="x", at=pd.Timestamp("2024-05-01"))
    with pytest.raises(FlowError, match="lies in the future"):
        explain_row(workspace, listener, row="17", at=pd.Timestamp("2999-01-01"))


def test_the_command_says_what_pushes_up_and_down(workspace: Workspace) -> None:
    done = commanded("explain", "--row", "17", "--at", "2024-05-01", cwd=workspace.folder)
    assert done.returncode == 0, done.stderr
    for part in ("customer_id 17", "is usual", "odds ×", "Shapley values"):
        assert part in done.stdout, done.stdout
