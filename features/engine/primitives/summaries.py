"""Counts, sums, spreads, extremes and newest values of the rows in range."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from features.engine.counting import distinct, most_frequent
from features.engine.graph import NAT, ValueType
from features.engine.primitives.kinds import Aggregation, Arguments, Array, anything
from features.engine.views import View

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_NUMBERS = (ValueType.NUMBER, ValueType.BOOLEAN)
_CATEGORIES = (ValueType.CODE, ValueType.NUMBER, ValueType.BOOLEAN)


def _count(view: View, arguments: Arguments) -> Array:
    return (view.ranges.high - view.ranges.low).astype(np.float64)


def _sum(view: View, arguments: Arguments) -> Array:
    return view.moments[:, 1]


def _mean(view: View, arguments: Arguments) -> Array:
    with np.errstate(invalid="ignore"):
        return view.moments[:, 1] / view.moments[:, 0]


def _std(view: View, arguments: Arguments) -> Array:
    n, m2 = view.moments[:, 0], view.moments[:, 2]
    return np.sqrt(m2 / np.where(n > 1, n - 1, np.nan))


def _trend(view: View, arguments: Arguments) -> Array:
    n, m_xx, m_xy = view.trends.T
    slope = m_xy / np.where(m_xx > 0, m_xx, np.nan)
    return np.where(n > 2, np.where(m_xx == 0, 0.0, slope * _DAY), np.nan)


def _percent_true(view: View, arguments: Arguments) -> Array:
    counts = np.concatenate(([0], np.cumsum(view.values[0] == 1.0)))
    n_true = counts[view.ranges.high] - counts[view.ranges.low]
    share: Array = n_true / np.maximum(view.ranges.high - view.ranges.low, 1)
    return share


def _time_since_last(view: View, arguments: Arguments) -> Array:
    last: Array = view.last()
    return np.where(last == NAT, np.nan, (view.cutoffs - last) / _SECOND)


def _num_unique(view: View, arguments: Arguments) -> Array:
    codes, values = view.codes
    return distinct(codes, len(values), view.ranges.low, view.ranges.high).astype(np.float64)


def _mode(view: View, arguments: Arguments) -> Array:
    codes, values = view.codes
    r = view.ranges
    winners = most_frequent(codes, max(len(values), 1), r.low, r.high, r.windowed)
    if np.issubdtype(view.values[0].dtype, np.integer):
        return winners
    return np.append(values, np.nan)[winners]


SUMMARIES: Mapping[str, Aggregation] = MappingProxyType(
    {
        "Count": Aggregation(compute=_count, takes=(), default=0.0),
        "Sum": Aggregation(compute=_sum, takes=(_NUMBERS,), default=0.0),
        "Mean": Aggregation(compute=_mean, takes=(_NUMBERS,), defaults={"skipna": True}),
        "Std": Aggregation(compute=_std, takes=(_NUMBERS,)),
        "Min": Aggregation(compute=lambda view, _: -view.greatest(-1.0), takes=(_NUMBERS,)),
        "Max": Aggregation(compute=lambda view, _: view.greatest(1.0), takes=(_NUMBERS,)),
        "Last": Aggregation(
            compute=lambda view, _: view.last(), takes=(tuple(ValueType),), gives=None
        ),
        "NumUnique": Aggregation(
            compute=_num_unique,
            takes=(_CATEGORIES,),
            defaults={"use_string_for_pd_calc": True},
            accepts=anything,
        ),
        "Mode": Aggregation(compute=_mode, takes=(_CATEGORIES,), gives=None),
        "PercentTrue": Aggregation(compute=_percent_true, takes=((ValueType.BOOLEAN,),)),
        "TimeSinceLast": Aggregation(
            compute=_time_since_last, takes=((ValueType.TIME,),), defaults={"unit": "seconds"}
        ),
        "Trend": Aggregation(compute=_trend, takes=(_NUMBERS, (ValueType.TIME,))),
    }
)
