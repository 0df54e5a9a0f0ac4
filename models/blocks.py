"""Blocks: rows that move together when a sample is drawn again.

Rows of one day share weather, demand and whatever else the features miss, so resampling single
rows promises more certainty than there is. Whole days are drawn instead, with replacement; or
whole entities, where these have several rows each.

References
----------
Künsch (1989), "The jackknife and the bootstrap for general stationary observations".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_RESAMPLES = 1_000
MAX_BLOCKS = 400
MIN_DAYS = 10
MIN_ENTITIES = 10
_MAX_ROUNDS = 20

DrawCount = Callable[[int], int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resamples:
    """How often each block of rows is in each resample.

    Attributes
    ----------
    codes
        Block of each row, shape `(n_rows,)`, 0 … n_blocks - 1.
    counts
        Shape `(n_resamples, n_blocks)`; float64, because all work on it is matrix products.
    description
        What a block is, for people: `"31 days"`.
    """

    codes: np.ndarray
    counts: np.ndarray
    description: str

    @property
    def n_blocks(self) -> int:
        """Count the blocks."""
        return int(self.counts.shape[1])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum row values over every resample: `(n_rows, m)` gives `(n_resamples, m)`."""
        by_block = np.zeros((self.n_blocks, values.shape[1]))
        for column in range(values.shape[1]):
            by_block[:, column] = np.bincount(
                self.codes, weights=values[:, column], minlength=self.n_blocks
            )
        return np.asarray(self.counts @ by_block)


def draw_resamples(
    y: np.ndarray,
    cutoff_time: np.ndarray | None,
    *,
    seed: int,
    classes: bool,
    n_resamples: int | DrawCount = N_RESAMPLES,
) -> Resamples:
    """Draw blocks with replacement, as many as there are, `n_resamples` times.

    The draw depends on labels, times and seed alone, so two models are compared on the very same
    resamples.

    Parameters
    ----------
    cutoff_time
        Blocks are calendar days; with fewer than ten days, or without time, √n blocks of equal
        counts (spans of time, or rows at random).
    classes
        Draw again what holds one class only; scores are undefined there.
    n_resamples
        A number, or what gives it for a number of blocks.
    """
    rng = np.random.default_rng(seed)
    codes, description = _blocks(len(y), cutoff_time, rng)
    return _draw_blocks(rng, codes, description, y, classes, n_resamples)


def draw_entities(
    y: np.ndarray,
    entity: np.ndarray,
    *,
    seed: int,
    classes: bool,
    n_resamples: int | DrawCount = N_RESAMPLES,
) -> Resamples | None:
    """Draw entities with all their rows (see `draw_resamples`); several at a time beyond 400.

    Returns
    -------
    Resamples or None
        None where no entity has several rows, or where they are too few to draw from.
    """
    known, codes = np.unique(entity, return_inverse=True)
    if len(known) == len(y) or len(known) < MIN_ENTITIES:
        return None
    rng = np.random.default_rng(seed)
    description = f"{len(known):,} entities"
    if len(known) > MAX_BLOCKS:
        codes = (rng.permutation(len(known)) % MAX_BLOCKS)[codes]
        description += f" in {MAX_BLOCKS} groups"
    return _draw_blocks(rng, codes, description, y, classes, n_resamples)


def _draw_blocks(
    rng: np.random.Generator,
    codes: np.ndarray,
    description: str,
    y: np.ndarray,
    classes: bool,
    n_resamples: int | DrawCount,
) -> Resamples:
    n_blocks = int(codes.max()) + 1 if len(codes) else 1
    n_draws = n_resamples if isinstance(n_resamples, int) else n_resamples(n_blocks)
    counts = _draw(rng, n_blocks, n_draws)
    if classes and len(np.unique(y)) > 1:
        counts = _with_two_classes(rng, counts, codes, y)
    return Resamples(codes=codes, counts=counts, description=description)


def _blocks(
    n_rows: int, cutoff_time: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    n_equal = max(1, round(np.sqrt(n_rows)))
    if cutoff_time is None:
        # NOTE: dealt at random; dealing by class would fix the share of positives in every
        # resample and make intervals several times too narrow.
        order = rng.permutation(n_rows)
        return _placed(order, np.arange(n_rows) % n_equal), f"{n_equal} equal parts"
    days, codes = np.unique(cutoff_time.astype("datetime64[D]"), return_inverse=True)
    if len(days) < MIN_DAYS:
        order = np.argsort(cutoff_time, kind="stable")
        return _placed(order, np.arange(n_rows) * n_equal // n_rows), f"{n_equal} spans of time"
    if len(days) > MAX_BLOCKS:
        return codes * MAX_BLOCKS // len(days), f"{MAX_BLOCKS} spans of several days"
    return codes, f"{len(days)} days"


def _placed(order: np.ndarray, codes: np.ndarray) -> np.ndarray:
    placed = np.empty(len(order), dtype=np.intp)
    placed[order] = codes
    return placed


def _draw(rng: np.random.Generator, n_blocks: int, n_resamples: int) -> np.ndarray:
    share = np.full(n_blocks, 1.0 / n_blocks)
    return rng.multinomial(n_blocks, share, size=n_resamples).astype(float)


def _with_two_classes(
    rng: np.random.Generator, counts: np.ndarray, codes: np.ndarray, y: np.ndarray
) -> np.ndarray:
    labels, label_codes = np.unique(y, return_inverse=True)
    holds = np.zeros((counts.shape[1], len(labels)))
    np.add.at(holds, (codes, label_codes), 1.0)
    for _ in range(_MAX_ROUNDS):
        thin = ((counts @ holds) > 0).sum(axis=1) < 2
        if not thin.any():
            return counts
        counts[thin] = _draw(rng, counts.shape[1], int(thin.sum()))
    return np.asarray(counts[((counts @ holds) > 0).sum(axis=1) >= 2])
