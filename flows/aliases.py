"""Aliases: MLflow's `champion` and `previous`, a projection of the promotion ledger."""

from flows.state import standing_of
from flows.tracking import open_project_tracker
from flows.workspace import Workspace
from models.tracking import Alias, Tracker


def repair_aliases(workspace: Workspace, tracker: Tracker | None = None) -> tuple[str, ...]:
    """Bring the aliases in line with the ledger; say what was changed.

    An alias moves without a trace and the last writer wins, so nothing of ours reads them: they
    are for people and for other programs. Whoever was killed between a verdict and its alias, or
    moved one by hand, is corrected here. `challenger` belongs to the newest version that waits for
    a person, once nothing newer is under judgement.

    Raises
    ------
    TrackingError
        When MLflow cannot be reached or refuses.
    """
    history = workspace.ledger.promotions(workspace.name)
    standing, judged = standing_of(history), {row.version for row in history}
    tracker = tracker or open_project_tracker(workspace)
    changed = []
    challenger = tracker.get_version_by_alias(workspace.name, "challenger")
    if challenger is not None and str(challenger.version) == standing.champion:
        tracker.remove_alias(workspace.name, "challenger")
        changed.append(f"challenger is no alias of version {standing.champion} any more")
        challenger = None
    wanted: dict[Alias, str | None] = {
        "champion": standing.champion,
        "previous": standing.previous,
    }
    if standing.waiting and (challenger is None or str(challenger.version) in judged):
        wanted["challenger"] = standing.waiting[-1]
    for alias, version in wanted.items():
        found = tracker.get_version_by_alias(workspace.name, alias)
        now = None if found is None else str(found.version)
        if now == version:
            continue
        if version is None:
            tracker.remove_alias(workspace.name, alias)
        else:
            target = tracker.get_version(workspace.name, int(version))
            tracker.set_alias(target, alias)
        changed.append(f"{alias}: version {now or 'none'} → {version or 'none'}")
    return tuple(changed)
