"""Model-based search: a regression of the gain on the parameters says where to try next.

Notation: n points tried, m points considered, d columns of the encoded space; X is `(n, d)`,
gains are `(n,)`, mean and deviation `(m,)`.

References
----------
Jones, Schonlau, Welch: Efficient Global Optimization of Expensive Black-Box Functions (1998).
Ginsbourger, Le Riche, Carraro: Kriging Is Well-Suited to Parallelize Optimization (2010): a trial
that still runs is believed to give what the model expects of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.families.family import Parameters
from models.space import Space
from models.strategies.cube import changed, completed, draw, encode, key_of
from models.strategies.sampler import History

N_RANDOM = 300
N_CENTRES = 5
N_NEIGHBOURS = 40
"""Points considered: drawn anywhere, and changed ones around each of the best tried."""

FENCE = 1.5
"""A gain further below the lower quartile than so many quartile ranges counts as being there
(Tukey's fence): one useless trial is not to flatten what the others say."""


class Regression(Protocol):
    """A model that knows how sure it is."""

    def fit(self, X: np.ndarray, gains: np.ndarray) -> None:
        """Learn from standardised gains."""

    def predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and deviation."""


Acquisition = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""How promising points are, from their mean, their deviation and the best gain expected yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """Tries the most promising of many points, as a regression sees them.

    Parameters
    ----------
    regression
        Makes an unfitted model from a seed.
    n_startup
        Finished trials of the family, the portfolio's included, before chance gives way.
    random_share
        Share of proposals that stay random: what a model is wrong about is never found otherwise.
    """

    name: str
    regression: Callable[[int], Regression]
    acquisition: Acquisition
    n_startup: int = 4
    random_share: float = 0.0

    def sample(self, space: Space, history: History, seed: int) -> Parameters:
        """Give the point with the highest acquisition among those not tried."""
        rng = np.random.default_rng(seed)
        finished = [seen for seen in history if seen.gain is not None]
        if len(finished) < self.n_startup or rng.random() < self.random_share:
            return draw(space, rng)
        points = _considered(space, history, rng)
        if not points:
            return draw(space, rng)
        X = encode(space, (seen.parameters for seen in finished))
        gains = _standardised(np.array([seen.gain for seen in finished]))
        model = self.regression(seed)
        model.fit(X, gains)
        running = encode(space, (seen.parameters for seen in history if seen.gain is None))
        if len(running):
            believed = model.predict(running)[0]
            X, gains = np.vstack([X, running]), np.concatenate([gains, believed])
            model.fit(X, gains)
        best = float(model.predict(X)[0].max())
        mean, deviation = model.predict(encode(space, points))
        return points[int(np.argmax(self.acquisition(mean, deviation, best)))]


def _considered(space: Space, history: History, rng: np.random.Generator) -> list[Parameters]:
    """Draw points, and change the best ones in one or two parameters."""
    finished = [(seen.gain, seen.parameters) for seen in history if seen.gain is not None]
    centres = sorted(finished, key=lambda seen: -seen[0])[:N_CENTRES]
    points = [draw(space, rng) for _ in range(N_RANDOM)]
    for _, parameters in centres:
        centre = completed(space, parameters, rng)
        for turn in range(N_NEIGHBOURS):
            near = changed(space, centre, rng)
            points.append(changed(space, near, rng) if turn % 2 else near)
    tried = {key_of(seen.parameters) for seen in history}
    return [point for point in points if key_of(point) not in tried]


def _standardised(gains: np.ndarray) -> np.ndarray:
    low, high = np.quantile(gains, [0.25, 0.75])
    fenced = np.maximum(gains, low - FENCE * (high - low)) if high > low else gains
    spread = float(fenced.std())
    return np.asarray((fenced - fenced.mean()) / (spread if spread > 0 else 1.0))
