"""Steps from an evaluated ensemble to a champion: register, promote, materialize."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.durable import creating_directory, write_text
from features.matrix import write_matrix
from features.plan import FeaturePlan
from flows.champion import ServingVersion, load_version
from flows.jsonable import to_json
from flows.presentation import write_card
from flows.runs import Run
from flows.stages import (
    Evaluated,
    Found,
    Judged,
    LabelsMade,
    Materialized,
    PlanMade,
    Registered,
    Served,
    SnapshotTaken,
)
from flows.steps.data import compute_rows, matrix_directory, register_service, tables_of
from flows.steps.learning import holdout_features, predictions_in, problem_of
from flows.store import open_project_store
from flows.tracking import open_project_tracker, start_retrain_run
from flows.workspace import Workspace, utc_now
from models.persistence import load_model
from models.promotion import Contender, PromotionPolicy, SealedRows, Verdict, judge
from models.serving import EnsembleModel
from models.tracking import ModelVersion, Tracker, VersionContent

EXAMPLE_ROWS = 20


def register(
    run: Run,
    labels: LabelsMade,
    plan: PlanMade,
    served: Served,
    found: Found,
    evaluated: Evaluated,
) -> Registered:
    """Make the ensemble a version in MLflow, with all that is needed to serve and judge it."""

    def compute() -> Registered:
        bundle = write_bundle(run, labels, plan, served, found, evaluated)
        tracker = open_project_tracker(run.workspace)
        version = _log_version(run, tracker, served, found, bundle)
        directory = version_directory(run.workspace, str(version.version))
        if not directory.exists():
            with creating_directory(directory) as fresh:
                shutil.copytree(bundle, fresh, dirs_exist_ok=True)
        return Registered(
            version=str(version.version),
            tracking_run=version.run_id,
            card=str(directory / "card.html"),
        )

    return run.once(
        "version", Registered, compute, lambda made: f"version {made.version} in MLflow's registry"
    )


def promote(
    run: Run, snapshot: SnapshotTaken, labels: LabelsMade, found: Found, registered: Registered
) -> Judged:
    """Let the gates judge the version, write the verdict to the ledger, then move the alias."""

    def compute() -> Judged:
        workspace = run.workspace
        before = workspace.ledger.champion(workspace.name)
        verdict = _judge(run, snapshot, labels, found, registered, before)
        row = workspace.ledger.judge(
            workspace.name,
            action="promote" if verdict.promoted else "reject",
            version=registered.version,
            expected_champion=before,
            run_id=run.row.run_id,
            reason=verdict.sentence,
            at=utc_now().to_pydatetime(),
        )
        write_card(run, problem_of(run, labels), labels, found, registered, verdict)
        _project_aliases(run, registered, verdict, before)
        return Judged(
            promoted=verdict.promoted,
            champion=row.champion,
            reason=verdict.sentence,
            gates=[
                {
                    "name": gate.name,
                    "status": gate.status,
                    "sentence": gate.sentence,
                    "numbers": dict(gate.numbers),
                }
                for gate in verdict.gates
            ],
        )

    return run.once("gates", Judged, compute, lambda judged: judged.reason)


def materialize(run: Run, served: Served, judged: Judged) -> Materialized:
    """Bring the newest values of a promoted version's features to the online store."""

    def compute() -> Materialized:
        if not judged.promoted:
            return Materialized(n_rows=0)
        store = open_project_store(run.workspace)
        return Materialized(n_rows=store.materialize(served.service, until=run.now))

    return run.once(
        "online", Materialized, compute, lambda made: f"{made.n_rows:,} rows in the online store"
    )


def version_directory(workspace: Workspace, version: str) -> Path:
    """Give the place where a version's bundle is kept on this machine."""
    return workspace.path("versions", version)


def write_bundle(
    run: Run,
    labels: LabelsMade,
    plan: PlanMade,
    served: Served,
    found: Found,
    evaluated: Evaluated,
) -> Path:
    """Gather what a version stands on: model, plan, reference rows, lineage and card."""
    bundle = Path(found.directory) / "bundle"
    if bundle.exists():
        return bundle
    frame = pd.read_parquet(found.holdout)
    reference = pd.concat([frame, holdout_features(run, plan, frame)], axis=1)
    with creating_directory(bundle) as fresh:
        shutil.copytree(found.model, fresh / "model")
        shutil.copy(plan.path, fresh / "plan.json")
        for name in ("leaderboard.json", "evaluation.json"):
            shutil.copy(Path(found.directory) / name, fresh / name)
        reference.to_parquet(fresh / "reference.parquet", index=False)
        lineage = lineage_of(run, labels, plan, served, found, evaluated)
        write_text(fresh / "lineage.json", to_json(lineage))
    return bundle


def lineage_of(
    run: Run,
    labels: LabelsMade,
    plan: PlanMade,
    served: Served,
    found: Found,
    evaluated: Evaluated,
) -> dict[str, Any]:
    """Name everything a version was made from."""
    stages = run.workspace.ledger.stages(run.row.run_id)
    return {
        "project": run.workspace.name,
        "run": run.row.run_id,
        "reason": run.row.reason,
        "now": run.now.isoformat(),
        "spec": run.row.spec,
        "snapshot": stages["snapshot"]["snapshot_id"],
        "labels": labels.fingerprint,
        "plan": plan.fingerprint,
        "service": served.service,
        "search": found.fingerprint,
        "importance": [[name, drop] for name, drop in evaluated.importance if drop > 0],
    }


def _log_version(
    run: Run, tracker: Tracker, served: Served, found: Found, bundle: Path
) -> ModelVersion:
    tracked = start_retrain_run(run, tracker)
    tracked.set_stage("version")
    lineage = json.loads((bundle / "lineage.json").read_text(encoding="utf-8"))
    evaluation = json.loads((bundle / "evaluation.json").read_text(encoding="utf-8"))
    tracked.log_metrics(_metrics(found, evaluation))
    for name in ("plan.json", "lineage.json", "leaderboard.json", "evaluation.json"):
        tracked.log_file(bundle / name)
    tracked.log_file(bundle / "reference.parquet", "reference")
    version = tracker.log_version(
        tracked,
        VersionContent(
            name=run.workspace.name,
            key=run.row.run_id,
            model=bundle / "model",
            example=_example(bundle),
            tags=_tags(lineage, served, run),
            description=f"Retrained as of {run.now:%Y-%m-%d %H:%M}: {run.row.reason}",
        ),
    )
    tracker.set_alias(version, "challenger")
    return version


def _metrics(found: Found, evaluation: Mapping[str, Any]) -> dict[str, float]:
    scores = {
        f"holdout_{name}": float(score["value"])
        for name, score in evaluation["scores"].items()
        if score["value"] is not None
    }
    return scores | {
        f"oof_{found.metric}": found.ensemble_score,
        "trials": float(found.n_trials),
        "trials_failed": float(found.n_failed),
        "search_seconds": found.seconds,
    }


def _tags(lineage: Mapping[str, Any], served: Served, run: Run) -> dict[str, str]:
    """Tag as Feast's MLflow convention and our own lineage do."""
    named = ("snapshot", "labels", "plan", "search", "spec", "run", "now")
    tags = {f"perennial.{name}": str(lineage[name]) for name in named}
    return tags | {
        "feast.project": run.workspace.name.replace("-", "_"),
        "feast.feature_service": served.service,
        "feast.feature_views": served.view,
        "validation_status": "pending",
    }


def _example(bundle: Path) -> pd.DataFrame:
    names = list(FeaturePlan.load(bundle / "plan.json").names)
    return pd.read_parquet(bundle / "reference.parquet")[names].head(EXAMPLE_ROWS)


def _judge(
    run: Run,
    snapshot: SnapshotTaken,
    labels: LabelsMade,
    found: Found,
    registered: Registered,
    before: str | None,
) -> Verdict:
    frame, problem = pd.read_parquet(found.holdout), problem_of(run, labels)
    directory = version_directory(run.workspace, registered.version)
    example = _example(directory)
    model = load_model(directory / "model")
    champion = None if before is None else load_version(run.workspace, before)
    section = run.workspace.project.promotion
    return judge(
        Contender(
            name=f"version {registered.version}",
            predictions=predictions_in(frame, problem),
            columns=model.columns,
            classes=problem.classes,
            artifact=_artifact(run, registered),
            example=example,
            example_predictions=model.predict(example),
        ),
        None if champion is None else _defender(run, snapshot, frame, champion),
        rows=SealedRows(
            problem=problem,
            y=frame["label"].to_numpy(),
            cutoff_time=frame["cutoff_time"].to_numpy("datetime64[us]"),
        ),
        policy=PromotionPolicy(margin=section.margin),
        condemned=bool(run.row.trigger) and before is not None,
        seed=run.workspace.project.search.seed,
        gates=section.gates,
    )


def _artifact(run: Run, registered: Registered) -> Path:
    """Bring the registered artefact itself: what is judged is what would be served."""
    target = Path(run.workspace.path("searches", run.row.run_id, "artifact"))
    tracker = open_project_tracker(run.workspace)
    version = tracker.get_version(run.workspace.name, int(registered.version))
    return tracker.fetch_version(version, target)


def _defender(
    run: Run, snapshot: SnapshotTaken, frame: pd.DataFrame, champion: ServingVersion
) -> Contender:
    """Let the champion predict the challenger's sealed rows, from its own features."""
    key = run.workspace.entity_key
    rows = frame[[key, "cutoff_time"]]
    tables = tables_of(run, champion.plan, snapshot, champion.model.problem.classes)
    features = compute_rows(run, champion.plan, tables, rows, stage="gates")
    write_matrix(
        features,
        directory=matrix_directory(run.workspace, champion.plan),
        key=key,
        created_at=run.now,
    )
    register_service(run, champion.plan)
    store = open_project_store(run.workspace)
    read = store.read_training(champion.service, rows)[list(champion.plan.names)]
    model: EnsembleModel = champion.model
    return Contender(
        name=f"version {champion.version}",
        predictions=np.asarray(model.predict(read)),
        columns=model.columns,
        classes=tuple(model.problem.classes),
    )


def _project_aliases(
    run: Run, registered: Registered, verdict: Verdict, before: str | None
) -> None:
    """Bring MLflow's aliases in line with the ledger, and say there why."""
    tracker = open_project_tracker(run.workspace)
    version = tracker.get_version(run.workspace.name, int(registered.version))
    tracker.describe_version(
        version,
        description=verdict.sentence,
        tags={"validation_status": "approved" if verdict.promoted else "rejected"},
    )
    if verdict.promoted:
        tracker.set_alias(version, "champion")
        tracker.remove_alias(run.workspace.name, "challenger")
        if before is not None and before != registered.version:
            old = tracker.get_version(run.workspace.name, int(before))
            tracker.set_alias(old, "previous")
    tracked = start_retrain_run(run, tracker)
    tracked.set_stage("promoted" if verdict.promoted else "rejected")
    tracked.log_file(Path(registered.card))
    for gate in verdict.gates:
        tracked.set_tags({f"gate.{gate.name}": f"{gate.status}: {gate.sentence}"})
    tracked.finish()
