"""Identifiers: columns that number or name the rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.findings import Finding
from models.frames import Column

IDENTIFIER_SHARE = 0.95


def find_identifiers(data: Dataset, columns: Sequence[Column]) -> list[Finding]:
    """Tell the columns of which (nearly) every row has a value of its own."""
    numbers = [column.name for column in columns if column.kind == "number"]
    levels = [column.name for column in columns if column.kind == "level"]
    named = {*_counting(data.X[numbers]), *(n for n in levels if _is_naming(data.X[n]))}
    return [
        Finding(
            kind="identifier",
            column=column.name,
            message=f"Column {column.name!r} looks like an identifier: (nearly) every row has a "
            "value of its own. Drop it, unless its order or parts mean something.",
        )
        for column in columns
        if column.name in named
    ]


def _is_naming(values: pd.Series) -> bool:
    return bool(values.nunique() > IDENTIFIER_SHARE * len(values))


def _counting(numbers: pd.DataFrame) -> list[str]:
    """Name the columns of whole numbers, each once, with hardly a gap between them."""
    values = numbers.to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        spans = values.max(axis=0) - values.min(axis=0) + 1  # NaN where a value is
        is_dense = spans <= len(values) / IDENTIFIER_SHARE
    return [
        str(numbers.columns[i])
        for i in np.flatnonzero(is_dense)
        if (values[:, i] % 1 == 0).all() and len(np.unique(values[:, i])) == len(values)
    ]
