"""Calibration: predictions brought to what happened, by a line on their own scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A line on log odds (two classes) or values, or a power of each probability (more classes).

    Attributes
    ----------
    slope
        Above zero; below one makes probabilities less extreme, above one more.
    intercept
        0 for more than two classes.
    offsets
        For more than two classes: what is added to the logarithm of each one's probability, if
        anything.
    scale
        `odds` for probabilities, `values` for those of a regression.

    References
    ----------
    Platt: Probabilistic Outputs for Support Vector Machines (1999). Guo et al.: On Calibration of
    Modern Neural Networks (ICML 2017), for the one slope of several classes ("temperature").
    """

    slope: float
    intercept: float = 0.0
    offsets: tuple[float, ...] = ()
    scale: Literal["odds", "values"] = "odds"

    def apply(self, prediction: np.ndarray) -> np.ndarray:
        """Calibrate P(class 1) or values, shape (n,), or probabilities, shape (n, n_classes)."""
        if self.scale == "values":
            return np.asarray(self.slope * prediction + self.intercept)
        if prediction.ndim == 1:
            odds = self.slope * log_odds(prediction) + self.intercept
            return np.asarray(1 / (1 + np.exp(-odds)))
        powers = self.slope * np.log(np.clip(prediction, SMALLEST, 1.0))
        if self.offsets:
            powers = powers + np.array(self.offsets)
        shares = np.exp(powers - powers.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @property
    def formula(self) -> str:
        """Write what is done."""
        if self.offsets:
            each = ", ".join(f"{offset:+.3g}" for offset in self.offsets)
            return f"log probabilities x {self.slope:.3g}, then {each}"
        what = "values" if self.scale == "values" else "log odds"
        return f"{what} x {self.slope:.3g} {self.intercept:+.3g}"


def read_calibration(content: Mapping[str, Any] | None) -> Calibration | None:
    """Read what a saved ensemble says of its calibration."""
    if content is None:
        return None
    return Calibration(**{**content, "offsets": tuple(content.get("offsets", ()))})


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Give log(p / (1 - p)), bounded."""
    p = np.clip(chances, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(p) - np.log1p(-p))
