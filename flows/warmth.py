"""Warmth: what the last search learned, for the next one to start from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from features.plan import FeaturePlan
from flows.workspace import Workspace, utc_now
from models.candidate import Candidate

MAX_CANDIDATES = 5
STAGE = "warmth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """What a retrain begins with.

    Attributes
    ----------
    features
        Names of the newest finished retrain's features, kept first.
    candidates
        Its best candidates as `{"family": …, "parameters": …}`, best first.
    """

    features: Sequence[str] = ()
    candidates: Sequence[Mapping[str, Any]] = ()

    @property
    def tried_first(self) -> tuple[Candidate, ...]:
        """The candidates as a search takes them."""
        return tuple(
            Candidate(family=item["family"], parameters=item["parameters"])
            for item in self.candidates
        )


def warmth_of(workspace: Workspace, run_id: str) -> Warmth:
    """Give what a run begins with, written down when it is first asked for: it can be repeated."""
    known = workspace.ledger.stages(run_id).get(STAGE)
    if known is not None:
        return Warmth(**known)
    found = _newest(workspace)
    write_warmth(workspace, run_id, found)
    return found


def write_warmth(workspace: Workspace, run_id: str, warmth: Warmth) -> None:
    """Write down what a run begins with."""
    workspace.ledger.end_stage(
        run_id, STAGE, output=asdict(warmth), seconds=0.0, at=utc_now().to_pydatetime()
    )


def _newest(workspace: Workspace) -> Warmth:
    """Learn from the newest finished retrain, if there is one."""
    rows = workspace.ledger.runs(workspace.name, "retrain")
    outcome = next((row.outcome for row in rows if row.status == "done" and row.outcome), None)
    if outcome is None:
        return Warmth()
    plan = Path(outcome["plan"]["path"])
    return Warmth(
        features=FeaturePlan.load(plan).names if plan.exists() else (),
        candidates=outcome["search"]["candidates"][:MAX_CANDIDATES],
    )
