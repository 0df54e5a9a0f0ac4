"""Afterwords: what MLflow's pages and the card say of a version once a person had a word."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace

from features.seals import seal
from flows.champion import load_version, run_of_version
from flows.narration import LogNarrator
from flows.notes import verdict_note
from flows.presentation import write_card
from flows.project import Project
from flows.runs import Run
from flows.stages import Found, LabelsMade, Registered
from flows.state import Promotion
from flows.tracking import start_retrain_run
from flows.workspace import Workspace
from models.promotion import GateResult, Verdict
from models.tracking import Tracker


def tell_word(workspace: Workspace, tracker: Tracker, row: Promotion) -> None:
    """Make card, run and version say a person's word instead of that the version waits.

    Where another machine trained it, its card is there; the version's page says the word all the
    same. Doing it again is harmless.

    Raises
    ------
    TrackingError
        When MLflow cannot be reached.
    """
    approved = row.action == "promote"
    version = tracker.get_version(workspace.name, int(row.version))
    run = _run_of(workspace, row.version)
    note = _said_before(version.description, [f"**{row.reason}**"])
    if run is not None:
        note = _rewrite(run, tracker, row)
    tracker.describe_version(
        version,
        description=note,
        tags={"validation_status": "approved" if approved else "rejected"},
    )


def tell_rollbacks(workspace: Workspace, tracker: Tracker) -> tuple[str, ...]:
    """Say on the pages of versions that rollbacks ended or brought back; name those changed.

    Raises
    ------
    TrackingError
        When MLflow cannot be reached.
    """
    changed = []
    for version, lines in rollback_lines(workspace).items():
        registered = tracker.get_version(workspace.name, int(version))
        told = _said_before(registered.description, lines)
        if told != registered.description:
            tracker.describe_version(registered, description=told)
            changed.append(version)
    return tuple(changed)


def rollback_lines(workspace: Workspace) -> Mapping[str, list[str]]:
    """Give what rollbacks did to versions, by version, the newest line first."""
    lines: dict[str, list[str]] = {}
    before = None
    for row in workspace.ledger.promotions(workspace.name):
        if row.action == "rollback" and before is not None:
            day = f"{row.at:%Y-%m-%d %H:%M}"
            left = f"**Rolled back to version {row.version} on {day}: {row.reason}**"
            back = f"**Serves again instead of version {before} since {day}: {row.reason}**"
            lines.setdefault(before, []).insert(0, left)
            lines.setdefault(row.version, []).insert(0, back)
        before = row.champion
    return lines


def _said_before(description: str, lines: list[str]) -> str:
    """Put lines above a description, each once: what was said before stays below them."""
    kept = description
    for line in lines:
        kept = kept.replace(line, "", 1).lstrip()
    return "\n\n".join([*lines, kept]).rstrip() if lines else description


def _run_of(workspace: Workspace, version: str) -> Run | None:
    """Open the run that trained a version, under its own spec; None where it is another's."""
    row = run_of_version(workspace, version)
    bundle = workspace.path("versions", version)
    if row is None or not (bundle / "recipe.json").exists():
        return None
    if "gates" not in workspace.ledger.stages(row.run_id):
        return None
    recipe = json.loads((bundle / "recipe.json").read_text(encoding="utf-8"))
    then = replace(workspace, project=Project.model_validate(recipe["spec"]))
    narrator = LogNarrator(logging.getLogger("perennial"))
    return Run(workspace=then, row=row, narrator=narrator, resumed=True)


def _rewrite(run: Run, tracker: Tracker, row: Promotion) -> str:
    """Write card and run of a version anew, and give what is to be said of it."""
    workspace, stages = run.workspace, run.workspace.ledger.stages(run.row.run_id)
    verdict = Verdict(
        promoted=row.action == "promote",
        gates=tuple(GateResult(**gate) for gate in stages["gates"]["gates"]),
        word=row.reason,
    )
    labels, found = LabelsMade(**stages["labels"]), Found(**stages["search"])
    problem = load_version(workspace, row.version).model.problem
    write_card(run, problem, labels, found, Registered(**stages["version"]), verdict)
    bundle = workspace.path("versions", row.version)
    seal(bundle)
    tracked = start_retrain_run(run, tracker)
    note = verdict_note(tracked, verdict, row.reason)
    tracked.set_stage("promoted" if verdict.promoted else "rejected")
    for page in ("card.html", "card.md"):
        tracked.log_file(bundle / page)
    tracked.describe(note)
    tracked.finish()
    return note
