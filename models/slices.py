"""Slices: groups of rows by what a column says, so that a mean does not hide whom it fails.

Every row is in exactly one slice of each column: numbers fall into bins of about equal counts,
the most frequent levels of other columns stand for themselves and the rest is `other`, and missing
is a slice of its own.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.errors import ModelError
from models.figures import figure

N_BINS = 4
MAX_LEVELS = 8
"""A column with more levels keeps the most frequent ones; numbers with more values are binned."""

OTHER, MISSING = "other", "missing"
_MOMENT = "datetime64[us]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """Rows that are alike in one column.

    Attributes
    ----------
    level
        What the rows have in common: `"north"`, `"32 to 45"`, `"missing"`.
    rows
        Which rows are in it, `(n_rows,)` of bool.
    """

    column: str
    level: str
    rows: np.ndarray

    @property
    def name(self) -> str:
        """Name column and level: `"region: north"`."""
        return f"{self.column}: {self.level}"

    @property
    def n_rows(self) -> int:
        """Count its rows."""
        return int(self.rows.sum())


def slice_rows(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    n_bins: int = N_BINS,
    max_levels: int = MAX_LEVELS,
) -> tuple[Slice, ...]:
    """Cut rows into slices by each of some columns; empty slices are left out.

    Parameters
    ----------
    n_bins
        Of numbers and moments that have more than `max_levels` values.
    max_levels
        Of any other column; what is rarer is `other`, its last level.

    Raises
    ------
    ModelError
        When a column is not in the frame.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [20, 30, 40, 50, 60], "region": ["n", "s", "n", None, "s"]})
    >>> [part.name for part in slice_rows(frame, ["region"])]
    ['region: n', 'region: s', 'region: missing']
    >>> [part.name for part in slice_rows(frame, ["age"], n_bins=2, max_levels=3)]
    ['age: 20 to 40', 'age: above 40 to 60']
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        shown = ", ".join(map(str, list(frame.columns)[:MAX_LEVELS]))
        raise ModelError(
            f"Expected slices by columns of the rows ({shown}, …), got {', '.join(missing)}."
        )
    return tuple(
        Slice(column=name, level=level, rows=rows)
        for name in columns
        for level, rows in _levels(frame[name], n_bins, max_levels)
        if rows.any()
    )


def _levels(values: pd.Series, n_bins: int, max_levels: int) -> Iterator[tuple[str, np.ndarray]]:
    known = values.notna().to_numpy(dtype=bool)
    ordered = pd.api.types.is_numeric_dtype(values.dtype) or _are_moments(values)
    is_flag = pd.api.types.is_bool_dtype(values.dtype)
    if ordered and not is_flag and values[known].nunique() > max_levels:
        yield from _bins(values, known, n_bins)
    else:
        yield from _named(values, known, max_levels, ordered=ordered)
    yield MISSING, ~known


def _bins(values: pd.Series, known: np.ndarray, n_bins: int) -> Iterator[tuple[str, np.ndarray]]:
    moments = _are_moments(values)
    plain = values.to_numpy(dtype=_MOMENT) if moments else values.to_numpy(dtype=float)
    numbers = plain.astype(np.int64) if moments else plain
    # NOTE: edges are values that occur, so that what is written is what was cut by.
    shares = np.arange(n_bins + 1) / n_bins
    edges = np.quantile(numbers[known], shares, method="inverted_cdf")
    write = _day if moments else _number
    low, named = edges[0], write(edges[0])
    for place, high in enumerate(np.unique(edges[1:])):
        rows = known & (numbers <= high) & ((numbers > low) | (place == 0))
        yield (f"{named} to {write(high)}" if high > low else named), rows
        low, named = high, f"above {write(high)}"


def _named(
    values: pd.Series, known: np.ndarray, max_levels: int, *, ordered: bool
) -> Iterator[tuple[str, np.ndarray]]:
    # NOTE: ties are broken by the level itself, so that the order of rows changes nothing.
    counts = values[known].value_counts().items()
    ranked = sorted(counts, key=lambda counted: (-counted[1], str(counted[0])))
    kept = [level for level, _ in ranked[:max_levels]]
    if ordered:
        kept = sorted(kept)
    rest = known.copy()
    for level in kept:
        rows = known & (values == level).to_numpy(dtype=bool, na_value=False)
        rest &= ~rows
        yield _written(level), rows
    yield OTHER, rest


def _are_moments(values: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(values.dtype))


def _written(level: Hashable) -> str:
    if isinstance(level, int | float | np.number) and not isinstance(level, bool | np.bool_):
        return _number(float(level))
    return str(level)


def _number(value: float) -> str:
    return figure(value) if value % 1 else f"{value:,.0f}"


def _day(microseconds: float) -> str:
    return str(np.datetime64(int(microseconds), "us"))[:10]
