"""Blocks: rows predicted on every core at once, and a few rows on one.

Trees answer each row alone, so blocks of rows give the same to the last bit; what multiplies
matrices does not, and is not cut.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

BLOCK_ROWS = 1_000
"""A core is given at least so many rows; starting a thread costs what predicting one does."""


def in_blocks(predict: Callable[[np.ndarray], np.ndarray], encoded: np.ndarray) -> np.ndarray:
    """Predict rows in as many blocks as there are cores, each on one thread."""
    n_blocks = min(count_cores(), len(encoded) // BLOCK_ROWS)
    if n_blocks < 2:
        return predict(encoded)
    with ThreadPoolExecutor(n_blocks) as threads:
        return np.concatenate(list(threads.map(predict, np.array_split(encoded, n_blocks))))


def count_cores() -> int:
    """Count the cores this process may use; not every system says more than how many exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_thread(
    predict: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray], np.ndarray]:
    """Keep OpenMP to one thread: with others on the cores, its threads wait for each other.

    One row of a booster of 500 trees took 12 ms with two threads on two busy cores, and 0.05 ms
    with one.
    """

    def alone(encoded: np.ndarray) -> np.ndarray:
        with _controller().limit(limits=1, user_api="openmp"):
            return predict(encoded)

    return alone


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
