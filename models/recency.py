"""Recency: how much of the past a candidate learns from.

After a drift old rows may harm, without one they help; which it is, the newest validation rows
tell. So the amount of history is one more parameter of a candidate. Rows are counted by age, not
by time, so that a gap in the records changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.candidate import Candidate, Parameter

HISTORY = "history"
"""Name of the parameter; a candidate without it learns from all rows, each counting the same."""

EVERYTHING = "all"

MIN_RECENT_ROWS = 100
"""Rows that a window has to keep of the smallest training block: with fewer, nothing is learned
that could be told from chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recency:
    """Which of the rows that may be learned from are, and how much they count.

    Parameters
    ----------
    share
        Of the rows, newest first, above 0 to 1. Rows as old as the oldest of them stay in too.
    half_life
        Share of the rows after which a row counts half as much; None where all count the same.
    """

    share: float = 1.0
    half_life: float | None = None

    def keep(self, moments: np.ndarray) -> np.ndarray:
        """Give the positions of the rows to learn from, ascending.

        Examples
        --------
        >>> days = np.array([4, 1, 3, 2]).astype("datetime64[D]")
        >>> Recency(share=0.5).keep(days)
        array([0, 2])
        """
        n_kept = max(1, round(self.share * len(moments)))
        oldest = np.sort(moments)[-n_kept]
        return np.flatnonzero(moments >= oldest)

    def weigh(self, moments: np.ndarray) -> np.ndarray | None:
        """Say how much each row counts, with a mean of one; None when all count the same.

        Rows of one moment count the same.

        Examples
        --------
        >>> Recency(half_life=0.5).weigh(np.array([1, 2]).astype("datetime64[D]")).round(2)
        array([0.67, 1.33])
        """
        if self.half_life is None:
            return None
        newer = len(moments) - np.searchsorted(np.sort(moments), moments, side="right")
        weight = np.exp2(-newer / (self.half_life * len(moments)))
        return np.asarray(weight / weight.mean())


RECENCIES: Mapping[str, Recency] = {
    EVERYTHING: Recency(),
    "newest half": Recency(share=0.5),
    "newest fifth": Recency(share=0.2),
    "newest tenth": Recency(share=0.1),
    "fading": Recency(half_life=0.25),
}
"""What may be tried, by the parameter's value."""


def history_of(candidate: Candidate) -> str:
    """Name how much history a candidate learns from.

    Examples
    --------
    >>> history_of(Candidate(family="linear"))
    'all'
    """
    return str(candidate.parameters.get(HISTORY, EVERYTHING))


def with_history(candidate: Candidate, history: str) -> Candidate:
    """Give the candidate that learns from so much history and is the same otherwise."""
    parameters: dict[str, Parameter] = {
        name: value for name, value in candidate.parameters.items() if name != HISTORY
    }
    if history != EVERYTHING:
        parameters[HISTORY] = history
    return Candidate(family=candidate.family, parameters=parameters)


def sensible_histories(n_train: int) -> tuple[str, ...]:
    """Name the histories that leave enough of the smallest training block.

    Parameters
    ----------
    n_train
        Its rows.

    Examples
    --------
    >>> sensible_histories(700)
    ('all', 'newest half', 'newest fifth', 'fading')
    """
    return tuple(
        name for name, recency in RECENCIES.items() if n_train * recency.share >= MIN_RECENT_ROWS
    )
