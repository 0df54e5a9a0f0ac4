"""Briefing: what the strategies are told before they are asked, and in which order."""

from collections.abc import Iterable, Sequence

from models.leaderboard import State, TrialRecord
from models.strategies.strategy import Strategy


class Briefing:
    """Tells strategies of every trial when it may be known, first that it runs, then how it ended.

    Trials are told in the order of their numbers, so what a strategy knows does not depend on
    which of two workers was faster, as long as `up_to` says how much may be known.
    """

    def __init__(self, strategies: Sequence[Strategy]) -> None:
        self._strategies = strategies
        self._told: dict[int, State] = {}

    def brief(self, records: Iterable[TrialRecord], *, up_to: int | None = None) -> None:
        """Tell what is new of these trials; of those beyond number `up_to` only that they run."""
        for record in sorted(records, key=lambda record: record.number):
            known = record if up_to is None or record.number <= up_to else record.begun()
            if self._told.get(record.number) in (known.state, "done", "stopped", "failed"):
                continue
            self._told[record.number] = known.state
            for strategy in self._strategies:
                strategy.tell(known)
