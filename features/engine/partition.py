"""A partition: all that some features of some asked rows are computed from, loaded and computed.

A partition stands on its own: it may be computed by another process or machine that reads the same
files, and gives the same bits there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.engine.cancellation import Threads
from features.engine.demand import Demand, Role, table_of
from features.engine.questions import Asked
from features.engine.spill import PLACE, ROOT, SortedTable
from features.engine.tables import Tables
from features.engine.values import values_by_part
from features.snapshot import Snapshot

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Some features of some asked rows.

    Attributes
    ----------
    sorted_tables
        The tables sorted by root, by role.
    columns
        What is read, by table.
    first, last
        Roots that the rows belong to, the last one not included.
    asked
        The rows, by their places in the whole target table.
    rows
        Where these rows stand among all asked rows.
    """

    snapshot: Snapshot
    demand: Demand
    sorted_tables: Mapping[Role, SortedTable]
    columns: Mapping[str, Sequence[str]]
    first: int
    last: int
    asked: Asked
    rows: Ints

    @property
    def n_cells(self) -> int:
        """Rows by features."""
        return len(self.rows) * len(self.demand.nodes)


def compute_partition(partition: Partition, pool: Threads) -> dict[str, Array]:
    """Compute the values of a partition, one array for each feature in the order of its rows."""
    target = next(iter(partition.demand.nodes.values())).table
    parts = _read_roles(partition, target)
    places: dict[str, Ints] = {}
    tables: dict[str, pa.Table] = {}
    for name, columns in partition.columns.items():
        pool.check()
        if name in partition.demand.whole:
            tables[name] = partition.snapshot.read(name, columns=list(columns), encoded=True)
            places[name] = np.arange(tables[name].num_rows)
        else:
            tables[name], places[name] = _joined(parts[name], _types(partition.snapshot, name))
    asked = replace(partition.asked, places=_positions(places[target], partition.asked.places))
    store = Tables(partition.snapshot.schema, tables)
    results: dict[str, Array] = {}
    for part, values in values_by_part(partition.demand.nodes, store, asked, pool=pool):
        for name, array in values.items():
            whole = results.setdefault(name, np.empty(len(asked), dtype=array.dtype))
            whole[part] = array
    return results


def _read_roles(partition: Partition, target: str) -> dict[str, list[pa.Table]]:
    parts: dict[str, list[pa.Table]] = {}
    for role, table in partition.sorted_tables.items():
        name = table_of(role, partition.demand.chain, target)
        read = table.read(partition.first, partition.last, partition.columns[name])
        parts.setdefault(name, []).append(read)
    return parts


def _types(snapshot: Snapshot, table: str) -> pa.Schema:
    return pq.read_schema(snapshot.path(table))


def _joined(parts: Sequence[pa.Table], types: pa.Schema) -> tuple[pa.Table, Ints]:
    """Put the roles of one table together: each row once, typed as in the snapshot.

    NOTE: rows of one role stay in the order (root, place): rows of one parent have one root, so
    they keep the order of their places, which is all that the engine asks of it.
    """
    table = pa.concat_tables(parts)
    places: Ints = table[PLACE].to_numpy().astype(np.int64)
    if len(parts) > 1:
        places, kept = np.unique(places, return_index=True)
        table = table.take(kept)
    fields = [types.field(name) for name in table.column_names if name not in (ROOT, PLACE)]
    columns = [_as(table[field.name], field.type) for field in fields]
    return pa.Table.from_arrays(columns, names=[field.name for field in fields]), places


def _as(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    same = column.type == type_ or pa.types.is_dictionary(type_)
    return column if same else column.cast(type_)


def _positions(places: Ints, wanted: Ints) -> Ints:
    """Say where each wanted place stands among `places`."""
    order = np.argsort(places, kind="stable")
    found: Ints = order[np.searchsorted(places[order], wanted)]
    return found
