"""The rows that the pairs of one frame may see, side by side, with their static values.

A frame asks about some rows of a table, up to some moment each. Only what these may see is
brought into range order, and brought once for all aggregations of the same values. A parent's
value comes from the parent's table at once: it is never written out for all rows of the child's.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.graph import Column, Direct, Node, ValueType, absent
from features.engine.keys import gather, gather_flags
from features.engine.ranges import Frame, Index, Rows, rank
from features.engine.statics import Statics, filled
from features.schema import Relationship

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

_TEXT = (ValueType.CODE, ValueType.OBJECT)


class Layout:
    """Part of an index, and the static values of its positions.

    Attributes
    ----------
    index
        The positions that `frame` may see, by the numbers of its own rows.
    frame
        The frame, its rows numbered from 0 as they come.
    """

    def __init__(self, index: Index, frame: Frame, statics: Statics) -> None:
        self.index, self.frame = _bring_together(index, frame)
        self._statics = statics
        self._values: dict[Node, Array] = {}
        self._codes: dict[Node, Array] = {}
        self._parents: dict[Relationship, Rows] = {}

    def prepare(self, node: Node) -> None:
        """Compute what the values of a static node are brought from."""
        if isinstance(node, Direct):
            self._rows_above(node.relationship)
        self._statics.prepare(node)

    def values(self, node: Node) -> Array:
        """Return the values of a static node; of objects their codes."""
        if node.type in _TEXT:
            return self.codes(node)[0]
        if node not in self._values:
            self._values[node] = self._bring(node)
        return self._values[node]

    def codes(self, node: Node) -> tuple[Array, Array]:
        """Return int32 codes of a static node (null -1), and the value of each code."""
        source, rows = node, self.index.order
        if isinstance(node, Direct) and node.default is None:
            source, rows = node.base, self._rows_above(node.relationship)
        if node not in self._codes:
            self._codes[node] = gather(self._statics.narrow_codes(source), rows, -1, np.int32)
        return self._codes[node], self._statics.codes(source)[1]

    def _bring(self, node: Node) -> Array:
        order = self.index.order
        match node:
            case Column(type=ValueType.TIME, column=self.index.time):
                return self.index.visible
            case Column(type=ValueType.BOOLEAN):
                return gather_flags(self._statics.flags(node), order)
            case Direct():
                above = self._rows_above(node.relationship)
                return filled(node, gather(self._statics.values(node.base), above, absent(node)))
            case _:
                return gather(self._statics.values(node), order, 0)

    def _rows_above(self, relationship: Relationship) -> Rows:
        """Return the parent's row number at each position."""
        if relationship not in self._parents:
            parents = self._statics.parents(relationship)
            self._parents[relationship] = gather(parents, self.index.order, -1)
        return self._parents[relationship]


def _bring_together(index: Index, frame: Frame) -> tuple[Index, Frame]:
    """Number the rows of a frame, and copy what each sees at its newest cutoff."""
    numbers, bounds = np.empty(len(frame), np.int64), np.zeros(len(frame) + 1, np.int64)
    given = index.visible, index.offsets, frame.rows, frame.cutoffs
    n_rows = _number(*given, numbers, bounds)
    bounds = bounds[: n_rows + 1].copy()
    order, visible = np.empty(bounds[-1], np.int32), np.empty(bounds[-1], np.int64)
    _copy(index.order, index.visible, index.offsets, frame.rows, bounds, (order, visible))
    together = Index(order=order, visible=visible, offsets=bounds, time=index.time)
    return together, Frame(rows=numbers, cutoffs=frame.cutoffs)


@kernel
def _number(
    visible: Ints, offsets: Ints, rows: Ints, cutoffs: Ints, numbers: Ints, bounds: Ints
) -> int:
    """Number the rows of a frame from 0, and count what they see."""
    n_rows = 0
    for i in range(len(rows)):
        n_rows += i == 0 or rows[i] != rows[i - 1]
        numbers[i] = n_rows - 1
        if i == len(rows) - 1 or rows[i + 1] != rows[i]:
            begin, end = offsets[rows[i]], offsets[rows[i] + 1]
            seen = rank(visible[begin:end], cutoffs[i], True)
            bounds[n_rows] = bounds[n_rows - 1] + seen
    return n_rows


@kernel
def _copy(
    order: Rows, visible: Ints, offsets: Ints, rows: Ints, bounds: Ints, own: tuple[Rows, Ints]
) -> None:
    """Copy the first positions of each row, as many as its bounds have room for."""
    own_order, own_visible = own
    n_rows = 0
    for i in range(len(rows)):
        if i == len(rows) - 1 or rows[i + 1] != rows[i]:
            begin, first = offsets[rows[i]], bounds[n_rows]
            n_rows += 1
            for k in range(bounds[n_rows] - first):
                own_order[first + k] = order[begin + k]
                own_visible[first + k] = visible[begin + k]
