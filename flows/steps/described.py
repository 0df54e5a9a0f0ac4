"""The sealed rows by the columns that the spec declares slices and groups by."""

import pandas as pd

from flows.described import plan_described
from flows.runs import Run
from flows.stages import SnapshotTaken
from flows.steps.data import compute_rows, taken


def described_rows(
    run: Run, snapshot: SnapshotTaken, frame: pd.DataFrame, *, stage: str
) -> pd.DataFrame | None:
    """Give the declared columns as of each sealed row's cutoff; None where none are declared."""
    tables = taken(run, snapshot)
    plan = plan_described(run.workspace.project, tables.schema)
    if plan is None:
        return None
    rows = frame[[run.workspace.entity_key, "cutoff_time"]]
    return compute_rows(run, plan, tables, rows, stage=stage)[list(plan.names)]
