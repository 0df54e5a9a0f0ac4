"""Warmth: what the last search learned, for the next one to start from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.plan import FeaturePlan
from flows.workspace import Workspace
from models.candidate import Candidate

MAX_CANDIDATES = 5


def previous_features(workspace: Workspace) -> tuple[str, ...]:
    """Name the features of the newest finished retrain, or none."""
    outcome = _newest(workspace)
    if outcome is None or not Path(outcome["plan"]["path"]).exists():
        return ()
    return tuple(FeaturePlan.load(Path(outcome["plan"]["path"])).names)


def previous_candidates(workspace: Workspace) -> tuple[Candidate, ...]:
    """Give the best candidates of the newest finished retrain, best first, or none."""
    outcome = _newest(workspace)
    if outcome is None:
        return ()
    found = outcome["search"]["candidates"][:MAX_CANDIDATES]
    return tuple(Candidate(family=item["family"], parameters=item["parameters"]) for item in found)


def _newest(workspace: Workspace) -> Mapping[str, Any] | None:
    rows = workspace.ledger.runs(workspace.name, "retrain")
    return next((row.outcome for row in rows if row.status == "done" and row.outcome), None)
