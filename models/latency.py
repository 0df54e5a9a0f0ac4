"""Latency: what a fitted model takes to predict, measured on this machine."""

import time
from typing import Any, Protocol

import numpy as np
import pandas as pd

BATCH_ROWS = 1_000
"""Latencies are milliseconds per row of a batch of so many."""

SLOW_SECONDS = 0.1
"""A batch that takes longer is not asked a second time."""


class Predictor(Protocol):
    """Predicts rows."""

    def predict(self, X: pd.DataFrame) -> Any:
        """Predict rows."""


def milliseconds_per_row(model: Predictor, batch: pd.DataFrame) -> float:
    """Predict a batch, twice where that is quick, and give the shorter time per row."""
    taken = _seconds(model, batch)
    if taken < SLOW_SECONDS:
        taken = min(taken, _seconds(model, batch))
    return 1_000 * taken / len(batch)


def _seconds(model: Predictor, batch: pd.DataFrame) -> float:
    start = time.perf_counter()
    model.predict(batch)
    return time.perf_counter() - start


N_CALLS = 9
"""So many single calls are timed; their median counts."""


def milliseconds_per_call(model: Predictor, row: pd.DataFrame, *, n_calls: int = N_CALLS) -> float:
    """Ask for one prediction after another, and give the median time of a call.

    The first call is not counted: it fills caches that every later one finds full.
    """
    model.predict(row)
    return 1_000 * float(np.median([_seconds(model, row) for _ in range(n_calls)]))
