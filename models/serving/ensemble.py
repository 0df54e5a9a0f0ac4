"""Ensemble: members, their weights, and how their mean becomes an answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from .calibration import Calibration
from .decision import LIKELIEST, Decision
from .member import FittedMember
from .pooling import Pooling, from_scale, to_scale
from .rows import Kind, conform

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedProblem:
    """The problem as `model.json` has it (`models.task.Problem` without its checks)."""

    task: Task
    metric: str
    classes: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnsembleModel:
    """A weighted mean of members, on the scale of `pooling`.

    Attributes
    ----------
    weights
        One per member; they add up to one.
    problem
        A `models.task.Problem`; where Perennial is not installed, a `SavedProblem`.
    columns
        `numeric` or `categorical` by column, in the order of the training matrix.
    calibration
        What the mean becomes; None for what it is.
    decision
        Which class is called.
    """

    members: tuple[FittedMember, ...]
    weights: tuple[float, ...]
    problem: Any
    columns: Mapping[str, Kind]
    pooling: Pooling = "mean"
    calibration: Calibration | None = None
    decision: Decision = LIKELIEST

    @property
    def used_columns(self) -> frozenset[str]:
        """Name the columns that any member looks at."""
        return frozenset(name for member in self.members for name in member.columns)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict rows: P(class 1) shape (n,), probabilities (n, n_classes), or values (n,).

        Columns may come in any order, with others; missing values are NaN, None or `pd.NA`.

        Raises
        ------
        ServingError
            When a column is missing or holds what cannot be a number.
        """
        rows = conform(X, self.columns)
        n_outputs = len(self.problem.classes) if self.problem.task == "multiclass" else 1
        parts: dict[int, np.ndarray] = {}
        for numbers in self._by_encoder():
            encoded = self.members[numbers[0]].encode(rows)
            for number in numbers:
                member = self.members[number]
                predicted = member.predict_encoded(encoded, n_outputs)
                scaled = to_scale(predicted, self.pooling, member.matrix)
                parts[number] = self.weights[number] * scaled
        # Added up in the members' order: the last bits do not depend on who shares an encoder.
        total = np.asarray(sum(parts[number] for number in sorted(parts)), dtype=float)
        mean = from_scale(total, self.pooling)
        return mean if self.calibration is None else self.calibration.apply(mean)

    def call(self, chances: np.ndarray) -> np.ndarray:
        """Give the code of the class that is called, from what `predict` gave."""
        return self.decision.call(chances)

    def name_calls(self, chances: np.ndarray) -> list[Any]:
        """Name the class that is called for each row, from what `predict` gave."""
        classes = self.problem.classes or (0, 1)
        return [classes[code] for code in self.call(chances)]

    def _by_encoder(self) -> Iterable[list[int]]:
        """Group members that share an encoder: fold models of several trials mostly do."""
        groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for number, member in enumerate(self.members):
            groups.setdefault((id(member.encoder), member.columns), []).append(number)
        return groups.values()
