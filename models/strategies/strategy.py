"""What every strategy promises: it is told finished trials and asked for the next candidate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from models.candidate import Candidate
from models.halving import Bars
from models.leaderboard import Origin, TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A candidate to try next, where it comes from, and what its first folds have to gain."""

    candidate: Candidate
    origin: Origin
    bars: Bars = ()


IsAffordable = Callable[[str], bool]
"""Whether there is time for a trial of this family."""


class Strategy(Protocol):
    """A way to choose candidates.

    What it proposes is a function of the trials it was told and the number it is asked for, so
    that a search that was killed continues as if nothing had happened.
    """

    def tell(self, record: TrialRecord) -> None:
        """Take note of a trial: first that it runs (it has no score yet), then how it ended."""

    def ask(self, number: int, is_affordable: IsAffordable) -> Proposal | None:
        """Propose the candidate of trial `number`, or None when there is nothing to propose."""
