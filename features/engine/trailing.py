"""What a row sees of itself and the rows before it in its group, as ranges.

Rows of one group stand side by side. A window of so many rows is cut into blocks of that size,
so that it touches at most two of them, as a window of time is (see `moments`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.moments import Blocks

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


def starts(offsets: Ints) -> Ints:
    """Return the first row of each row's group."""
    return np.repeat(offsets[:-1], np.diff(offsets))


def trailing(offsets: Ints, window: int | None = None, gap: int = 0) -> Blocks:
    """Return for each row the `window` rows (None is all) that end `gap` rows before it.

    Parameters
    ----------
    offsets
        Bounds of the groups, shape (n_groups + 1,).
    gap
        Rows left out, 0 ending with the row itself.
    """
    start = starts(offsets)
    rows = np.arange(len(start))
    high = np.maximum(rows + 1 - gap, start)
    low = start if window is None else np.maximum(high - window, start)
    block = np.zeros(len(start), np.int64) if window is None else (rows - start) // window
    return Blocks(
        block=block,
        begin=offsets[:-1],
        end=offsets[1:],
        low=low,
        high=high,
        at=np.append(block, 0)[high - 1],
        windowed=window is not None,
    )


def shift(values: Array, offsets: Ints, periods: int, missing: Any) -> Array:
    """Return for each row the value `periods` rows before it, `missing` where there is none."""
    places = np.arange(len(values)) - periods
    shifted = np.full_like(values, missing)
    there = places >= starts(offsets)
    shifted[there] = values[places[there]]
    return shifted


def carry(known: Array, offsets: Ints) -> Ints:
    """Return for each row the last known row of its group up to and with it, -1 if none is."""
    places = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return np.where(places >= starts(offsets), places, -1)
