"""Grid search: a few levels of every parameter, each cell once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from models.candidate import Parameter
from models.families.family import Parameters
from models.space import Choice, Range, Space, is_active
from models.strategies.cube import key_of, value_at
from models.strategies.sampler import History

_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Grid:
    """Works off a grid in strides, so that every prefix of it is spread over the space.

    Parameters
    ----------
    n_levels
        Of a number; a choice has its options.
    """

    n_levels: int = 3
    name: str = "grid"

    def sample(self, space: Space, history: History, seed: int) -> Parameters | None:
        """Give the first cell that was not tried; None when all were."""
        tried = {key_of(seen.parameters) for seen in history}
        return next((point for point in self._points(space) if key_of(point) not in tried), None)

    def _points(self, space: Space) -> Iterator[Parameters]:
        levels = {name: self._levels(allowed) for name, allowed in space.items()}
        n_cells = math.prod(len(values) for values in levels.values())
        stride = _stride(n_cells)
        for turn in range(n_cells):
            cell, point = turn * stride % n_cells, Parameters()
            for name, values in levels.items():
                cell, place = divmod(cell, len(values))
                if is_active(space[name], point):
                    point[name] = values[place]
            yield point

    def _levels(self, allowed: Range) -> list[Parameter]:
        if isinstance(allowed, Choice):
            return list(allowed.options)
        places = ((level + 0.5) / self.n_levels for level in range(self.n_levels))
        return list(dict.fromkeys(value_at(allowed, place) for place in places))


def _stride(n_cells: int) -> int:
    """Give a step near the golden section that meets every cell."""
    step = max(1, round(_GOLDEN * n_cells))
    while math.gcd(step, n_cells) > 1:
        step += 1
    return step
