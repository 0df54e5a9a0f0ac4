"""Gradient boosting by CatBoost: symmetric trees, ordered statistics of categories.

References
----------
Prokhorenkova et al.: CatBoost (NeurIPS 2018). Defaults after pytabkit's tuned ones (Holzmüller
et al., NeurIPS 2024, "CatBoost-TD") with one leaf iteration and pairs of categories at most, for
time; the space after TabArena (arXiv 2506.16791), where it has the best defaults on a CPU.
"""

import time
from typing import Any

import numpy as np

from models.families.encodings import selection_space, set_encoding, usual_selection
from models.families.family import Fit, FitTask, Parameters, Shape
from models.preprocessing import Encoding
from models.serving.native import CatBoostModel, with_whole_levels
from models.space import Real, Space, Whole
from models.task import Problem

MAX_ROUNDS = 1_500
PATIENCE = 40
ONE_THREAD_CELLS = 100_000
"""Below, threads cost more than they bring."""

_LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


class CatBoost:
    """The best defaults of all boosting; slower to fit than LightGBM."""

    name = "catboost"
    relative_cost = 8.0
    can_stop_early = True

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give robust defaults; the learning rate follows the size."""
        return (
            {
                "learning_rate": 0.1 if shape.n_cells > 500_000 else 0.07,
                "depth": 6,
                "l2_leaf_reg": 3.0,
                "subsample": 0.85,
                "random_strength": 0.8,
                "one_hot_max_size": 15,
                **usual_selection(shape),
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary what TabArena varies, without what multiplies the time."""
        return {
            "learning_rate": Real(low=0.03, high=0.2, log=True),
            "depth": Whole(low=4, high=8),
            "l2_leaf_reg": Real(low=1e-3, high=10.0, log=True),
            "subsample": Real(low=0.6, high=1.0),
            "random_strength": Real(low=1e-2, high=5.0, log=True),
            "one_hot_max_size": Whole(low=2, high=100, log=True),
            **selection_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes, of which CatBoost makes statistics of the target."""
        return set_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Boost until the validation rows stop gaining, the given rounds, or the time."""
        import catboost  # a heavy import, wanted in a worker only

        booster = catboost.CatBoost(_parameters(task))
        booster.fit(
            _pool(task, task.X, task.y, task.weight),
            eval_set=_pool(task, task.X_valid, task.y_valid, task.weight_valid),
            callbacks=[_StopAt(time.monotonic() + task.seconds)],
        )
        return Fit(estimator=CatBoostModel(booster), n_rounds=int(booster.tree_count_))


class _StopAt:
    """Tells CatBoost to stop when the time is up."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def after_iteration(self, info: Any) -> bool:
        """Say whether to go on."""
        return time.monotonic() <= self._deadline


def _pool(
    task: FitTask, X: np.ndarray | None, y: np.ndarray | None, weight: np.ndarray | None
) -> Any:
    import catboost

    if X is None:
        return None
    categorical = list(task.categorical)
    rows = with_whole_levels(X, categorical)
    return catboost.Pool(rows, y, weight=weight, cat_features=categorical)


def _parameters(task: FitTask) -> dict[str, Any]:
    problem = task.problem
    fixed: dict[str, Any] = {
        "loss_function": "MAE" if problem.metric == "mae" else _LOSSES[problem.task],
        "iterations": task.n_rounds or MAX_ROUNDS,
        "bootstrap_type": "Bernoulli",
        "leaf_estimation_iterations": 1,
        "max_ctr_complexity": 2,
        "thread_count": task.n_threads if task.X.size > ONE_THREAD_CELLS else 1,
        "random_seed": task.seed,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }
    if task.X_valid is not None:
        fixed |= {"use_best_model": True, "od_type": "Iter", "od_wait": PATIENCE}
    if problem.task == "multiclass":
        fixed["classes_count"] = problem.n_outputs
    return dict(task.parameters) | fixed
