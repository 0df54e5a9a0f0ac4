"""Random rows and ranges for primitives, and featuretools' own function over the same rows."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from features.engine.graph import NAT, ValueType
from features.engine.moments import Blocks
from features.engine.ranges import build_index, distinct_frame, find_ranges
from features.engine.views import View
from features.primitives import Quantile
from features.synthesis import ft

some = settings(deadline=None, max_examples=int(os.environ.get("PERENNIAL_CASES", "5")))
"""NOTE: no deadline, because the first call of a kernel compiles it."""

CLASSES = {
    cls.__name__: cls
    for cls in (
        Quantile,
        *ft.primitives.utils.get_aggregation_primitives().values(),
        *ft.primitives.utils.get_transform_primitives().values(),
    )
}
LETTERS = np.array(["a", "b", "c", "é"], dtype=object)

_FORMS: Mapping[ValueType, tuple[st.SearchStrategy, Any]] = {
    ValueType.NUMBER: (
        st.one_of(
            st.sampled_from([np.nan, 0.0, -1.0, 1.0, 2.0, 2.5, 40.0]),
            st.integers(-30, 30).map(lambda x: x / 4),
            st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
        ),
        np.float64,
    ),
    ValueType.BOOLEAN: (st.sampled_from([np.nan, 0.0, 1.0]), np.float64),
    ValueType.TIME: (
        st.one_of(
            st.just(NAT),
            st.integers(17_000 * 24, 17_800 * 24).map(lambda hours: hours * 3_600_000_000),
            st.integers(1_500_000_000_000_000, 1_500_000_000_000_000 + 10**12),
        ),
        np.int64,
    ),
    ValueType.CODE: (st.integers(-1, len(LETTERS) - 1), np.int32),
    ValueType.OBJECT: (st.sampled_from([None, *LETTERS]), object),
}


def function(name: str, arguments: Mapping[str, Any]) -> tuple[Any, Any]:
    """featuretools' primitive and its function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        primitive = CLASSES[name](**arguments)
        return primitive, primitive.get_function()


@st.composite
def arrays(draw: st.DrawFn, types: tuple[ValueType, ...], n: int) -> tuple[np.ndarray, ...]:
    """One array of `n` values for each type."""
    return tuple(
        np.array(draw(st.lists(_FORMS[t][0], min_size=n, max_size=n)), dtype=_FORMS[t][1])
        for t in types
    )


@st.composite
def views(draw: st.DrawFn, types: tuple[ValueType, ...]) -> View:
    """Rows of a few groups, and ranges of them with and without a window."""
    n, n_parents = draw(st.integers(0, 24)), draw(st.integers(1, 2))
    parents = np.array(draw(st.lists(st.integers(0, n_parents - 1), min_size=n, max_size=n)))
    visible = np.array(draw(st.lists(st.integers(-20, 20), min_size=n, max_size=n)))
    index = build_index(parents.astype(np.int64), visible.astype(np.int64), n_parents)
    pairs = st.tuples(st.integers(0, n_parents - 1), st.integers(-21, 21))
    asked = np.array(draw(st.lists(pairs, min_size=1, max_size=6)), dtype=np.int64)
    frame, _ = distinct_frame(asked[:, 0], asked[:, 1])
    ranges = find_ranges(index, frame, draw(st.sampled_from([None, 3, 10, 25])))
    cutoffs = 1_540_000_000_000_000 + 1_000_000 * frame.cutoffs
    return view_of(draw(arrays(types, n)), types, ranges, cutoffs)


def view_of(
    values: tuple[np.ndarray, ...],
    types: tuple[ValueType, ...],
    ranges: Blocks,
    cutoffs: np.ndarray,
) -> View:
    """A view of arrays in range order."""

    def dense() -> tuple[np.ndarray, np.ndarray]:
        if types[0] is ValueType.CODE:
            return values[0], np.arange(len(LETTERS), dtype=np.int32)
        known, codes = np.unique(values[0], return_inverse=True)
        codes = codes.astype(np.int32)
        codes[np.isnan(values[0])] = -1
        return codes, known[~np.isnan(known)]

    return View(values, dense, ranges, cutoffs)


def series(values: np.ndarray, kind: ValueType) -> pd.Series:
    """Values as featuretools has them."""
    match kind:
        case ValueType.NUMBER:
            return pd.Series(values.copy())
        case ValueType.BOOLEAN:
            return pd.Series([None if np.isnan(v) else bool(v) for v in values], dtype="boolean")
        case ValueType.TIME:
            return pd.Series(values.view("datetime64[us]").astype("datetime64[ns]"))
        case ValueType.CODE:
            return pd.Series(np.append(LETTERS, None)[values], dtype=object)
        case ValueType.OBJECT:
            return pd.Series(values, dtype=object)


def as_number(value: Any) -> float:
    """Any answer as a float: times in microseconds, durations in seconds, letters as codes."""
    if value is None or value is pd.NaT or value is pd.NA or pd.isna(value):
        return np.nan
    if isinstance(value, str):
        return float(LETTERS.tolist().index(value))
    if isinstance(value, pd.Timestamp | np.datetime64):
        value = pd.Timestamp(value)
        return value.value / 1000
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    return float(value)


def plain(values: np.ndarray) -> list[float]:
    """Our answers as floats, null as NaN."""
    if values.dtype == object:
        return [as_number(v) for v in values]
    null = {np.dtype(np.int64): NAT, np.dtype(np.int32): -1}.get(values.dtype)
    return [np.nan if null is not None and v == null else float(v) for v in values]
