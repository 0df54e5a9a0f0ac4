"""NSGA-II, through Optuna: generations of the fittest, crossed and mutated.

References
----------
Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II
(IEEE Transactions on Evolutionary Computation, 2002).
"""

from dataclasses import dataclass

from optuna.samplers import NSGAIISampler

from models.families.family import Parameters
from models.space import Space
from models.strategies.cube import settled
from models.strategies.sampler import History
from models.strategies.study import next_point, past_trial


@dataclass(frozen=True, slots=True)
class Nsga2:
    """Crosses parents of the newest generation; with the gain alone it is an elitist search.

    NOTE: finished trials are counted off into generations in the order of their numbers, the
    portfolio's first, so that generations do not depend on who proposed a trial. What a trial
    lacks stands at the middle: Optuna crosses only what all of them have.

    Parameters
    ----------
    population
        Trials of a generation. Optuna's 50 is more than most searches have.
    mutation
        Probability that a parameter of a child is drawn anew; a small generation needs a high one.
    """

    population: int = 5
    mutation: float = 0.4
    name: str = "nsga2"

    def sample(self, space: Space, history: History, seed: int) -> Parameters:
        """Give a child of the newest generation's parents; the first generation is random."""
        key = NSGAIISampler._get_generation_key()
        finished = [seen for seen in history if seen.gain is not None]
        trials = [
            past_trial(
                space,
                settled(space, seen.parameters),
                seen.gain,
                {key: place // self.population},
            )
            for place, seen in enumerate(finished)
            if seen.gain is not None
        ]
        sampler = NSGAIISampler(
            population_size=self.population, mutation_prob=self.mutation, seed=seed
        )
        return next_point(sampler, trials, space)
