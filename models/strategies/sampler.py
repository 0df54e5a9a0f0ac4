"""What every sampler promises: from what was tried of one family, what to try next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.families.family import Parameters
from models.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Parameters of the space that were tried, and what came of it.

    Attributes
    ----------
    parameters
        Those named in the space; values may lie outside of it (a portfolio's do).
    gain
        Larger is better; None while the trial runs. A failed trial has the worst gain known.
    """

    parameters: Parameters
    gain: float | None


History = Sequence[Observation]
"""What was tried of one family, in the order of trial numbers."""


class Sampler(Protocol):
    """A way to choose points of a space.

    It keeps nothing between calls: what it gives is a function of space, history and seed.
    """

    @property
    def name(self) -> str:
        """Name in the catalogue, and the origin of its trials."""

    def sample(self, space: Space, history: History, seed: int) -> Parameters | None:
        """Give a point to try, or None when every point was tried."""
