"""Explanation: what each given column is worth to an ensemble, on rows its members never saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from models.assembly import fold_models
from models.dataset import Dataset
from models.frames import FramedModel
from models.importance import permutation_importance
from models.persistence import load_model
from models.serving import FittedMember
from models.splits import Fold, is_bagged, make_folds

MAX_ROWS = 3_000
"""Rows kept for explaining, over all folds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judge:
    """Members that one fold left, and rows of its validation block with their weights."""

    model: FramedModel
    X: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leftover:
    """What a search leaves to explain its ensemble by.

    Attributes
    ----------
    model
        The ensemble that ships.
    weights
        By trial number, in the order of its members.
    directory
        Of the search, which still exists.
    seed
        Of the search.
    """

    model: FramedModel
    weights: Mapping[int, float]
    directory: Path
    seed: int

    def by_fold(self, data: Dataset) -> list[tuple[Fold, tuple[FittedMember, ...]]]:
        """Pair each fold with the members that did not learn from its validation block.

        A forward chain keeps its last fold's models only.
        """
        folds, members = make_folds(data, seed=self.seed), self.model.ensemble.members
        if not is_bagged(data):
            last = (load_model(fold_models(self.directory, number)) for number in self.weights)
            pairs = zip(last, members, strict=True)
            alike = tuple(replace(part.members[-1], matrix=own.matrix) for part, own in pairs)
            return [(folds[-1], alike)]
        assert len(members) == len(self.weights) * len(folds)
        return [(fold, members[number :: len(folds)]) for number, fold in enumerate(folds)]


def make_judges(left: Leftover, rows: pd.DataFrame, data: Dataset) -> tuple[Judge, ...]:
    """Keep what is needed to explain an ensemble after its search is gone.

    Parameters
    ----------
    rows
        As given, beside `data`, which they became; a sample is kept.
    """
    rng = np.random.default_rng(left.seed)
    pairs = left.by_fold(data)
    judges = []
    for fold, members in pairs:
        ensemble = replace(
            left.model.ensemble, members=members, weights=tuple(left.weights.values())
        )
        few = np.sort(rng.permutation(fold.valid)[: MAX_ROWS // len(pairs)])
        judges.append(
            Judge(
                model=replace(left.model, ensemble=ensemble),
                X=rows.iloc[few].reset_index(drop=True),
                y=data.y[few],
                weight=None if data.weight is None else data.weight[few],
            )
        )
    return tuple(judges)


def explain(judges: Sequence[Judge], *, seed: int, max_seconds: float) -> pd.DataFrame:
    """Shuffle every given column and measure what the metric loses, largest first.

    Returns
    -------
    pandas.DataFrame
        `column` and `importance`: the mean drop over the folds, weighted by rows, in the
        metric's better direction. Columns that no member looks at have 0; those for which the
        time did not last, NaN.
    """
    total = sum(len(judge.y) for judge in judges)
    drops = pd.Series(0.0, index=pd.Index(judges[0].X.columns, dtype=object))
    for judge in judges:
        found = dict(
            permutation_importance(
                judge.model,
                judge.X,
                judge.y,
                judge.model.ensemble.problem,
                weight=judge.weight,
                decision=judge.model.ensemble.decision,
                seed=seed,
                n_top=judge.X.shape[1],
                max_seconds=max_seconds / len(judges),
            )
        )
        share = len(judge.y) / total
        for name in judge.model.used_columns:
            drops[name] += share * found.get(name, np.nan)
    ordered = drops.sort_values(ascending=False, kind="stable")
    return pd.DataFrame({"column": ordered.index, "importance": ordered.to_numpy()})
