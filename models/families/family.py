"""What every model family promises."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from models.candidate import Parameter
from models.preprocessing import MANY_LEVELS, Encoding, count_levels, repeated_numbers, words_of
from models.space import Space
from models.task import Problem

Parameters = dict[str, Parameter]


LARGE_CELLS = 1_000_000
"""Above, no trial is there within seconds."""

PATIENCE = 2.0
"""Divided by the learning rate, the rounds without a gain after which boosting stops."""

LEAST_PATIENCE, MOST_PATIENCE = 25, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the search rows are: defaults and costs follow from it.

    Attributes
    ----------
    n_categorical, n_many_levels
        Columns that hold levels, and those of more than `models.preprocessing.MANY_LEVELS`.
    n_words
        Columns that count words of texts.
    n_repeated
        Columns of whole numbers that repeat (`models.preprocessing.repeated_numbers`).
    """

    n_rows: int
    n_columns: int
    n_categorical: int = 0
    n_many_levels: int = 0
    n_words: int = 0
    n_repeated: int = 0

    @classmethod
    def of(cls, X: pd.DataFrame) -> Self:
        """Measure search rows."""
        n_levels = count_levels(X)
        return cls(
            n_rows=len(X),
            n_columns=X.shape[1],
            n_categorical=len(n_levels),
            n_many_levels=sum(n > MANY_LEVELS for n in n_levels.values()),
            n_words=sum(map(len, words_of(X))),
            n_repeated=len(repeated_numbers(X)),
        )

    @property
    def n_numeric(self) -> int:
        """Columns that hold numbers."""
        return self.n_columns - self.n_categorical

    @property
    def n_cells(self) -> int:
        """Rows times columns."""
        return self.n_rows * max(1, self.n_columns)

    @property
    def is_large(self) -> bool:
        """Whether even a cheap trial takes a while."""
        return self.n_cells > LARGE_CELLS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitTask:
    """What a family is asked to fit.

    Attributes
    ----------
    X, y
        Encoded training rows, shape `(n_rows, n_encoded)`, and their labels.
    categorical
        Positions of the columns that hold codes of levels.
    X_valid, y_valid
        Rows that may decide when boosting stops: the fold's own validation rows, which makes its
        score a little too good, as is common. None in a final fit.
    n_rounds
        Boosting rounds of a final fit, as the folds found them; None in a fold.
    weight, weight_valid
        How much each row counts, with a mean of about one; None when all count the same.
    seconds
        Time for the fit proper, after what is done once per fold (binning): a family that can
        stop early stops then.
    cache
        Whatever the family wants to find again when it meets the same rows: binned data.
    """

    problem: Problem
    parameters: Parameters
    X: np.ndarray
    y: np.ndarray
    categorical: tuple[int, ...] = ()
    X_valid: np.ndarray | None = None
    y_valid: np.ndarray | None = None
    weight: np.ndarray | None = None
    weight_valid: np.ndarray | None = None
    n_rounds: int | None = None
    seconds: float = float("inf")
    n_threads: int = 1
    seed: int = 0
    cache: MutableMapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A fitted estimator that can be stored without pickle.

    Attributes
    ----------
    estimator
        A `lightgbm.Booster`, a model of `models.serving.native` or a scikit-learn estimator.
    n_rounds
        Boosting rounds kept; 0 where there are none.
    """

    estimator: Any
    n_rounds: int = 0


def note_binning(task: FitTask, family: str, seconds: float) -> None:
    """Note in a fold's cache what a family's later fits on the fold save."""
    task.cache[f"seconds of binning: {family}"] = seconds


def binning_seconds(cache: Mapping[str, Any], family: str) -> float:
    """Give what `note_binning` noted; 0 where nothing was binned."""
    return float(cache.get(f"seconds of binning: {family}", 0.0))


def patience(parameters: Parameters) -> int:
    """Give the rounds without a gain after which boosting stops: slow learners wait longer.

    Examples
    --------
    >>> [patience({"learning_rate": rate}) for rate in (0.2, 0.05, 0.01)]
    [25, 40, 100]
    """
    rounds = PATIENCE / float(parameters["learning_rate"])
    return round(min(max(rounds, LEAST_PATIENCE), MOST_PATIENCE))


class Family(Protocol):
    """A kind of model: defaults, space, encoding, and how it is fitted.

    A family that does not apply, to this problem or to data of this shape, says so by an empty
    portfolio and an empty space: then nothing of it is tried, warm candidates included.

    Attributes
    ----------
    relative_cost
        Seconds of a default trial relative to the linear family's; used until one is measured.
    can_stop_early
        Whether a fit keeps what it has when its time is up.
    """

    @property
    def name(self) -> str:
        """Name in the catalogue."""

    @property
    def relative_cost(self) -> float:
        """See the class."""

    @property
    def can_stop_early(self) -> bool:
        """See the class."""

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give complete parameters to try, best bet first, the first being the defaults.

        Empty when the family does not apply. Of a family that the learned list knows
        (`models.variants`), only the defaults are taken from here.
        """

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Say what may vary; empty when nothing is worth tuning, or nothing applies."""

    def encoding(self, parameters: Parameters) -> Encoding | None:
        """Say how columns become the matrix the estimator takes; None where it takes no column."""

    def fit(self, task: FitTask) -> Fit:
        """Fit the estimator on encoded rows."""
