"""Summaries of the rows before a row in its group: of all, or of the last so many.

Infinite values are no values, as in pandas. A row that sees fewer values than `min_periods` has
null.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.flags import count
from features.engine.graph import NAT, ValueType
from features.engine.moments import Blocks, greatest, moments
from features.engine.primitives.kinds import NUMBERS, Arguments, Array, Ints, Running
from features.engine.trailing import shift, starts, trailing
from features.engine.trends import trends

_DAY = 86_400_000_000
_TIME = ValueType.TIME

Summary = Callable[[Array, Blocks], Array]


def _seen(offsets: Ints, arguments: Arguments, gap: int) -> Blocks:
    return trailing(offsets, arguments.get("window_length"), gap)


def _enough(values: Array, n: Array, arguments: Arguments) -> Array:
    return np.where(n >= arguments["min_periods"], values, np.nan)


def _finite(x: Array) -> Array:
    return np.where(np.isfinite(x), x, np.nan)


def _summary(summary: Summary) -> Callable[[Array, Array, Ints, Arguments], Array]:
    def compute(times: Array, x: Array, offsets: Ints, arguments: Arguments) -> Array:
        known = _finite(x)
        ranges = _seen(offsets, arguments, arguments["gap"])
        n = count(~np.isnan(known), ranges)
        return _enough(np.where(n > 0, summary(known, ranges), np.nan), n, arguments)

    return compute


def _mean(x: Array, ranges: Blocks) -> Array:
    state = moments(x, ranges)
    mean: Array = state[:, 1] / np.maximum(state[:, 0], 1)
    return mean


def _std(x: Array, ranges: Blocks) -> Array:
    n, _, m2 = moments(x, ranges).T
    variance: Array = m2 / np.where(n > 1, n - 1, np.nan)
    return np.sqrt(variance)


def _trend(times: Array, x: Array, offsets: Ints, arguments: Arguments) -> Array:
    """Slope per day.

    NOTE: featuretools sets the values of `gap` rows before against the times of now.
    """
    known = shift(_finite(x), offsets, arguments["gap"], np.nan)
    moment = np.where(times == NAT, np.nan, times.astype(np.float64))
    ranges = _seen(offsets, arguments, 0)
    n, m_xx, m_xy = trends(known, moment, ranges).T
    slope = m_xy / np.where(m_xx > 0, m_xx, np.nan)
    slope = np.where(n > 2, np.where(m_xx == 0, 0.0, slope * _DAY), np.nan)
    return _enough(slope, count(~np.isnan(known), ranges), arguments)


def _count_rows(times: Array, offsets: Ints, arguments: Arguments) -> Array:
    """Count rows, null until there can be enough."""
    ranges = _seen(offsets, arguments, arguments["gap"])
    position = np.arange(len(times)) - starts(offsets)
    waiting = position < arguments["gap"] + max(arguments["min_periods"] - 1, 0)
    return np.where(waiting, np.nan, ranges.high - ranges.low)


def _count_times(times: Array, offsets: Ints, arguments: Arguments) -> Array:
    """Count the known times, null until there can be enough."""
    ranges = _seen(offsets, arguments, arguments["gap"])
    position = np.arange(len(times)) - starts(offsets)
    waiting = position < arguments["gap"] + arguments["min_periods"] - 1
    return np.where(waiting, np.nan, count(times != NAT, ranges))


def _whole(arguments: Arguments) -> bool:
    """Accept numbers of rows; lengths of time are for the fallback."""
    whole = all(isinstance(value, int) for value in arguments.values())
    return whole and arguments["gap"] >= 0 and arguments.get("window_length", 1) > 0


def _expanding(compute: Callable[..., Array]) -> Running:
    return _running(compute, {"gap": 1, "min_periods": 1})


def _rolling(compute: Callable[..., Array], min_periods: int) -> Running:
    return _running(compute, {"window_length": 3, "gap": 1, "min_periods": min_periods})


def _running(compute: Callable[..., Array], defaults: Arguments) -> Running:
    one = compute in (_count_rows, _count_times)
    takes: Any = ((_TIME,),) if one else tuple((_TIME, kind) for kind in NUMBERS)
    return Running(compute=compute, takes=takes, defaults=defaults, accepts=_whole)


_max = _summary(lambda x, ranges: greatest(x, ranges, 1.0))
_min = _summary(lambda x, ranges: -greatest(x, ranges, -1.0))

ROLLING: Mapping[str, Running] = MappingProxyType(
    {
        "ExpandingCount": _expanding(_count_times),
        "ExpandingMean": _expanding(_summary(_mean)),
        "ExpandingSTD": _expanding(_summary(_std)),
        "ExpandingMax": _expanding(_max),
        "ExpandingMin": _expanding(_min),
        "ExpandingTrend": _expanding(_trend),
        "RollingCount": _rolling(_count_rows, 0),
        "RollingMean": _rolling(_summary(_mean), 0),
        "RollingSTD": _rolling(_summary(_std), 1),
        "RollingMax": _rolling(_max, 1),
        "RollingMin": _rolling(_min, 1),
        "RollingTrend": _rolling(_trend, 0),
    }
)
