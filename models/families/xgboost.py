"""Gradient boosting by XGBoost: level by level, with columns sampled per level.

References
----------
Chen, Guestrin: XGBoost (KDD 2016). Defaults after pytabkit's tuned ones (Holzmüller et al.,
NeurIPS 2024, "XGB-TD"), the space after TabArena (arXiv 2506.16791).
"""

import time
from typing import TYPE_CHECKING, Any

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
from models.serving.native import XGBoostModel, known_levels
from models.space import Real, Space, Whole
from models.task import Problem

if TYPE_CHECKING:
    import xgboost

MAX_ROUNDS = 2_000
ONE_THREAD_CELLS = 300_000
"""Below, threads cost more than they bring."""

_OBJECTIVES = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "regression": "reg:squarederror",
}
_STOPPING = {"binary": "logloss", "multiclass": "mlogloss", "regression": "rmse"}


class XGBoost:
    """Boosted trees of another making than LightGBM's; the errors differ a little."""

    name = "xgboost"
    relative_cost = 3.0
    can_stop_early = True

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give pytabkit's defaults; the learning rate follows the size."""
        fast = shape.n_cells > 500_000
        return (
            {
                **usual_encoding(shape, means="none", repeated="number"),
                "learning_rate": 0.1 if fast else 0.05,
                "max_depth": 6,
                "min_child_weight": 1e-3 if problem.is_classification else 2.0,
                "subsample": 0.7,
                "colsample_bylevel": 0.7,
                "reg_alpha": 1e-3,
                "reg_lambda": 1.0,
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary what TabArena varies; the learning rate's floor follows the size."""
        return {
            "learning_rate": Real(
                low=0.05 if shape.n_cells > 4_000_000 else 0.02, high=0.2, log=True
            ),
            "max_depth": Whole(low=3, high=10, log=True),
            "min_child_weight": Real(low=1e-3, high=10.0, log=True),
            "subsample": Real(low=0.5, high=1.0),
            "colsample_bylevel": Real(low=0.3, high=1.0),
            "reg_alpha": Real(low=1e-4, high=5.0, log=True),
            "reg_lambda": Real(low=1e-3, high=20.0, log=True),
            **encoding_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes, which XGBoost splits as sets of levels."""
        return set_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Boost until the validation rows stop gaining, the given rounds, or the time."""
        import xgboost  # a heavy import, wanted in a worker only

        train, valid = _binned(task)
        deadline = time.monotonic() + task.seconds
        watched = [] if valid is None else [(valid, "valid")]
        callbacks = []
        if valid is not None:
            callbacks.append(
                xgboost.callback.EarlyStopping(rounds=patience(task.parameters), save_best=True)
            )
        # Last: who says that it is time to stop keeps those behind it from seeing the round, and
        # without its first round early stopping knows no best one.
        callbacks.append(_stop_at(deadline))
        booster = xgboost.train(
            _parameters(task),
            train,
            num_boost_round=task.n_rounds or MAX_ROUNDS,
            evals=watched,
            callbacks=callbacks,
            verbose_eval=False,
        )
        # Through its bytes, as it will be loaded: predictions are equal to the last bit then.
        model = XGBoostModel.load(bytes(booster.save_raw("ubj")))
        return Fit(estimator=model, n_rounds=int(booster.num_boosted_rounds()))


def _binned(task: FitTask) -> tuple["xgboost.DMatrix", "xgboost.DMatrix | None"]:
    """Bin rows once per fold."""
    import xgboost

    if "xgboost" not in task.cache:
        start = time.monotonic()
        categorical = list(task.categorical)
        same: dict[str, Any] = {
            "feature_types": ["c" if i in categorical else "q" for i in range(task.X.shape[1])],
            "enable_categorical": True,
            "nthread": _n_threads(task),
        }
        rows = known_levels(task.X, categorical)
        train = xgboost.QuantileDMatrix(rows, task.y, weight=task.weight, **same)
        valid = None
        if task.X_valid is not None:
            rows = known_levels(task.X_valid, categorical)
            judged = {"weight": task.weight_valid, "ref": train}
            valid = xgboost.QuantileDMatrix(rows, task.y_valid, **judged, **same)
        task.cache["xgboost"] = (train, valid)
        note_binning(task, "xgboost", time.monotonic() - start)
    binned: tuple[xgboost.DMatrix, xgboost.DMatrix | None] = task.cache["xgboost"]
    return binned


def _parameters(task: FitTask) -> dict[str, Any]:
    problem = task.problem
    by_absolute = problem.metric == "mae"
    fixed: dict[str, Any] = {
        "objective": "reg:absoluteerror" if by_absolute else _OBJECTIVES[problem.task],
        "eval_metric": _stopping(problem),
        "tree_method": "hist",
        "nthread": _n_threads(task),
        "seed": task.seed,
        "verbosity": 0,
    }
    if problem.task == "multiclass":
        fixed["num_class"] = problem.n_outputs
    return dict(task.parameters) | fixed


def _stopping(problem: Problem) -> str:
    return "mae" if problem.metric == "mae" else _STOPPING[problem.task]


def _n_threads(task: FitTask) -> int:
    return task.n_threads if task.X.size > ONE_THREAD_CELLS else 1


def _stop_at(deadline: float) -> Any:
    import xgboost

    class StopAt(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return time.monotonic() > deadline

    return StopAt()
