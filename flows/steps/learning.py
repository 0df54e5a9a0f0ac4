"""The step from a feature service to an ensemble: search."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.durable import replacing, write_text
from features.plan import FeaturePlan
from flows.jsonable import to_json
from flows.narration import SearchProgress
from flows.runs import Run
from flows.stages import Found, LabelsMade, PlanMade, Served
from flows.steps.data import labelled_rows
from flows.steps.findings import tell_findings
from flows.store import open_project_store
from flows.tracking import open_project_tracker, start_retrain_run
from flows.warmth import MAX_CANDIDATES, warmth_of
from models.dataset import Dataset
from models.leaderboard import TrialRecord, members_first
from models.persistence import save_model
from models.search import SearchBudget, SearchEvent, SearchOptions, SearchResult
from models.search import search as search_models
from models.task import Problem


def search(run: Run, labels: LabelsMade, plan: PlanMade, served: Served) -> Found:
    """Search models and hyper-parameters, and build the ensemble; every trial is logged."""
    return run.once("search", Found, lambda: _search(run, labels, plan, served), _found_sentence)


def problem_of(run: Run, labels: LabelsMade) -> Problem:
    """Give the project's question as `models` takes it."""
    target = run.workspace.project.target
    return Problem(task=target.task, metric=target.metric, classes=tuple(labels.classes))


def training_data(run: Run, labels: LabelsMade, plan: PlanMade, served: Served) -> Dataset:
    """Read the training rows back through Feast, complete and in order."""
    rows = labelled_rows(labels)
    names = list(FeaturePlan.load(Path(plan.path)).names)
    asked = rows[[run.workspace.entity_key, "cutoff_time"]]
    features = open_project_store(run.workspace).read_training(served.service, asked)[names]
    return dataset_of(rows, features, key=run.workspace.entity_key)


def dataset_of(rows: pd.DataFrame, features: pd.DataFrame, *, key: str) -> Dataset:
    """Join labels and features, row by row."""
    return Dataset(
        X=features.reset_index(drop=True),
        y=rows["label"].to_numpy(),
        cutoff_time=rows["cutoff_time"].to_numpy("datetime64[us]"),
        label_time=rows["label_time"].to_numpy("datetime64[us]"),
        key=rows[key].to_numpy(),
    )


def _search(run: Run, labels: LabelsMade, plan: PlanMade, served: Served) -> Found:
    data, problem = training_data(run, labels, plan, served), problem_of(run, labels)
    findings = tell_findings(run, data, problem)
    directory = run.workspace.path("searches", run.row.run_id)
    warm = warmth_of(run.workspace, run.row.run_id).tried_first
    tracker = open_project_tracker(run.workspace)
    tracked = start_retrain_run(run, tracker)
    tracked.set_stage("search")
    tracked.log_params(_parameters(run, labels, plan))
    with tracker.log_trials(tracked, search=run.row.run_id, metric=problem.metric) as log:
        result = search_models(
            data,
            problem,
            budget=budget_of(run),
            seed=run.workspace.project.search.seed,
            directory=directory / "trials",
            warm=warm,
            on_event=_listener(run, problem.metric, log.add),
            options=options_of(run),
        )
        report = log.close()
    for error in report.errors:
        run.narrator.say(f"MLflow lost a trial's record ({error}); the search is not affected.")
    found = _write(run, labels, data, result, directory, n_warm=len(warm))
    return replace(found, data=data.fingerprint, findings=findings)


def budget_of(run: Run) -> SearchBudget:
    """Give the spec's budget."""
    section = run.workspace.project.search
    return SearchBudget(max_seconds=section.max_seconds, max_trials=section.max_trials)


def options_of(run: Run) -> SearchOptions:
    """Give the spec's way to search."""
    workspace = run.workspace
    return SearchOptions(
        strategy=workspace.project.search.strategy,
        executor=workspace.settings.executor,
        ledger=workspace.settings.trial_ledger,
    )


def _parameters(run: Run, labels: LabelsMade, plan: PlanMade) -> dict[str, Any]:
    section = run.workspace.project.search
    return {
        "rows": labels.n_rows,
        "features": plan.n_features,
        "max_seconds": section.max_seconds,
        "max_trials": section.max_trials or "none",
        "seed": section.seed,
        "strategy": section.strategy,
    }


def _listener(
    run: Run, metric: str, log: Callable[[TrialRecord, Mapping[str, float]], None]
) -> Callable[[SearchEvent], None]:
    def listen(event: SearchEvent) -> None:
        if event.trial is None or event.phase == "refit":
            return
        log(event.trial, _reached(event, metric))
        progress = SearchProgress(
            n_trials=event.n_trials,
            n_failed=event.n_failed,
            family=event.trial.candidate.family,
            metric=metric,
            best=event.best_score,
            ensemble=event.ensemble_score,
            elapsed=event.elapsed,
            limit=event.elapsed + event.remaining,
        )
        run.narrator.search(progress)

    return listen


def _reached(event: SearchEvent, metric: str) -> dict[str, float]:
    """Name what a search has reached, for curves over trials and time."""
    scores = {f"best_{metric}": event.best_score, f"ensemble_{metric}": event.ensemble_score}
    known = {name: score for name, score in scores.items() if score is not None}
    return known | {"seconds": event.elapsed, "trials_failed": float(event.n_failed)}


def _write(
    run: Run,
    labels: LabelsMade,
    data: Dataset,
    result: SearchResult,
    directory: Path,
    *,
    n_warm: int,
) -> Found:
    """Write model, holdout predictions and leaderboard beside the trials."""
    save_model(result.model, directory / "model")
    rows = labelled_rows(labels).iloc[result.holdout.indices].reset_index(drop=True)
    frame = pd.concat([rows, prediction_columns(result.holdout.predictions, result)], axis=1)
    with replacing(directory / "holdout.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
    leaderboard = [record.to_dict() for record in result.leaderboard.entries]
    write_text(directory / "leaderboard.json", to_json(leaderboard))
    done = result.leaderboard.done
    by_number = {record.number: record for record in done}
    chosen = sorted(result.weights.items(), key=lambda item: -item[1])
    best = members_first(result.leaderboard, result.weights)
    return Found(
        directory=str(directory),
        fingerprint=result.search_fingerprint,
        model=str(directory / "model"),
        holdout=str(directory / "holdout.parquet"),
        n_trials=len(leaderboard),
        n_failed=len(leaderboard) - len(done),
        n_resumed=result.resumed_trials,
        metric=result.leaderboard.metric,
        best_family=done[0].candidate.family,
        best_score=float(done[0].score or 0.0),
        ensemble_score=result.ensemble_score,
        weights={
            str(number): [weight, by_number[number].candidate.family] for number, weight in chosen
        },
        candidates=[record.candidate.to_dict() for record in best[:MAX_CANDIDATES]],
        n_warm=n_warm,
        n_members_warm=sum(by_number[number].origin == "warm" for number, _ in chosen),
        seconds=result.seconds,
        course=result.course.to_dict(),
        corrected_score=result.corrected_score if np.isfinite(result.corrected_score) else None,
        turned=result.turned,
    )


def prediction_columns(values: np.ndarray, result: SearchResult) -> pd.DataFrame:
    """Name predictions as every file of predictions does."""
    if values.ndim == 1:
        return pd.DataFrame({"prediction": values})
    names = [f"prediction_{name}" for name in result.model.problem.classes]
    return pd.DataFrame(values, columns=names)


def predictions_in(frame: pd.DataFrame, problem: Problem) -> np.ndarray:
    """Take predictions out of a file of predictions."""
    if problem.task != "multiclass":
        return np.asarray(frame["prediction"], dtype=float)
    return np.asarray(frame[[f"prediction_{name}" for name in problem.classes]], dtype=float)


def holdout_features(run: Run, plan: PlanMade, frame: pd.DataFrame) -> pd.DataFrame:
    """Read the sealed rows' features through Feast."""
    definitions = FeaturePlan.load(Path(plan.path))
    service = f"{run.workspace.name}_{definitions.fingerprint}"
    asked = frame[[run.workspace.entity_key, "cutoff_time"]]
    read = open_project_store(run.workspace).read_training(service, asked)
    return read[list(definitions.names)].reset_index(drop=True)


def _found_sentence(found: Found) -> str:
    failed = f" ({found.n_failed} failed)" if found.n_failed else ""
    warm = f", begun from {found.n_warm} candidates of the last search" if found.n_warm else ""
    corrected = "" if found.corrected_score is None else f" (corrected {found.corrected_score:.4f})"
    turned = "; old rows mislead, so the newest validation block chose" if found.turned else ""
    return (
        f"{found.n_trials} trials{failed}{warm}; best {found.metric} {found.best_score:.4f} "
        f"({found.best_family}), ensemble {found.ensemble_score:.4f}{corrected}{turned}"
    )
