"""Decision: which class is called, given the probabilities of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

HALF = 0.5

COLUMN = "decision"
"""Column of the class that is called, beside those of its predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The likeliest class, unless a metric of decisions asks for another.

    Attributes
    ----------
    threshold
        Above this probability the second of two classes is called.
    factors
        What the probability of each of several classes counts for; empty where all count once.
    """

    threshold: float = HALF
    factors: tuple[float, ...] = ()

    def call(self, chances: np.ndarray) -> np.ndarray:
        """Give the code of the class that is called, by probabilities `(n,)` or `(n, k)`."""
        if chances.ndim == 2:
            return np.asarray(self.weigh(chances).argmax(axis=1))
        return (chances > self.threshold).astype(np.intp)

    def weigh(self, chances: np.ndarray) -> np.ndarray:
        """Give probabilities of which the likeliest class is the one that is called."""
        if chances.ndim == 1:
            return chances if self.threshold == HALF else (chances > self.threshold).astype(float)
        if not self.factors:
            return chances
        weighed = chances * np.array(self.factors)
        return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))

    def words(self, classes: Sequence[Any]) -> str:
        """Say what is called; empty where it is the likeliest class.

        Examples
        --------
        >>> Decision(threshold=0.25).words(("no", "yes"))
        "'yes' above a probability of 0.25"
        """
        if self.factors:
            times = ", ".join(f"{factor:.3g}" for factor in self.factors)
            return f"the likeliest class, its probability counted so many times: {times}"
        if self.threshold == HALF:
            return ""
        return f"{(classes or (0, 1))[1]!r} above a probability of {self.threshold:.6g}"


def call_name(names: Sequence[str]) -> str:
    """Name the column of calls; other than `decision` only where a class is named so."""
    return COLUMN + "_" * (COLUMN in names)


LIKELIEST = Decision()
"""The likeliest class is called."""
