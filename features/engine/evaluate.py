"""Values of nodes at (row, cutoff) pairs.

A frame is a set of distinct pairs of one table. A parent's values are computed on the frame of
the distinct (parent, cutoff) pairs; what is static is computed once per row and read.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.aggregating import Aggregator
from features.engine.columns import look_up
from features.engine.graph import (
    Aggregate,
    Direct,
    Map,
    Node,
    Scan,
    Slice,
    absent_values,
    inputs_of,
    null_of,
)
from features.engine.mapping import apply_map
from features.engine.ranges import NEVER, Frame, build_index, distinct_frame
from features.engine.scanning import scan_moments, scan_versions
from features.engine.statics import Statics, filled
from features.engine.tables import Path, Tables
from features.schema import Relationship

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Results = dict[Node, Array]


class Evaluator:
    """Computes nodes over tables, keeping what does not depend on the cutoff.

    Parameters
    ----------
    tables
        Where columns come from.
    executor
        Where aggregations run side by side; the values do not depend on it.
    inclusive
        Whether what becomes visible at the cutoff itself is seen.
    """

    def __init__(self, tables: Tables, executor: Executor, *, inclusive: bool = True) -> None:
        self._tables = tables
        # NOTE: time has microseconds, so the last moment before a cutoff is one of them earlier;
        # the frames hold that moment, and functions are told the cutoff itself.
        self._lead = 0 if inclusive else 1
        self._statics = Statics(tables, self._static_aggregate)
        self._aggregator = Aggregator(
            tables, self._statics, executor, evaluate=self.evaluate, lead=self._lead
        )

    def at(self, table: str, rows: Ints, cutoffs: Ints, nodes: Sequence[Node]) -> Results:
        """Evaluate nodes of `table` at any pairs; what is not visible yet has its default.

        Parameters
        ----------
        rows, cutoffs
            Row numbers (-1 is no row) and microseconds since 1970, shape (n,), in any order.

        Returns
        -------
        Results
            One array of shape (n,) for each node, (n, n_outputs) where it has several.
        """
        return self._seen(table, rows, cutoffs - self._lead, nodes)

    def _seen(self, table: str, rows: Ints, last: Ints, nodes: Sequence[Node]) -> Results:
        """Evaluate nodes at pairs of a row and the last moment that is seen."""
        there = look_up(self._tables.visible(table), rows, NEVER) <= last
        frame, place = distinct_frame(rows[there], last[there])
        values = self.evaluate(frame, nodes)
        results: Results = {}
        for node in dict.fromkeys(nodes):
            results[node] = absent_values(node, len(rows))
            results[node][there] = values.pop(node)[place]
        return results

    def release(self) -> None:
        """Let go of all that is kept, which would else wait for the collector of cycles."""
        self.__dict__.clear()

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
            elif isinstance(node, Scan):
                results[node] = self._scan(frame, node)
        for relationship, group in directs.items():
            results.update(self._direct(frame, relationship, group))
        for path, members in aggregates.items():
            results.update(self._aggregator.aggregate(frame, path, members))
        for node in wanted:
            if node.dynamic and isinstance(node, Map):
                arrays = [results[base] for base in node.bases]
                asked = frame.cutoffs + self._lead
                results[node] = apply_map(node, arrays, asked, self._statics.labels)
            elif node.dynamic and isinstance(node, Slice):
                results[node] = results[node.base][:, node.output]
        return results

    def names(self, node: Node, codes: Array) -> Array:
        """Turn codes of a node into text, None for null."""
        names = [str(name) for name in self._statics.categories(node).to_pylist()]
        return np.take(np.array([*names, None], dtype=object), codes)

    def _static_aggregate(self, node: Aggregate) -> Array:
        rows = np.arange(self._tables.n_rows(node.table))
        frame = Frame(rows=rows, cutoffs=np.full(len(rows), NEVER - 1))
        return self._aggregator.aggregate(frame, node.path, [node])[node]

    def _read(self, frame: Frame, node: Node) -> Array:
        """Read a static node; where it is not known yet it is null."""
        values = self._statics.values(node)[frame.rows]
        if node.clock:
            unknown = self._tables.known(node.table, node.clock)[frame.rows] > frame.cutoffs
            values[unknown] = null_of(node)
        return values

    def _direct(self, frame: Frame, relationship: Relationship, nodes: list[Direct]) -> Results:
        linked = self._tables.linked(relationship)[frame.rows] <= frame.cutoffs
        parents = np.where(linked, self._tables.parents(relationship)[frame.rows], -1)
        bases = [node.base for node in nodes]
        values = self._seen(relationship.parent, parents, frame.cutoffs, bases)
        return {node: filled(node, values[node.base]) for node in nodes}

    def _scan(self, frame: Frame, node: Scan) -> Array:
        statics = self._statics
        if any(base.dynamic for base in inputs_of(node)):
            visible = self._tables.visible(node.table)
            index = build_index(np.zeros(len(visible), np.int32), visible, 1)
            return scan_moments(
                node,
                frame,
                index,
                lead=self._lead,
                evaluate=self.evaluate,
                densify=statics.densify,
                labels=statics.labels,
            )
        arrays = [statics.values(base) for base in node.bases]
        return scan_versions(
            node, frame, statics.groups(node), arrays, lead=self._lead, labels=statics.labels
        )


def _with_inputs(nodes: Iterable[Node]) -> list[Node]:
    """List the nodes, and before each dynamic map or slice what it needs in the same row."""
    wanted: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if isinstance(node, Map | Slice) and node.dynamic:
            for base in inputs_of(node):
                visit(base)
        wanted.setdefault(node)

    for node in nodes:
        visit(node)
    return list(wanted)
