"""The tables' columns as the engine holds them: plain arrays, read once and kept."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.arrivals import latest
from features.engine.columns import (
    Values,
    encode,
    find_rows,
    look_up,
    read_flags,
    to_microseconds,
)
from features.engine.graph import (
    NAT,
    NO_CLOCK,
    Aggregate,
    Clock,
    Column,
    Direct,
    Node,
    ValueType,
    inputs_of,
    link_clock,
)
from features.engine.ranges import ALWAYS, NEVER, Index, Rows, build_index
from features.schema import Relationship, Schema

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Path = tuple[Relationship, ...]
Kept = TypeVar("Kept")

_EXACT = 2**53
"""Whole numbers up to here have a double each."""


class Tables:
    """Columns, times and links of the tables of a schema.

    Parameters
    ----------
    schema
        Names and roles.
    data
        Tables by name, with at least the columns that are asked for; rows in table order.
    """

    def __init__(self, schema: Schema, data: Mapping[str, pa.Table]) -> None:
        self.schema = schema
        self._data = data
        self._kept: dict[object, Any] = {}

    def n_rows(self, table: str) -> int:
        """Count the rows of a table."""
        return int(self._data[table].num_rows)

    def values(self, column: Column) -> Values:
        """Return the values of a column."""
        if column.type is ValueType.TIME:
            return Values(data=self._times(column.table, column.column))
        return self._keep(("values", column), lambda: encode(self._arrow(column), column.type))

    def flags(self, column: Column) -> npt.NDArray[np.int8]:
        """Return the values of a boolean column as 0, 1, and -1 for null: an eighth of `values`."""
        return self._keep(("flags", column), lambda: read_flags(self._arrow(column)))

    def wide(self, column: Column) -> tuple[Array, Array] | None:
        """Return codes and values of whole numbers that double precision does not tell apart.

        Returns
        -------
        tuple of Array, or None
            int32 codes (null -1) and, ascending, the value of each; None where doubles suffice.
        """

        def encode_whole() -> tuple[Array, Array] | None:
            numbers = self._arrow(column)
            if not pa.types.is_integer(numbers.type) or not _is_wide(numbers):
                return None
            coded = encode(numbers, ValueType.CODE)
            names = pa.array([] if coded.categories is None else coded.categories)
            return coded.data, np.asarray(names.cast(pa.float64(), safe=False))

        return self._keep(("wide", column), encode_whole)

    def visible(self, table: str) -> Ints:
        """Return the moment from which each row is visible."""
        time = self.schema.table(table).time
        if time is None:
            return self._keep(("always", table), lambda: np.full(self.n_rows(table), ALWAYS))
        return self._moments(table, time)

    def known(self, table: str, clock: Clock) -> Ints:
        """Return the moment from which values of this clock are known, for each row.

        A row without a parent has nothing to wait for. One whose foreign key leads nowhere waits
        for ever: at a cutoff it looks like one whose parent will come later.
        """

        def make() -> Ints:
            return self._wait(table, clock, np.full(self.n_rows(table), ALWAYS))

        return self._keep(("known", table, clock), make)

    def _wait(self, table: str, clock: Clock, moments: Ints) -> Ints:
        """Return the later of `moments` and of those of a clock; `moments` itself if none is."""
        for moment in clock:
            rows = self.ancestors(table, moment.path) if moment.path else None
            moments = latest(moments, self._moments(moment.table, moment.column), rows)
            if any(map(self._leads_nowhere, moment.path)):
                moments = np.where(self._lost(table, moment.path), NEVER, moments)
        return moments

    def parents(self, relationship: Relationship) -> Rows:
        """Return the parent's row number of each child row, -1 where there is none."""

        def link() -> Rows:
            keys = self._data[relationship.parent][relationship.parent_column]
            links = self._data[relationship.child][relationship.child_column]
            return find_rows(keys, links)

        return self._keep(("parents", relationship), link)

    def _leads_nowhere(self, relationship: Relationship) -> bool:
        """Tell whether a foreign key of the child names no parent."""
        keys = self._data[relationship.child][relationship.child_column]
        return int(np.count_nonzero(self.parents(relationship) < 0)) > int(keys.null_count)

    def _lost(self, table: str, path: Path) -> Array:
        """Tell which rows have, on the way along `path`, a foreign key that leads nowhere."""
        rows = np.arange(self.n_rows(table))
        lost = np.zeros(len(rows), dtype=bool)
        for relationship in path:
            keys = self._data[relationship.child][relationship.child_column]
            dangling = np.asarray(keys.is_valid()) & (self.parents(relationship) < 0)
            lost |= look_up(dangling, rows, False)
            rows = look_up(self.parents(relationship), rows, -1)
        return lost

    def ancestors(self, table: str, path: Path) -> Array:
        """Follow relationships upward from `table`; -1 where a step has no parent."""
        if not path:
            return np.arange(self.n_rows(table))
        rows = self.parents(path[0])
        for relationship in path[1:]:
            rows = look_up(self.parents(relationship), rows, -1)
        return rows

    def find(self, table: str, keys: pd.Series) -> Ints:
        """Return the row number of each key, -1 where the table does not have it."""
        return find_rows(self._data[table][self.schema.table(table).key], keys).astype(np.int64)

    def linked(self, relationship: Relationship) -> Ints:
        """Return the moment from which each child row is known to belong to its parent."""
        return self.known(relationship.child, link_clock(self.schema, relationship))

    def index(self, path: Path, clock: Clock) -> Index:
        """Order the last table of `path` by the rows of the first.

        A row is visible once itself, the values of `clock`, every table on the way and every
        link are.
        """

        def order() -> Index:
            table, upward = path[-1].child, path[::-1]
            usual = self._arrivals(table, upward)
            moments = self._wait(table, clock, usual)
            if clock and moments is usual:
                return self.index(path, NO_CLOCK)
            own = self.schema.table(table).time if moments is self.visible(table) else None
            parents, n_parents = self.ancestors(table, upward), self.n_rows(path[0].parent)
            return build_index(parents, moments, n_parents, time=own)

        return self._keep(("index", path, clock), order)

    def _arrivals(self, table: str, upward: Path) -> Ints:
        """Return the moment from which each row, and all that leads to it, is visible."""
        moments = self._linked(table, upward[0])
        for i, step in enumerate(upward[1:], start=1):
            there = self._linked(step.child, step)
            moments = latest(moments, there, self.ancestors(table, upward[:i]))
        return moments

    def _linked(self, table: str, step: Relationship) -> Ints:
        """Return the moment from which each row is visible and its link is known."""
        return self._wait(table, link_clock(self.schema, step), self.visible(table))

    def _moments(self, table: str, column: str) -> Ints:
        """Return a time column as moments; null is never."""

        def moments() -> Ints:
            times = self._times(table, column)
            unknown = times == NAT
            return np.where(unknown, NEVER, times) if unknown.any() else times

        return self._keep(("moments", table, column), moments)

    def _times(self, table: str, column: str) -> Ints:
        name = ("times", table, column)
        return self._keep(name, lambda: to_microseconds(self._data[table][column]))

    def _arrow(self, column: Column) -> pa.ChunkedArray:
        return self._data[column.table][column.column]

    def _keep(self, name: object, make: Callable[[], Kept]) -> Kept:
        if name not in self._kept:
            self._kept[name] = make()
        kept: Kept = self._kept[name]
        return kept


def _is_wide(numbers: pa.ChunkedArray) -> bool:
    extremes = pc.min_max(numbers).as_py()
    return any(v is not None and abs(v) > _EXACT for v in extremes.values())


def required_columns(nodes: Mapping[str, Node], schema: Schema) -> dict[str, set[str]]:
    """Name the columns that the nodes are computed from, by table."""
    needed: dict[str, set[str]] = {}
    stack = list(nodes.values())
    while stack:
        node = stack.pop()
        stack.extend(inputs_of(node))
        steps = _relationships(node)
        clock = node.clock.union(*(link_clock(schema, step) for step in steps))
        if isinstance(node, Column):
            needed.setdefault(node.table, set()).add(node.column)
        for moment in clock:
            needed.setdefault(moment.table, set()).add(moment.column)
        for step in steps:
            needed.setdefault(step.parent, set()).add(step.parent_column)
            needed.setdefault(step.child, set()).add(step.child_column)
    for name, columns in needed.items():
        time = schema.table(name).time
        columns.update({time} if time else set())
    return needed


def _relationships(node: Node) -> Path:
    """Name the relationships that `node` goes along; those of its clock are its inputs'."""
    match node:
        case Direct():
            return (node.relationship,)
        case Aggregate():
            return node.path
        case _:
            return ()
