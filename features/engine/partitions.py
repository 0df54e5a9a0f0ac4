"""Partitions of the asked rows, so small that what each needs stays under a limit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.engine.demand import Demand, Role, table_of
from features.engine.graph import Aggregate, Node, inputs_of, joint_clock
from features.engine.pairs import MAX_PAIRS
from features.engine.partition import Partition
from features.engine.spill import Spill
from features.errors import FeatureError
from features.snapshot import Snapshot

Ints = npt.NDArray[np.int64]

_FIXED_WIDTH = 24
"""Bytes of a value while it is read, encoded and put in order."""
_TEXT_WIDTH = 96
_ROW_WIDTH = 64
"""Bytes of a row beside its columns: its moment, its parents, and a kernel's running state."""
_ORDER_WIDTH = 64
"""Bytes of a row in one order, while it is sorted."""
_PAIR_WIDTH = 12
"""Bytes of a value at a (child row, cutoff) pair that is aggregated."""
_CELL_WIDTH = 20
"""Bytes of a cell of the result, with what is on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Bytes that a row takes.

    Attributes
    ----------
    by_table
        For each row of a table.
    asked
        For each asked row.
    n_stacked
        Values that are aggregated after they were computed for every (child row, cutoff).
    """

    by_table: Mapping[str, int]
    asked: int
    n_stacked: int


def width_of(
    snapshot: Snapshot, nodes: Mapping[str, Node], columns: Mapping[str, Sequence[str]]
) -> Width:
    """Estimate what rows take while `nodes` are computed from `columns`."""
    aggregates = [node for node in _all_nodes(nodes.values()) if isinstance(node, Aggregate)]
    by_table = {}
    for table, names in columns.items():
        types = pq.read_schema(snapshot.path(table))
        orders = {(n.path, joint_clock(n.bases)) for n in aggregates if n.path[-1].child == table}
        by_table[table] = (
            _ROW_WIDTH
            + sum(_width(types.field(name).type) for name in names)
            + _ORDER_WIDTH * len(orders)
        )
    stacked = {base for node in aggregates for base in node.bases if base.dynamic}
    return Width(by_table=by_table, asked=_CELL_WIDTH * len(nodes), n_stacked=len(stacked))


def whole_size(snapshot: Snapshot, width: Width, n_rows: int) -> int:
    """Estimate the bytes of everything at once, with all rows of the tables."""
    n_rows_of = {table.name: table.n_rows for table in snapshot.tables}
    tables = sum(n_rows_of[name] * bytes_ for name, bytes_ in width.by_table.items())
    return tables + n_rows * width.asked + _pairs_size(width)


def cut(
    spill: Spill,
    base: Partition,
    width: Width,
    *,
    budget: int,
    at_least: int = 1,
) -> list[Partition]:
    """Cut asked rows into partitions by ranges of roots.

    Parameters
    ----------
    base
        The partition of all asked rows.
    budget
        Bytes that one partition may take, tables that are read whole included.
    at_least
        Partitions wanted, where there are as many roots.

    Raises
    ------
    FeatureError
        When one root alone takes more.
    """
    roots, sizes = _sizes(spill, base, width)
    fixed = _whole_tables(base, width)
    room = min(budget - fixed, -(-int(sizes.sum()) // at_least))
    largest = int(sizes.max())
    if budget - fixed < largest:
        raise _too_large(base.demand, fixed + largest, budget)
    room = max(room, largest)
    partitions, first = [], 0
    ends = np.cumsum(sizes)
    place = np.argsort(spill.roots, kind="stable")
    ordered = spill.roots[place]
    while first < len(roots):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + room, side="right")))
        low, high = int(roots[first]), int(roots[last - 1]) + 1
        rows = np.sort(place[slice(*np.searchsorted(ordered, [low, high]))])
        partitions.append(_part(base, low, high, rows))
        first = last
    return partitions


def _part(base: Partition, first: int, last: int, rows: Ints) -> Partition:
    return Partition(
        snapshot=base.snapshot,
        demand=base.demand,
        sorted_tables=base.sorted_tables,
        columns=base.columns,
        first=first,
        last=last,
        asked=base.asked.take(rows),
        rows=rows,
    )


def _sizes(spill: Spill, base: Partition, width: Width) -> tuple[Ints, Ints]:
    """Return the roots of asked rows, ascending, and the bytes that each takes."""
    roots, n_asked = np.unique(spill.roots, return_counts=True)
    sizes = n_asked * width.asked
    for role, table in spill.tables.items():
        name = table_of(role, base.demand.chain, _target(base.demand))
        found, counts = table.count()
        place = np.searchsorted(roots, found)
        sizes[place] += counts * width.by_table[name]
        if _has_below(role, spill.tables):
            sizes[place] += _PAIR_WIDTH * width.n_stacked * counts * n_asked[place]
    return roots, sizes


def _has_below(role: Role, roles: Iterable[Role]) -> bool:
    """Whether rows of `role` are themselves parents, so that their values may be aggregated."""
    n = len(role.path)
    return any(
        other.anchor == role.anchor and len(other.path) > n > 0 and other.path[:n] == role.path
        for other in roles
    )


def _whole_tables(base: Partition, width: Width) -> int:
    n_rows = {table.name: table.n_rows for table in base.snapshot.tables}
    return sum(n_rows[name] * width.by_table[name] for name in base.demand.whole)


def _pairs_size(width: Width) -> int:
    return _PAIR_WIDTH * MAX_PAIRS * width.n_stacked


def _width(type_: pa.DataType) -> int:
    return _FIXED_WIDTH if _is_fixed(type_) else _TEXT_WIDTH


def _is_fixed(type_: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(type_) or pa.types.is_decimal(type_))


def _all_nodes(nodes: Iterable[Node]) -> list[Node]:
    seen: dict[Node, None] = {}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = None
            stack.extend(inputs_of(node))
    return list(seen)


def _target(demand: Demand) -> str:
    return next(iter(demand.nodes.values())).table


def _too_large(demand: Demand, needed: int, budget: int) -> FeatureError:
    names = list(demand.nodes)
    return FeatureError(
        f"Expected about {-(-needed // 10**6)} MB for the rows of one entity and the tables that "
        f"are read whole ({sorted(demand.whole)}), got {budget // 10**6} MB for {names[:3]} and "
        f"{len(names)} features in all. Raise memory_limit, or plan at a smaller depth."
    )
