"""What an aggregation sees: values in range order, and the range of each query."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from features.engine.moments import Blocks, greatest, moments
from features.engine.trends import trends

Array = npt.NDArray[Any]
Kept = TypeVar("Kept")


class View:
    """What an aggregation sees: values in range order, and the ranges of the queries.

    Aggregations of the same values share one view, and with it the moments of the values.

    Parameters
    ----------
    values
        One array in range order for each base, shape (n_positions,).
    dense
        The first array as int32 codes, and the value of each code.
    ranges
        Of the queries.
    cutoffs
        Of the queries, microseconds since 1970.
    """

    def __init__(
        self,
        values: tuple[Array, ...],
        dense: Callable[[], tuple[Array, Array]],
        ranges: Blocks,
        cutoffs: Array,
    ) -> None:
        self.values = values
        self.ranges = ranges
        self.cutoffs = cutoffs
        self._dense = dense
        self._kept: dict[object, Any] = {}

    def once(self, make: Callable[["View"], Kept]) -> Kept:
        """Return what `make` makes of this view, made once for all aggregations of it."""
        if make not in self._kept:
            self._kept[make] = make(self)
        kept: Kept = self._kept[make]
        return kept

    @cached_property
    def codes(self) -> tuple[Array, Array]:
        """The first array as int32 codes (null -1), and the value of each code."""
        return self._dense()

    @cached_property
    def moments(self) -> Array:
        """Count, sum and sum of squared deviations of each query, shape (n, 3)."""
        return moments(self.values[0], self.ranges)

    @property
    def trends(self) -> Array:
        """Count, m_xx and m_xy of each query, x being the second array in microseconds."""
        return trends(self.values[0], self.values[1], self.ranges)

    def greatest(self, sign: float) -> Array:
        """Return the greatest of `sign` times the values of each query."""
        return greatest(self.values[0], self.ranges, sign)

    def last(self) -> Array:
        """Return the value of the newest row of each query; anything where there is none."""
        newest = np.maximum(self.ranges.high - 1, 0)
        return self.values[0][newest] if len(self.values[0]) else np.zeros(len(newest))
