"""The project's door to MLflow: its experiment, and the run of a retrain."""

import pandas as pd

from flows.runs import Run
from flows.workspace import Workspace
from models.tracking import TrackedRun, Tracker, TrackingSettings, open_tracker


def open_project_tracker(workspace: Workspace) -> Tracker:
    """Open the project's experiment, made on first use.

    Raises
    ------
    TrackingError
        When MLflow cannot be reached.
    """
    settings = workspace.settings
    uri = settings.tracking_uri(workspace.state)
    # An MLflow server chooses where its artifacts go; a database needs to be told.
    artifacts = None if uri.startswith("http") else settings.artifacts(workspace.state)
    return open_tracker(TrackingSettings(uri=uri, experiment=workspace.name, artifacts=artifacts))


def short_moment(moment: pd.Timestamp) -> str:
    """Write a moment as short as it can be told: columns of the UI are narrow.

    Examples
    --------
    >>> short_moment(pd.Timestamp("2024-05-20")), short_moment(pd.Timestamp("2024-05-20 06:30"))
    ('2024-05-20', '2024-05-20 06:30')
    """
    return f"{moment:%Y-%m-%d}" if moment == moment.normalize() else f"{moment:%Y-%m-%d %H:%M}"


def start_retrain_run(run: Run, tracker: Tracker) -> TrackedRun:
    """Start the MLflow run of a retrain, or go on with the one that was cut off."""
    return tracker.start_run(
        f"retrain {short_moment(run.now)}",
        key=run.row.run_id,
        tags={
            "perennial.flow": "retrain",
            "perennial.now": run.now.isoformat(),
            "perennial.reason": run.row.reason,
        },
    )
