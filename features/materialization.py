"""A plan's matrix on disk, kept up to date: only rows that are new or touched are computed.

directory/batch-…                the matrix (`features/matrix.py`)
directory.computed.parquet       which rows it has, and as of which snapshot they are right
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.appended import Computed, joined, missing, snapshot_before, still_right
from features.engine.effort import Effort
from features.engine.execute import compute_batches
from features.engine.lower import lower
from features.matrix import CUTOFF_TIME, write_batches
from features.plan import FeaturePlan
from features.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialized:
    """What was done.

    Attributes
    ----------
    n_computed
        Rows that were new, or touched by a change of data.
    n_reused
        Asked rows that the matrix had already, each as often as it was asked.
    """

    n_computed: int
    n_reused: int


def materialize(
    plan: FeaturePlan,
    snapshot: Snapshot,
    rows: pd.DataFrame,
    *,
    directory: Path,
    created_at: pd.Timestamp,
    effort: Effort | None = None,
) -> Materialized:
    """Bring the matrix in `directory` to what a full computation of `rows` would give.

    Rows are written as they are computed. Infinite values, which models do not take, become null.

    Parameters
    ----------
    rows
        Key and `cutoff_time`; others are ignored.
    directory
        Of this plan alone.
    created_at
        Later than that of every batch that is there.

    Raises
    ------
    FeatureError
        As `compute_matrix`; nothing is written then.
    """
    key = snapshot.schema.table(plan.target).key
    record = directory.with_name(f"{directory.name}.computed.parquet")
    computed = Computed.load(record)
    if computed is None or not directory.exists():
        computed = Computed(rows=rows[[key, CUTOFF_TIME]].iloc[:0], snapshot=snapshot.directory)
    nodes = lower(plan.definitions, snapshot.schema)
    computed = still_right(nodes, computed, snapshot_before(computed), snapshot)
    unknown = missing(rows, computed, key)
    new = rows.loc[unknown, [key, CUTOFF_TIME]].drop_duplicates()
    todo = new.sort_values([CUTOFF_TIME, key], ignore_index=True)
    if len(todo):
        batches = compute_batches(plan, snapshot, todo, effort=effort, nodes=nodes)
        write_batches(
            map(_finite, batches),
            directory=directory,
            key=key,
            created_at=created_at,
            origin=snapshot.snapshot_id,
        )
    joined(computed, new, key).save(record)
    return Materialized(n_computed=len(todo), n_reused=len(rows) - int(unknown.sum()))


def _finite(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = []
    for column in batch.columns:
        if (
            pa.types.is_floating(column.type)
            and not pc.all(pc.is_finite(column), min_count=0).as_py()
        ):
            column = pc.if_else(pc.is_finite(column), column, None)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
