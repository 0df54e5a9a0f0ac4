"""Which asked rows a change of data may touch: those that could have seen what changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.engine.changes import Changes
from features.engine.columns import find_rows
from features.engine.graph import Aggregate, Column, Direct, Node, Scan, inputs_of
from features.engine.ranges import ALWAYS, NEVER
from features.schema import Relationship
from features.snapshot import Snapshot

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Rows of one table whose values may have changed, by key; keys may repeat.

    Attributes
    ----------
    since
        From when on, shape (n_keys,).
    all_since
        From when on every row of the table may have changed.
    """

    keys: pa.ChunkedArray
    since: Ints
    all_since: int = NEVER

    def moments(self, keys: pa.ChunkedArray) -> Ints:
        """Return since when each of some unique keys is touched, `NEVER` where it is not."""
        moments = np.full(len(keys), self.all_since)
        places = find_rows(keys, self.keys)
        there = places >= 0
        np.minimum.at(moments, places[there], self.since[there])
        return moments


class Tracing:
    """Follows changes from rows to the features that read them.

    Parameters
    ----------
    snapshot
        The newer of the two.
    changes
        By table.
    """

    def __init__(self, snapshot: Snapshot, changes: Mapping[str, Changes]) -> None:
        self._snapshot = snapshot
        self._changes = changes
        self._columns: dict[tuple[str, str], pa.ChunkedArray] = {}
        self._known: dict[object, Touched] = {}

    def touched(self, nodes: Iterable[Node]) -> Touched:
        """Return the rows of the nodes' table where any of them may have changed."""
        nodes = list(nodes)
        distinct = {_shape(node): node for node in nodes}
        return _union([self._of(node) for node in distinct.values()])

    def _of(self, node: Node) -> Touched:
        shape = _shape(node)
        if shape not in self._known:
            self._known[shape] = _union([self._changed(node.table), self._through(node)])
        return self._known[shape]

    def _through(self, node: Node) -> Touched:
        match node:
            case Column():
                return self._changed(node.table)
            case Direct():
                return self._children(node.relationship, self._of(node.base))
            case Aggregate():
                below = _union([self._changed(node.path[-1].child), *self._inputs(node)])
                for step in reversed(node.path):
                    below = _union([self._parents(step, below), self._changed(step.parent)])
                return below
            case Scan():
                read = _union([self._changed(node.table), *self._inputs(node)])
                earliest = min([read.all_since, *read.since.tolist()], default=NEVER)
                return Touched(keys=read.keys, since=read.since, all_since=earliest)
            case _:
                return _union([self._changed(node.table), *self._inputs(node)])

    def _inputs(self, node: Node) -> list[Touched]:
        return [self._of(base) for base in {_shape(b): b for b in inputs_of(node)}.values()]

    def _changed(self, table: str) -> Touched:
        changes = self._changes[table]
        keys = changes.rows[self._snapshot.schema.table(table).key]
        all_since = ALWAYS if changes.everything else NEVER
        return Touched(keys=keys, since=changes.since, all_since=all_since)

    def _parents(self, step: Relationship, children: Touched) -> Touched:
        """Go up: from rows to their parents, as they are linked now and as they were."""
        key = self._snapshot.schema.table(step.child).key
        links, keys = self._column(step.child, step.child_column), self._column(step.child, key)
        rows = find_rows(keys, children.keys)
        there = rows >= 0
        changes = self._changes[step.child]
        now = links.take(pa.array(rows[there]))
        keys = self._column(step.parent, step.parent_column)
        both = [
            *now.cast(keys.type).chunks,
            *changes.rows[step.child_column].cast(keys.type).chunks,
        ]
        return Touched(
            keys=pa.chunked_array(both, keys.type),
            since=np.concatenate([children.since[there], changes.since]),
            all_since=children.all_since,
        )

    def _children(self, step: Relationship, parents: Touched) -> Touched:
        """Go down: from parents to the rows that name them now."""
        key = self._snapshot.schema.table(step.child).key
        unique = parents.keys.unique()
        moments = parents.moments(pa.chunked_array([unique]))
        parent = find_rows(pa.chunked_array([unique]), self._column(step.child, step.child_column))
        rows = np.flatnonzero(parent >= 0)
        return Touched(
            keys=self._column(step.child, key).take(pa.array(rows)),
            since=moments[parent[rows]],
            all_since=parents.all_since,
        )

    def _column(self, table: str, column: str) -> pa.ChunkedArray:
        if (table, column) not in self._columns:
            self._columns[table, column] = self._snapshot.read(table, columns=[column])[column]
        return self._columns[table, column]


def _shape(node: Node) -> object:
    """Say which rows a node reads; nodes of one shape are touched alike."""
    inputs = frozenset(_shape(base) for base in inputs_of(node))
    match node:
        case Column():
            return node.table
        case Direct():
            return ("direct", node.relationship, inputs)
        case Aggregate():
            return ("aggregate", node.path, inputs)
        case Scan():
            return ("scan", node.table, inputs)
        case _:
            return next(iter(inputs)) if len(inputs) == 1 else ("row", node.table, inputs)


def _union(parts: list[Touched]) -> Touched:
    type_ = parts[0].keys.type
    chunks = [chunk for part in parts for chunk in part.keys.cast(type_).chunks]
    return Touched(
        keys=pa.chunked_array(chunks, type_),
        since=np.concatenate([part.since for part in parts]),
        all_since=min(part.all_since for part in parts),
    )
