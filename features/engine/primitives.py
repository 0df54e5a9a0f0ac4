"""The primitives that the engine computes itself, each by one function over a view of ranges.

A primitive is one entry in `AGGREGATIONS` or `MAPS`, under the class name that featuretools
gives it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.counting import distinct, most_frequent
from features.engine.graph import NAT, ValueType
from features.engine.views import View

Array = npt.NDArray[Any]

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_NUMBERS = (ValueType.NUMBER, ValueType.BOOLEAN)
_CATEGORIES = (ValueType.CODE, ValueType.NUMBER, ValueType.BOOLEAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """How a summary of child rows is computed.

    Attributes
    ----------
    compute
        Values of all queries of a view; what it says of empty ranges is replaced by `default`.
    takes
        Types of values that each base may have; bases beyond them are not read.
    gives
        Type of the result; None means that of the first base.
    default
        Result where no row is in range; None is null.
    """

    compute: Callable[[View], Array]
    takes: tuple[tuple[ValueType, ...], ...]
    gives: ValueType | None = ValueType.NUMBER
    default: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPrimitive:
    """How a function of one value is computed."""

    compute: Callable[[Array], Array]
    takes: tuple[ValueType, ...] = (ValueType.TIME,)
    gives: ValueType = ValueType.NUMBER


def _count(view: View) -> Array:
    return (view.ranges.high - view.ranges.low).astype(np.float64)


def _sum(view: View) -> Array:
    return view.moments[:, 1]


def _mean(view: View) -> Array:
    with np.errstate(invalid="ignore"):
        return view.moments[:, 1] / view.moments[:, 0]


def _std(view: View) -> Array:
    n, m2 = view.moments[:, 0], view.moments[:, 2]
    return np.sqrt(m2 / np.where(n > 1, n - 1, np.nan))


def _trend(view: View) -> Array:
    n, m_xx, m_xy = view.trends.T
    slope = m_xy / np.where(m_xx > 0, m_xx, np.nan)
    return np.where(n > 2, np.where(m_xx == 0, 0.0, slope * _DAY), np.nan)


def _percent_true(view: View) -> Array:
    counts = np.concatenate(([0], np.cumsum(view.values[0] == 1.0)))
    n_true = counts[view.ranges.high] - counts[view.ranges.low]
    share: Array = n_true / np.maximum(view.ranges.high - view.ranges.low, 1)
    return share


def _time_since_last(view: View) -> Array:
    last: Array = view.last()
    return np.where(last == NAT, np.nan, (view.cutoffs - last) / _SECOND)


def _num_unique(view: View) -> Array:
    codes, values = view.codes
    return distinct(codes, len(values), view.ranges.low, view.ranges.high).astype(np.float64)


def _mode(view: View) -> Array:
    codes, values = view.codes
    r = view.ranges
    winners = most_frequent(codes, max(len(values), 1), r.low, r.high, r.windowed)
    if np.issubdtype(view.values[0].dtype, np.integer):
        return winners
    return np.append(values, np.nan)[winners]


AGGREGATIONS: Mapping[str, Aggregation] = MappingProxyType(
    {
        "Count": Aggregation(compute=_count, takes=(), default=0.0),
        "Sum": Aggregation(compute=_sum, takes=(_NUMBERS,), default=0.0),
        "Mean": Aggregation(compute=_mean, takes=(_NUMBERS,)),
        "Std": Aggregation(compute=_std, takes=(_NUMBERS,)),
        "Min": Aggregation(compute=lambda view: -view.greatest(-1.0), takes=(_NUMBERS,)),
        "Max": Aggregation(compute=lambda view: view.greatest(1.0), takes=(_NUMBERS,)),
        "Last": Aggregation(compute=View.last, takes=(tuple(ValueType),), gives=None),
        "NumUnique": Aggregation(compute=_num_unique, takes=(_CATEGORIES,)),
        "Mode": Aggregation(compute=_mode, takes=(_CATEGORIES,), gives=None),
        "PercentTrue": Aggregation(compute=_percent_true, takes=((ValueType.BOOLEAN,),)),
        "TimeSinceLast": Aggregation(compute=_time_since_last, takes=((ValueType.TIME,),)),
        "Trend": Aggregation(compute=_trend, takes=(_NUMBERS, (ValueType.TIME,))),
    }
)


def _calendar(unit: str, base: str) -> Callable[[Array], Array]:
    """Count `unit`s since the beginning of `base`, from microseconds."""

    def compute(times: Array) -> Array:
        moments_ = times.view("datetime64[us]")
        since = moments_.astype(f"datetime64[{unit}]") - moments_.astype(
            f"datetime64[{base}]"
        ).astype(f"datetime64[{unit}]")
        return np.where(times == NAT, np.nan, since.astype(np.int64))

    return compute


def _year(times: Array) -> Array:
    years = times.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.where(times == NAT, np.nan, years)


def _weekday(times: Array) -> Array:
    # NOTE: 1970-01-01 was a Thursday, which is day 3.
    return np.where(times == NAT, np.nan, (times // _DAY + 3) % 7)


def _is_weekend(times: Array) -> Array:
    return np.where(times == NAT, np.nan, _weekday(times) > 4)


MAPS: Mapping[str, MapPrimitive] = MappingProxyType(
    {
        "Year": MapPrimitive(compute=_year),
        "Month": MapPrimitive(compute=lambda times: _calendar("M", "Y")(times) + 1),
        "Day": MapPrimitive(compute=lambda times: _calendar("D", "M")(times) + 1),
        "Weekday": MapPrimitive(compute=_weekday),
        "Hour": MapPrimitive(compute=_calendar("h", "D")),
        "Minute": MapPrimitive(compute=_calendar("m", "h")),
        "IsWeekend": MapPrimitive(compute=_is_weekend, gives=ValueType.BOOLEAN),
    }
)
