"""Rows as members take them: every column there, numbers as floats, levels as text."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from .errors import ServingError

Kind = Literal["numeric", "categorical"]


def columns_of(X: pd.DataFrame) -> dict[str, Kind]:
    """Tell each column's kind: numbers and booleans are numeric, others categorical."""
    return {
        str(name): "numeric" if pd.api.types.is_numeric_dtype(dtype) else "categorical"
        for name, dtype in X.dtypes.items()
    }


def conform(X: pd.DataFrame, columns: Mapping[str, Kind]) -> pd.DataFrame:
    """Bring rows into the shape the members were fitted on: floats, and str or None."""
    missing = [name for name in columns if name not in X.columns]
    if missing:
        shown = ", ".join(map(repr, missing[:5])) + (" …" if len(missing) > 5 else "")
        counted = f"Expected all {len(columns)} columns, {len(missing)} are missing: {shown}."
        raise ServingError(f"{counted} Give NaN or None where a value is unknown.")
    types = dict(zip(X.columns, X.dtypes, strict=True))
    ready = [n for n, kind in columns.items() if kind == "numeric" and types[n] == np.float64]
    together = X[ready].to_numpy()
    if len(ready) == len(columns):
        return pd.DataFrame(together, columns=ready, index=X.index)
    fixed = dict(zip(ready, together.T, strict=True))
    for name, kind in columns.items():
        if name not in fixed:
            fixed[name] = _numbers(X[name]) if kind == "numeric" else _levels(X[name])
    return pd.DataFrame({name: fixed[name] for name in columns}, index=X.index)


def _numbers(column: pd.Series) -> np.ndarray:
    try:
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ServingError(f"Expected numbers in column {column.name!r}: {error}.") from error


def _levels(column: pd.Series) -> np.ndarray:
    values = column.astype(object).to_numpy()
    known = ~pd.isna(values)
    levels = np.full(len(values), None, dtype=object)
    levels[known] = [str(value) for value in values[known]]
    return levels
