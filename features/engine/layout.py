"""The rows that the pairs of one frame may see, side by side, with their static values.

A frame asks about some rows of a table, up to some moment each. Only what these may see is
brought into range order, and brought once for all aggregations of the same values.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.graph import Node, ValueType
from features.engine.ranges import Frame, Index, rank
from features.engine.statics import Statics

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


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
        rows, order, visible, offsets = _bring_together(
            index.order, index.visible, index.offsets, frame.rows, frame.cutoffs
        )
        self.index = Index(order=order, visible=visible, offsets=offsets)
        self.frame = Frame(rows=rows, cutoffs=frame.cutoffs)
        self._statics = statics
        self._values: dict[Node, Array] = {}
        self._codes: dict[Node, Array] = {}

    def values(self, node: Node) -> Array:
        """Return the values of a static node; of objects their codes."""
        if node.type is ValueType.OBJECT:
            return self.codes(node)[0]
        if node not in self._values:
            self._values[node] = self._statics.values(node)[self.index.order]
        return self._values[node]

    def codes(self, node: Node) -> tuple[Array, Array]:
        """Return int32 codes of a static node (null -1), and the value of each code."""
        codes, values = self._statics.codes(node)
        if node not in self._codes:
            self._codes[node] = codes[self.index.order]
        return self._codes[node], values


@kernel
def _bring_together(
    order: Ints, visible: Ints, offsets: Ints, rows: Ints, cutoffs: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Number the rows of a frame, and copy what each sees at its newest cutoff."""
    numbers = np.empty(len(rows), np.int64)
    n_rows = 0
    for i in range(len(rows)):
        n_rows += i == 0 or rows[i] != rows[i - 1]
        numbers[i] = n_rows - 1
    bounds = np.zeros(n_rows + 1, np.int64)
    for i in range(len(rows)):
        if i == len(rows) - 1 or rows[i + 1] != rows[i]:
            begin, end = offsets[rows[i]], offsets[rows[i] + 1]
            seen = rank(visible[begin:end], cutoffs[i], True)
            bounds[numbers[i] + 1] = bounds[numbers[i]] + seen
    own_order = np.empty(bounds[-1], np.int64)
    own_visible = np.empty(bounds[-1], np.int64)
    for i in range(len(rows)):
        if i == len(rows) - 1 or rows[i + 1] != rows[i]:
            begin, first = offsets[rows[i]], bounds[numbers[i]]
            for k in range(bounds[numbers[i] + 1] - first):
                own_order[first + k] = order[begin + k]
                own_visible[first + k] = visible[begin + k]
    return numbers, own_order, own_visible, bounds
