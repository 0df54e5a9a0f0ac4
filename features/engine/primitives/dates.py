"""Parts of dates and what they tell, row by row; null of null."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.graph import NAT, ValueType
from features.engine.primitives.kinds import (
    SECONDS,
    Arguments,
    Array,
    MapPrimitive,
    anything,
    knows_unit,
)

_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND
_DAY = 24 * _HOUR

Part = Callable[[Array], Array]
"""A part of dates, from microseconds."""


def _of(times: Array, unit: str) -> Array:
    return times.view("datetime64[us]").astype(f"datetime64[{unit}]")


def _since(unit: str, base: str) -> Part:
    """Count `unit`s since the beginning of `base`."""

    def part(times: Array) -> Array:
        begun = _of(times, base).astype(f"datetime64[{unit}]")
        count: Array = _of(times, unit) - begun
        return count.astype(np.int64)

    return part


_day = _since("D", "M")
_month = _since("M", "Y")
_day_of_year = _since("D", "Y")
_hour = _since("h", "D")


def _days(times: Array) -> Array:
    """Days since 1970."""
    return times // _DAY


def _year(times: Array) -> Array:
    return _of(times, "Y").astype(np.int64) + 1970


def _weekday(times: Array) -> Array:
    # NOTE: 1970-01-01 was a Thursday, which is day 3.
    return (_days(times) + 3) % 7


def _week(times: Array) -> Array:
    """ISO week: that of the year in which its Thursday lies."""
    thursday = (_days(times) - _weekday(times) + 3).astype("datetime64[D]")
    first = thursday.astype("datetime64[Y]").astype("datetime64[D]")
    days: Array = thursday - first
    return days.astype(np.int64) // 7 + 1


def _days_in_month(times: Array) -> Array:
    month = _of(times, "M")
    days: Array = (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    return days.astype(np.int64)


def _is_leap_year(times: Array) -> Array:
    year = _year(times)
    leap: Array = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap


def _is_month_end(times: Array) -> Array:
    end: Array = _day(times) + 1 == _days_in_month(times)
    return end


def _is_month_start(times: Array) -> Array:
    start: Array = _day(times) == 0
    return start


def _nth_week(times: Array) -> Array:
    """Week of the month, weeks beginning on Sunday."""
    first = (_weekday(times) - _day(times)) % 7
    week: Array = (_day(times) + (first + 1) % 7) // 7 + 1
    return week


def _map(part: Part, **more: Any) -> MapPrimitive:
    """Take a part of the dates that are there."""
    return _asked(lambda times, arguments: part(times), **more)


def _asked(part: Callable[[Array, Arguments], Array], **more: Any) -> MapPrimitive:
    def compute(times: Array, arguments: Arguments) -> Array:
        known = times != NAT
        return np.where(known, part(np.where(known, times, 0), arguments), np.nan)

    return MapPrimitive(compute=compute, **more)


def _predicate(part: Part) -> MapPrimitive:
    return _map(part, gives=ValueType.BOOLEAN)


def _is_lunch_time(times: Array, arguments: Arguments) -> Array:
    lunch: Array = _hour(times) == arguments["lunch_hour"]
    return lunch


def _is_working_hours(times: Array, arguments: Arguments) -> Array:
    hour = _hour(times)
    working: Array = (hour >= arguments["start_hour"]) & (hour <= arguments["end_hour"])
    return working


def _time_since(times: Array, cutoffs: Array, arguments: Arguments) -> Array:
    known = times != NAT
    elapsed = (cutoffs - np.where(known, times, 0)) / _SECOND / SECONDS[arguments["unit"]]
    return np.where(known, elapsed, np.nan)


def _age(times: Array, cutoffs: Array, arguments: Arguments) -> Array:
    known = times != NAT
    return np.where(known, (cutoffs - np.where(known, times, 0)) // _DAY / 365, np.nan)


_PARTS_OF_DAY = np.array(
    [
        *["midnight"] * 4,
        *["dawn"] * 2,
        *["early morning"] * 2,
        *["late morning"] * 3,
        *["noon"] * 3,
        *["afternoon"] * 3,
        *["evening"] * 3,
        *["night"] * 3,
        "midnight",
        None,
    ],
    dtype=object,
)
"""By hour; last, that of null."""
_SEASONS = np.array(["winter", "spring", "summer", "fall", "winter", None], dtype=object)
_SEASON_STARTS = np.array([0, 321, 621, 923, 1221])
"""Month and day on which each begins, the second winter in December."""


def _part_of_day(times: Array, arguments: Arguments) -> Array:
    known = times != NAT
    return _PARTS_OF_DAY[np.where(known, _hour(np.where(known, times, 0)), 24)]


def _season(times: Array, arguments: Arguments) -> Array:
    known = times != NAT
    held = np.where(known, times, 0)
    date = (_month(held) + 1) * 100 + _day(held) + 1
    season = np.searchsorted(_SEASON_STARTS, date, side="right") - 1
    return _SEASONS[np.where(known, season, 5)]


DATES: Mapping[str, MapPrimitive] = MappingProxyType(
    {
        "Year": _map(_year),
        "Quarter": _map(lambda times: _month(times) // 3 + 1),
        "Month": _map(lambda times: _month(times) + 1),
        "Week": _map(_week),
        "Day": _map(lambda times: _day(times) + 1),
        "DayOfYear": _map(lambda times: _day_of_year(times) + 1),
        "DaysInMonth": _map(_days_in_month),
        "NthWeekOfMonth": _map(_nth_week),
        "Weekday": _map(_weekday),
        "Hour": _map(_hour),
        "Minute": _map(_since("m", "h")),
        "Second": _map(_since("s", "m")),
        "IsWeekend": _predicate(lambda times: _weekday(times) > 4),
        "IsLeapYear": _predicate(_is_leap_year),
        "IsMonthStart": _predicate(_is_month_start),
        "IsMonthEnd": _predicate(_is_month_end),
        "IsQuarterStart": _predicate(lambda t: _is_month_start(t) & (_month(t) % 3 == 0)),
        "IsQuarterEnd": _predicate(lambda t: _is_month_end(t) & (_month(t) % 3 == 2)),
        "IsYearStart": _predicate(lambda times: _day_of_year(times) == 0),
        "IsYearEnd": _predicate(lambda t: _is_month_end(t) & (_month(t) == 11)),
        "IsFirstWeekOfMonth": _predicate(lambda times: _nth_week(times) == 1),
        "IsLunchTime": _asked(
            _is_lunch_time, gives=ValueType.BOOLEAN, defaults={"lunch_hour": 12}, accepts=anything
        ),
        "IsWorkingHours": _asked(
            _is_working_hours,
            gives=ValueType.BOOLEAN,
            defaults={"start_hour": 8, "end_hour": 18},
            accepts=anything,
        ),
        "PartOfDay": MapPrimitive(compute=_part_of_day, gives=ValueType.CODE),
        "Season": MapPrimitive(compute=_season, gives=ValueType.CODE),
        "TimeSince": MapPrimitive(
            compute=_time_since,
            uses_cutoff=True,
            defaults={"unit": "seconds"},
            accepts=knows_unit,
        ),
        "Age": MapPrimitive(compute=_age, uses_cutoff=True),
    }
)
