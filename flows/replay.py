"""Replay: a version trained again from its snapshot and recipe, in a place of its own."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from features.errors import FeatureError
from features.seals import check_seal
from features.snapshot import open_snapshot
from flows import steps
from flows.code_version import code_version
from flows.errors import FlowError
from flows.lineage import Tracer
from flows.narration import Narrator
from flows.project import Project
from flows.replayed import (
    Compared,
    Replayed,
    compare_leaderboard,
    compare_names,
    compare_predictions,
    compare_weights,
)
from flows.runs import Run
from flows.stages import SnapshotTaken
from flows.state import RunRow
from flows.steps.data import labelled_rows
from flows.steps.learning import options_of, prediction_columns, problem_of, training_data
from flows.warmth import Warmth, write_warmth
from flows.workspace import Workspace, plain_workspace, utc_now
from models.course import Course
from models.dataset import Dataset
from models.leaderboard import TrialRecord
from models.retracing import retrace
from models.search import SearchResult
from models.task import Problem

PATIENCE, LEAST_SECONDS = 10.0, 600.0
"""A replayed search may take so many times what it took, and so long at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What a version's bundle says of how it was made."""

    directory: Path
    lineage: dict[str, Any]
    recipe: dict[str, Any]
    trials: tuple[TrialRecord, ...]

    @property
    def warmth(self) -> Warmth:
        return Warmth(**self.recipe["warmth"])

    @property
    def course(self) -> Course | None:
        told = self.recipe.get("course")  # versions were made without it once
        return Course.from_dict(told) if told else None

    @property
    def members(self) -> frozenset[int]:
        """Numbers of the trials that the ensemble was made of."""
        return frozenset(self.weights if self.course is None else self.course.chosen)

    @property
    def weights(self) -> dict[int, float]:
        return {int(number): share for number, share in self.recipe["weights"].items()}


def replay_version(workspace: Workspace, narrator: Narrator, *, version: str) -> Replayed:
    """Train a version again and compare every stage, and its predictions on the sealed rows.

    The project's ledger, registry, store and files are only read.

    Raises
    ------
    FlowError, DamageError
        When there is no such version, or what it says of itself is incomplete or was changed.
    """
    recorded = _read(workspace, version)
    with TemporaryDirectory(prefix="perennial-replay-") as scratch:
        there = _scratch(workspace, recorded, Path(scratch))
        try:
            return _replay(workspace, there, narrator, recorded, version)
        finally:
            there.ledger.close()


def _read(workspace: Workspace, version: str) -> _Recorded:
    tracer = Tracer(workspace)
    if version not in tracer.versions:
        known = ", ".join(tracer.versions) or "there is none yet"
        raise FlowError(f"Expected a version of {workspace.name} ({known}), got {version!r}.")
    lineage = dict(tracer.version(version).recorded)
    directory = workspace.path("versions", version)
    needed = ("recipe.json", "leaderboard.json")
    absent = [name for name in needed if not (directory / name).exists()]
    if absent:
        raise FlowError(
            f"Version {version} cannot be replayed: expected {', '.join(absent)} in {directory}, "
            "which versions have on the machine that trained them. Replay it there; versions made "
            "before recipes were recorded cannot be."
        )
    check_seal(directory)
    recipe, trials = (json.loads((directory / name).read_text(encoding="utf-8")) for name in needed)
    return _Recorded(
        directory=directory,
        lineage=lineage,
        recipe=recipe,
        trials=tuple(TrialRecord.from_dict(trial) for trial in trials),
    )


def _scratch(workspace: Workspace, recorded: _Recorded, state: Path) -> Workspace:
    """Open an empty state directory with the spec of then, and what the run began with."""
    settings = workspace.settings.model_copy(
        update={
            "ledger_url": None,
            "mlflow_tracking_uri": None,
            "mlflow_artifacts": None,
            "feast_online": "sqlite",
        }
    )
    project = Project.model_validate(recorded.recipe["spec"])
    there = plain_workspace(workspace.folder, project, settings, state)
    there.ledger.start_run(_row(recorded))
    write_warmth(there, recorded.lineage["run"], recorded.warmth)
    return there


def _row(recorded: _Recorded) -> RunRow:
    return RunRow(
        run_id=recorded.lineage["run"],
        project=recorded.lineage["project"],
        flow="retrain",
        now=pd.Timestamp(recorded.lineage["now"]).to_pydatetime(),
        spec=recorded.lineage["spec"],
        reason="replay",
        trigger="",
        status="running",
        started_at=utc_now().to_pydatetime(),
    )


def _replay(
    workspace: Workspace,
    there: Workspace,
    narrator: Narrator,
    recorded: _Recorded,
    version: str,
) -> Replayed:
    run = Run(workspace=there, row=_row(recorded), narrator=narrator, resumed=False)
    lineage, code = recorded.lineage, recorded.lineage.get("code")
    same_code = None if code is None else code["source"] == code_version().source
    try:
        taken = _snapshot(workspace, run, lineage["snapshot"])
    except FeatureError as error:
        failed = Compared(stage="snapshot", same=False, sentence=str(error))
        return Replayed(
            version=version,
            stages=(failed,),
            outcome="differs",
            largest=None,
            n_rows=0,
            same_code=same_code,
        )
    labels = steps.labels(run, taken)
    plan = steps.plan(run, taken, labels)
    made = steps.matrix(run, taken, labels, plan)
    data = training_data(run, labels, plan, steps.serve(run, plan, made))
    found, chosen = _search(run, data, problem_of(run, labels), recorded)
    rows = labelled_rows(labels).iloc[found.holdout.indices].reset_index(drop=True)
    predictions = compare_predictions(
        rows,
        prediction_columns(found.holdout.predictions, found),
        pd.read_parquet(recorded.directory / "reference.parquet"),
    )
    return Replayed(
        version=version,
        stages=(
            Compared(stage="snapshot", same=True, sentence=f"{taken.snapshot_id}, hashed again"),
            compare_names("labels", labels.fingerprint, lineage["labels"]),
            compare_names("plan", plan.fingerprint, lineage["plan"]),
            compare_names("matrix", data.fingerprint, lineage["data"]),
            compare_leaderboard(recorded.trials, found.leaderboard.entries),
            chosen,
            predictions.compared,
        ),
        outcome=predictions.outcome,
        largest=predictions.largest,
        n_rows=predictions.n_rows,
        same_code=same_code,
    )


def _snapshot(workspace: Workspace, run: Run, snapshot_id: str) -> SnapshotTaken:
    """Show the snapshot to the replay, which may put others beside it."""
    snapshot = open_snapshot(workspace.path("snapshots", snapshot_id), verify=True)
    place = run.workspace.path("snapshots", snapshot_id)
    place.parent.mkdir(parents=True)
    place.symlink_to(snapshot.directory.resolve(), target_is_directory=True)
    return SnapshotTaken(
        snapshot_id=snapshot_id,
        n_rows={table.name: table.n_rows for table in snapshot.tables},
        n_future=0,
    )


def _search(
    run: Run, data: Dataset, problem: Problem, recorded: _Recorded
) -> tuple[SearchResult, Compared]:
    """Run the trials again; where the clock had its say in the choice, the members alone, too."""
    found = _retrace(run, data, problem, recorded, "trials")
    chosen = found.weights if recorded.course is None else found.course.chosen
    if set(chosen) == recorded.members:
        return found, compare_weights(recorded.weights, found.weights)
    members = tuple(trial for trial in recorded.trials if trial.number in recorded.members)
    alone = _retrace(run, data, problem, replace(recorded, trials=members), "members")
    how = " of the recorded members; of all trials others are chosen"
    return alone, compare_weights(recorded.weights, alone.weights, how)


def _retrace(
    run: Run, data: Dataset, problem: Problem, recorded: _Recorded, name: str
) -> SearchResult:
    run.narrator.say(f"Running {len(recorded.trials)} trials again …")
    return retrace(
        data,
        problem,
        records=recorded.trials,
        seed=run.workspace.project.search.seed,
        directory=run.workspace.path("searches", name),
        max_seconds=max(LEAST_SECONDS, PATIENCE * recorded.recipe["search_seconds"]),
        warm=recorded.warmth.tried_first,
        course=recorded.course,
        options=options_of(run),
    )
