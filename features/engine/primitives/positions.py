"""The first and last rows in range, the times of rows, and the times since."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from features.engine import flags
from features.engine.extremes import extremes
from features.engine.graph import NAT, ValueType
from features.engine.moments import greatest
from features.engine.primitives.kinds import (
    ALL,
    NUMBERS,
    SECONDS,
    Aggregation,
    Arguments,
    Array,
    Ints,
    knows_unit,
    or_zero,
)
from features.engine.views import View

_TIME = (ValueType.TIME,)
_SECOND = 1_000_000
_UNIT: Arguments = {"unit": "seconds"}


def _first(view: View, arguments: Arguments) -> Array:
    oldest = np.minimum(view.ranges.low, max(len(view.values[0]) - 1, 0))
    return view.values[0][oldest] if len(view.values[0]) else np.zeros(len(oldest))


def _since(view: View, times: Array, unit: str = "seconds") -> Array:
    """Time from each moment to the cutoff; null of null."""
    elapsed = (view.cutoffs - np.where(times == NAT, 0, times)) / _SECOND / SECONDS[unit]
    return np.where(times == NAT, np.nan, elapsed)


def _time_since_first(view: View, arguments: Arguments) -> Array:
    return _since(view, _first(view, arguments), arguments["unit"])


def _time_since_last(view: View, arguments: Arguments) -> Array:
    return _since(view, view.last(), arguments["unit"])


def _at(view: View, places: Ints) -> Array:
    """Return the times at these places."""
    return flags.take(view.values[0], places, NAT)


def _known(view: View) -> Array:
    known: Array = view.values[0] != NAT
    return known


def _date_first_event(view: View, arguments: Arguments) -> Array:
    return _at(view, flags.first(view.once(_known), view.ranges))


def _first_last_time_delta(view: View, arguments: Arguments) -> Array:
    known = view.once(_known)
    first, last = flags.first(known, view.ranges), flags.last(known, view.ranges)
    return np.where(first < 0, 0.0, (_at(view, last) - _at(view, first)) / _SECOND)


def _avg_time_between(view: View, arguments: Arguments) -> Array:
    known = view.once(_known)
    n = flags.count(known, view.ranges)
    times = np.where(known, view.values[0].astype(np.float64), np.nan)
    span = greatest(times, view.ranges, 1.0) + greatest(times, view.ranges, -1.0)
    mean = span / np.where(n > 1, n - 1, np.nan)
    return mean / _SECOND / SECONDS[arguments["unit"]]


def _since_last_where(wanted: float) -> Callable[[View, Arguments], Array]:
    """Time since the last row whose boolean is `wanted`; 0 where there is none."""

    def compute(view: View, arguments: Arguments) -> Array:
        found = view.once(_known) & (view.values[1] == wanted)
        return or_zero(_since(view, _at(view, flags.last(found, view.ranges))))

    return compute


def _since_extreme(sign: float) -> Callable[[View, Arguments], Array]:
    """Time since the first of the greatest of `sign` times the values; 0 where there is none."""

    def compute(view: View, arguments: Arguments) -> Array:
        numbers = np.where(view.once(_known), view.values[1], np.nan)
        return or_zero(_since(view, _at(view, extremes(numbers, view.ranges, sign)[1])))

    return compute


_BOOLEAN = (ValueType.BOOLEAN,)

POSITIONS: Mapping[str, Aggregation] = MappingProxyType(
    {
        "First": Aggregation(compute=_first, takes=(ALL,), gives=None),
        "Last": Aggregation(compute=lambda view, _: view.last(), takes=(ALL,), gives=None),
        "TimeSinceFirst": Aggregation(
            compute=_time_since_first, takes=(_TIME,), defaults=_UNIT, accepts=knows_unit
        ),
        "TimeSinceLast": Aggregation(
            compute=_time_since_last, takes=(_TIME,), defaults=_UNIT, accepts=knows_unit
        ),
        "AvgTimeBetween": Aggregation(
            compute=_avg_time_between, takes=(_TIME,), defaults=_UNIT, accepts=knows_unit
        ),
        "FirstLastTimeDelta": Aggregation(
            compute=_first_last_time_delta, takes=(_TIME,), default=0.0
        ),
        "DateFirstEvent": Aggregation(
            compute=_date_first_event, takes=(_TIME,), gives=ValueType.TIME
        ),
        "TimeSinceLastTrue": Aggregation(
            compute=_since_last_where(1.0), takes=(_TIME, _BOOLEAN), default=0.0
        ),
        "TimeSinceLastFalse": Aggregation(
            compute=_since_last_where(0.0), takes=(_TIME, _BOOLEAN), default=0.0
        ),
        "TimeSinceLastMax": Aggregation(
            compute=_since_extreme(1.0), takes=(_TIME, NUMBERS), default=0.0
        ),
        "TimeSinceLastMin": Aggregation(
            compute=_since_extreme(-1.0), takes=(_TIME, NUMBERS), default=0.0
        ),
    }
)
