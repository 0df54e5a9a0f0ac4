"""The outlook of a running search: what is left of its budget, and what that suffices for."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from models.assembly import final_model
from models.budget import expected_seconds, refit_seconds
from models.candidate import Candidate
from models.inline import Inline
from models.leaderboard import TrialRecord, rank
from models.pool import Pool
from models.setting import Setting

if TYPE_CHECKING:
    from models.cluster import Cluster

WORTH_STARTING = 0.6
"""Of the time a family needs that can stop early, so much is enough to start it; for its first
trial any time is, because the others' costs say little about it."""

CAUTION = 1.5
"""A trial that cannot stop early is lost when it does not end in time: it is given more room."""

MIN_TRIAL_SECONDS = 0.5


class Outlook:
    """Says how much time there is for trials, and for which.

    Attributes
    ----------
    closing
        Seconds that the last steps took when they were rehearsed.
    joining
        Seconds that joining the members takes (`models.finishing`).
    estimating
        Seconds that the corrected estimate of the ensemble's score will take.
    """

    def __init__(self, setting: Setting, pool: "Pool | Inline | Cluster") -> None:
        self._given = setting
        self._pool = pool
        self.closing = 0.0
        self.joining = 0.0
        self.estimating = 0.0

    @property
    def before_closing(self) -> float:
        """Give the seconds until the last steps have to begin."""
        return self.before_joining - self.joining - self.estimating

    @property
    def before_joining(self) -> float:
        """Give the seconds until nothing may be done but load the members and predict."""
        clock = self._given.clock
        return clock.remaining - clock.closing_seconds(self.closing)

    def left(self, records: Sequence[TrialRecord], chosen: Iterable[int]) -> float:
        """Give the seconds left for trials, once the final fits are paid for.

        What the best trial, perhaps not yet considered for the ensemble, would cost alone
        counts too.

        Parameters
        ----------
        records
            Trials that have ended.
        chosen
            Numbers of the ensemble's members.
        """
        if self._given.rows.bagged:
            return self.before_closing
        by_number = {record.number: record for record in records}
        members = sum(self.refit_seconds(by_number[number]) for number in chosen)
        best = rank(records, self._given.rows.problem.scoring).best
        # Should the next trial's worker be killed, another one has to come up for the fits.
        return (
            self.before_closing
            - max(members, self.refit_seconds(best))
            - self._pool.startup_seconds
        )

    def is_affordable(self, family: str, known: Sequence[TrialRecord], left: float) -> bool:
        """Say whether there is time for a trial of a family; `known` are running ones, too."""
        clock, families = self._given.clock, self._given.families
        if clock.is_free:
            return True
        expected = expected_seconds(family, known, families)
        if not families[family].can_stop_early:
            return CAUTION * expected <= left
        # Its first trial was asked to stop too, but had rows to encode and to bin besides.
        needed = WORTH_STARTING * min(expected, clock.soft_limit(clock.budget.max_seconds))
        return is_first_of_family(family, known) or needed <= left

    def refit_seconds(self, record: TrialRecord) -> float:
        """Expect what a trial's final fit takes; 0 when it is there."""
        rows = self._given.rows
        if final_model(self._given.directory, record.number).exists():
            return 0.0
        return refit_seconds(record, len(rows.folds[-1].train), len(rows.y))


def is_first_of_family(family: str, known: Iterable[TrialRecord]) -> bool:
    """Say whether no trial of a family has been started."""
    return all(record.candidate.family != family for record in known)


def is_first_of_kind(candidate: Candidate, known: Iterable[TrialRecord]) -> bool:
    """Say whether no trial of its family was started, or none that constructs as it does.

    What such a trial has to prepare is there for later ones.
    """
    others = [record.candidate for record in known]
    constructs = bool(candidate.parameters.get("constructed"))
    return all(other.family != candidate.family for other in others) or (
        constructs and not any(other.parameters.get("constructed") for other in others)
    )
