"""A list in order: the portfolio, with warm candidates after the first default."""

from collections.abc import Iterable

from models.leaderboard import TrialRecord
from models.strategies.strategy import IsAffordable, Proposal


class Listed:
    """Proposes what it was given, once each, in order; skips what there is no time for.

    Parameters
    ----------
    proposals
        A candidate that comes twice is tried once.
    """

    def __init__(self, proposals: Iterable[Proposal]) -> None:
        self._waiting: dict[str, Proposal] = {}
        for proposal in proposals:
            self._waiting.setdefault(proposal.candidate.fingerprint, proposal)

    def tell(self, record: TrialRecord) -> None:
        """Strike a candidate off the list, whoever proposed it."""
        self._waiting.pop(record.candidate.fingerprint, None)

    def ask(self, number: int, is_affordable: IsAffordable) -> Proposal | None:
        """Propose the first affordable candidate that is still on the list."""
        affordable = (
            proposal
            for proposal in self._waiting.values()
            if is_affordable(proposal.candidate.family)
        )
        return next(affordable, None)
