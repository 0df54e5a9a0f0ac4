"""How far back an aggregation looks: a span of time, calendar months, or a number of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_MICROSECONDS = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_MONTHS = {"mo": 1, "Y": 12}
_ROWS = "o"


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """Whole calendar months; of a day that the earlier month does not have, its last day."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRows:
    """The newest rows (that a `where` lets through)."""

    count: int


Window = int | Months | LastRows
"""Microseconds, calendar months, or a number of rows."""


def read_window(arguments: Mapping[str, Any] | None) -> Window | None:
    """Read the `use_previous` of a definition.

    Raises
    ------
    ValueError
        Saying what cannot be: a window that is not positive, units that do not go together
        (spans with calendar months or with rows: where such a window begins is not defined by
        the rows' order alone), parts of months or of rows.
    """
    if arguments is None:
        return None
    units, values = arguments["unit"], arguments["value"]
    if isinstance(units, str):
        units, values = [units], [values]
    parts = dict(zip(units, values, strict=True))
    if parts.keys() <= _MICROSECONDS.keys():
        return _positive(round(sum(v * _MICROSECONDS[u] for u, v in parts.items())), parts)
    if parts.keys() <= _MONTHS.keys() and all(v == int(v) for v in values):
        months = sum(int(v) * _MONTHS[u] for u, v in parts.items())
        return Months(count=_positive(months, parts))
    if list(parts) == [_ROWS] and parts[_ROWS] == int(parts[_ROWS]):
        return LastRows(count=_positive(int(parts[_ROWS]), parts))
    raise ValueError(f"a window of {_say(parts)}")


def _positive(size: int, parts: Mapping[str, float]) -> int:
    if size <= 0:
        raise ValueError(f"a window of {_say(parts)}")
    return size


def _say(parts: Mapping[str, float]) -> str:
    return " and ".join(f"{value} {unit!r}" for unit, value in parts.items())


def before(moments: Ints, window: Months) -> tuple[Ints, Ints]:
    """Go back calendar months from each moment.

    Returns
    -------
    tuple of Ints
        The earlier moments, and how many days each was cut back because its month is shorter.
        NOTE: among moments that were cut back equally far the order is kept; among all it is not
        (March 29th, 23 h goes back to February 28th, 23 h, and March 30th, 1 h to 28th, 1 h).
    """
    times = moments.view("datetime64[us]")
    months = times.astype("datetime64[M]")
    day = times.astype("datetime64[D]") - months.astype("datetime64[D]")
    within = times - times.astype("datetime64[D]").astype("datetime64[us]")
    earlier = months - window.count
    last_day = (earlier + 1).astype("datetime64[D]") - earlier.astype("datetime64[D]") - 1
    cut = np.maximum(day - last_day, np.timedelta64(0, "D"))
    shifted = (earlier.astype("datetime64[D]") + (day - cut)).astype("datetime64[us]") + within
    return shifted.astype(np.int64), cut.astype(np.int64)


def month_blocks(moments: Ints, window: Months) -> Ints:
    """Number the stretches of as many calendar months as the window has."""
    months = moments.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return months // window.count
