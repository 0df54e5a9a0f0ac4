"""Halving: candidates that are behind after some folds are not fitted on the others.

A trial reaches a rung when so many folds are done, and goes on if its gain on them is among the
best share of the trials of its family that reached this rung. Rows of the folds are the same for
all, so early ranks say much about final ones. What is not finished cannot enter the ensemble.

References
----------
Li et al.: A System for Massively Parallel Hyperparameter Tuning (MLSys 2020), ASHA, in the form
that stops trials instead of pausing them. Li et al.: Hyperband (JMLR 18, 2018), whose brackets
take turns here: one stops from the first fold on, one later, one never. Fidelity is the number of
folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.leaderboard import TrialRecord
from models.metrics import Metric

FACTOR = 2
"""A rung lets one of so many pass, and the next one comes after so many times the folds."""

MIN_RIVALS = 3
"""Fewer trials on a rung set no bar."""

Bars = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Halving:
    """Bars for the trials of a search.

    Attributes
    ----------
    kind
        One of `models.options.HALVINGS`.
    n_folds
        Folds of a whole trial.
    """

    kind: str
    n_folds: int
    metric: Metric

    def bars(self, family: str, told: Sequence[TrialRecord]) -> Bars:
        """Give what a new trial of a family has to reach.

        Parameters
        ----------
        told
            The trials known, of any family; those that run have no scores yet.

        Returns
        -------
        tuple
            By number of folds done, from one to all but one: the least mean gain to go on with;
            None where there is no bar.
        """
        known = [record for record in told if record.candidate.family == family]
        rungs = self._rungs(sum(record.state != "failed" for record in known))
        return tuple(
            self._bar(known, n_done) if n_done in rungs else None
            for n_done in range(1, self.n_folds)
        )

    def gain(self, record: TrialRecord, told: Sequence[TrialRecord]) -> float | None:
        """Give a trial's gain; of a stopped one what the others' later folds let expect.

        Folds differ in how hard they are: what finished trials of the family gained on all folds
        over those that it saw is added.
        """
        if record.state == "done" and record.score is not None:
            return self.metric.gain(record.score)
        if record.state != "stopped":
            return None
        n_seen = len(record.fold_scores)
        rest = [
            self._first(other, len(other.fold_scores)) - self._first(other, n_seen)
            for other in told
            if other.state == "done" and other.candidate.family == record.candidate.family
        ]
        return self._first(record, n_seen) + (float(np.mean(rest)) if rest else 0.0)

    def _rungs(self, turn: int) -> frozenset[int]:
        """Say after how many folds the trial of a family's turn is weighed."""
        every, rung = [], 1
        while rung < self.n_folds:
            every.append(rung)
            rung *= FACTOR
        match self.kind:
            case "asha":
                return frozenset(every)
            case "hyperband":
                return frozenset(every[turn % (len(every) + 1) :])
            case _:
                return frozenset()

    def _bar(self, known: Sequence[TrialRecord], n_done: int) -> float | None:
        gains = [
            self._first(record, n_done) for record in known if len(record.fold_scores) >= n_done
        ]
        if len(gains) < MIN_RIVALS:
            return None
        return sorted(gains, reverse=True)[max(1, len(gains) // FACTOR) - 1]

    def _first(self, record: TrialRecord, n_folds: int) -> float:
        """Give the mean gain of a trial's first folds."""
        return float(np.mean([self.metric.gain(score) for score in record.fold_scores[:n_folds]]))


def is_behind(gains: Sequence[float], bars: Bars) -> bool:
    """Say whether a trial with these gains on its first folds is to be stopped.

    Examples
    --------
    >>> is_behind([0.7], (0.6, 0.8)), is_behind([0.7, 0.7], (0.6, 0.8)), is_behind([0.1], (None,))
    (False, True, False)
    """
    bar = bars[len(gains) - 1] if len(gains) <= len(bars) else None
    return bar is not None and float(np.mean(gains)) < bar
