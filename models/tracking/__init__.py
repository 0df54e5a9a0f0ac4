"""Tracking: runs, trials, artifacts, versions and aliases; the only door to MLflow.

Import it where it is used and not from `models`: MLflow alone takes seconds to import.
"""

from models.tracking.environment import import_mlflow

# NOTE: what follows imports MLflow, whose environment must be set before.
import_mlflow()

from models.tracking.connection import TrackingError, TrackingSettings  # noqa: E402
from models.tracking.pyfunc import VersionContent  # noqa: E402
from models.tracking.runs import LoggedDataset, TrackedRun  # noqa: E402
from models.tracking.tracker import Alias, Tracker, open_tracker  # noqa: E402
from models.tracking.trials import TrialLog, TrialReport  # noqa: E402
from models.tracking.versions import ModelVersion  # noqa: E402

__all__ = [
    "Alias",
    "LoggedDataset",
    "ModelVersion",
    "TrackedRun",
    "Tracker",
    "TrackingError",
    "TrackingSettings",
    "TrialLog",
    "TrialReport",
    "VersionContent",
    "open_tracker",
]
