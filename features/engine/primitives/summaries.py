"""Counts, sums, spreads, shapes and trends of the rows in range."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from features.engine.flags import count
from features.engine.graph import ValueType
from features.engine.primitives.kinds import (
    NUMBERS,
    Aggregation,
    Arguments,
    Array,
    anything,
    or_zero,
)
from features.engine.shapes import shapes
from features.engine.views import View

_DAY = 86_400_000_000
_SKIPNA: Arguments = {"skipna": True}


def _count(view: View, arguments: Arguments) -> Array:
    return (view.ranges.high - view.ranges.low).astype(np.float64)


def _sum(view: View, arguments: Arguments) -> Array:
    return view.moments[:, 1]


def _mean(view: View, arguments: Arguments) -> Array:
    with np.errstate(invalid="ignore"):
        mean: Array = view.moments[:, 1] / view.moments[:, 0]
    return mean if arguments["skipna"] else where_all_known(view, mean)


def _variance(view: View, arguments: Arguments) -> Array:
    n, m2 = view.moments[:, 0], view.moments[:, 2]
    return m2 / np.where(n > 1, n - 1, np.nan)


def _std(view: View, arguments: Arguments) -> Array:
    return np.sqrt(_variance(view, arguments))


def _shapes(view: View) -> Array:
    return shapes(view.values[0], view.ranges)


def _skew(view: View, arguments: Arguments) -> Array:
    n, m2, m3, _ = view.once(_shapes).T
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        sample = n * np.sqrt(n - 1) / (n - 2) * (m3 / m2 / np.sqrt(m2))
    return np.where(n < 3, np.nan, np.where(m2 == 0, 0.0, sample))


def _kurtosis(view: View, arguments: Arguments) -> Array:
    n, m2, _, m4 = view.once(_shapes).T
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = n * (m4 / m2 / m2)
        if not arguments["bias"]:
            unbiased = ((n * n - 1) * ratio - 3 * (n - 1) ** 2) / (n - 2) / (n - 3) + 3
            ratio = np.where(n > 3, unbiased, ratio)
    ratio = np.where(m2 > 0, ratio - 3 if arguments["fisher"] else ratio, np.nan)
    if arguments["nan_policy"] == "propagate":
        ratio = where_all_known(view, ratio)
    return or_zero(ratio)


def _trend(view: View, arguments: Arguments) -> Array:
    n, m_xx, m_xy = view.trends.T
    slope = m_xy / np.where(m_xx > 0, m_xx, np.nan)
    return np.where(n > 2, np.where(m_xx == 0, 0.0, slope * _DAY), np.nan)


def where_all_known(view: View, values: Array) -> Array:
    """Return values where a range has no null, and null elsewhere."""
    unknown = count(np.isnan(view.values[0]), view.ranges)
    return np.where(unknown == 0, values, np.nan)


SUMMARIES: Mapping[str, Aggregation] = MappingProxyType(
    {
        "Count": Aggregation(compute=_count, takes=(), default=0.0),
        "Sum": Aggregation(compute=_sum, takes=(NUMBERS,), default=0.0),
        "Mean": Aggregation(compute=_mean, takes=(NUMBERS,), defaults=_SKIPNA, accepts=anything),
        "Std": Aggregation(compute=_std, takes=(NUMBERS,)),
        "Variance": Aggregation(compute=_variance, takes=(NUMBERS,)),
        "Skew": Aggregation(compute=_skew, takes=(NUMBERS,)),
        "Kurtosis": Aggregation(
            compute=_kurtosis,
            takes=(NUMBERS,),
            default=0.0,
            defaults={"fisher": True, "bias": True, "nan_policy": "propagate"},
            accepts=lambda arguments: arguments["nan_policy"] != "raise",
        ),
        "Trend": Aggregation(compute=_trend, takes=(NUMBERS, (ValueType.TIME,))),
    }
)
