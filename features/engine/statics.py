"""Values of static nodes: one for each row of their table, as if all were known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.columns import look_up
from features.engine.graph import (
    Aggregate,
    Column,
    Direct,
    Map,
    Node,
    Scan,
    Slice,
    ValueType,
    absent,
    absent_values,
    inputs_of,
    is_null,
    joint_clock,
)
from features.engine.mapping import apply_map
from features.engine.ranges import Index, Rows, build_index
from features.engine.scanning import scan_ordered
from features.engine.tables import Tables
from features.schema import Relationship

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

_NARROW = (np.int8, np.int16, np.int32)


class Statics:
    """What is computed once per row, kept.

    Parameters
    ----------
    tables
        Where columns come from.
    aggregate
        How a static aggregation is computed, for each row of its table.
    """

    def __init__(self, tables: Tables, aggregate: Callable[[Aggregate], Array]) -> None:
        self._tables = tables
        self._aggregate = aggregate
        self._values: dict[Node, Array] = {}
        self._codes: dict[Node, tuple[Array, Array]] = {}
        self._narrow: dict[Node, Array] = {}
        self._labels: dict[Node, Array] = {}

    def values(self, node: Node) -> Array:
        """Return the values of a static node."""
        if node not in self._values:
            self._values[node] = self._compute(node)
        return self._values[node]

    def labels(self, node: Node, values: Array) -> Array:
        """Turn codes into what they stand for, None for null; other values are as they are."""
        if node.type is not ValueType.CODE:
            return values
        if node not in self._labels:
            names = self.categories(node).to_pylist()
            self._labels[node] = np.array([*names, None], dtype=object)
        return self._labels[node][values]

    def categories(self, node: Node) -> Any:
        """Return the categories that the codes of a node stand for."""
        match node:
            case Column():
                return self._tables.values(node).categories
            case _:
                return self.categories(inputs_of(node)[0])

    def codes(self, node: Node) -> tuple[Array, Array]:
        """Return the values of a static node as int32 codes, and the value of each code."""
        if node not in self._codes:
            self._codes[node] = self._encode(node)
        return self._codes[node]

    def narrow_codes(self, node: Node) -> Array:
        """Return the codes in as few bytes as they need.

        NOTE: they are read in another order, and what the processor's cache holds is read faster.
        """
        if node not in self._narrow:
            codes, values = self.codes(node)
            narrow = next(t for t in _NARROW if len(values) <= np.iinfo(t).max)
            self._narrow[node] = codes.astype(narrow, copy=False)
        return self._narrow[node]

    def flags(self, column: Column) -> npt.NDArray[np.int8]:
        """Return the values of a boolean column as 0, 1, and -1 for null."""
        return self._tables.flags(column)

    def parents(self, relationship: Relationship) -> Rows:
        """Return the parent's row number of each child row, -1 where there is none."""
        return self._tables.parents(relationship)

    def prepare(self, node: Node) -> None:
        """Compute, of a node that is read through its parents or as flags, what it is read from."""
        match node:
            case Direct():
                self.prepare(node.base)
            case Column(type=ValueType.BOOLEAN):
                self.flags(node)
            case _:
                self.values(node)

    def densify(self, node: Node, values: Array) -> tuple[Array, Array]:
        """Turn values of `node` into int32 codes (null -1), and the value of each code."""
        if node.type is ValueType.CODE:
            return values, np.arange(len(self.categories(node)), dtype=np.int32)
        there = ~is_null(node, values)
        distinct, found = np.unique(values[there], return_inverse=True)
        codes = np.full(len(values), -1, dtype=np.int32)
        codes[there] = found
        return codes, distinct

    def groups(self, node: Scan) -> Index:
        """Order the rows of a scan's table by group, then by when they and its inputs are known."""
        table = node.table
        known = self._tables.known(table, joint_clock(inputs_of(node)))
        moments = np.maximum(self._tables.visible(table), known)
        if node.groups is None:
            return build_index(np.zeros(len(moments), np.int32), moments, 1)
        codes, names = self.codes(node.groups)
        return build_index(codes, moments, len(names))

    def _encode(self, node: Node) -> tuple[Array, Array]:
        match node:
            case Column(type=ValueType.NUMBER):
                wide = self._tables.wide(node)
                return self.densify(node, self.values(node)) if wide is None else wide
            case Direct(type=ValueType.NUMBER, default=None):
                codes, values = self.codes(node.base)
                return look_up(codes, self._tables.parents(node.relationship), -1), values
            case _:
                return self.densify(node, self.values(node))

    def _compute(self, node: Node) -> Array:
        match node:
            case Column():
                return self._tables.values(node).data
            case Map():
                n = self._tables.n_rows(node.table)
                return apply_map(node, [self.values(b) for b in node.bases], _never(n), self.labels)
            case Slice():
                return self.values(node.base)[:, node.output]
            case Direct():
                return self._direct(node)
            case Scan():
                return self._scan(node)
            case Aggregate():
                return self._aggregate(node)

    def _direct(self, node: Direct) -> Array:
        parents = self._tables.parents(node.relationship)
        values = absent_values(node, len(parents))
        values[parents >= 0] = self.values(node.base)[parents[parents >= 0]]
        return filled(node, values)

    def _scan(self, node: Scan) -> Array:
        index = self.groups(node)
        ordered = [self.values(base)[index.order] for base in node.bases]
        values = absent_values(node, self._tables.n_rows(node.table))
        if len(index.order):
            values[index.order] = scan_ordered(node, ordered, index.offsets, None, self.labels)
        return filled(node, values)


def filled(node: Node, values: Array) -> Array:
    """Put the default, where there is one, in the place of nulls, as featuretools does."""
    if node.default is not None:
        values[is_null(node, values)] = absent(node)
    return values


def _never(n: int) -> Ints:
    """Return moments for functions that do not read them."""
    return np.zeros(n, np.int64)
