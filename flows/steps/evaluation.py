"""Step that judges an ensemble on the sealed holdout and says what it looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.durable import write_text
from features.plan import FeaturePlan
from features.sentences import FeatureWords, describe_features
from flows.jsonable import to_json
from flows.runs import Run
from flows.stages import Evaluated, Found, LabelsMade, PlanMade, SnapshotTaken
from flows.steps.comparison import compare_own_columns
from flows.steps.described import described_rows
from flows.steps.learning import holdout_features, predictions_in
from models.decisions import asked
from models.drivers import find_drivers
from models.evaluation import Evaluation, SliceScore, score_slices
from models.evaluation import evaluate as evaluate_predictions
from models.importance import permutation_importance
from models.persistence import load_model
from models.serving import EnsembleModel
from models.slices import slice_rows
from models.task import Problem

N_SLICED = 3
"""Columns whose slices are scored."""

MAX_LEVELS = 5
IMPORTANCE_SECONDS = 3.0
DRIVER_SECONDS, DRIVER_SHARE = 20.0, 0.03
"""At the most, and of the search's seconds: some hundred rows of boosted trees take a second, other
models are sampled for as long as there is."""


def evaluate(
    run: Run, snapshot: SnapshotTaken, labels: LabelsMade, plan: PlanMade, found: Found
) -> Evaluated:
    """Judge the ensemble on the sealed holdout, and say what it and the other tables are worth."""
    return run.once(
        "holdout",
        Evaluated,
        lambda: _evaluate(run, snapshot, labels, plan, found),
        _evaluated_sentence,
    )


def _evaluate(
    run: Run, snapshot: SnapshotTaken, labels: LabelsMade, plan: PlanMade, found: Found
) -> Evaluated:
    frame = pd.read_parquet(found.holdout)
    features = holdout_features(run, plan, frame)
    words = describe_features(FeaturePlan.load(Path(plan.path)))
    model = load_model(Path(found.model))
    drops = _explain(run, found, model, frame, features, words)
    sliced = described_rows(run, snapshot, frame, stage="holdout")
    declared = run.workspace.project.promotion.slices
    if sliced is None or not declared:
        sliced, declared = features, _to_slice(drops, words)
    evaluation = _judge(run, model, frame, sliced, declared)
    write_text(Path(found.directory) / "evaluation.json", to_json(evaluation.to_dict()))
    own: Mapping[str, float] = {}
    first = run.workspace.ledger.champion(run.workspace.name) is None
    if first and run.workspace.project.search.compare_own_columns:
        own = compare_own_columns(run, snapshot, labels, model, frame, n_trials=found.n_trials)
    return Evaluated(
        metric=evaluation.metric,
        value=evaluation.score.value,
        low=evaluation.score.low,
        high=evaluation.score.high,
        baseline=evaluation.baseline,
        n_rows=evaluation.n_rows,
        first_cutoff=str(frame["cutoff_time"].min()),
        last_cutoff=str(frame["cutoff_time"].max()),
        importance=[[name, drop] for name, drop in drops],
        own_columns=own,
    )


def _explain(
    run: Run,
    found: Found,
    model: EnsembleModel,
    frame: pd.DataFrame,
    features: pd.DataFrame,
    words: Mapping[str, FeatureWords],
) -> Sequence[tuple[str, float]]:
    """Write what the ensemble looks at, and give what shuffling its columns costs."""
    seed = run.workspace.project.search.seed
    sources = {name: told.sources for name, told in words.items()}
    most = min(DRIVER_SECONDS, DRIVER_SHARE * run.workspace.project.search.max_seconds)
    drivers = find_drivers(model, features, sources, seed=seed, max_seconds=most)
    write_text(Path(found.directory) / "explanation.json", to_json(drivers.to_dict()))
    return permutation_importance(
        model,
        features,
        frame["label"].to_numpy(),
        model.problem,
        seed=seed,
        decision=model.decision,
        max_seconds=IMPORTANCE_SECONDS,
    )


def _judge(
    run: Run,
    model: EnsembleModel,
    frame: pd.DataFrame,
    sliced: pd.DataFrame,
    columns: Sequence[str],
) -> Evaluation:
    problem = model.problem
    y, predictions = frame["label"].to_numpy(), predictions_in(frame, problem)
    moments = frame["cutoff_time"].to_numpy("datetime64[us]")
    seed = run.workspace.project.search.seed
    evaluation = evaluate_predictions(
        y, predictions, problem, moments, seed, decision=model.decision
    )
    told = asked(problem.scoring, predictions, model.decision)
    return replace(evaluation, slices=_slices(sliced, columns, y, told, problem, moments))


def _slices(
    frame: pd.DataFrame,
    columns: Sequence[str],
    y: np.ndarray,
    predictions: np.ndarray,
    problem: Problem,
    moments: np.ndarray,
) -> tuple[SliceScore, ...]:
    named = [
        (part.column, part.level, part.rows)
        for part in slice_rows(frame, columns, max_levels=MAX_LEVELS)
    ]
    return score_slices(named, y, predictions, problem, moments, seed=0)


def _to_slice(
    drops: Sequence[tuple[str, float]], words: Mapping[str, FeatureWords]
) -> tuple[str, ...]:
    """Choose the most important columns, one for each source column they come from."""
    chosen: dict[tuple[tuple[str, str], ...], str] = {}
    for name, drop in drops:
        if drop > 0 and name in words:
            chosen.setdefault(words[name].sources, name)
    return tuple(chosen.values())[:N_SLICED]


def _evaluated_sentence(held: Evaluated) -> str:
    return (
        f"{held.metric} {held.value:.4f} [{held.low:.4f}, {held.high:.4f}] on {held.n_rows:,} "
        f"sealed rows, constant {held.baseline:.4f}"
    )
