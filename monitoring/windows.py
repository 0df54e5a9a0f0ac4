"""Windows: the rows a decision compares, and the time blocks their rows fall into."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from monitoring.errors import WindowError

BLOCK_LENGTHS = ("1h", "1D", "7D", "28D")
"""Candidate lengths of a time block, shortest first."""

MIN_BLOCKS = 3
MAX_BLOCKS = 120
MIN_ROWS_PER_BLOCK = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Scored rows of one stretch of time.

    Parameters
    ----------
    features
        One column per feature the champion was given, shape (n_rows, n_features).
    scores
        The champion's predictions, shape (n_rows,) or (n_rows, n_classes).
    labels
        Shape (n_rows,); NaN where the label is not known yet.
    cutoff_time
        Naive UTC, shape (n_rows,); None where the data has no time: rows then count as
        independent of each other.
    name
        "reference" (what the champion was validated on) or "current" (what it scored since).
    n_unknown_classes
        Labels that arrived and are of a class the champion does not know; NaN in `labels`.
    """

    features: pd.DataFrame
    scores: np.ndarray
    labels: np.ndarray
    cutoff_time: np.ndarray | None
    name: Literal["reference", "current"]
    n_unknown_classes: int = 0

    def __post_init__(self) -> None:
        sizes = {"features": len(self.features), "scores": len(self.scores)}
        sizes["labels"] = len(self.labels)
        if self.cutoff_time is not None:
            sizes["cutoff_time"] = len(self.cutoff_time)
        if len(set(sizes.values())) > 1:
            raise WindowError.unequal(self.name, sizes)
        if not self.features.columns.is_unique:
            raise WindowError.repeated(self.name, self.features.columns)
        if self.cutoff_time is not None and np.isnat(self.cutoff_time.astype("M8[us]")).any():
            raise WindowError.timeless(self.name)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.features)

    def take(self, rows: np.ndarray, columns: list[str] | None = None) -> "Window":
        """Return some of the rows, by position, and some of the features."""
        features = self.features if columns is None else self.features[columns]
        return Window(
            features=features.iloc[rows],
            scores=np.asarray(self.scores)[rows],
            labels=np.asarray(self.labels)[rows],
            cutoff_time=None if self.cutoff_time is None else self.cutoff_time[rows],
            name=self.name,
        )

    @property
    def is_labelled(self) -> np.ndarray:
        """Which rows have a known label, shape (n_rows,)."""
        return np.asarray(~pd.isna(self.labels))

    @property
    def n_labelled(self) -> int:
        """Number of rows with a known label."""
        return int(self.is_labelled.sum())

    @property
    def n_days(self) -> int | None:
        """Number of calendar days with rows; None where rows have no time."""
        if self.cutoff_time is None:
            return None
        return len(np.unique(self.cutoff_time.astype("M8[D]")))


def block_starts(
    reference: np.ndarray | None, current: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the start of the time block each row lies in, for both windows alike.

    Rows of one block share weather, prices and neighbours, so they are not independent; blocks
    nearly are. A block is a calendar day unless a window holds fewer than `MIN_BLOCKS` of them
    (then an hour), or more than `MAX_BLOCKS`, or too few rows in each (then one or four weeks).

    Parameters
    ----------
    reference, current
        Cutoff times, naive UTC, shape (n_rows,), or None.

    Returns
    -------
    tuple
        Two arrays of datetime64[us], or (None, None) where no split into blocks is possible:
        rows then count as independent.

    Examples
    --------
    >>> hours = np.datetime64("2026-01-01", "us") + np.arange(96) * np.timedelta64(1, "h")
    >>> starts, _ = block_starts(hours, hours)
    >>> len(np.unique(starts))
    4
    """
    if reference is None or current is None or not len(reference) or not len(current):
        return None, None
    usable = []
    for length in BLOCK_LENGTHS:
        pair = floor_times(reference, length), floor_times(current, length)
        counts = [len(np.unique(starts)) for starts in pair]
        if min(counts) < MIN_BLOCKS:
            continue
        usable.append((length, pair))
        is_coarse_enough = max(counts) <= MAX_BLOCKS and all(
            len(starts) >= MIN_ROWS_PER_BLOCK * count
            for starts, count in zip(pair, counts, strict=True)
        )
        if length != BLOCK_LENGTHS[0] and is_coarse_enough:
            return pair
    return usable[-1][1] if usable else (None, None)


def block_length(times: np.ndarray) -> str | None:
    """Return the length of the time blocks of one window, or None where it has too few.

    As `block_starts` chooses it for a window compared with itself.
    """
    starts, _ = block_starts(times, times)
    if starts is None:
        return None
    candidates = (length for length in BLOCK_LENGTHS if _is_cut(times, starts, length))
    return next(candidates, None)


def _is_cut(times: np.ndarray, starts: np.ndarray, length: str) -> bool:
    return bool(np.array_equal(floor_times(times, length), starts))


def floor_times(times: np.ndarray, length: str) -> np.ndarray:
    """Return the start of the time block of `length` each time lies in."""
    width = pd.Timedelta(length).to_timedelta64().astype("m8[us]").astype("i8")
    ticks = times.astype("M8[us]").astype("i8")
    return np.asarray((ticks // width * width).astype("M8[us]"))
