"""Ways to choose the next candidate: a list, less history, and samplers by name."""

from collections.abc import Mapping

from models.strategies.acquisition import expected_improvement, upper_confidence_bound
from models.strategies.evolution import Evolution
from models.strategies.forest import Forest
from models.strategies.gaussian_process import GaussianProcess
from models.strategies.grid import Grid
from models.strategies.histories import Following, Histories
from models.strategies.listed import Listed
from models.strategies.nsga2 import Nsga2
from models.strategies.random import Random
from models.strategies.sampler import Sampler
from models.strategies.strategy import Proposal, Strategy
from models.strategies.surrogate import Surrogate
from models.strategies.tpe import Tpe
from models.strategies.tuner import Tuner, Tuning

SAMPLERS: Mapping[str, Sampler] = {
    sampler.name: sampler
    for sampler in (
        Grid(),
        Random(),
        Tpe(),
        Surrogate(name="gp_ei", regression=GaussianProcess, acquisition=expected_improvement),
        Surrogate(name="gp_ucb", regression=GaussianProcess, acquisition=upper_confidence_bound),
        Surrogate(
            name="forest", regression=Forest, acquisition=expected_improvement, random_share=0.1
        ),
        Evolution(),
        Nsga2(),
    )
}

__all__ = [
    "SAMPLERS",
    "Following",
    "Histories",
    "Listed",
    "Proposal",
    "Strategy",
    "Tuner",
    "Tuning",
]
