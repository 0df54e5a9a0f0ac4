"""Sampling: how sure a number is, where rows of one day or of one entity move together.

| symbol | meaning |
|---|---|
| n | blocks that are drawn with replacement: days, or entities |
| a | chance on each side of an interval, (1 − level) / 2 |
| q | share of the resamples beyond a bound |

Percentiles of resamples are too narrow where blocks are few. The interval is therefore read off
at q = Φ(−√(n / (n − 1)) · t), with t the quantile 1 − a of Student's distribution of n − 1
degrees of freedom: it is as wide as a t interval where the number is normal, and as skew as the
resamples are.

References
----------
Hesterberg (2015), "What teachers should know about the bootstrap", The American Statistician 69,
section 5.3 (the expanded percentile interval).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from models.blocks import N_RESAMPLES, Resamples, draw_entities, draw_resamples

LEVEL = 0.95
MIN_TAIL = 5
"""Resamples there shall be beyond a bound; with fewer of them a normal tail is trusted instead."""

MAX_RESAMPLES = 50_000
MAX_CELLS = 1_000_000_000
"""Rows times resamples at most, as metrics of ranks look at every row of every resample."""

Statistic = Callable[[Resamples], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Origin:
    """What rows share with one another, each `(n_rows,)` or None where it is not known."""

    cutoff_time: np.ndarray | None = None
    entity: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> "Origin":
        """Give that of some of the rows."""
        return Origin(
            cutoff_time=None if self.cutoff_time is None else self.cutoff_time[rows],
            entity=None if self.entity is None else self.entity[rows],
        )


class Estimate(NamedTuple):
    """A number, its interval (NaN where undefined), and the two-sided p of its being zero."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampling:
    """The resamples of a set of rows, by every way in which its rows belong together."""

    by: tuple[Resamples, ...]
    level: float = LEVEL

    @property
    def description(self) -> str:
        """Say what was drawn: `"31 days, and 120 entities (the more cautious counts)"`."""
        more = " (the more cautious counts)" if len(self.by) > 1 else ""
        return ", and ".join(each.description for each in self.by) + more

    @property
    def n_resamples(self) -> int:
        """Count the resamples."""
        return sum(len(each.counts) for each in self.by)

    def estimate(self, value: float, statistic: Statistic) -> Estimate:
        """Say how sure a number is that `statistic` gives for every resample.

        Where rows are drawn both by time and by entity, the wider bounds and the greater p count.
        """
        found = [self._estimate(statistic(each), each.n_blocks) for each in self.by]
        lows, highs, chances = zip(*found, strict=True)
        return Estimate(value, float(min(lows)), float(max(highs)), float(max(chances)))

    def _estimate(self, drawn: np.ndarray, n_blocks: int) -> tuple[float, float, float]:
        drawn = drawn[np.isfinite(drawn)]
        if n_blocks < 2 or len(drawn) < 2:
            return float("nan"), float("nan"), 1.0
        tail = tail_share(self.level, n_blocks)
        return _bound(drawn, tail), -_bound(-drawn, tail), _chance(drawn, n_blocks)


def sample_rows(
    y: np.ndarray, origin: Origin, *, seed: int, classes: bool, level: float = LEVEL
) -> Sampling:
    """Draw rows by time and, where entities have several of them, by entity as well.

    Parameters
    ----------
    classes
        Draw again what holds one class only; scores are undefined there.
    level
        Of the intervals wanted; the closer to one, the more resamples are drawn.
    """

    def count(n_blocks: int) -> int:
        wanted = MIN_TAIL / max(tail_share(level, n_blocks), 1 / MAX_RESAMPLES)
        affordable = max(N_RESAMPLES, MAX_CELLS // max(len(y), 1))
        return int(min(max(N_RESAMPLES, math.ceil(wanted)), MAX_RESAMPLES, affordable))

    times, entity = origin.cutoff_time, origin.entity
    by_entity = None
    if entity is not None:
        by_entity = draw_entities(y, entity, seed=seed, classes=classes, n_resamples=count)
    if times is None and by_entity is not None:
        return Sampling(by=(by_entity,), level=level)
    by_time = draw_resamples(y, times, seed=seed, classes=classes, n_resamples=count)
    by = (by_time,) if by_entity is None else (by_time, by_entity)
    return Sampling(by=by, level=level)


def tail_share(level: float, n_blocks: int) -> float:
    """Give q, the share of the resamples beyond each bound.

    Examples
    --------
    >>> round(tail_share(0.95, 10_000), 4), round(tail_share(0.95, 10), 4)
    (0.025, 0.0086)
    """
    if n_blocks < 2:
        return 0.0
    reach = stats.t.ppf(0.5 + level / 2, n_blocks - 1)
    return float(stats.norm.cdf(-math.sqrt(n_blocks / (n_blocks - 1)) * reach))


def _bound(drawn: np.ndarray, tail: float) -> float:
    low = float(np.quantile(drawn, tail))
    if tail * len(drawn) >= MIN_TAIL - 1:
        return low
    return min(low, float(np.mean(drawn) + stats.norm.ppf(tail) * np.std(drawn)))


def _chance(drawn: np.ndarray, n_blocks: int) -> float:
    """Find the level at which the interval would just touch zero."""
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    share, spread = (beyond + 1) / (len(drawn) + 1), float(np.std(drawn))
    if beyond < MIN_TAIL and spread > 0:
        share = min(share, float(stats.norm.cdf(-abs(np.mean(drawn)) / spread)))
    reach = stats.norm.ppf(min(share, 0.5)) / math.sqrt(n_blocks / (n_blocks - 1))
    return float(min(1.0, 2 * stats.t.cdf(reach, n_blocks - 1)))
