"""What each (parent, cutoff) may see of a child table, as contiguous ranges of one order.

The order of a child table is by parent, then by the moment a row became visible, then by place
in the table. What a cutoff may see is then a prefix of the parent's rows, and a window only
moves its lower end.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.keys import frozen
from features.engine.moments import Blocks

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]

ALWAYS = np.iinfo(np.int64).min
"""Moment of rows that were never not there; also how NaT is stored."""
NEVER = np.iinfo(np.int64).max
"""Moment of rows that no cutoff sees (their time is null)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Distinct (row, cutoff) pairs of one table; all pairs of a row stand side by side.

    Attributes
    ----------
    rows
        Row numbers, shape (n,).
    cutoffs
        Microseconds since 1970, ascending for each row, shape (n,).
    """

    rows: Ints
    cutoffs: Ints

    def __len__(self) -> int:
        return len(self.rows)


def distinct_frame(rows: Ints, cutoffs: Ints) -> tuple[Frame, Ints]:
    """Order pairs by (row, cutoff) and keep each once; say where each pair went."""
    order = np.lexsort((cutoffs, rows))
    sorted_rows, sorted_cutoffs = rows[order], cutoffs[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(sorted_rows) != 0) | (np.diff(sorted_cutoffs) != 0)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return Frame(rows=sorted_rows[new], cutoffs=sorted_cutoffs[new]), place


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A child table in range order.

    Attributes
    ----------
    order
        Row number at each position, shape (n_visible,).
    visible
        Moment each position became visible, shape (n_visible,).
    offsets
        Positions of parent p are offsets[p] to offsets[p + 1], shape (n_parents + 1,).
    time
        Column of the table, if any, whose values the moments are.
    """

    order: Rows
    visible: Ints
    offsets: Ints
    time: str | None = None


def build_index(
    parents: npt.NDArray[Any], visible: Ints, n_parents: int, *, time: str | None = None
) -> Index:
    """Order rows by (parent, visible, row); rows of no parent or of no moment are left out.

    Parameters
    ----------
    parents
        Row number of each row's parent, -1 where there is none.
    time
        Column, if any, whose values `visible` are.
    """
    parents, visible = frozen(parents.astype(np.int32, copy=False)), frozen(visible)
    offsets = np.zeros(n_parents + 1, np.int64)
    _count_out(parents, visible, offsets)
    order, moments = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int64)
    ends = offsets[:-1].copy()
    if not _lay_out(parents, visible, np.arange(0), len(parents), ends, (offsets, order, moments)):
        by_moment, ends = np.argsort(visible, kind="stable"), offsets[:-1].copy()
        _lay_out(parents, visible, by_moment, 0, ends, (offsets, order, moments))
    return Index(order=order, visible=moments, offsets=offsets, time=time)


@kernel
def _count_out(parents: Rows, visible: Ints, offsets: Ints) -> None:
    """Count the rows of each parent, and where those of the next begin."""
    for j in range(len(parents)):
        if parents[j] >= 0 and visible[j] != NEVER:
            offsets[parents[j] + 1] += 1
    for p in range(len(offsets) - 1):
        offsets[p + 1] += offsets[p]


@kernel
def _lay_out(
    parents: Rows,
    visible: Ints,
    rows: Ints,
    n_steps: int,
    ends: Ints,
    index: tuple[Ints, Rows, Ints],
) -> bool:
    """Put rows to their parents, and mend the order within each.

    Parameters
    ----------
    rows
        Order in which rows are taken; none is table order.
    n_steps
        Steps that mending may take. Tables lie in order of time, or nearly, and take few.
    ends
        Where the next row of each parent is put.
    index
        Offsets of the parents, and the order and moments that are filled.

    Returns
    -------
    bool
        Whether the steps sufficed.
    """
    offsets, order, moments = index
    for k in range(len(parents)):
        j = rows[k] if len(rows) else k
        p = parents[j]
        if p < 0 or visible[j] == NEVER:
            continue
        place, moment = ends[p], visible[j]
        while place > offsets[p] and moments[place - 1] > moment:
            order[place], moments[place] = order[place - 1], moments[place - 1]
            place -= 1
            n_steps -= 1
            if n_steps < 0:
                return False
        order[place], moments[place] = j, moment
        ends[p] += 1
    return True


def find_ranges(index: Index, frame: Frame, window: int | None) -> Blocks:
    """Find what each pair of `frame` sees: moments in [cutoff - window, cutoff].

    Parameters
    ----------
    index
        Order of the child table by the frame's table.
    frame
        Pairs of the parent table.
    window
        Microseconds, or None for all the past.
    """
    low, high = _search(index.visible, index.offsets, frame.rows, frame.cutoffs, window or 0)
    newest = np.flatnonzero(np.append(np.diff(frame.rows) != 0, True)[: len(frame)])
    if window is None:
        block, at = np.zeros(len(index.order), np.int64), np.zeros(len(frame), np.int64)
    else:
        block, at = index.visible // window, frame.cutoffs // window
    return Blocks(
        low=low,
        high=high,
        at=at,
        begin=index.offsets[frame.rows[newest]],
        end=high[newest],
        block=block,
        windowed=window is not None,
    )


def segments(low: Ints, high: Ints) -> Blocks:
    """Make ranges of segments that share no row: each is a group and a block of its own."""
    nonempty = low < high
    return Blocks(
        low=low,
        high=high,
        at=np.zeros(len(low), np.int64),
        begin=low[nonempty],
        end=high[nonempty],
        block=np.zeros(high[-1] if len(high) else 0, np.int64),
        windowed=False,
    )


@kernel
def _search(
    visible: Ints, offsets: Ints, rows: Ints, cutoffs: Ints, window: int
) -> tuple[Ints, Ints]:
    """Search the bounds of each query; a window of 0 is none."""
    low = np.empty(len(rows), np.int64)
    high = np.empty(len(rows), np.int64)
    for i in range(len(rows)):
        begin, end = offsets[rows[i]], offsets[rows[i] + 1]
        if i > 0 and rows[i] == rows[i - 1]:
            high[i] = high[i - 1] + rank(visible[high[i - 1] : end], cutoffs[i], True)
        else:
            high[i] = begin + rank(visible[begin:end], cutoffs[i], True)
        low[i] = begin
        if window > 0:
            low[i] = begin + rank(visible[begin : high[i]], cutoffs[i] - window, False)
    return low, high


@kernel
def rank(ascending: Ints, value: int, inclusive: bool) -> int:
    """Count the values below `value`, or up to and with it."""
    left, right = 0, len(ascending)
    while left < right:
        middle = (left + right) // 2
        if ascending[middle] < value or (inclusive and ascending[middle] == value):
            left = middle + 1
        else:
            right = middle
    return left
