"""Gradient boosting by LightGBM, with native categories and early stopping."""

import time
from collections.abc import Callable
from typing import Any

import lightgbm as lgb

from models.families.encodings import encoding_space, set_encoding, usual_encoding
from models.families.family import (
    Fit,
    FitTask,
    Parameters,
    Shape,
    note_binning,
    patience,
)
from models.preprocessing import Encoding
from models.space import Real, Space, Whole
from models.task import Problem

MAX_ROUNDS = 2_000
FEW_BINS_CELLS = 3_000_000
"""Above, columns get 63 bins: a quarter cheaper than 127 at the same ROC AUC to three digits
(70,000 × 100); below, 255."""

ONE_THREAD_CELLS = 300_000
"""Below, threads cost more than they bring: 1,000 × 8 takes 1.6 times as long on two."""

BINNING_ROWS = 20_000
"""Rows whose quantiles become the bins; LightGBM's own 200,000 cost a second more per fold."""

_OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
_STOPPING = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "l2"}
"""The loss stops it, whatever the metric: the area under the curve of few rows is a chance."""


class LightGBM:
    """Boosted trees: the strongest single family on most tables."""

    name = "lightgbm"
    relative_cost = 2.0
    can_stop_early = True

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give a robust start.

        NOTE: after the defaults of AutoGluon and pytabkit and what TabArena's spaces cover; the
        learning rate follows the size, because here a trial is to cost seconds.
        """
        rate = 0.1 if shape.n_cells > 4_000_000 else 0.06 if shape.n_cells > 500_000 else 0.04
        leaves, least = (31, 40) if shape.n_rows > 5_000 else (15, 10)
        return (
            {
                **usual_encoding(shape, means="none", repeated="number"),
                "learning_rate": rate,
                "num_leaves": leaves,
                "min_data_in_leaf": least,
                "feature_fraction": 0.6,
                "bagging_fraction": 0.8,
                "extra_trees": False,
                "lambda_l1": 1e-3,
                "lambda_l2": 1.0,
                "cat_smooth": 20.0,
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary what TabArena varies; the learning rate's floor follows the size."""
        return {
            "learning_rate": Real(
                low=0.05 if shape.n_cells > 4_000_000 else 0.02, high=0.2, log=True
            ),
            "num_leaves": Whole(low=4, high=127, log=True),
            "min_data_in_leaf": Whole(low=5, high=300, log=True),
            "feature_fraction": Real(low=0.2, high=1.0),
            "bagging_fraction": Real(low=0.5, high=1.0),
            "lambda_l1": Real(low=1e-4, high=5.0, log=True),
            "lambda_l2": Real(low=1e-3, high=20.0, log=True),
            "cat_smooth": Real(low=1.0, high=100.0, log=True),
            **encoding_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes, which LightGBM splits as sets of levels."""
        return set_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Boost until the validation rows stop gaining, the given rounds, or the time."""
        train, valid = _binned(task)
        callbacks: list[Callable[[Any], None]] = [_stop_at(time.monotonic() + task.seconds)]
        if valid is not None:
            callbacks.append(
                lgb.early_stopping(patience(task.parameters), first_metric_only=True, verbose=False)
            )
        booster = lgb.train(
            _parameters(task),
            train,
            num_boost_round=task.n_rounds or MAX_ROUNDS,
            valid_sets=[] if valid is None else [valid],
            callbacks=callbacks,
        )
        rounds = (
            booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        )
        # Through its text, as it will be loaded: predictions are equal to the last bit then.
        text = booster.model_to_string(num_iteration=booster.best_iteration)
        return Fit(estimator=lgb.Booster(model_str=text), n_rounds=int(rounds))


def _binned(task: FitTask) -> tuple[lgb.Dataset, lgb.Dataset | None]:
    """Bin rows once per fold: for 80,000 × 100 it costs as much as fifty rounds."""
    if "lightgbm" not in task.cache:
        start = time.monotonic()
        same: dict[str, Any] = {
            "categorical_feature": list(task.categorical),
            "params": _binning(task),
            "free_raw_data": True,
        }
        train, valid = lgb.Dataset(task.X, task.y, weight=task.weight, **same).construct(), None
        if task.X_valid is not None:
            judged = {"weight": task.weight_valid, "reference": train}
            valid = lgb.Dataset(task.X_valid, task.y_valid, **judged, **same).construct()
        task.cache["lightgbm"] = (train, valid)
        note_binning(task, "lightgbm", time.monotonic() - start)
    binned: tuple[lgb.Dataset, lgb.Dataset | None] = task.cache["lightgbm"]
    return binned


def _binning(task: FitTask) -> dict[str, Any]:
    """Everything that shapes the bins, which are shared by all candidates of a fold."""
    return {
        "max_bin": 63 if task.X.size > FEW_BINS_CELLS else 255,
        "min_data_in_bin": 3,
        "bin_construct_sample_cnt": BINNING_ROWS,
        "feature_pre_filter": False,
        "num_threads": task.n_threads if task.X.size > ONE_THREAD_CELLS else 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _parameters(task: FitTask) -> dict[str, Any]:
    problem = task.problem
    objective = "regression_l1" if problem.metric == "mae" else _OBJECTIVES[problem.task]
    fixed: dict[str, Any] = _binning(task) | {
        "objective": objective,
        "metric": _stopping(problem),
        "seed": task.seed,
        "bagging_freq": 1,
    }
    if problem.task == "multiclass":
        fixed["num_class"] = problem.n_outputs
    return dict(task.parameters) | fixed


def _stopping(problem: Problem) -> str:
    return "l1" if problem.metric == "mae" else _STOPPING[problem.task]


def _stop_at(deadline: float) -> Callable[[Any], None]:
    def check(environment: Any) -> None:
        if time.monotonic() > deadline:
            best = environment.iteration
            raise lgb.callback.EarlyStopException(best, environment.evaluation_result_list or [])

    check.order = 40  # type: ignore[attr-defined]  # after early stopping, which has order 30
    return check
