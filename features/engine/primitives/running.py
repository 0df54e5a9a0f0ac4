"""Functions of a row and of those before it in its group.

Spans of time are numbers of seconds. Infinite values are no values to the expanding, rolling and
exponential ones, as in pandas.
"""

from collections.abc import Callable, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.decay import decaying
from features.engine.flags import take
from features.engine.graph import NAT, ValueType
from features.engine.moments import greatest, moments
from features.engine.primitives.kinds import (
    ALL,
    NUMBERS,
    SECONDS,
    Arguments,
    Array,
    Ints,
    Running,
    knows_unit,
)
from features.engine.trailing import carry, shift, starts, trailing

_SECOND = 1_000_000
_TIME, _BOOLEAN = ValueType.TIME, ValueType.BOOLEAN
_NUMBER = tuple((kind,) for kind in NUMBERS)
_PAD = ("pad", "ffill")


def _cum_count(values: Array, offsets: Ints, arguments: Arguments) -> Array:
    return np.arange(1.0, len(values) + 1) - starts(offsets)


def _where_known(values: Array, running: Array) -> Array:
    return np.where(np.isnan(values), np.nan, running)


def _cum_sum(x: Array, offsets: Ints, arguments: Arguments) -> Array:
    return _where_known(x, moments(x, trailing(offsets))[:, 1])


def _cum_mean(x: Array, offsets: Ints, arguments: Arguments) -> Array:
    mean: Array = _cum_sum(x, offsets, arguments) / _cum_count(x, offsets, arguments)
    return mean


def _cum_extreme(sign: float) -> Callable[[Array, Ints, Arguments], Array]:
    def compute(x: Array, offsets: Ints, arguments: Arguments) -> Array:
        return _where_known(x, sign * greatest(x, trailing(offsets), sign))

    return compute


def _step(values: Array, offsets: Ints) -> Array:
    """Difference of each value from the one before; seconds for times."""
    before = shift(values, offsets, 1, NAT if values.dtype == np.int64 else np.nan)
    if values.dtype != np.int64:
        with np.errstate(invalid="ignore"):
            return values - before
    known = (values != NAT) & (before != NAT)
    return np.where(known, np.where(known, values - before, 0) / _SECOND, np.nan)


def _diff(values: Array, offsets: Ints, arguments: Arguments) -> Array:
    null = NAT if values.dtype == np.int64 else np.nan
    return _step(shift(values, offsets, arguments["periods"], null), offsets)


def _time_since_previous(times: Array, offsets: Ints, arguments: Arguments) -> Array:
    elapsed: Array = _step(times, offsets) / SECONDS[arguments["unit"]]
    return elapsed


def _rate_of_change(x: Array, times: Array, offsets: Ints, arguments: Arguments) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        rate: Array = _step(x, offsets) / _step(times, offsets)
    return rate


def _filled(x: Array, offsets: Ints) -> Array:
    """Return values with the last one before in the place of null."""
    return take(x, carry(~np.isnan(x), offsets), np.nan)


def _absolute_diff(x: Array, offsets: Ints, arguments: Arguments) -> Array:
    return np.abs(_step(_filled(x, offsets), offsets))


def _same_as_previous(x: Array, offsets: Ints, arguments: Arguments) -> Array:
    filled = _filled(x, offsets)
    return np.equal(filled, shift(filled, offsets, 1, np.nan)).astype(np.float64)


def _percent_change(x: Array, offsets: Ints, arguments: Arguments) -> Array:
    filled = _filled(x, offsets)
    with np.errstate(all="ignore"):
        change: Array = filled / shift(filled, offsets, arguments["periods"], np.nan) - 1
    return change


def _lag(values: Array, times: Array, offsets: Ints, arguments: Arguments) -> Array:
    null: Any = {"f": np.nan, "O": None}.get(values.dtype.kind)
    if values.dtype.kind == "i":
        null = NAT if values.dtype == np.int64 else -1
    return shift(values, offsets, arguments["periods"], null)


def _numeric_lag(times: Array, x: Array, offsets: Ints, arguments: Arguments) -> Array:
    missing = arguments["fill_value"]
    return shift(x, offsets, arguments["periods"], np.nan if missing is None else missing)


def _since_last_where(wanted: float) -> Callable[[Array, Array, Ints, Arguments], Array]:
    """Seconds since the last row whose boolean is `wanted`, the row itself included."""

    def compute(times: Array, x: Array, offsets: Ints, arguments: Arguments) -> Array:
        last = take(times, carry((x == wanted) & (times != NAT), offsets), NAT)
        known = (last != NAT) & (times != NAT)
        return np.where(known, np.where(known, times - last, 0) / _SECOND, np.nan)

    return compute


def _decay(arguments: Arguments) -> float:
    """Return alpha, however the decay is given."""
    if arguments["alpha"] is not None:
        return float(arguments["alpha"])
    if arguments["halflife"] is not None:
        return float(1 - np.exp(-np.log(2) / arguments["halflife"]))
    if arguments["span"] is not None:
        return float(2 / (arguments["span"] + 1))
    com = 0.5 if arguments["com"] is None else arguments["com"]
    return float(1 / (1 + com))


def _weighted(result: Callable[[Array, Array], Array]) -> Running:
    def compute(x: Array, offsets: Ints, arguments: Arguments) -> Array:
        known = np.where(np.isfinite(x), x, np.nan)
        mean, variance = decaying(known, offsets, _decay(arguments), arguments["ignore_na"])
        return result(mean, variance)

    given = ("com", "span", "halflife", "alpha")
    return Running(
        compute=compute,
        takes=_NUMBER,
        defaults={**dict.fromkeys(given), "ignore_na": False},
        accepts=lambda arguments: all(
            isinstance(arguments[name], int | float | None) for name in given
        ),
    )


def _forward(name: str, least: int) -> Callable[[Arguments], bool]:
    """Accept a number of rows that looks back, not ahead."""
    return lambda arguments: isinstance(arguments[name], int) and arguments[name] >= least


def _pads(arguments: Arguments) -> bool:
    method = arguments.get("method", arguments.get("fill_method"))
    looks_back = arguments.get("periods", 1) >= 1 and arguments.get("freq") is None
    return method in _PAD and arguments["limit"] is None and looks_back


def _on_numbers(compute: Callable[..., Array], **more: Any) -> Running:
    return Running(compute=compute, takes=_NUMBER, **more)


_UNIT: Arguments = {"unit": "seconds"}
_DIFF: Mapping[str, Any] = {"defaults": {"periods": 0}, "accepts": _forward("periods", 0)}

RUNNINGS: Mapping[str, Running] = MappingProxyType(
    {
        "CumCount": Running(compute=_cum_count, takes=tuple((kind,) for kind in ALL)),
        "CumSum": _on_numbers(_cum_sum),
        "CumMean": _on_numbers(_cum_mean),
        "CumMax": _on_numbers(_cum_extreme(1.0)),
        "CumMin": _on_numbers(_cum_extreme(-1.0)),
        "Diff": _on_numbers(_diff, **_DIFF),
        "DiffDatetime": Running(compute=_diff, takes=((_TIME,),), **_DIFF),
        "TimeSincePrevious": Running(
            compute=_time_since_previous, takes=((_TIME,),), defaults=_UNIT, accepts=knows_unit
        ),
        "RateOfChange": Running(
            compute=_rate_of_change, takes=tuple((kind, _TIME) for kind in NUMBERS)
        ),
        "AbsoluteDiff": _on_numbers(
            _absolute_diff, defaults={"method": "ffill", "limit": None}, accepts=_pads
        ),
        "SameAsPrevious": _on_numbers(
            _same_as_previous,
            gives=_BOOLEAN,
            defaults={"fill_method": "pad", "limit": None},
            accepts=_pads,
        ),
        "PercentChange": _on_numbers(
            _percent_change,
            defaults={"periods": 1, "fill_method": "pad", "limit": None, "freq": None},
            accepts=_pads,
        ),
        "Lag": Running(
            compute=_lag,
            takes=tuple(product(ALL, (_TIME,))),
            gives=None,
            defaults={"periods": 1},
            accepts=_forward("periods", 0),
        ),
        "NumericLag": Running(
            compute=_numeric_lag,
            takes=tuple((_TIME, kind) for kind in NUMBERS),
            defaults={"periods": 1, "fill_value": None},
            accepts=_forward("periods", 0),
        ),
        "CumulativeTimeSinceLastTrue": Running(
            compute=_since_last_where(1.0), takes=((_TIME, _BOOLEAN),)
        ),
        "CumulativeTimeSinceLastFalse": Running(
            compute=_since_last_where(0.0), takes=((_TIME, _BOOLEAN),)
        ),
        "ExponentialWeightedAverage": _weighted(lambda mean, variance: mean),
        "ExponentialWeightedVariance": _weighted(lambda mean, variance: variance),
        "ExponentialWeightedSTD": _weighted(lambda mean, variance: np.sqrt(variance)),
    }
)
