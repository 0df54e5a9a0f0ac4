"""Tree-structured Parzen estimators, through Optuna.

References
----------
Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization (NIPS 2011).
"""

from dataclasses import dataclass

from optuna.samplers import TPESampler

from models.families.family import Parameters
from models.space import Space
from models.strategies.sampler import History
from models.strategies.study import next_point, past_trial

N_STARTUP = 4
"""Trials of a family, the portfolio's included, before the estimator replaces chance."""


@dataclass(frozen=True, slots=True)
class Tpe:
    """Draws where good trials are dense and bad ones are not.

    A running trial counts as the worst one known, which keeps others away from it.
    """

    name: str = "tpe"

    def sample(self, space: Space, history: History, seed: int) -> Parameters:
        """Give the most promising of a few points drawn near good ones."""
        worst = min((seen.gain for seen in history if seen.gain is not None), default=None)
        trials = [
            past_trial(space, seen.parameters, worst if seen.gain is None else seen.gain)
            for seen in history
            if worst is not None
        ]
        return next_point(TPESampler(seed=seed, n_startup_trials=N_STARTUP), trials, space)
