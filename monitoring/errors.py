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


class SequenceError(MonitoringError):
    """Losses that a sequential test cannot take."""

    @classmethod
    def unusable(cls, n_rows: int, least: int, run_length: float, tolerance: float) -> Self:
        """Too short a reference, or bounds that mean nothing."""
        return cls(
            f"A sequential test needs at least {least} reference losses, a run length > 1 and a "
            f"tolerance >= 0; got {n_rows}, {run_length} and {tolerance}. "
            "Validate on more rows, or correct the monitoring settings."
        )

    @classmethod
    def not_losses(cls, shape: tuple[int, ...], n_bad: int) -> Self:
        """Not one finite number per row."""
        return cls(
            f"Losses must be one finite number per row; got shape {shape}, {n_bad} of them "
            "not finite. Leave out rows whose label is not known yet."
        )

    @classmethod
    def unequal(cls, n_losses: int, n_times: int) -> Self:
        """Losses and times of different rows."""
        return cls(
            f"Losses and times must be of the same rows; got {n_losses} losses and {n_times} times."
        )

    @classmethod
    def timeless(cls) -> Self:
        """Times left out although the reference had them."""
        return cls(
            "The reference losses came with times, so update needs the time of every row too. "
            "Pass times, or leave them out in both places."
        )
