"""Which rows each query of an aggregation reaches: windows of every kind, and conditions.

Ranges over a subset of the rows are ranges again, over fewer positions: what was position p
becomes the number of chosen rows before p.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.moments import Blocks
from features.engine.ranges import Frame, Index, find_ranges
from features.engine.windows import LastRows, Months, Window, before, month_blocks

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def orderly(frame: Frame, window: Window | None, lead: int) -> Iterator[tuple[Mask | None, Frame]]:
    """Divide queries so that within a part the beginnings of their windows only move upward.

    They do so anyway, except where calendar months are cut back to a shorter one.

    Yields
    ------
    tuple of mask and Frame
        Which queries, and those; None is all.
    """
    if not isinstance(window, Months) or not len(frame):
        yield None, frame
        return
    _, cut = before(frame.cutoffs + lead, window)
    for days in np.unique(cut):
        part = cut == days
        yield part, Frame(rows=frame.rows[part], cutoffs=frame.cutoffs[part])


def find_reach(index: Index, frame: Frame, window: Window | None, lead: int) -> Blocks:
    """Find what each pair of `frame` sees, before any condition.

    Parameters
    ----------
    window
        NOTE: `LastRows` counts rows after the condition, so it is left to `last_rows`.
    lead
        Microseconds from the last moment a pair sees (its cutoff) to the one it asks about.
    """
    match window:
        case int():
            return find_ranges(index, frame, window - lead)
        case Months():
            return _find_months(index, frame, window, lead)
        case _:
            return find_ranges(index, frame, None)


def _find_months(index: Index, frame: Frame, window: Months, lead: int) -> Blocks:
    whole = find_ranges(index, frame, None)
    starts, _ = before(frame.cutoffs + lead, window)
    return whole._replace(
        low=_first_from(index.visible, whole.low, whole.high, starts),
        at=month_blocks(frame.cutoffs, window),
        block=month_blocks(index.visible, window),
        windowed=True,
    )


@kernel
def _first_from(visible: Ints, low: Ints, high: Ints, starts: Ints) -> Ints:
    """Return the first position of each range whose moment is not before its start."""
    out = np.empty(len(low), np.int64)
    for i in range(len(low)):
        left, right = low[i], high[i]
        while left < right:
            middle = (left + right) // 2
            if visible[middle] < starts[i]:
                left = middle + 1
            else:
                right = middle
        out[i] = left
    return out


def only(blocks: Blocks, chosen: Mask) -> Blocks:
    """Renumber ranges so that they count the chosen positions only, shape (n_positions,)."""
    before_ = np.concatenate(([0], np.cumsum(chosen))).astype(np.int64)
    return blocks._replace(
        block=blocks.block[chosen[: len(blocks.block)]],
        begin=before_[blocks.begin],
        end=before_[blocks.end],
        low=before_[blocks.low],
        high=before_[blocks.high],
    )


def last_rows(blocks: Blocks, window: LastRows) -> Blocks:
    """Shorten unwindowed ranges to their newest rows; blocks have as many rows as the window."""
    sizes = blocks.end - blocks.begin
    place = np.zeros(len(blocks.block), np.int64)
    place[np.repeat(blocks.begin, sizes) + _within(sizes)] = _within(sizes)
    return blocks._replace(
        low=np.maximum(blocks.low, blocks.high - window.count),
        at=(blocks.high - blocks.low) // window.count,
        block=place // window.count,
        windowed=True,
    )


def _within(sizes: Ints) -> Ints:
    """Number the elements of consecutive stretches, from 0 in each."""
    starts = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) - np.repeat(starts, sizes)


def newest_of(segments: Blocks, count: int) -> Mask:
    """Choose the positions that are among the last `count` of their segment."""
    sizes = segments.high - segments.low
    return np.repeat(sizes, sizes) - _within(sizes) <= count
