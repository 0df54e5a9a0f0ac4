"""Values of nodes at (row, cutoff) pairs: each group of rows is ordered, ranged and read once.

A frame is a set of distinct pairs of one table. A parent's values are computed on the frame of
the distinct (parent, cutoff) pairs; aggregations of static values read ranges of the child
table; aggregations of dynamic values write their ranges out as a frame of the child table.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.engine.columns import look_up
from features.engine.graph import (
    NO_CLOCK,
    Aggregate,
    Clock,
    Column,
    Direct,
    Map,
    Node,
    ValueType,
    absent,
    absent_values,
    dtype_of,
    inputs_of,
    joint_clock,
)
from features.engine.moments import Blocks
from features.engine.pairs import expand
from features.engine.primitives import AGGREGATIONS, MAPS
from features.engine.ranges import NEVER, Frame, Index, distinct_frame, find_ranges
from features.engine.tables import Path, Tables
from features.engine.views import View
from features.schema import Relationship

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Results = dict[Node, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Aggregations of the same bases over the same ranges, computed together."""

    nodes: tuple[Aggregate, ...]
    view: Callable[[], View]


class Evaluator:
    """Computes nodes over tables, keeping what does not depend on the cutoff.

    Parameters
    ----------
    tables
        Where columns come from.
    executor
        Where aggregations run side by side; the values do not depend on it.
    """

    def __init__(self, tables: Tables, executor: Executor) -> None:
        self._tables = tables
        self._executor = executor
        self._static: Results = {}
        self._codes: dict[Node, tuple[Array, Array]] = {}

    def at(self, table: str, rows: Ints, cutoffs: Ints, nodes: Sequence[Node]) -> Results:
        """Evaluate nodes of `table` at any pairs; what is not visible yet has its default.

        Parameters
        ----------
        rows, cutoffs
            Row numbers (-1 is no row) and microseconds since 1970, shape (n,), in any order.

        Returns
        -------
        Results
            One array of shape (n,) for each node.
        """
        there = look_up(self._tables.visible(table), rows, NEVER) <= cutoffs
        frame, place = distinct_frame(rows[there], cutoffs[there])
        values = self.evaluate(frame, nodes)
        results: Results = {}
        for node in dict.fromkeys(nodes):
            results[node] = absent_values(node, len(rows))
            results[node][there] = values.pop(node)[place]
        return results

    def evaluate(self, frame: Frame, nodes: Iterable[Node]) -> Results:
        """Evaluate nodes of the frame's table at visible pairs."""
        wanted = _with_inputs(nodes)
        results: Results = {}
        directs: dict[Relationship, list[Direct]] = {}
        aggregates: dict[Path, list[Aggregate]] = {}
        for node in wanted:
            if not node.dynamic:
                results[node] = self._read(frame, node)
            elif isinstance(node, Direct):
                directs.setdefault(node.relationship, []).append(node)
            elif isinstance(node, Aggregate):
                aggregates.setdefault(node.path, []).append(node)
        for relationship, group in directs.items():
            results.update(self._direct(frame, relationship, group))
        for path, members in aggregates.items():
            results.update(self._aggregate(frame, path, members))
        for node in wanted:
            if node.dynamic and isinstance(node, Map):
                results[node] = _apply(node, results[node.base])
        return results

    def static(self, node: Node) -> Array:
        """Return the value of a static node for each row, as if it were known."""
        if node not in self._static:
            self._static[node] = self._compute_static(node)
        return self._static[node]

    def categories(self, node: Node) -> pa.Array:
        """Return the categories that the codes of a node stand for."""
        match node:
            case Column():
                return self._tables.values(node).categories
            case _:
                return self.categories(inputs_of(node)[0])

    def _compute_static(self, node: Node) -> Array:
        match node:
            case Column():
                return self._tables.values(node).data
            case Map():
                return _apply(node, self.static(node.base))
            case Direct():
                parents = self._tables.parents(node.relationship)
                values = absent_values(node, len(parents))
                values[parents >= 0] = self.static(node.base)[parents[parents >= 0]]
                return values
            case Aggregate():
                rows = np.arange(self._tables.n_rows(node.table))
                frame = Frame(rows=rows, cutoffs=np.full(len(rows), NEVER - 1))
                return self._aggregate(frame, node.path, [node])[node]

    def _read(self, frame: Frame, node: Node) -> Array:
        """Read a static node; where it is not known yet it has its default."""
        values = self.static(node)[frame.rows]
        if node.clock:
            unknown = self._tables.known(node.table, node.clock)[frame.rows] > frame.cutoffs
            values[unknown] = absent(node)
        return values

    def _direct(self, frame: Frame, relationship: Relationship, nodes: list[Direct]) -> Results:
        linked = self._tables.linked(relationship)[frame.rows] <= frame.cutoffs
        parents = np.where(linked, self._tables.parents(relationship)[frame.rows], -1)
        bases = [node.base for node in nodes]
        values = self.at(relationship.parent, parents, frame.cutoffs, bases)
        return {node: values[node.base] for node in nodes}

    def _aggregate(self, frame: Frame, path: Path, nodes: list[Aggregate]) -> Results:
        results: Results = {}
        for (clock, window, stacked), group in _grouped(nodes):
            index = self._tables.index(path, clock)
            ranges = find_ranges(index, frame, window)
            if stacked:
                results.update(self._stack(frame, index, ranges, group))
            else:
                jobs = [
                    _Job(nodes=same, view=self._viewer(frame, index, ranges, bases))
                    for bases, same in _by_bases(group)
                ]
                results.update(self._run(jobs, ranges))
        return results

    def _viewer(
        self, frame: Frame, index: Index, ranges: Blocks, bases: tuple[Node, ...]
    ) -> Callable[[], View]:
        """Return how to order static values: when the job begins, so that few live at a time."""
        arrays = [self.static(base) for base in bases]

        def dense() -> tuple[Array, Array]:
            codes, values = self._dense(bases[0])
            return codes[index.order], values

        def view() -> View:
            ordered = tuple(array[index.order] for array in arrays)
            return View(ordered, dense, ranges, frame.cutoffs)

        return view

    def _stack(self, frame: Frame, index: Index, ranges: Blocks, nodes: list[Aggregate]) -> Results:
        """Aggregate dynamic values: evaluate them at every (child row, cutoff) in range."""
        bases = [base for node in nodes for base in node.bases]
        results: Results = {node: absent_values(node, len(frame)) for node in nodes}
        for pairs in expand(index, frame, ranges):
            values = self.evaluate(pairs.frame, bases)
            cutoffs = frame.cutoffs[pairs.first : pairs.last]
            jobs = []
            for same_bases, same in _by_bases(nodes):
                arrays = tuple(values[base][pairs.place] for base in same_bases)
                dense = partial(self._densify, same_bases[0], arrays[0])
                view = partial(View, arrays, dense, pairs.ranges, cutoffs)
                jobs.append(_Job(nodes=same, view=view))
            for node, part in self._run(jobs, pairs.ranges).items():
                results[node][pairs.first : pairs.last] = part
        return results

    def _run(self, jobs: list[_Job], ranges: Blocks) -> Results:
        empty = np.equal(ranges.low, ranges.high)

        def run(job: _Job) -> Results:
            view = job.view()
            return {node: _summarise(node, view, empty) for node in job.nodes}

        results: Results = {}
        for part in self._executor.map(run, jobs):
            results.update(part)
        return results

    def _dense(self, node: Node) -> tuple[Array, Array]:
        """Return the codes of a static node, made once."""
        if node not in self._codes:
            self._codes[node] = self._densify(node, self.static(node))
        return self._codes[node]

    def _densify(self, node: Node, array: Array) -> tuple[Array, Array]:
        """Turn an array of `node` into int32 codes and the value of each code."""
        if node.type is ValueType.CODE:
            return array, np.arange(len(self.categories(node)), dtype=np.int32)
        values, codes = np.unique(array, return_inverse=True)
        codes = codes.astype(np.int32)
        codes[np.isnan(array)] = -1
        return codes, values


def _apply(node: Map, values: Array) -> Array:
    return MAPS[node.function].compute(values, dict(node.arguments))


def _summarise(node: Aggregate, view: View, empty: Array) -> Array:
    values = AGGREGATIONS[node.primitive].compute(view, dict(node.arguments))
    assert isinstance(values, np.ndarray), "primitives of several outputs are not lowered"
    values = values.astype(dtype_of(node))
    values[empty] = absent(node)
    return values


def _with_inputs(nodes: Iterable[Node]) -> list[Node]:
    """List the nodes, and before each dynamic map its base in the same row."""
    wanted: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if isinstance(node, Map) and node.dynamic:
            visit(node.base)
        wanted.setdefault(node)

    for node in nodes:
        visit(node)
    return list(wanted)


def _grouped(
    nodes: list[Aggregate],
) -> list[tuple[tuple[Clock, int | None, bool], list[Aggregate]]]:
    """Group aggregations that share their ranges: by clock, window and whether they stack."""
    groups: dict[tuple[Clock, int | None, bool], list[Aggregate]] = {}
    for node in nodes:
        stacked = any(base.dynamic for base in node.bases)
        clock = NO_CLOCK if stacked else joint_clock(node.bases)
        groups.setdefault((clock, node.window, stacked), []).append(node)
    return list(groups.items())


def _by_bases(nodes: list[Aggregate]) -> list[tuple[tuple[Node, ...], tuple[Aggregate, ...]]]:
    """Group aggregations of the same values."""
    groups: dict[tuple[Node, ...], list[Aggregate]] = {}
    for node in nodes:
        groups.setdefault(node.bases, []).append(node)
    return [(bases, tuple(members)) for bases, members in groups.items()]
