"""The tuner: which family's turn it is, and new parameters for it by any sampler."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.fingerprint import fingerprint
from models.candidate import Candidate
from models.families.family import Parameters
from models.halving import Halving
from models.leaderboard import TrialRecord
from models.metrics import Metric
from models.space import Space
from models.strategies.sampler import History, Observation, Sampler
from models.strategies.strategy import IsAffordable, Proposal

SECOND_EVERY = 4
"""Every fourth proposal goes to the second-best family: ensembles live on unlike errors."""

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What is tuned, and towards what.

    Attributes
    ----------
    spaces
        Per family what varies; families without a space are not tuned.
    fixed
        Per family the parameters of its default, of which those in the space are replaced.
    halving
        Which trials are stopped before all their folds are done.
    """

    spaces: Mapping[str, Space]
    fixed: Mapping[str, Parameters] = field(default_factory=dict)
    metric: Metric
    halving: Halving


class Tuner:
    """Tunes the family that leads, now and then the one behind it.

    NOTE: samplers keep no state. Each proposal is made from the trials told and a seed made of
    the search's seed and the trial's number: after a kill the same proposals follow.
    """

    def __init__(self, sampler: Sampler, tuning: Tuning, *, seed: int) -> None:
        self._sampler = sampler
        self._tuning = tuning
        self._spaces = {name: space for name, space in tuning.spaces.items() if space}
        self._seed = seed
        self._told: dict[int, TrialRecord] = {}

    def tell(self, record: TrialRecord) -> None:
        """Remember a trial of any origin: the portfolio's teach as much as its own."""
        self._told[record.number] = record

    def ask(self, number: int, is_affordable: IsAffordable) -> Proposal | None:
        """Propose new parameters for an affordable family; one that is exhausted gives way."""
        told = [self._told[known] for known in sorted(self._told)]
        families = [family for family in self._ranked_families(told) if is_affordable(family)]
        turn = sum(record.origin == self._sampler.name for record in told) % SECOND_EVERY
        if turn == SECOND_EVERY - 1:
            families[:2] = families[1::-1]
        tried = {record.candidate.fingerprint for record in told}
        for family in families:
            history = self._history(family, told)
            for attempt in range(_ATTEMPTS):
                seed = int(fingerprint([self._seed, number, attempt])[:8], 16)
                found = self._sampler.sample(self._spaces[family], history, seed)
                if found is None:
                    break
                candidate = self._candidate(family, found)
                if candidate.fingerprint not in tried:
                    bars = self._tuning.halving.bars(family, told)
                    return Proposal(candidate=candidate, origin=self._sampler.name, bars=bars)
        return None

    def _ranked_families(self, told: list[TrialRecord]) -> list[str]:
        best: dict[str, float] = {}
        for record in told:
            if record.score is not None:
                gain = self._tuning.metric.gain(record.score)
                best[record.candidate.family] = max(
                    gain, best.get(record.candidate.family, -float("inf"))
                )
        order = list(self._spaces)
        return sorted(order, key=lambda name: (-best.get(name, -float("inf")), order.index(name)))

    def _history(self, family: str, told: list[TrialRecord]) -> History:
        own = [record for record in told if record.candidate.family == family]
        found = {record.number: self._tuning.halving.gain(record, own) for record in own}
        gains = {number: gain for number, gain in found.items() if gain is not None}
        worst = min(gains.values(), default=None)
        return tuple(
            Observation(
                parameters={
                    name: value
                    for name, value in record.candidate.parameters.items()
                    if name in self._spaces[family]
                },
                gain=worst if record.state == "failed" else gains.get(record.number),
            )
            for record in own
        )

    def _candidate(self, family: str, found: Parameters) -> Candidate:
        fixed = self._tuning.fixed.get(family, {})
        kept = {name: value for name, value in fixed.items() if name not in self._spaces[family]}
        return Candidate(family=family, parameters={**kept, **found})
