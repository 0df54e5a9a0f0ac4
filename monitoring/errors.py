"""What may go wrong between windows and a decision, each with one clear message."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # the command line imports this module, and pandas takes half a second
    import pandas as pd


class MonitoringError(Exception):
    """Base of everything `monitoring` refuses: says what was expected, what came, what to do."""


class WindowError(MonitoringError):
    """A window whose parts do not belong together."""

    @classmethod
    def unequal(cls, name: str, sizes: Mapping[str, int]) -> Self:
        """Parts of different length."""
        found = ", ".join(f"{part} {size}" for part, size in sizes.items())
        return cls(
            f"Every part of the {name} window needs one entry per row; got {found}. "
            "Build them from the same rows, in the same order."
        )

    @classmethod
    def repeated(cls, name: str, columns: "pd.Index") -> Self:
        """Two features of one name."""
        repeated = sorted({str(c) for c in columns[columns.duplicated()]})[:5]
        return cls(
            f"Feature names of the {name} window must be unique; repeated: {repeated}. "
            "Rename or drop the copies."
        )

    @classmethod
    def timeless(cls, name: str) -> Self:
        """A row without cutoff time."""
        return cls(
            f"Every row of the {name} window needs a cutoff time; some are missing. "
            "Drop those rows, or pass cutoff_time=None if the data has no time."
        )


class PolicyError(MonitoringError):
    """A policy that could not mean anything."""

    @classmethod
    def outside(cls, field: str, value: float, expected: str) -> Self:
        """A number outside its range."""
        return cls(f"{field} must be {expected}; got {value}. Correct the monitoring settings.")


class ImportanceError(MonitoringError):
    """Feature weights that are not weights."""

    @classmethod
    def negative(cls, weights: Iterable[tuple[str, float]]) -> Self:
        """Weights below zero or not finite."""
        shown = ", ".join(f"{name} {weight}" for name, weight in list(weights)[:5])
        return cls(
            f"Feature importance must be finite and >= 0; got {shown}. "
            "Clip permutation drops at zero before passing them."
        )


class MetricError(MonitoringError):
    """A metric that could not be evaluated on labelled rows."""

    @classmethod
    def on(cls, metric: str, window: str, error: Exception) -> Self:
        """Raise for the whole (not resampled) window."""
        return cls(
            f"Metric {metric!r} failed on the labelled rows of the {window} window: {error}. "
            "Check that labels and scores have the shape the metric expects."
        )
