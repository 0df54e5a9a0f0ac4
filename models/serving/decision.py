"""Decision: which class is called, given the probabilities of all."""

from dataclasses import dataclass

import numpy as np

HALF = 0.5


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


LIKELIEST = Decision()
"""The likeliest class is called."""
