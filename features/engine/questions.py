"""What is asked of the engine: (key, cutoff) rows, checked."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.engine.ranges import ALWAYS
from features.errors import FeatureError
from features.matrix import CUTOFF_TIME

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Rows that are asked about.

    Attributes
    ----------
    places, cutoffs
        Row number in the target table, and microseconds since 1970, shape (n_rows,).
    inclusive
        Whether what becomes visible at the cutoff itself is seen.
    """

    places: Ints
    cutoffs: Ints
    inclusive: bool = True

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: Ints) -> "Asked":
        """Return some of the rows."""
        return replace(self, places=self.places[rows], cutoffs=self.cutoffs[rows])


def asked_keys(rows: pd.DataFrame, target: str, key: str) -> pd.Series:
    """Return the keys that are asked about.

    Raises
    ------
    FeatureError
        When their column, or that of the cutoffs, is missing.
    """
    for column in (key, CUTOFF_TIME):
        if column not in rows.columns:
            raise FeatureError(
                f"Expected rows with the columns {key!r} and {CUTOFF_TIME!r}, got "
                f"{list(map(str, rows.columns))}. Name the key of {target!r} as the schema does."
            )
    return rows[key]


def check_found(entities: Ints, keys: pd.Series, target: str) -> Ints:
    """Return the row number of each asked key, once all are in the table.

    Raises
    ------
    FeatureError
        When some are not.
    """
    unknown = keys[entities < 0]
    if len(unknown):
        raise FeatureError(
            f"Expected keys of {target!r}, got {len(unknown)} that it does not have, such as "
            f"{list(unknown.unique()[:5])}. Take the snapshot that these rows come from."
        )
    return entities


def asked_cutoffs(rows: pd.DataFrame) -> Ints:
    """Return the cutoffs as microseconds since 1970.

    Raises
    ------
    FeatureError
        When one is null, or they are not naive UTC timestamps.
    """
    times = rows[CUTOFF_TIME]
    if not pd.api.types.is_datetime64_dtype(times):
        raise FeatureError(
            f"Expected {CUTOFF_TIME!r} as naive UTC datetime64, got {times.dtype}. "
            "Convert it with pandas.to_datetime, and to UTC without a zone."
        )
    cutoffs: Ints = times.to_numpy().astype("datetime64[us]").view(np.int64)
    n_null = int((cutoffs == ALWAYS).sum())
    if n_null:
        raise FeatureError(
            f"Expected a {CUTOFF_TIME!r} in every row, got {n_null} null. Leave those rows out."
        )
    return cutoffs
