"""Random search: what every other strategy has to beat.

References
----------
Bergstra, Bengio: Random Search for Hyper-Parameter Optimization (JMLR 2012).
"""

from dataclasses import dataclass

import numpy as np

from models.families.family import Parameters
from models.space import Space
from models.strategies.cube import draw
from models.strategies.sampler import History


@dataclass(frozen=True, slots=True)
class Random:
    """Draws uniformly, on the scale of each parameter."""

    name: str = "random"

    def sample(self, space: Space, history: History, seed: int) -> Parameters:
        """Give a point, whatever was tried."""
        return draw(space, np.random.default_rng(seed))
