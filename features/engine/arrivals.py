"""When rows arrive that wait for others: the latest of several moments, row by row.

Most rows come after what they point to. The moments they wait for are then read and nothing is
written: `latest` gives back the very array it was given, by which a caller can tell.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel
from features.engine.keys import frozen

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]


def latest(moments: Ints, others: Ints, rows: Rows | None) -> Ints:
    """Return the later of each row's moment and of that of the row it points to.

    Parameters
    ----------
    moments
        Of the rows, shape (n_rows,).
    others
        Of the rows that they point to, microseconds since 1970.
    rows
        Row number in `others` for each row, -1 where there is nothing to wait for; None is the
        same row.

    Returns
    -------
    Ints
        `moments` itself where none is later.
    """
    if rows is None:
        return np.maximum(moments, others) if (others > moments).any() else moments
    given = frozen(moments), frozen(others), frozen(rows)
    if not _any_later(*given):
        return moments
    out = np.empty(len(moments), np.int64)
    _latest(*given, out)
    return out


@kernel
def _any_later(moments: Ints, others: Ints, rows: Rows) -> bool:
    found = False
    for j in range(len(rows)):
        found |= rows[j] >= 0 and others[rows[j]] > moments[j]
    return found


@kernel
def _latest(moments: Ints, others: Ints, rows: Rows, out: Ints) -> None:
    for j in range(len(rows)):
        later = rows[j] >= 0 and others[rows[j]] > moments[j]
        out[j] = others[rows[j]] if later else moments[j]
