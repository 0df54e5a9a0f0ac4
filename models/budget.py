"""Budgets: what a search may spend, what is left of it, and what the next trial will take."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from models.errors import OptionError
from models.families.family import Family
from models.leaderboard import TrialRecord

TRIAL_SHARE = 0.2
"""A trial is asked to stop after this share of the budget, and killed soon after it."""

MIN_TRIAL_SECONDS = 5.0
SOFT_SHARE = 0.7
"""Of what is left at the very end a trial is asked to use so much: it has yet to predict."""

GRACE_SHARE = 0.5
FIRST_GRACE_SHARE = 2.0
"""How far past what it was asked a trial may run before its worker is killed; a family's first
trial has rows to encode and to bin besides, which later ones find done."""

REFIT_SHARE = 0.3
"""Members whose final fits would take more than this share of the budget are not chosen."""

REFIT_CAUTION = 1.2
"""A final fit is expected to take this many times what row counts say: other work comes too."""

REFIT_OVERHEAD_SECONDS = 0.2
"""What a final fit takes besides: asking for it, storing and hashing the model."""

CLOSING_SHARE = 0.03
MIN_CLOSING_SECONDS = 0.7
"""Kept at the least for loading members and predicting the sealed holdout."""

CLOSING_CAUTION = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBudget:
    """What a search may spend.

    Parameters
    ----------
    max_seconds
        For the whole call: start-up, trials, ensembling, final fits and the holdout.
    max_trials
        Trials after the baseline. When given, the search is a function of data and seed as
        long as `max_seconds` is not reached; when None, time alone ends it.
    """

    max_seconds: float = 600.0
    max_trials: int | None = None

    def __post_init__(self) -> None:
        """Refuse a budget for nothing."""
        if not self.max_seconds > 0:
            raise OptionError(f"Expected max_seconds above 0, got {self.max_seconds}.")
        if self.max_trials is not None and self.max_trials < 1:
            raise OptionError(f"Expected max_trials of at least 1 or None, got {self.max_trials}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A running budget."""

    budget: SearchBudget
    now: Callable[[], float] = time.monotonic
    start: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.now() - self.start

    @property
    def remaining(self) -> float:
        """Seconds to the promise; negative when it is broken."""
        return self.budget.max_seconds - self.elapsed

    @property
    def is_free(self) -> bool:
        """Whether the number of trials ends the search, and costs choose nothing."""
        return self.budget.max_trials is not None

    def closing_seconds(self, measured: float) -> float:
        """Give what the last steps get, from what they took when they were tried."""
        least = max(MIN_CLOSING_SECONDS, CLOSING_SHARE * self.budget.max_seconds)
        return max(least, CLOSING_CAUTION * measured)

    @property
    def max_refit_seconds(self) -> float:
        """What the final fits of an ensemble may take together."""
        return float("inf") if self.is_free else REFIT_SHARE * self.budget.max_seconds

    def soft_limit(self, left: float) -> float:
        """Give the seconds after which a trial is asked to stop."""
        share = TRIAL_SHARE * self.budget.max_seconds
        return max(0.0, min(SOFT_SHARE * left, max(MIN_TRIAL_SECONDS, share)))

    def hard_limit(self, left: float, *, is_first: bool = False) -> float:
        """Give the seconds after which a trial's worker is killed."""
        grace = FIRST_GRACE_SHARE if is_first else GRACE_SHARE
        return max(0.0, min(left, (1 + grace) * self.soft_limit(left) + 1.0))


def expected_seconds(
    family: str, told: Iterable[TrialRecord], known: Mapping[str, Family]
) -> float:
    """Expect what a trial of a family will take, from the trials that are done.

    A family that has none yet is put in proportion to the others by its relative cost; when
    nothing is known, 0.
    """
    costs: dict[str, list[float]] = {}
    for record in told:
        if record.state == "done" and record.candidate.family in known:
            costs.setdefault(record.candidate.family, []).append(record.seconds)
    if family in costs:
        recent = costs[family][-3:]
        return sum(recent) / len(recent)
    ratios = [
        seconds[0] / known[name].relative_cost
        for name, seconds in costs.items()
        if known[name].relative_cost > 0
    ]
    return known[family].relative_cost * max(ratios, default=0.0)


def refit_seconds(record: TrialRecord, last_fold_rows: int, n_rows: int) -> float:
    """Expect what the final fit of a trial's candidate will take."""
    measured = record.fit_seconds[-1] if record.fit_seconds else 0.0
    return REFIT_OVERHEAD_SECONDS + REFIT_CAUTION * measured * n_rows / max(1, last_fold_rows)
