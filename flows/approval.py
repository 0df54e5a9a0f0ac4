"""Approval: a person's word on a version that passed its gates, as one more verdict."""

import uuid
from dataclasses import dataclass

from flows.afterwords import tell_word
from flows.aliases import repair_aliases
from flows.champion import load_version
from flows.state import Promotion
from flows.store import open_project_store
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a person decided.

    Attributes
    ----------
    before
        The version that served until now; None when none did.
    """

    row: Promotion
    before: str | None


def settle(workspace: Workspace, version: str, *, approve: bool, why: str) -> Settled:
    """Let a version that waits serve from this moment on, or end its wait.

    The registry is not asked, so it cannot hold this up; `project_settled` tells it afterwards.

    Raises
    ------
    FlowError
        When it does not wait, or another champion than the one it was judged against serves now.
    """
    ledger, name = workspace.ledger, workspace.name
    before = ledger.champion(name)
    said = "Approved by a person" if approve else "Rejected by a person"
    row = ledger.settle(
        name,
        version=version,
        approve=approve,
        run_id=uuid.uuid4().hex,
        reason=f"{said}: {why.strip()}" if why.strip() else said,
        at=utc_now().to_pydatetime(),
    )
    return Settled(row=row, before=before)


def project_settled(workspace: Workspace, row: Promotion) -> None:
    """Bring MLflow and the online store in line with a person's word; doing it again is harmless.

    Raises
    ------
    ModelError, FeatureError
        When MLflow or the store cannot be reached.
    """
    tracker = open_project_tracker(workspace)
    repair_aliases(workspace, tracker)
    tell_word(workspace, tracker, row)
    if row.action == "promote":
        serving = load_version(workspace, row.version)
        store = open_project_store(workspace)
        store.materialize(serving.service, until=serving.trained_as_of)


def project_settlements(workspace: Workspace) -> tuple[str, ...]:
    """Tell MLflow every person's word that it has not heard; name the versions.

    Raises
    ------
    ModelError, FeatureError
        When MLflow or the store cannot be reached.
    """
    tracker, waiting, told = open_project_tracker(workspace), set(), []
    for row in workspace.ledger.promotions(workspace.name):
        if row.action == "await":
            waiting.add(row.version)
        elif row.version in waiting and row.action in ("promote", "reject"):
            waiting.remove(row.version)
            tags = tracker.get_version(workspace.name, int(row.version)).tags
            if tags.get("validation_status") == "pending":
                project_settled(workspace, row)
                told.append(row.version)
    return tuple(told)
