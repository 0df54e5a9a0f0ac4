"""Steps around the verdict: register a version before it, materialize its features after it."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from features.durable import creating_directory
from features.plan import FeaturePlan
from features.seals import SEAL, hash_file, seal
from flows.champion import SEALED
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
)
from flows.steps.learning import holdout_features
from flows.steps.lineage import LINEAGE, datasets_of, tags_of, write_lineage
from flows.store import open_project_store
from flows.tracking import open_project_tracker, start_retrain_run
from flows.workspace import Workspace
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
        for name in ("leaderboard.json", "evaluation.json", "explanation.json"):
            shutil.copy(Path(found.directory) / name, fresh / name)
        reference.to_parquet(fresh / "reference.parquet", index=False)
        write_lineage(run, labels, plan, served, found, evaluated, bundle=fresh)
        seal(fresh)
    return bundle


def _log_version(
    run: Run, tracker: Tracker, served: Served, found: Found, bundle: Path
) -> ModelVersion:
    tracked = start_retrain_run(run, tracker)
    tracked.set_stage("version")
    lineage = json.loads((bundle / LINEAGE).read_text(encoding="utf-8"))
    evaluation = json.loads((bundle / "evaluation.json").read_text(encoding="utf-8"))
    tracked.log_metrics(_metrics(found, evaluation))
    for name in ("plan", "lineage", "recipe", "leaderboard", "evaluation", "explanation"):
        tracked.log_file(bundle / f"{name}.json")
    tracked.log_file(bundle / SEAL)
    tracked.log_file(bundle / "reference.parquet", "reference")
    for dataset in datasets_of(lineage, bundle):
        tracked.log_dataset(dataset)
    version = tracker.log_version(
        tracked,
        VersionContent(
            name=run.workspace.name,
            key=run.row.run_id,
            model=bundle / "model",
            example=example_rows(bundle),
            tags=tags_of(lineage, run) | {SEALED: hash_file(bundle / SEAL)},
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


def example_rows(bundle: Path) -> pd.DataFrame:
    """Give a few rows that a version is tried on."""
    names = list(FeaturePlan.load(bundle / "plan.json").names)
    return pd.read_parquet(bundle / "reference.parquet")[names].head(EXAMPLE_ROWS)
