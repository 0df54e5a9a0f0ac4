"""Kinds of values in range: how many, how mixed, and which are the most frequent."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.counting import distinct, most_frequent
from features.engine.flags import count
from features.engine.graph import NAT, ValueType
from features.engine.mixtures import entropy, most_common
from features.engine.primitives.kinds import (
    CATEGORIES,
    Aggregation,
    Arguments,
    Array,
    anything,
)
from features.engine.views import View

_SKIPNA: Arguments = {"skipna": True}
_DAY = 86_400_000_000
_MANY = 1 << 20


def _codes(view: View, with_null: bool) -> tuple[Array, int]:
    """Return codes and their number, null being one of them or none."""
    codes, values = view.codes
    if not with_null:
        return codes, len(values)
    return np.where(codes < 0, np.int32(len(values)), codes), len(values) + 1


def _kinds(view: View) -> Array:
    codes, n = _codes(view, with_null=False)
    return distinct(codes, n, view.ranges.low, view.ranges.high).astype(np.float64)


def _kinds_and_null(view: View) -> Array:
    codes, n = _codes(view, with_null=True)
    return distinct(codes, n, view.ranges.low, view.ranges.high).astype(np.float64)


def _known(view: View) -> Array:
    """Count the rows of each query that are not null."""
    return count(np.greater_equal(view.codes[0], 0), view.ranges)


def _rows(view: View) -> Array:
    rows: Array = np.maximum(view.ranges.high - view.ranges.low, 1)
    return rows


def _num_unique(view: View, arguments: Arguments) -> Array:
    return view.once(_kinds)


def _percent_unique(view: View, arguments: Arguments) -> Array:
    kinds = view.once(_kinds if arguments["skipna"] else _kinds_and_null)
    return np.divide(kinds, _rows(view))


def _is_unique(view: View, arguments: Arguments) -> Array:
    return np.equal(view.once(_kinds_and_null), _rows(view)).astype(np.float64)


def _has_no_duplicates(view: View, arguments: Arguments) -> Array:
    if not arguments["skipna"]:
        return _is_unique(view, arguments)
    return np.equal(view.once(_kinds), view.once(_known)).astype(np.float64)


def _average_count_per_unique(view: View, arguments: Arguments) -> Array:
    if arguments["skipna"]:
        kinds, rows = view.once(_kinds), view.once(_known)
    else:
        kinds, rows = view.once(_kinds_and_null), _rows(view)
    average: Array = rows / np.maximum(kinds, 1)
    return average


def _entropy(view: View, arguments: Arguments) -> Array:
    codes, n = _codes(view, with_null=not arguments["dropna"])
    nats = entropy(codes, n, view.ranges.low, view.ranges.high)
    return nats if arguments["base"] is None else nats / np.log(arguments["base"])


def _decode(view: View, codes: Array, values: Array) -> Array:
    """Return what codes stand for, in the form of the base."""
    if np.issubdtype(view.values[0].dtype, np.integer):
        return codes
    return np.append(values, np.nan)[codes]


def _mode(view: View, arguments: Arguments) -> Array:
    codes, values = view.codes
    r = view.ranges
    winners = most_frequent(codes, max(len(values), 1), r.low, r.high, r.windowed)
    return _decode(view, winners, values)


def _n_most_common(view: View, arguments: Arguments) -> list[Array]:
    codes, values = view.codes
    r = view.ranges
    winners, _ = most_common(codes, max(len(values), 1), r.low, r.high, arguments["n"])
    return [_decode(view, column, values) for column in np.ascontiguousarray(winners.T)]


def _n_most_common_frequency(view: View, arguments: Arguments) -> list[Array]:
    codes, n = _codes(view, with_null=not arguments["skipna"])
    r = view.ranges
    _, frequencies = most_common(codes, max(n, 1), r.low, r.high, arguments["n"])
    return [np.where(column > 0, column, np.nan) for column in frequencies.T]


def _calendar(part: Callable[[Array], Array]) -> Callable[[View, Arguments], Array]:
    """Count the different parts of the dates that are known."""

    def compute(view: View, arguments: Arguments) -> Array:
        known = view.values[0] != NAT
        parts = part(np.where(known, view.values[0], 0).view("datetime64[us]"))
        codes, n = _densify(parts, known)
        return distinct(codes, n, view.ranges.low, view.ranges.high).astype(np.float64)

    return compute


def _densify(parts: Array, known: Array) -> tuple[Array, int]:
    """Return whole numbers as codes from 0, -1 where not known; sorted only if far apart."""
    if not known.any():
        return np.full(len(parts), -1, np.int32), 1
    least, most = int(parts[known].min()), int(parts[known].max())
    if most - least < _MANY:
        codes, n = parts - least, most - least + 1
    else:
        values, codes = np.unique(parts, return_inverse=True)
        n = len(values)
    return np.where(known, codes, -1).astype(np.int32), n


def _days(times: Array) -> Array:
    return times.astype("datetime64[D]").astype(np.int64)


def _months(times: Array) -> Array:
    return times.astype("datetime64[M]").astype(np.int64)


def _days_of_month(times: Array) -> Array:
    return _days(times) - times.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _days_of_year(times: Array) -> Array:
    """Month and day: in a leap year the days after February keep their number."""
    return _months(times) % 12 * 31 + _days_of_month(times)


def _weeks(times: Array) -> Array:
    # NOTE: 1970-01-05 was a Monday, with which a week begins.
    return (_days(times) - 4) // 7


def _category(compute: Callable[[View, Arguments], Any], **more: Any) -> Aggregation:
    return Aggregation(compute=compute, takes=(CATEGORIES,), accepts=anything, **more)


def _dates(part: Callable[[Array], Array]) -> Aggregation:
    return Aggregation(compute=_calendar(part), takes=((ValueType.TIME,),), default=0.0)


KINDS: Mapping[str, Aggregation] = MappingProxyType(
    {
        "NumUnique": _category(_num_unique, defaults={"use_string_for_pd_calc": True}),
        "PercentUnique": _category(_percent_unique, defaults=_SKIPNA, default=0.0),
        "IsUnique": _category(_is_unique, gives=ValueType.BOOLEAN, default=0.0),
        "HasNoDuplicates": _category(
            _has_no_duplicates, gives=ValueType.BOOLEAN, defaults=_SKIPNA, default=1.0
        ),
        "AverageCountPerUnique": _category(
            _average_count_per_unique, defaults=_SKIPNA, default=0.0
        ),
        "Entropy": _category(_entropy, defaults={"dropna": False, "base": None}),
        "Mode": _category(_mode, gives=None),
        "NMostCommon": _category(
            _n_most_common, gives=None, defaults={"n": 3}, n_outputs=lambda given: int(given["n"])
        ),
        "NMostCommonFrequency": _category(
            _n_most_common_frequency,
            defaults={"n": 3, "skipna": True},
            n_outputs=lambda given: int(given["n"]),
        ),
        "NUniqueDays": _dates(_days),
        "NUniqueDaysOfCalendarYear": _dates(_days_of_year),
        "NUniqueDaysOfMonth": _dates(_days_of_month),
        "NUniqueMonths": _dates(_months),
        "NUniqueWeeks": _dates(_weeks),
    }
)
