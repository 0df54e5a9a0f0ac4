"""Medians and quantiles, and counts of the values above or below something."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from features.engine.flags import count
from features.engine.primitives.kinds import (
    NUMBERS,
    Aggregation,
    Arguments,
    Array,
    anything,
    or_zero,
)
from features.engine.primitives.summaries import where_all_known
from features.engine.ranking import Ranks, count_below, quantiles, rank_values
from features.engine.runs import longest_beyond
from features.engine.views import View

_SKIPNA: Arguments = {"skipna": True}
_SLACK = 8 * np.finfo(np.float64).eps
"""NOTE: a mean is rounded, so that three times 0.1 would lie below its mean. What is nearer to a
bound than rounding can tell lies on it."""


def _ranks(view: View) -> Ranks:
    return rank_values(view.values[0], view.ranges)


def _medians(view: View) -> Array:
    return quantiles(view.once(_ranks), view.ranges, 0.5)


def _median(view: View, arguments: Arguments) -> Array:
    return view.once(_medians)


def _quantile(view: View, arguments: Arguments) -> Array:
    return quantiles(view.once(_ranks), view.ranges, float(arguments["q"]))


def _median_count(view: View, arguments: Arguments) -> Array:
    middle = view.once(_medians)
    below = count_below(view.once(_ranks), view.ranges, middle, False)
    found = count_below(view.once(_ranks), view.ranges, middle, True) - below.astype(np.float64)
    return or_zero(found if arguments["skipna"] else where_all_known(view, found))


def _spread(view: View) -> tuple[Array, Array]:
    """Return the mean and the standard deviation (all degrees of freedom) of each query."""
    n = np.where(view.moments[:, 0] > 0, view.moments[:, 0], np.nan)
    with np.errstate(invalid="ignore"):
        return view.moments[:, 1] / n, np.sqrt(view.moments[:, 2] / n)


def _slack(*sizes: Array) -> Array:
    with np.errstate(invalid="ignore"):
        slack = _SLACK * np.sum(np.abs(sizes), axis=0)
    return np.where(np.isfinite(slack), slack, 0.0)


def _above_mean(view: View, arguments: Arguments) -> Array:
    mean, _ = view.once(_spread)
    reached = count_below(view.once(_ranks), view.ranges, mean + _slack(mean), True)
    found = np.where(np.isnan(mean), np.nan, view.moments[:, 0] - reached)
    return found if arguments["skipna"] else where_all_known(view, found)


def _below_mean(view: View, arguments: Arguments) -> Array:
    mean, _ = view.once(_spread)
    below = count_below(view.once(_ranks), view.ranges, mean - _slack(mean), False)
    found = np.where(np.isnan(mean), np.nan, below.astype(np.float64))
    return found if arguments["skipna"] else where_all_known(view, found)


def _inside_nth_std(view: View, arguments: Arguments) -> Array:
    mean, std = view.once(_spread)
    reach = std * arguments["n"] + _slack(mean, std * arguments["n"])
    upto = count_below(view.once(_ranks), view.ranges, mean + reach, True)
    inside: Array = upto - count_below(view.once(_ranks), view.ranges, mean - reach, False)
    return np.where(np.isnan(reach), 0, inside)


def _outside_nth_std(view: View, arguments: Arguments) -> Array:
    _, std = view.once(_spread)
    outside = view.moments[:, 0] - _inside_nth_std(view, arguments)
    return np.where(np.isnan(std), 0.0, outside)


def _run_beyond_mean(sign: float) -> Callable[[View, Arguments], Array]:
    """Length of the longest run of known values above (1) or below (-1) the mean."""

    def compute(view: View, arguments: Arguments) -> Array:
        mean, _ = view.once(_spread)
        bounds = mean + sign * _slack(mean)
        runs = longest_beyond(view.values[0], view.ranges, bounds, sign).astype(np.float64)
        return runs if arguments["skipna"] else or_zero(where_all_known(view, runs))

    return compute


def _counting(
    wanted: Callable[[Array, Arguments], Array],
) -> Callable[[View, Arguments], Array]:
    """Count the values that are wanted; 0 where a null may not be skipped."""

    def compute(view: View, arguments: Arguments) -> Array:
        found = count(wanted(view.values[0], arguments), view.ranges).astype(np.float64)
        strict = not arguments.get("skipna", True)
        return or_zero(where_all_known(view, found)) if strict else found

    return compute


def _inside(x: Array, arguments: Arguments) -> Array:
    inside: Array = (arguments["lower"] <= x) & (x <= arguments["upper"])
    return inside


def _outside(x: Array, arguments: Arguments) -> Array:
    outside: Array = (x < arguments["lower"]) | (x > arguments["upper"])
    return outside


def _number(
    compute: Callable[[View, Arguments], Array],
    defaults: Arguments,
    default: float | None = 0.0,
) -> Aggregation:
    return Aggregation(
        compute=compute, takes=(NUMBERS,), defaults=defaults, accepts=anything, default=default
    )


_RANGE: Arguments = {"lower": 0, "upper": 1, "skipna": True}

ORDERS: Mapping[str, Aggregation] = MappingProxyType(
    {
        "Median": Aggregation(compute=_median, takes=(NUMBERS,)),
        "Quantile": _number(_quantile, {"q": 0.5}, None),
        "MedianCount": _number(_median_count, _SKIPNA),
        "CountAboveMean": _number(_above_mean, _SKIPNA, None),
        "CountBelowMean": _number(_below_mean, _SKIPNA, None),
        "NumConsecutiveGreaterMean": _number(_run_beyond_mean(1.0), _SKIPNA),
        "NumConsecutiveLessMean": _number(_run_beyond_mean(-1.0), _SKIPNA),
        "CountInsideNthSTD": _number(_inside_nth_std, {"n": 1}),
        "CountOutsideNthSTD": _number(_outside_nth_std, {"n": 1}),
        "CountInsideRange": _number(_counting(_inside), _RANGE),
        "CountOutsideRange": _number(_counting(_outside), _RANGE),
        "CountGreaterThan": _number(
            _counting(lambda x, arguments: x > arguments["threshold"]), {"threshold": 10}
        ),
        "CountLessThan": _number(
            _counting(lambda x, arguments: x < arguments["threshold"]), {"threshold": 10}
        ),
    }
)
