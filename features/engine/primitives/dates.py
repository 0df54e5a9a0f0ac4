"""Parts of dates, row by row."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from features.engine.graph import NAT, ValueType
from features.engine.primitives.kinds import Arguments, Array, MapPrimitive

_DAY = 86_400_000_000


def _calendar(unit: str, base: str) -> Callable[[Array, Arguments], Array]:
    """Count `unit`s since the beginning of `base`, from microseconds."""

    def compute(times: Array, arguments: Arguments) -> Array:
        moments_ = times.view("datetime64[us]")
        since = moments_.astype(f"datetime64[{unit}]") - moments_.astype(
            f"datetime64[{base}]"
        ).astype(f"datetime64[{unit}]")
        return np.where(times == NAT, np.nan, since.astype(np.int64))

    return compute


def _year(times: Array, arguments: Arguments) -> Array:
    years = times.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.where(times == NAT, np.nan, years)


def _weekday(times: Array, arguments: Arguments) -> Array:
    # NOTE: 1970-01-01 was a Thursday, which is day 3.
    return np.where(times == NAT, np.nan, (times // _DAY + 3) % 7)


def _is_weekend(times: Array, arguments: Arguments) -> Array:
    return np.where(times == NAT, np.nan, _weekday(times, arguments) > 4)


DATES: Mapping[str, MapPrimitive] = MappingProxyType(
    {
        "Year": MapPrimitive(compute=_year),
        "Month": MapPrimitive(compute=lambda times, _: _calendar("M", "Y")(times, _) + 1),
        "Day": MapPrimitive(compute=lambda times, _: _calendar("D", "M")(times, _) + 1),
        "Weekday": MapPrimitive(compute=_weekday),
        "Hour": MapPrimitive(compute=_calendar("h", "D")),
        "Minute": MapPrimitive(compute=_calendar("m", "h")),
        "IsWeekend": MapPrimitive(compute=_is_weekend, gives=ValueType.BOOLEAN),
    }
)
