"""Roles: columns that say when a row was asked or what it belongs to, instead of describing it."""

from typing import Any

import numpy as np
import pandas as pd

from models.errors import EstimatorError
from models.frames import moments


def find_column(X: Any, names: list[str], label: Any, role: str) -> str:
    """Give the unique name of the column with a label; a position where columns have no names.

    Raises
    ------
    EstimatorError
        When there is none.
    """
    labels = list(X.columns) if isinstance(X, pd.DataFrame) else list(range(len(names)))
    if label not in labels:
        raise EstimatorError.no_column(role, label, labels)
    return names[labels.index(label)]


def read_times(values: pd.Series) -> np.ndarray:
    """Give when each row was asked, as datetime64; numbers count as an order only.

    Raises
    ------
    EstimatorError
        When a moment is missing or cannot be read.
    """
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = moments(values)
    n_missing = int(values.isna().sum())
    if n_missing:
        raise EstimatorError(
            f"Expected a date, time or number in every row of the time column {values.name!r}, "
            f"{n_missing} of {len(values)} are missing or cannot be read. Fill or drop those rows."
        )
    if values.dtype.kind == "M":
        return np.asarray(values.to_numpy().astype("datetime64[us]"))
    order = np.unique(values.to_numpy(dtype=float), return_inverse=True)[1]
    return np.asarray(np.datetime64(0, "us") + order.astype("timedelta64[us]"))


def read_groups(values: pd.Series) -> np.ndarray:
    """Give what each row belongs to, as text.

    Raises
    ------
    EstimatorError
        When it is missing somewhere, or is one group only.
    """
    n_missing = int(values.isna().sum())
    if n_missing:
        raise EstimatorError(
            f"Expected a group in every row of {values.name!r}, {n_missing} of {len(values)} are "
            "missing. Fill or drop those rows."
        )
    groups = values.astype(object).astype(str).to_numpy()
    if len(np.unique(groups)) < 2:
        raise EstimatorError(
            f"Expected at least two groups in {values.name!r}, got one: no fold can leave it out."
        )
    return np.asarray(groups)
