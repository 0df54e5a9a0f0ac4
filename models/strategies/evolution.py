"""Regularised evolution: the youngest trials are the population, the best of a few has a child.

References
----------
Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search (AAAI
2019), algorithm 1: tournament selection, and death by age instead of by fitness.
"""

from dataclasses import dataclass

import numpy as np

from models.families.family import Parameters
from models.space import Space
from models.strategies.cube import changed, completed, draw
from models.strategies.sampler import History


@dataclass(frozen=True, slots=True)
class Evolution:
    """Changes one parameter of the best of some young trials.

    Parameters
    ----------
    population
        How many of the newest finished trials may have children (P in the paper).
    tournament
        How many of them compete to be the parent (S in the paper).
    startup
        Finished trials before chance gives way.
    """

    population: int = 20
    tournament: int = 10
    startup: int = 5
    name: str = "evolution"

    def sample(self, space: Space, history: History, seed: int) -> Parameters:
        """Give a child of the population; a random point while it is too small."""
        rng = np.random.default_rng(seed)
        finished = [(seen.gain, seen.parameters) for seen in history if seen.gain is not None]
        if len(finished) < self.startup:
            return draw(space, rng)
        living = finished[-self.population :]
        n_rivals = min(self.tournament, len(living))
        rivals = rng.choice(len(living), size=n_rivals, replace=False)
        parent = max((living[place] for place in rivals), key=lambda rival: rival[0])
        return changed(space, completed(space, parent[1], rng), rng)
