"""Member: one fitted model of an ensemble."""

from dataclasses import dataclass
from typing import Any, Literal

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from .blocks import in_blocks, one_thread
from .formulas import Formula, with_formulas
from .native import NATIVE, XGBoostModel

HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
FORESTS = (
    *(ExtraTreesClassifier, ExtraTreesRegressor),
    *(RandomForestClassifier, RandomForestRegressor),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedMember:
    """One fitted model: an encoder from columns to floats and an estimator on top.

    Attributes
    ----------
    encoder
        A fitted scikit-learn transformer; None when all columns are numeric and go in as is.
    estimator
        A `lightgbm.Booster`, a model of `native`, or a scikit-learn estimator fitted on class
        codes or values.
    output
        `probability` of the classes, or a regression's `value`.
    columns
        The columns the encoder takes, in its order.
    formulas
        Columns constructed of these, which the encoder takes after them.
    matrix
        What its probability of each class is worth for each class (`pooling`); None for itself.
    """

    family: str
    encoder: Any
    estimator: Any
    output: Literal["probability", "value"]
    columns: tuple[str, ...]
    formulas: tuple[Formula, ...] = ()
    matrix: np.ndarray | None = None

    def predict(self, X: pd.DataFrame, n_outputs: int | None = None) -> np.ndarray:
        """Predict: P(class 1) shape (n,), probabilities (n, n_classes), or values (n,).

        `n_outputs` is 1 or a multiclass problem's number of classes; by default what was fitted.
        """
        return self.predict_encoded(self.encode(X), n_outputs)

    def encode(self, X: pd.DataFrame) -> np.ndarray:
        """Turn rows into the matrix the estimator takes."""
        rows = with_formulas(X[list(self.columns)], self.formulas)
        encoded = rows.to_numpy(float) if self.encoder is None else self.encoder.transform(rows)
        return np.asarray(encoded)

    def predict_encoded(self, encoded: np.ndarray, n_outputs: int | None = None) -> np.ndarray:
        """Predict rows that the encoder has transformed already (a search keeps them)."""
        if isinstance(self.estimator, lightgbm.Booster):
            return predict_booster(self.estimator, encoded)
        if isinstance(self.estimator, XGBoostModel):
            return in_blocks(self.estimator.predict, encoded)
        if self.output == "value" or isinstance(self.estimator, NATIVE):
            return self._ask("predict", encoded)
        probability = self._ask("predict_proba", encoded)
        # NOTE: a fold may lack a class; the estimator then has fewer columns than the problem.
        codes = np.asarray(self.estimator.classes_).astype(int)
        width = max(n_outputs or 0, int(codes.max()) + 1, 2)
        full = np.zeros((len(probability), width))
        full[:, codes] = probability
        return full[:, 1] if width == 2 and n_outputs != 2 else full

    def _ask(self, method: str, encoded: np.ndarray) -> np.ndarray:
        """Ask the estimator; one that answers each row alone is asked on every core."""

        def ask(rows: np.ndarray) -> np.ndarray:
            return np.asarray(getattr(self.estimator, method)(rows), dtype=float)

        if isinstance(self.estimator, HISTOGRAMS):
            return in_blocks(one_thread(ask), encoded)
        return in_blocks(ask, encoded) if isinstance(self.estimator, FORESTS) else ask(encoded)


def predict_booster(booster: lightgbm.Booster, encoded: np.ndarray) -> np.ndarray:
    """Predict as the booster does, each block of rows on one thread."""
    return in_blocks(
        lambda rows: np.asarray(booster.predict(rows, num_threads=1), dtype=float), encoded
    )
