"""What the order of the rows in range tells: booleans, runs, rises, peaks and crossings."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine import flags
from features.engine.graph import ValueType
from features.engine.primitives.kinds import NUMBERS, Aggregation, Arguments, Array, anything
from features.engine.runs import longest_run
from features.engine.views import View

_SKIPNA: Arguments = {"skipna": True}


def _n_true(view: View) -> Array:
    return flags.count(view.values[0] == 1.0, view.ranges)


def _n_false(view: View) -> Array:
    return flags.count(view.values[0] == 0.0, view.ranges)


def _num_true(view: View, arguments: Arguments) -> Array:
    return view.once(_n_true).astype(np.float64)


def _percent_true(view: View, arguments: Arguments) -> Array:
    share: Array = view.once(_n_true) / np.maximum(view.ranges.high - view.ranges.low, 1)
    return share


def _all(view: View, arguments: Arguments) -> Array:
    return np.equal(view.once(_n_false), 0).astype(np.float64)


def _any(view: View, arguments: Arguments) -> Array:
    return np.greater(view.once(_n_true), 0).astype(np.float64)


def _since(counted: float, last: float) -> Callable[[View, Arguments], Array]:
    """Count the rows that are `counted` after the last that is `last`; 0 where there is none."""

    def compute(view: View, arguments: Arguments) -> Array:
        x, ranges = view.values[0], view.ranges
        start = flags.last(x == last, ranges)
        counts = np.concatenate(([0], np.cumsum(x == counted)))
        return np.where(start < 0, 0.0, counts[ranges.high] - counts[start])

    return compute


def _longest(wanted: Callable[[Array], Array], breaks: bool) -> Callable[[View, Arguments], Array]:
    """Length of the longest run of wanted values; a null that is not skipped breaks it."""

    def compute(view: View, arguments: Arguments) -> Array:
        x = view.values[0]
        null = 0 if breaks or not arguments["skipna"] else -1
        marks = np.where(np.isnan(x), null, wanted(x)).astype(np.int8)
        return longest_run(marks, view.ranges).astype(np.float64)

    return compute


def _before(known: Array) -> Array:
    """Return for each row the last known row before it, -1 where there is none."""
    return np.concatenate(([-1], flags.previous(known)[:-1])) if len(known) else known


def _monotonic(sign: float) -> Callable[[View, Arguments], Array]:
    """Tell whether `sign` times the known values never falls."""

    def compute(view: View, arguments: Arguments) -> Array:
        x, ranges = sign * view.values[0], view.ranges
        before = _before(~np.isnan(x))
        falls = (x < flags.take(x, before, np.nan)) & (before >= 0)
        # NOTE: of a fall within the range both rows are; the last fall begins last.
        last = flags.last(falls, ranges)
        return np.less(flags.take(before, last, -1), ranges.low).astype(np.float64)

    return compute


def _num_zero_crossings(view: View, arguments: Arguments) -> Array:
    x, ranges = view.values[0], view.ranges
    signed = ~np.isnan(x) & (x != 0)
    before = _before(signed)
    crosses = signed & (before >= 0) & (np.sign(x) != np.sign(flags.take(x, before, np.nan)))
    # NOTE: the first signed row of the range crosses from before it, if at all.
    first = flags.first(signed, ranges)
    strangers = flags.take(crosses, first, False)
    return np.subtract(flags.count(crosses, ranges), strangers, dtype=np.float64)


def _num_peaks(view: View, arguments: Arguments) -> Array:
    """Count the plateaus with lower neighbours on both sides within the range."""
    x, ranges = view.values[0], view.ranges
    changes = np.flatnonzero(x[1:] != x[:-1]) + 1
    start, end = np.append(0, changes), np.append(changes, len(x))
    inner = (start > 0) & (end < len(x))
    start, end = start[inner], end[inner]
    peak = (x[start - 1] < x[start]) & (x[start] > x[np.minimum(end, len(x) - 1)])
    left, right = start[peak] - 1, end[peak]
    ended = np.searchsorted(right, ranges.high - 1, side="right")
    begun = np.searchsorted(left, ranges.low, side="left")
    peaks: Array = np.maximum(ended - begun, 0)
    return peaks.astype(np.float64)


def _boolean(compute: Callable[[View, Arguments], Array], **more: Any) -> Aggregation:
    return Aggregation(compute=compute, takes=((ValueType.BOOLEAN,),), **more)


def _number(compute: Callable[[View, Arguments], Array], **more: Any) -> Aggregation:
    return Aggregation(compute=compute, takes=(NUMBERS,), accepts=anything, **more)


SEQUENCES: Mapping[str, Aggregation] = MappingProxyType(
    {
        "All": _boolean(_all, gives=ValueType.BOOLEAN),
        "Any": _boolean(_any, gives=ValueType.BOOLEAN),
        "NumTrue": _boolean(_num_true, default=0.0),
        "PercentTrue": _boolean(_percent_true),
        "NumTrueSinceLastFalse": _boolean(_since(1.0, 0.0), default=0.0),
        "NumFalseSinceLastTrue": _boolean(_since(0.0, 1.0), default=0.0),
        "MaxConsecutiveTrue": _boolean(_longest(lambda x: x == 1, breaks=True), default=0.0),
        "MaxConsecutiveFalse": _boolean(_longest(lambda x: x == 0, breaks=True), default=0.0),
        "MaxConsecutivePositives": _number(
            _longest(lambda x: x > 0, breaks=False), defaults=_SKIPNA, default=0.0
        ),
        "MaxConsecutiveNegatives": _number(
            _longest(lambda x: x < 0, breaks=False), defaults=_SKIPNA, default=0.0
        ),
        "MaxConsecutiveZeros": _number(
            _longest(lambda x: x == 0, breaks=False), defaults=_SKIPNA, default=0.0
        ),
        "IsMonotonicallyIncreasing": _number(_monotonic(1.0), gives=ValueType.BOOLEAN, default=0.0),
        "IsMonotonicallyDecreasing": _number(
            _monotonic(-1.0), gives=ValueType.BOOLEAN, default=0.0
        ),
        "NumZeroCrossings": _number(_num_zero_crossings),
        "NumPeaks": _number(_num_peaks, default=0.0),
    }
)
