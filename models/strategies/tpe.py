"""Tree-structured Parzen estimators, through Optuna.

References
----------
Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization (NIPS 2011).
"""

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from features.fingerprint import fingerprint
from models.candidate import Candidate
from models.families.family import Parameters
from models.leaderboard import TrialRecord
from models.metrics import Metric
from models.space import Choice, Real, Space, Whole
from models.strategies.strategy import IsAffordable, Proposal

N_STARTUP = 4
"""Trials of a family, the portfolio's included, before the estimator replaces chance."""

SECOND_EVERY = 4
"""Every fourth proposal goes to the second-best family: ensembles live on unlike errors."""

_ATTEMPTS = 5


class Tpe:
    """Tunes the family that leads, now and then the one behind it.

    NOTE: an Optuna study is built anew for every proposal, from the trials told and a seed made
    of the search's seed and the trial's number (a millisecond per hundred trials). So there is
    no sampler state to lose: after a kill the same proposals follow.

    Parameters
    ----------
    spaces
        Per family what varies; families without a space are not tuned.
    fixed
        Per family the parameters of its default, of which those in the space are replaced.
    """

    def __init__(
        self,
        *,
        spaces: Mapping[str, Space],
        fixed: Mapping[str, Parameters],
        metric: Metric,
        seed: int,
    ) -> None:
        self._spaces = {family: space for family, space in spaces.items() if space}
        self._fixed = fixed
        self._metric = metric
        self._seed = seed
        self._known: dict[int, TrialRecord] = {}

    def tell(self, record: TrialRecord) -> None:
        """Remember a trial of any origin: the portfolio's teach as much as its own."""
        self._known[record.number] = record

    def ask(self, number: int, is_affordable: IsAffordable) -> Proposal | None:
        """Propose new parameters for an affordable family; one that is exhausted gives way."""
        families = [family for family in self._ranked_families() if is_affordable(family)]
        turn = sum(record.origin == "tpe" for record in self._known.values()) % SECOND_EVERY
        if turn == SECOND_EVERY - 1:
            families[:2] = families[1::-1]
        tried = {record.candidate.fingerprint for record in self._known.values()}
        for family in families:
            for attempt in range(_ATTEMPTS):
                candidate = self._suggest(family, number, attempt)
                if candidate.fingerprint not in tried:
                    return Proposal(candidate=candidate, origin="tpe")
        return None

    def _ranked_families(self) -> list[str]:
        best: dict[str, float] = {}
        for record in self._known.values():
            if record.score is not None:
                gain = self._metric.gain(record.score)
                best[record.candidate.family] = max(
                    gain, best.get(record.candidate.family, -float("inf"))
                )
        order = list(self._spaces)
        return sorted(order, key=lambda name: (-best.get(name, -float("inf")), order.index(name)))

    def _suggest(self, family: str, number: int, attempt: int) -> Candidate:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seed = int(fingerprint([self._seed, number, attempt])[:8], 16)
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=N_STARTUP),
        )
        distributions = {name: _distribution(r) for name, r in self._spaces[family].items()}
        for record in self._known.values():
            if record.candidate.family == family and record.score is not None:
                _add(study, record, self._metric.gain(record.score), distributions)
        suggested = study.ask(fixed_distributions=distributions).params
        return Candidate(family=family, parameters={**self._fixed.get(family, {}), **suggested})


def _add(
    study: optuna.Study,
    record: TrialRecord,
    value: float,
    distributions: Mapping[str, BaseDistribution],
) -> None:
    """Add a trial as far as its parameters lie in the space (a portfolio's may not)."""
    parameters: dict[str, Any] = {
        name: record.candidate.parameters[name]
        for name, distribution in distributions.items()
        if _contains(distribution, record.candidate.parameters.get(name))
    }
    study.add_trial(
        create_trial(
            state=TrialState.COMPLETE,
            value=value,
            params=parameters,
            distributions={name: distributions[name] for name in parameters},
        )
    )


def _contains(distribution: BaseDistribution, value: object) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return isinstance(value, int | float) and distribution.low <= value <= distribution.high
    return False


def _distribution(allowed: Real | Whole | Choice) -> BaseDistribution:
    match allowed:
        case Real():
            return FloatDistribution(allowed.low, allowed.high, log=allowed.log)
        case Whole():
            return IntDistribution(allowed.low, allowed.high, log=allowed.log)
        case Choice():
            return CategoricalDistribution(allowed.options)
