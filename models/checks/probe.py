"""Probe: what a small LightGBM says of rows that it did not learn from, and by which columns."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.families.family import FitTask, Parameters
from models.families.lightgbm import LightGBM
from models.preprocessing import Encoding, make_encoder, split_columns
from models.splits import make_folds
from models.task import Problem, Task

N_FOLDS = 3
N_ROUNDS = 30
FEATURES_PER_TREE = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What rows were answered.

    Attributes
    ----------
    chances
        Of each class, shape `(n_rows, n_classes)`, by models that did not learn from the row.
    shares
        Of all that the trees gained, by column.
    """

    chances: np.ndarray
    shares: Mapping[str, float]


def ask(X: pd.DataFrame, y: np.ndarray, *, until: float) -> Answers | None:
    """Learn classes from two thirds of the rows, ask the third, and so on round.

    Parameters
    ----------
    y
        Codes 0 … k-1, each with at least `N_FOLDS` rows.
    until
        When there are no answers by then (`time.monotonic`), there are none at all.
    """
    n_classes = int(y.max()) + 1
    task: Task = "multiclass" if n_classes > 2 else "binary"
    problem = Problem(task=task, metric="log_loss", classes=tuple(range(n_classes)))
    chances, gains = np.zeros((len(y), n_classes)), np.zeros(X.shape[1])
    for fold in make_folds(Dataset(X=X, y=y), N_FOLDS):
        if time.monotonic() >= until:
            return None
        encoder = make_encoder(Encoding(), X, problem)
        train = FitTask(
            problem=problem,
            parameters=_PARAMETERS | {"feature_fraction": min(1.0, FEATURES_PER_TREE / X.shape[1])},
            X=encoder.fit_transform(X.iloc[fold.train], y[fold.train]),
            y=y[fold.train],
            categorical=encoder.categorical,
            n_rounds=N_ROUNDS,
            seconds=until - time.monotonic(),
        )
        booster = LightGBM().fit(train).estimator
        if time.monotonic() >= until:
            return None
        told = booster.predict(encoder.transformer.transform(X.iloc[fold.valid]), num_threads=1)
        chances[fold.valid] = told if n_classes > 2 else np.column_stack([1 - told, told])
        gains += booster.feature_importance("gain")
    total = gains.sum() or 1.0
    names = [name for part in split_columns(X) for name in part]
    return Answers(chances=chances, shares=dict(zip(names, gains / total, strict=True)))


_PARAMETERS: Parameters = {
    "learning_rate": 0.15,
    "num_leaves": 8,
    "min_data_in_leaf": 20,
    "bagging_fraction": 1.0,
    "lambda_l2": 1.0,
}
