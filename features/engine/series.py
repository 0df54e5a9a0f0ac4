"""From the engine's arrays to the pandas Series that functions of featuretools take, and back."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.engine.calls import Form
from features.engine.graph import ValueType

Array = npt.NDArray[Any]


def to_series(values: Array, form: Form) -> pd.Series:
    """Hand values over as featuretools would.

    Parameters
    ----------
    values
        As the engine holds them; codes as what they stand for (see `Evaluator.labels`).
    form
        CATEGORY has the categories that occur in `values` and no others: what a later row
        brings must not show. BOOLEAN is nullable only where there is a null.
    """
    match form:
        case Form.BOOLEAN:
            if np.isnan(values).any():
                return pd.Series(values).astype("boolean")
            return pd.Series(values == 1.0)
        case Form.DATETIME:
            return pd.Series(values.view("datetime64[us]").astype("datetime64[ns]"))
        case Form.TIMEDELTA:
            return pd.Series(pd.to_timedelta(values, unit="s"))
        case Form.CATEGORY:
            return pd.Series(pd.Categorical(values))
        case Form.TEXT:
            return pd.Series(pd.array(values, dtype="string"))
        case Form.LATLONG:
            return pd.Series([_place(value) for value in values], dtype=object)
        case Form.NUMBER:
            return pd.Series(values)


def _place(value: Any) -> tuple[float, float]:
    """Read latitude and longitude from '(52.5, 13.4)' or a pair; null is a pair of NaN."""
    if value is None:
        return np.nan, np.nan
    if isinstance(value, str):
        value = value.strip("()[] ").split(",")
    latitude, longitude = (np.nan if v in (None, "", "nan") else float(v) for v in value)
    return latitude, longitude


def from_result(result: Any, type_: ValueType) -> Array:
    """Bring what a function gave for a number of rows into the engine's form.

    Spans of time become seconds, text stays as it is; null is as the engine has it.
    """
    series = pd.Series(result)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    match type_:
        case ValueType.TIME:
            times = pd.to_datetime(series).to_numpy().astype("datetime64[us]").astype(np.int64)
            return np.asarray(times, dtype=np.int64)
        case ValueType.OBJECT | ValueType.CODE:
            values = series.to_numpy(dtype=object)
            return _objects([_object(v) for v in values])
        case ValueType.NUMBER | ValueType.BOOLEAN:
            if pd.api.types.is_timedelta64_dtype(series.dtype):
                return np.asarray(series.dt.total_seconds(), dtype=np.float64)
            if series.dtype == object:
                return np.array([_number(v) for v in series], dtype=np.float64)
            return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))


def from_scalars(results: Sequence[Any], type_: ValueType) -> Array:
    """Bring one result for each range into the engine's form."""
    # NOTE: a tuple is a value (a place), not a row of values.
    series = pd.Series(_objects(results))
    if type_ is ValueType.TIME:
        series = pd.Series([pd.NaT if _is_missing(v) else pd.Timestamp(v) for v in results])
        return from_result(series.astype("datetime64[ns]"), type_)
    return from_result(series, type_)


def _objects(values: Sequence[Any]) -> Array:
    objects = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        objects[i] = value
    return objects


def _object(value: Any) -> Any:
    if isinstance(value, tuple):
        return None if any(map(_is_missing, value)) else tuple(map(float, value))
    return None if _is_missing(value) else value


def _is_missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _number(value: Any) -> float:
    if _is_missing(value):
        return np.nan
    if isinstance(value, pd.Timedelta | np.timedelta64):
        return float(pd.Timedelta(value).total_seconds())
    return float(value)


def moment(cutoff: int) -> pd.Timestamp:
    """Return a cutoff as the time that a function is told."""
    return pd.Timestamp(int(cutoff), unit="us")


Labels = Callable[[Any, Array], Array]
"""Turns an array of a node into what it stands for: codes into text, everything else as it is."""
