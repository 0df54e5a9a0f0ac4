"""What the other tables and the past are worth: the same search on the entity's own columns."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.plan import own_features, synthesize
from features.selection import prune
from flows.runs import Run
from flows.stages import LabelsMade, SnapshotTaken
from flows.steps.data import compute_rows, labelled_rows, taken
from flows.steps.learning import predictions_in
from models.dataset import Dataset
from models.decisions import asked
from models.evaluation import paired_difference
from models.search import SearchBudget
from models.search import search as search_models
from models.serving import EnsembleModel


def compare_own_columns(
    run: Run,
    snapshot: SnapshotTaken,
    labels: LabelsMade,
    model: EnsembleModel,
    holdout: pd.DataFrame,
    *,
    n_trials: int,
) -> Mapping[str, float]:
    """Search again with nothing but the entity's own columns, and compare on the sealed rows.

    Same rows, folds, seed and number of trials, in at most the same time; features at depth 0.
    Where the metric looks at the class that is called, each calls as it was tuned to.

    Returns
    -------
    mapping
        `value` of the metric with own columns alone, and by how much all features are better:
        `difference` with its 95 % interval `low` to `high`, in the metric's better direction.
    """
    rows = labelled_rows(labels)
    tables = taken(run, snapshot)
    entity = run.workspace.target.entity
    if not own_features(tables.schema, entity):
        run.narrator.say(f"{entity} has no columns of its own to compare with.")
        return {}
    own = synthesize(tables.schema, entity, depth=0)
    frame = compute_rows(run, own, tables, rows, stage="holdout")
    kept = prune(own, frame, labels=rows["label"].to_numpy(), max_features=len(own.names))
    run.narrator.say(f"The same search on {len(kept.names)} own columns, to compare …")
    section = run.workspace.project.search
    data = Dataset(
        X=frame[list(kept.names)],
        y=rows["label"].to_numpy(),
        cutoff_time=rows["cutoff_time"].to_numpy("datetime64[us]"),
        label_time=rows["label_time"].to_numpy("datetime64[us]"),
        key=rows[run.workspace.entity_key].to_numpy(),
    )
    result = search_models(
        data,
        model.problem,
        budget=SearchBudget(max_seconds=section.max_seconds, max_trials=max(n_trials - 1, 1)),
        seed=section.seed,
        directory=run.workspace.path("searches", run.row.run_id, "own_columns"),
    )
    own_told = asked(model.problem.scoring, result.holdout.predictions, result.model.decision)
    return _compare(run, model, holdout, own_told)


def _compare(
    run: Run, model: EnsembleModel, holdout: pd.DataFrame, own: np.ndarray
) -> Mapping[str, float]:
    problem, y = model.problem, holdout["label"].to_numpy()
    found = paired_difference(
        y,
        asked(problem.scoring, predictions_in(holdout, problem), model.decision),
        own,
        problem.metric,
        holdout["cutoff_time"].to_numpy("datetime64[us]"),
        run.workspace.project.search.seed,
    )
    return {
        "value": float(problem.scoring.score(y, own)),
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
    }
