"""featuretools over the same tables and definitions: the baseline of the engine's figures."""

import uuid
import warnings

import numpy as np
import pandas as pd

from features.plan import FeaturePlan
from features.schema import ColumnType
from features.snapshot import Snapshot
from features.synthesis import ft

_LOGICAL = {
    ColumnType.NUMERIC: "Double",
    ColumnType.BOOLEAN: "BooleanNullable",
    ColumnType.DATETIME: "Datetime",
    ColumnType.CATEGORICAL: "Categorical",
    ColumnType.KEY: "Integer",
}


def load_tables(snapshot: Snapshot) -> ft.EntitySet:
    """Read a snapshot's tables, with whole numbers as keys, into an EntitySet."""
    entityset = ft.EntitySet(uuid.uuid4().hex)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in snapshot.schema.tables:
            frame = snapshot.read(table.name).to_pandas()
            for name, kind in table.columns.items():
                if kind is ColumnType.DATETIME:
                    frame[name] = frame[name].astype("datetime64[ns]")
            entityset.add_dataframe(
                dataframe=frame,
                dataframe_name=table.name,
                index=table.key,
                time_index=table.time,
                logical_types={name: _LOGICAL[kind] for name, kind in table.columns.items()},
            )
        for r in snapshot.schema.relationships:
            entityset.add_relationship(r.parent, r.parent_column, r.child, r.child_column)
    return entityset


def compute(
    plan: FeaturePlan,
    entityset: ft.EntitySet,
    rows: pd.DataFrame,
    *,
    approximate: str | None = None,
) -> pd.DataFrame:
    """Compute a plan by `calculate_feature_matrix` with one job, in the order of `rows`."""
    cutoffs = rows.set_axis(["instance_id", "time"], axis=1)
    cutoffs["time"] = cutoffs["time"].astype("datetime64[ns]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = ft.calculate_feature_matrix(
            ft.load_features(plan.definitions),
            entityset=entityset,
            cutoff_time=cutoffs,
            cutoff_time_in_index=True,
            n_jobs=1,
            approximate=approximate,
        )
    asked = pd.MultiIndex.from_frame(cutoffs)
    return matrix.reindex(asked).reset_index(drop=True)


def compare(
    ours: pd.DataFrame, theirs: pd.DataFrame
) -> tuple[list[tuple[str, int, float, float]], int]:
    """List the numeric cells that are not equal to 1e-9, nulls to nulls, and count all.

    NOTE: trends are left out, whose unit in featuretools depends on the data, and so are
    categories, whose ties it breaks in another way.

    Returns
    -------
    tuple
        (feature, row, our value, featuretools') of each cell that differs; the number of cells.
    """
    different, n_cells = [], 0
    for name in theirs:
        if "TREND" in name or not pd.api.types.is_numeric_dtype(ours[name]):
            continue
        a = ours[name].to_numpy(np.float64)
        b = pd.to_numeric(theirs[name].astype(object), errors="coerce").to_numpy(np.float64)
        unequal = np.flatnonzero(~np.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True))
        different += [(str(name), int(row), float(a[row]), float(b[row])) for row in unequal]
        n_cells += len(a)
    return different, n_cells
