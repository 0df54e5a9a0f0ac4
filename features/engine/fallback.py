"""The way of primitives without a kernel: featuretools' own function, or the user's.

The function runs over the same rows that a kernel would read: once for each distinct range of
an aggregation, once for all rows of a transform that stays in its row, once for each group of
one that reads the rows before.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.engine.calls import Call
from features.engine.graph import ValueType
from features.engine.moments import Blocks
from features.engine.series import from_result, from_scalars, moment, to_series
from features.errors import FeatureError

with warnings.catch_warnings():
    # NOTE: woodwork 0.31 imports pkg_resources, which warns of its own removal.
    warnings.simplefilter("ignore")
    from featuretools.primitives.utils import PrimitivesDeserializer

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

PREFIX_STABLE = frozenset(
    {
        "AbsoluteDiff",
        "CumCount",
        "CumMax",
        "CumMean",
        "CumMin",
        "CumSum",
        "CumulativeTimeSinceLastFalse",
        "CumulativeTimeSinceLastTrue",
        "Diff",
        "DiffDatetime",
        "ExpandingCount",
        "ExpandingMax",
        "ExpandingMean",
        "ExpandingMin",
        "ExpandingSTD",
        "ExpandingTrend",
        "ExponentialWeightedAverage",
        "ExponentialWeightedSTD",
        "ExponentialWeightedVariance",
        "Lag",
        "NumericLag",
        "PercentChange",
        "RateOfChange",
        "RollingCount",
        "RollingMax",
        "RollingMean",
        "RollingMin",
        "RollingOutlierCount",
        "RollingSTD",
        "RollingTrend",
        "SameAsPrevious",
        "TimeSincePrevious",
    }
)
"""featuretools' transforms that read the rows before their own, and none after.

NOTE: featuretools says so of most, not of AbsoluteDiff, CumulativeTimeSinceLast..., PercentChange,
SameAsPrevious and TimeSincePrevious: there their values depend on which rows are asked for.
"""

_READS_ALL = frozenset({"SavgolFilter"})
"""A transform that reads rows on both sides; featuretools does not say so."""


class PrimitiveError(FeatureError):
    """A function of featuretools, or of the user, failed on the rows it was given."""

    @classmethod
    def of(cls, call: Call, error: Exception) -> "PrimitiveError":
        """Name the primitive and what went wrong."""
        return cls(
            f"Expected values of primitive {call.name} ({call.module}), got {error!r}. "
            "Leave its features out of the plan, or mend its function for such rows."
        )


@lru_cache(maxsize=1024)
def load_primitive(name: str, module: str, arguments: str) -> Any:
    """Return the primitive of these arguments (JSON), of featuretools or imported by the user.

    Raises
    ------
    FeatureError
        When its class is not there, or does not take the arguments.
    """
    definition = Call(name=name, module=module, arguments=arguments).own_arguments
    with _quietly():
        try:
            return PrimitivesDeserializer().deserialize_primitive(
                {"type": name, "module": module, "arguments": dict(definition)}
            )
        except (RuntimeError, TypeError, ValueError) as error:
            raise FeatureError(
                f"Expected a primitive {name!r} of {module!r}, got: {error}. "
                "Import the module that defines it, and make the plan anew if it has changed."
            ) from error


def primitive_of(call: Call) -> Any:
    """Return featuretools' object for a call."""
    return load_primitive(call.name, call.module, call.arguments)


def reads_other_rows(primitive: Any) -> bool:
    """Tell whether a transform gives a row a value that other rows have a part in."""
    own = type(primitive).__module__.startswith("featuretools.")
    known = type(primitive).__name__ in PREFIX_STABLE | _READS_ALL
    return bool(primitive.uses_full_dataframe) or (own and known)


def reads_earlier_rows_only(primitive: Any) -> bool:
    """Tell whether no later row has a part in the values: then a row's value never changes."""
    gap = getattr(primitive, "gap", 0)
    backward = getattr(primitive, "periods", 0) >= 0 and (isinstance(gap, str) or gap >= 0)
    filled = getattr(primitive, "fill_method", getattr(primitive, "method", None))
    own = type(primitive).__module__.startswith("featuretools.")
    known = type(primitive).__name__ in PREFIX_STABLE
    return own and known and backward and filled not in ("bfill", "backfill")


def map_rows(call: Call, type_: ValueType, arrays: Sequence[Array], cutoffs: Ints) -> Array:
    """Call a transform that stays in its row; one that uses the cutoff once for each of them.

    Parameters
    ----------
    arrays
        Labels of the bases, shape (n,).
    cutoffs
        The moment each row is asked about, shape (n,).
    """
    if not primitive_of(call).uses_calc_time:
        return _of_rows(call, type_, arrays, None)
    parts, order = [], np.argsort(cutoffs, kind="stable")
    starts = np.flatnonzero(np.diff(cutoffs[order], prepend=cutoffs[order][:1] - 1))
    for rows in np.split(order, starts[1:]):
        parts.append(_of_rows(call, type_, [a[rows] for a in arrays], cutoffs[rows[0]]))
    values = np.concatenate(parts)
    result = np.empty_like(values)
    result[order] = values
    return result


def scan_rows(
    call: Call, type_: ValueType, arrays: Sequence[Array], offsets: Ints, cutoff: int | None
) -> Array:
    """Call a transform once for each group of rows; `offsets` bound the groups."""
    parts = [
        _of_rows(call, type_, [array[low:high] for array in arrays], cutoff)
        for low, high in pairwise(offsets)
        if low < high
    ]
    return np.concatenate(parts) if parts else _of_nothing(call, type_)


def summarise_ranges(
    call: Call, type_: ValueType, arrays: Sequence[Array], ranges: Blocks, cutoffs: Ints
) -> Array:
    """Call an aggregation once for each distinct range (and cutoff, if it uses that).

    What is said of empty ranges means nothing.
    """
    primitive = primitive_of(call)
    asked = (ranges.low, ranges.high, cutoffs if primitive.uses_calc_time else ranges.low)
    order = np.lexsort(asked)
    keys = np.stack(asked)[:, order]
    new = np.append(True, (np.diff(keys) != 0).any(axis=0))[: len(order)]
    results = []
    with _calling(call) as function:
        for i in order[new]:
            low, high = ranges.low[i], ranges.high[i]
            slices = [
                to_series(array[low:high], form)
                for array, form in zip(arrays, call.forms, strict=True)
            ]
            time = {"time": moment(cutoffs[i])} if primitive.uses_calc_time else {}
            results.append(function(*slices, **time) if low < high else None)
    values = _several(results, primitive.number_output_features, type_)
    out = np.empty((len(order), *values.shape[1:]), dtype=values.dtype)
    out[order] = values[np.cumsum(new) - 1]
    return out


def _several(results: list[Any], n_outputs: int, type_: ValueType) -> Array:
    if n_outputs == 1:
        return from_scalars(results, type_)
    rows = [[None] * n_outputs if r is None else list(r) for r in results]
    return np.stack([from_scalars([r[k] for r in rows], type_) for k in range(n_outputs)], axis=1)


def _of_rows(call: Call, type_: ValueType, arrays: Sequence[Array], cutoff: int | None) -> Array:
    if not len(arrays[0]):
        return _of_nothing(call, type_)
    columns = [to_series(array, form) for array, form in zip(arrays, call.forms, strict=True)]
    primitive = primitive_of(call)
    time = {"time": moment(cutoff)} if primitive.uses_calc_time and cutoff is not None else {}
    with _calling(call) as function:
        result = function(*columns, **time)
        if primitive.number_output_features == 1:
            return _spread(from_result(result, type_), len(arrays[0]))
        parts = [_spread(from_result(part, type_), len(arrays[0])) for part in result]
        return np.stack(parts, axis=1)


def _spread(values: Array, n: int) -> Array:
    """Give one value, where a function returned only one, to all rows."""
    return np.repeat(values, n) if len(values) == 1 and n != 1 else values


def _of_nothing(call: Call, type_: ValueType) -> Array:
    values = from_scalars([], type_)
    n_outputs = primitive_of(call).number_output_features
    return values if n_outputs == 1 else values.reshape(0, n_outputs)


_USUAL_SPREAD = {np.std: pd.Series.std, np.var: pd.Series.var}
"""NOTE: within a group-by pandas takes these for its own, with one degree of freedom less."""


@contextmanager
def _calling(call: Call) -> Iterator[Callable[..., Any]]:
    """Lend the function of a call; whatever it raises names the primitive.

    NOTE: the function is not ours, so neither is the kind of its exception.
    """
    function = primitive_of(call).get_function()
    function = _USUAL_SPREAD.get(function, function)
    if isinstance(function, str):
        function = getattr(pd.Series, function)
    with _quietly(), np.errstate(all="ignore"):
        try:
            yield function
        except Exception as error:
            raise PrimitiveError.of(call, error) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence featuretools' warnings of pandas' future.

    NOTE: filters belong to the whole process: the fallback never runs beside another thread.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
