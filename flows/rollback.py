"""Rollback: an earlier champion serves again, at once, as one more row of the ledger."""

import uuid
from dataclasses import dataclass

from flows.afterwords import tell_rollbacks
from flows.aliases import repair_aliases
from flows.errors import FlowError
from flows.state import Promotion
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What a rollback did.

    Attributes
    ----------
    before
        The version that served until now.
    """

    row: Promotion
    before: str


def roll_back(workspace: Workspace, *, to: str | None, why: str) -> RolledBack:
    """Let an earlier champion serve again.

    From the moment the row is in the ledger it is the one that scores. The registry is not asked,
    so it cannot hold this up; `project_rollback` tells it afterwards.

    Parameters
    ----------
    to
        A version that has served; by default the one before the present one.
    why
        For the record.

    Raises
    ------
    FlowError
        When no reason is given, there is no such version, or another verdict came between.
    """
    if not why.strip():
        raise FlowError("Expected a reason for the record, got none. Say it with: --why TEXT")
    ledger, name = workspace.ledger, workspace.name
    before = ledger.champion(name)
    row = ledger.roll_back(
        name,
        to=to,
        run_id=uuid.uuid4().hex,
        reason=why.strip(),
        at=utc_now().to_pydatetime(),
    )
    assert before is not None
    return RolledBack(row=row, before=before)


def project_rollback(workspace: Workspace) -> tuple[str, ...]:
    """Bring MLflow's aliases and pages in line with the ledger; say what became of the aliases.

    Raises
    ------
    TrackingError
        When MLflow cannot be reached or refuses.
    """
    tracker = open_project_tracker(workspace)
    changed = repair_aliases(workspace, tracker)
    tell_rollbacks(workspace, tracker)
    return changed
