"""The stage that asks how much history to learn from, and what follows from its answer."""

from collections.abc import Sequence
from dataclasses import replace

from models.candidate import Candidate
from models.leaderboard import TrialRecord
from models.metrics import Metric
from models.recency import EVERYTHING, history_of, with_history
from models.strategies.strategy import IsAffordable, Proposal, Strategy

ORIGIN = "history"

N_BEFORE = 4
"""Trials that must be done before: the first defaults, or one and three of a warm start."""


class Histories:
    """Tries the leading candidate with less history, and what wins on the runner-up.

    Candidates lead by their score on the newest validation block, because it is nearest to the
    rows that will be asked about. Every block is judged by what was known before it.

    Parameters
    ----------
    histories
        To try, `models.recency.EVERYTHING` among them.
    """

    def __init__(self, histories: Sequence[str], metric: Metric) -> None:
        self._histories = tuple(histories)
        self._metric = metric
        self._told: dict[str, TrialRecord] = {}

    @property
    def settled(self) -> str:
        """The history that wins with the leader and the runner-up, all of it until then."""
        if len(self._histories) < 2 or not (first := self._first()):
            return EVERYTHING
        best = self._best(first[0])
        is_confirmed = best != EVERYTHING and all(
            self._newest(with_history(candidate, best)) > self._newest(candidate)
            for candidate in first
        )
        return best if is_confirmed else EVERYTHING

    def tell(self, record: TrialRecord) -> None:
        """Take note of a trial of any origin."""
        if record.origin != "baseline":
            self._told[record.candidate.fingerprint] = record

    def ask(self, number: int, is_affordable: IsAffordable) -> Proposal | None:
        """Propose the leader with each history, then the runner-up with the best of them."""
        if len(self._histories) < 2 or not (first := self._first()):
            return None
        leader, *others = first
        for candidate in (with_history(leader, name) for name in self._histories):
            if candidate.fingerprint not in self._told:
                return self._affordable(candidate, is_affordable)
        best = self._best(leader)
        if best != EVERYTHING and not self._is_running(leader):
            for candidate in (with_history(other, best) for other in others):
                if candidate.fingerprint not in self._told:
                    return self._affordable(candidate, is_affordable)
        return None

    def _affordable(self, candidate: Candidate, is_affordable: IsAffordable) -> Proposal | None:
        is_there_time = is_affordable(candidate.family)
        return Proposal(candidate=candidate, origin=ORIGIN) if is_there_time else None

    def _first(self) -> tuple[Candidate, ...]:
        """Give leader and runner-up of another family, nothing said of their history.

        Once one was tried with less history, it stays the leader, whatever comes later.
        """
        told = sorted(self._told.values(), key=lambda record: record.number)
        begun = [r for r in told if r.origin == ORIGIN]
        done = [r for r in told if r.state == "done" and r.origin != ORIGIN]
        if not begun and len(done) < N_BEFORE:
            return ()
        best = sorted(done, key=lambda record: -self._newest(record.candidate))
        ranked = [with_history(r.candidate, EVERYTHING) for r in (*begun, *best)]
        others = [found for found in ranked if found.family != ranked[0].family]
        return (ranked[0], *others[:1])

    def _best(self, candidate: Candidate) -> str:
        """Name the history with which a candidate does best; more history where it is the same."""
        gains = {name: self._newest(with_history(candidate, name)) for name in self._histories}
        return max(gains, key=lambda name: gains[name])

    def _is_running(self, candidate: Candidate) -> bool:
        tried = (self._told[with_history(candidate, name).fingerprint] for name in self._histories)
        return any(record.state == "running" for record in tried)

    def _newest(self, candidate: Candidate) -> float:
        """Give what a candidate gains on the newest block; minus infinity while nobody knows."""
        record = self._told.get(candidate.fingerprint)
        if record is None or record.state != "done":
            return -float("inf")
        return self._metric.gain(record.fold_scores[-1])


class Following:
    """Lets every second proposal of a strategy learn from the history that was settled on.

    The others learn from all of it: a stretch of validation rows may mislead, and ensembles live
    on unlike errors.
    """

    def __init__(self, strategy: Strategy, histories: Histories) -> None:
        self._strategy = strategy
        self._histories = histories

    def tell(self, record: TrialRecord) -> None:
        """Tell the strategy, which knows nothing of histories."""
        plain = with_history(record.candidate, EVERYTHING)
        self._strategy.tell(replace(record, candidate=plain))

    def ask(self, number: int, is_affordable: IsAffordable) -> Proposal | None:
        """Ask the strategy, and add the history."""
        found = self._strategy.ask(number, is_affordable)
        history = self._histories.settled if number % 2 else EVERYTHING
        if found is None or history == EVERYTHING or history_of(found.candidate) != EVERYTHING:
            return found
        return replace(found, candidate=with_history(found.candidate, history))
