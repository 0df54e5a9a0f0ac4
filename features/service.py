"""A registered plan as its readers see it: names, key, kinds, and what they may ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa

from features.errors import StoreError
from features.matrix import CUTOFF_TIME, column_name, to_key_array, to_time_array

EVENT_TIME = "event_timestamp"
"""Name by which Feast finds the time of an entity row without guessing aloud."""

KeyKind = Literal["int", "str"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureServiceRef:
    """What a reader needs to know of a registered plan.

    Attributes
    ----------
    name, view, project
        The FeatureService, its FeatureView and the project in Feast.
    plan
        Fingerprint of the plan.
    key, key_kind
        The entity's key and its type.
    kinds
        Feature -> `numeric` or `categorical`, in the plan's order.
    """

    name: str
    view: str
    project: str
    plan: str
    key: str
    key_kind: KeyKind
    kinds: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        """Columns of every answer: key, `cutoff_time`, features."""
        return [self.key, CUTOFF_TIME, *self.kinds]

    @property
    def tags(self) -> dict[str, str]:
        """Tags for a run or model version, named as in Feast's own MLflow integration."""
        return {
            "feast.project": self.project,
            "feast.feature_service": self.name,
            "feast.feature_views": self.view,
            "feast.feature_count": str(len(self.kinds)),
        }

    def entity_rows(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give `rows` as Feast takes them: key column and event time, on a RangeIndex.

        Raises
        ------
        StoreError
            When the key or `cutoff_time` is missing, null in a row, or of another type.
        """
        missing = [name for name in (self.key, CUTOFF_TIME) if name not in rows.columns]
        if missing:
            raise StoreError.missing_columns(missing, list(rows.columns))
        keys, times = self.typed_keys(rows[self.key]), to_time_array(rows[CUTOFF_TIME])
        return pd.DataFrame(
            {column_name(self.key): keys.to_pandas(), EVENT_TIME: times.to_pandas()}
        )

    def typed_keys(self, keys: pd.Series) -> pa.Array:
        """Give `keys` as int64 or string, whichever the plan was registered with.

        Raises
        ------
        StoreError
            When they are of the other kind, or null.
        """
        array = to_key_array(keys)
        if len(array) and (array.type == pa.int64()) != (self.key_kind == "int"):
            raise StoreError(
                f"Expected keys {self.key!r} of kind {self.key_kind}, got {array.type}; "
                "convert them to what the plan was registered with."
            )
        return array
