"""Progress: what a running search tells its caller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from models.leaderboard import TrialRecord

Phase = Literal["resumed", "trial", "refit", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEvent:
    """Where a search stands.

    Attributes
    ----------
    phase
        `resumed` (a trial of an earlier start), `trial` (one has ended), `refit` (a member was
        fitted on all search rows), `done`.
    trial
        The trial it is about; None when done.
    best_score, ensemble_score
        In the metric's own sign, on out-of-fold rows.
    elapsed, remaining
        Seconds of the budget.
    """

    phase: Phase
    trial: TrialRecord | None
    n_trials: int
    n_failed: int
    best_score: float | None
    ensemble_score: float | None
    elapsed: float
    remaining: float


Listener = Callable[[SearchEvent], None]
