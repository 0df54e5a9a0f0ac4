"""Exponentially weighted means and variances of a row and of those before it in its group."""

import numpy as np
import numpy.typing as npt

from features.engine.compiler import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@kernel
def decaying(x: Floats, offsets: Ints, alpha: float, ignore_null: bool) -> tuple[Floats, Floats]:
    """Return mean and variance at each row, the newest value having weight 1.

    Parameters
    ----------
    x
        Values, shape (n_rows,); NaN is no value.
    offsets
        Bounds of the groups, shape (n_groups + 1,).
    alpha
        What a weight loses with each row, above 0 and at most 1.
    ignore_null
        Whether weights stay as they are at rows without a value.

    Returns
    -------
    tuple
        NaN before the first value; the variance, made unbiased by the sum of squared weights,
        is NaN until the second.
    """
    mean, variance = np.full(len(x), np.nan), np.full(len(x), np.nan)
    keep = 1.0 - alpha
    for g in range(len(offsets) - 1):
        n, total, squares, centre, spread = 0, 0.0, 0.0, 0.0, 0.0
        for j in range(offsets[g], offsets[g + 1]):
            known = not np.isnan(x[j])
            if n > 0 and (known or not ignore_null):
                total *= keep
                squares *= keep * keep
            if known:
                d = x[j] - centre
                if n == 0 or total == 0.0:
                    centre, spread = x[j], 0.0
                elif d != 0.0:
                    share = 1.0 / (total + 1.0)
                    centre += d * share
                    spread = total * share * (spread + d * d * share)
                else:
                    spread *= total / (total + 1.0)
                total += 1.0
                squares += 1.0
                n += 1
            if n > 0:
                mean[j] = centre
            free = total * total - squares
            if n > 1 and free > 0.0:
                variance[j] = total * total / free * spread
    return mean, variance
