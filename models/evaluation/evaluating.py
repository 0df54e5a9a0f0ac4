"""The evaluation of predictions on a set of rows: scores, shapes, and how steady they are."""

from collections.abc import Mapping

import numpy as np

from models.blocks import draw_resamples
from models.decisions import asked
from models.evaluation import shapes
from models.evaluation.records import Curve, Evaluation
from models.evaluation.scores import (
    check_predictions,
    compare,
    constant_prediction,
    score_interval,
)
from models.evaluation.stability import by_period, steadiness
from models.metrics import METRICS
from models.sampling import Sampling
from models.serving.decision import LIKELIEST, Decision
from models.task import Problem

COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"),
    "multiclass": ("log_loss", "accuracy", "balanced_accuracy", "roc_auc"),
    "regression": ("rmse", "mae", "r2"),
}


def evaluate(
    y: np.ndarray,
    prediction: np.ndarray,
    problem: Problem,
    cutoff_time: np.ndarray | None,
    seed: int,
    *,
    decision: Decision = LIKELIEST,
) -> Evaluation:
    """Score predictions with block-bootstrap intervals.

    Parameters
    ----------
    prediction
        As the metrics take it: `(n_rows,)`, or `(n_rows, n_classes)` for multiclass.
    cutoff_time
        Days are drawn as blocks; None when rows have no time.
    decision
        The model's own: which class is called, for metrics and tables that look at calls.

    Raises
    ------
    ModelError
        When there are no rows, shapes differ, or predictions are not finite.
    """
    y = check_predictions(y, prediction)
    resamples = draw_resamples(y, cutoff_time, seed=seed, classes=problem.is_classification)
    names = dict.fromkeys((problem.metric, *COMPANIONS[problem.task]))
    constant = constant_prediction(y, problem)
    regression = problem.task == "regression"
    told = asked(problem.scoring, prediction, decision)
    return Evaluation(
        metric=problem.metric,
        n_rows=len(y),
        blocks=resamples.description,
        scores={
            name: score_interval(name, y, asked(METRICS[name], prediction, decision), resamples)
            for name in names
        },
        baseline=METRICS[problem.metric].score(y, constant),
        gain=compare(y, told, constant, problem.metric, Sampling(by=(resamples,))),
        calibration=shapes.calibrate(y, prediction, resamples),
        lift=shapes.lift(y, prediction) if problem.task == "binary" else (),
        residuals=shapes.residuals(y, prediction) if regression else {},
        curves=_curves(y, prediction) if problem.task == "binary" else {},
        confusion=shapes.confusion(y, decision.weigh(prediction))
        if problem.task == "multiclass"
        else (),
        bands=shapes.bands(y, prediction) if regression else (),
        periods=() if cutoff_time is None else by_period(y, told, problem, cutoff_time, seed),
        steady=None
        if cutoff_time is None
        else steadiness(y, told, problem.metric, cutoff_time, resamples, seed=seed),
        decision=decision,
    )


def _curves(y: np.ndarray, prediction: np.ndarray) -> dict[str, Curve]:
    return {
        "roc": shapes.roc_curve(y, prediction),
        "precision_recall": shapes.precision_recall_curve(y, prediction),
    }
