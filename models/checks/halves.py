"""Halves: a sample of rows, one half to learn a small tree from, the other to ask it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from models.dataset import Dataset
from models.metrics import r2, roc_auc
from models.task import Problem

SAMPLE_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halves:
    """Rows in random order; the first half is learned from.

    Attributes
    ----------
    data
        The sample, at most `SAMPLE_ROWS` rows; values of a regression as ranks, as a tree never
        meets the few largest ones.
    """

    data: Dataset
    problem: Problem

    @classmethod
    def of(cls, data: Dataset, problem: Problem) -> "Halves":
        """Take a sample, the same one for the same number of rows."""
        few = np.random.default_rng(0).permutation(len(data))[:SAMPLE_ROWS]
        sample = data.take(few)
        if not problem.is_classification:
            sample = replace(sample, y=np.asarray(pd.Series(sample.y).rank()))
        return cls(data=sample, problem=problem)

    @property
    def half(self) -> int:
        """Count the rows that are learned from."""
        return len(self.data) // 2

    @property
    def measure(self) -> str:
        """Name what `score` gives."""
        return "ROC AUC" if self.problem.is_classification else "R² of ranks"

    def score(self, values: Sequence[np.ndarray]) -> float:
        """Give ROC AUC or R² of a small tree on these values; NaN when only one class is seen.

        Parameters
        ----------
        values
            Numbers or NaN, one array per column; only their order counts.
        """
        y, half = self.data.y, self.half
        X = np.column_stack([np.asarray(pd.Series(column).rank()) for column in values])
        if not self.problem.is_classification:
            tree = DecisionTreeRegressor(random_state=0).fit(X[:half], y[:half])
            return r2(y[half:], tree.predict(X[half:]))
        tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=5, random_state=0)
        tree.fit(X[:half], y[:half])
        if len(tree.classes_) < 2:
            return float("nan")
        chances = np.zeros((len(y) - half, int(y.max()) + 1))
        chances[:, tree.classes_] = tree.predict_proba(X[half:])
        return roc_auc(y[half:], chances)

    def numbers(self, name: str) -> np.ndarray:
        """Give a column's numbers, or for each level the mean (commonest) label that it had."""
        values = self.data.X[name]
        if values.dtype == object:
            learned = values.iloc[: self.half].to_numpy()
            labels = pd.Series(self.data.y[: self.half]).groupby(learned)
            is_coded = self.problem.task == "multiclass"
            values = values.map(labels.agg(_commonest) if is_coded else labels.mean())
        return np.asarray(values.astype(float))


def _commonest(labels: pd.Series) -> float:
    return float(labels.mode().iloc[0])
