"""Partial dependence: what an ensemble answers on average as one column takes other values.

References
----------
Friedman: Greedy function approximation (Annals of Statistics 2001), section 8.2.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from models.serving import EnsembleModel, Kind

MAX_ROWS = 200
MAX_POINTS = 12
MAX_LEVELS = 8
_SHARES = np.linspace(0.03, 0.97, MAX_POINTS)


class Point(NamedTuple):
    """A value, the mean answer were it every row's, and which share of the rows is near it.

    `value` is None where the column is missing.
    """

    value: float | str | None
    answer: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """How the mean answer depends on a column.

    Attributes
    ----------
    of
        The class whose chance is given, for several classes the one that moves most; empty
        for a regression.
    points
        By value, or most frequent level first; a missing value last.
    """

    column: str
    kind: Kind
    of: str
    points: tuple[Point, ...]

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Dependence":
        """Read what `dataclasses.asdict` and JSON made of one."""
        points = tuple(Point(*each) for each in content["points"])
        return cls(**{**content, "points": points})

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON."""
        return asdict(self) | {"points": [list(point) for point in self.points]}


def partial_dependence(
    model: EnsembleModel,
    X: pd.DataFrame,
    columns: Sequence[str],
    *,
    seed: int = 0,
    max_seconds: float = 3.0,
) -> tuple[Dependence, ...]:
    """Let each column take some of its values in some rows, as far as the time lasts.

    Parameters
    ----------
    columns
        The most important first.
    """
    deadline = time.monotonic() + max_seconds
    few = X.iloc[np.random.default_rng(seed).permutation(len(X))[:MAX_ROWS]]
    found: list[Dependence] = []
    started = time.monotonic()
    for name in columns:
        each = (time.monotonic() - started) / max(len(found), 1)
        if time.monotonic() + each > deadline:
            break
        found.append(_depend(model, X[name], few, name))
    return tuple(found)


def _depend(model: EnsembleModel, given: pd.Series, few: pd.DataFrame, name: str) -> Dependence:
    kind = model.columns[name]
    values, shares = _values(given, kind)
    varied = []
    for value in values:
        same = np.full(len(few), np.nan if value is None and kind == "numeric" else value)
        varied.append(few.assign(**{name: same if kind == "numeric" else same.astype(object)}))
    answers = model.predict(pd.concat(varied, ignore_index=True))
    means = answers.reshape(len(values), len(few), -1).mean(axis=1)
    moving = int(np.ptp(means, axis=0).argmax())
    points = zip(values, means[:, moving].tolist(), shares, strict=True)
    return Dependence(
        column=name, kind=kind, of=_class_of(model, moving), points=tuple(Point(*p) for p in points)
    )


def _class_of(model: EnsembleModel, moving: int) -> str:
    if model.problem.task == "regression":
        return ""
    classes = model.problem.classes or (0, 1)
    return str(classes[moving if model.problem.task == "multiclass" else 1])


def _values(given: pd.Series, kind: Kind) -> tuple[list[Any], list[float]]:
    """Choose values, and say which share of all rows is nearest each."""
    known = given.notna().to_numpy()
    if kind == "numeric":
        numbers = given.to_numpy(dtype=float, na_value=np.nan)[known]
        values: list[Any] = _grid(numbers).tolist()
        between = (np.array(values[1:]) + np.array(values[:-1])) / 2
        counts = np.bincount(np.searchsorted(between, numbers), minlength=len(values)).tolist()
    else:
        frequent = given[known].astype(str).value_counts().head(MAX_LEVELS)
        values, counts = frequent.index.tolist(), frequent.tolist()
    if not known.all() or not values:
        values, counts = [*values, None], [*counts, int((~known).sum())]
    return values, [float(count / max(len(given), 1)) for count in counts]


def _grid(numbers: np.ndarray) -> np.ndarray:
    distinct = np.unique(numbers)
    if len(distinct) <= MAX_POINTS:
        return distinct
    return np.unique(np.quantile(numbers, _SHARES))
