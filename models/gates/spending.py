"""Spending: what chance of error is left for a try, where tries against one champion repeat.

Who asks again and again whether an equal challenger is better gets a yes in the end. The chance is
therefore spent as α_k = α · 6 / (π² k²) on the k-th try, which adds up to α over all of them,
however many and however dependent they are.

References
----------
Foster & Stine (2008), "α-investing: a procedure for sequential control of expected false
discoveries", Journal of the Royal Statistical Society B 70 (alpha spending as its section 2 has
it); the weights are those of Euler's sum of 1 / k².
"""

import math

from models.errors import ModelError


def spent_on(attempt: int, alpha: float) -> float:
    """Give the share of `alpha` that the try with this number may spend.

    Examples
    --------
    >>> [round(spent_on(attempt, 0.05), 4) for attempt in (1, 2, 10)]
    [0.0304, 0.0076, 0.0003]
    """
    if attempt < 1:
        raise ModelError(f"Expected a try from 1 on, got {attempt}.")
    return alpha * 6 / (math.pi * attempt) ** 2


def ordinal(attempt: int) -> str:
    """Write which try it is.

    Examples
    --------
    >>> [ordinal(attempt) for attempt in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    teens = 10 < attempt % 100 < 14
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(attempt % 10, "th")
    return f"{attempt}{ending}"
