"""A quick learner for replays: one LightGBM by the product's own search, and its reference."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.monitoring.sources import Stream
from models.families import FAMILIES as KNOWN
from models.families.family import Parameters, Shape
from models.families.lightgbm import LightGBM
from models.importance import permutation_importance
from models.search import SearchBudget, SearchOptions, search
from models.task import Problem
from monitoring.windows import Window

QUICK = {"learning_rate": 0.2}
"""A replay learns hundreds of times: a quarter of the rounds, at some cost in quality for all."""


class QuickLightGBM(LightGBM):
    """LightGBM with large steps."""

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give the default with large steps."""
        return tuple(usual | QUICK for usual in super().portfolio(problem, shape)[:1])


FAMILIES = {"constant": KNOWN["constant"], "lightgbm": QuickLightGBM()}
N_TRIALS = 1
IMPORTANCE_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Champion:
    """A model that serves, and what it is watched by.

    Attributes
    ----------
    learned_until
        Cutoff of the newest row it learned from: the rows after that are its reference.
    """

    model: Any
    reference: Window
    importance: Mapping[str, float]
    learned_until: np.datetime64
    rows: np.ndarray


def learn(stream: Stream, known: np.ndarray) -> Champion:
    """Search on rows whose labels are known; the newest of them are sealed, and the reference."""
    data = stream.rows(known)
    with tempfile.TemporaryDirectory() as folder:
        found = search(
            data,
            stream.problem,
            budget=SearchBudget(max_seconds=600.0, max_trials=N_TRIALS),
            seed=0,
            directory=Path(folder),
            options=SearchOptions(families="benchmarks.monitoring.learner", isolated=False),
        )
    sealed = found.holdout
    reference = Window(
        features=data.X.iloc[sealed.indices].reset_index(drop=True),
        scores=sealed.predictions,
        labels=np.asarray(sealed.y, dtype=float),
        cutoff_time=stream.cutoff_time[known[sealed.indices]],
        name="reference",
    )
    drops = permutation_importance(
        found.model,
        reference.features,
        sealed.y,
        stream.problem,
        seed=0,
        max_rows=IMPORTANCE_ROWS,
        max_seconds=60.0,
    )
    useful = {name: drop for name, drop in drops if drop > 0}
    total = sum(useful.values()) or 1.0
    return Champion(
        model=found.model,
        reference=reference,
        importance={name: drop / total for name, drop in useful.items()},
        learned_until=stream.cutoff_time[known[: sealed.indices.min()]].max(),
        rows=known[np.setdiff1d(np.arange(len(known)), sealed.indices)],
    )
