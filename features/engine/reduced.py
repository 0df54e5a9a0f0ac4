"""Only the rows that some asked rows are computed from, read out of whole tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.engine.columns import find_rows, rows_among
from features.engine.demand import Demand, Role, group_demands, table_of
from features.engine.graph import Node
from features.schema import ColumnType, Relationship
from features.snapshot import Snapshot

Ints = npt.NDArray[np.int64]


def read_reduced(
    snapshot: Snapshot,
    nodes: Mapping[str, Node],
    columns: Mapping[str, Sequence[str]],
    places: Ints,
) -> dict[str, pa.Table]:
    """Read the rows that `nodes` need at some rows of their table, in table order.

    Parameters
    ----------
    columns
        What is read, by table.
    places
        Row numbers in the nodes' table.
    """
    reading = _Reading(snapshot, next(iter(nodes.values())).table)
    for demand in group_demands(nodes):
        reading.add(demand, np.unique(places))
    return {name: reading.table(name, names) for name, names in columns.items()}


class _Reading:
    """The rows wanted so far, by table, and the columns that were read to find them."""

    def __init__(self, snapshot: Snapshot, target: str) -> None:
        self._snapshot = snapshot
        self._target = target
        self._wanted: dict[str, list[Ints]] = {}
        self._whole: set[str] = set()
        self._columns: dict[tuple[str, str], pa.ChunkedArray] = {}

    def add(self, demand: Demand, places: Ints) -> None:
        """Want what a group of features reads at rows of the target."""
        self._whole |= demand.whole
        rows = {Role(anchor=0): places}
        for i, step in enumerate(demand.chain):
            rows[Role(anchor=i + 1)] = self._parents(step, rows[Role(anchor=i)])
        for role in sorted(demand.roles, key=lambda role: len(role.path)):
            if role.path:
                self._below(role, rows)
        for role, found in rows.items():
            name = table_of(role, demand.chain, self._target)
            self._wanted.setdefault(name, []).append(found)

    def table(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Read the wanted rows of a table; categories come as Arrow dictionaries."""
        if name in self._whole:
            return self._snapshot.read(name, columns=list(columns), encoded=True)
        wanted = np.zeros(pq.read_metadata(self._snapshot.path(name)).num_rows, dtype=bool)
        for found in self._wanted[name]:
            wanted[found] = True
        rows = np.flatnonzero(wanted)
        others = [column for column in columns if (name, column) not in self._columns]
        read = _read_rows(self._snapshot, name, rows, others)
        taken = {
            column: read[column]
            if column in others
            else self._columns[name, column].take(pa.array(rows))
            for column in columns
        }
        return pa.table(taken)

    def _below(self, role: Role, rows: dict[Role, Ints]) -> None:
        """Find the children of the rows one step above, and of those above them before."""
        above = Role(anchor=role.anchor, path=role.path[:-1])
        if role in rows:
            return
        if above not in rows:
            self._below(above, rows)
        step = role.path[-1]
        keys = self._column(step.parent, step.parent_column).take(pa.array(rows[above]))
        rows[role] = rows_among(keys, self._column(step.child, step.child_column))

    def _parents(self, step: Relationship, rows: Ints) -> Ints:
        links = self._column(step.child, step.child_column).take(pa.array(rows))
        parents = find_rows(self._column(step.parent, step.parent_column), links)
        return np.unique(parents[parents >= 0])

    def _column(self, table: str, column: str) -> pa.ChunkedArray:
        if (table, column) not in self._columns:
            self._columns[table, column] = self._snapshot.read(table, columns=[column])[column]
        return self._columns[table, column]


def _read_rows(snapshot: Snapshot, table: str, rows: Ints, columns: Sequence[str]) -> pa.Table:
    """Read rows by ascending number, a row group at a time; categories as Arrow dictionaries."""
    kinds = snapshot.schema.table(table).columns
    categories = [name for name in columns if kinds[name] is ColumnType.CATEGORICAL]
    first = 0
    with pq.ParquetFile(snapshot.path(table), read_dictionary=categories, memory_map=True) as file:
        parts = [file.schema_arrow.empty_table().select(columns)]
        for group in range(file.metadata.num_row_groups if columns else 0):
            last = first + file.metadata.row_group(group).num_rows
            low, high = np.searchsorted(rows, [first, last])
            if low < high:
                read = file.read_row_group(group, columns=columns, use_threads=False)
                parts.append(read.select(columns).take(pa.array(rows[low:high] - first)))
            first = last
    return pa.concat_tables(parts)
