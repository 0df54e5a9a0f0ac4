"""Repetition: rows that say the same more than once, with one label or with several."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.findings import Finding
from models.splits import Fold

REPEATED_SHARE = 0.01
CONTRADICTING_SHARE = 0.01
"""Of the rows, those that no model can be right about."""

MAX_CELLS = 2_000_000
"""Rows times columns that are compared, half a second; of more rows a random sample is."""

FEW_DISTINCT = 0.5
"""Where fewer rows than this share are distinct, repetition is the data's nature."""


def find_repeated(data: Dataset, folds: Sequence[Fold], *, labelled: bool) -> list[Finding]:
    """Tell rows that repeat a row of another fold, and rows alike that have different labels.

    Parameters
    ----------
    labelled
        Whether labels are classes, so that different ones contradict each other.
    """
    most = max(1, MAX_CELLS // data.X.shape[1])
    rows = np.sort(np.random.default_rng(0).permutation(len(data))[:most])
    hashes = pd.util.hash_pandas_object(data.X.iloc[rows], index=False).to_numpy()
    seen = pd.DataFrame({"row": hashes, "label": data.y[rows]})
    found = _across_folds(seen, _blocks(folds, len(data))[rows])
    return [*found, *_contradicting(seen)] if labelled else found


def _blocks(folds: Sequence[Fold], n_rows: int) -> np.ndarray:
    """Give the number of the fold that judges each row, -1 where none does."""
    block = np.full(n_rows, -1)
    for number, fold in enumerate(folds):
        block[fold.valid] = number
    return block


def _across_folds(seen: pd.DataFrame, block: np.ndarray) -> list[Finding]:
    """Count rows that are judged in one fold and also lie, label and all, in another."""
    names = seen.groupby(["row", "label"]).ngroup().to_numpy()
    if len(np.unique(names)) < FEW_DISTINCT * len(seen):
        return []
    judged = block >= 0
    blocks = pd.Series(block[judged]).groupby(names[judged])
    n_repeated = int((blocks.transform("nunique") > 1).sum())
    if n_repeated < REPEATED_SHARE * len(seen):
        return []
    return [
        Finding(
            kind="repeated rows",
            column=None,
            message=f"{n_repeated} of {len(seen)} rows repeat a row of another fold, label and "
            "all: scores look better than they are. Drop the repetitions, or name what such rows "
            "share as group_column.",
        )
    ]


def _contradicting(seen: pd.DataFrame) -> list[Finding]:
    """Count rows that share all values with a row of another label."""
    alike = seen.groupby("row")["label"]
    n_lost = len(seen) - int(seen.value_counts(sort=False).groupby("row").max().sum())
    if alike.ngroups < FEW_DISTINCT * len(seen) or n_lost < CONTRADICTING_SHARE * len(seen):
        return []
    n_against = int((alike.transform("nunique") > 1).sum())
    return [
        Finding(
            kind="contradicting labels",
            column=None,
            message=f"{n_against} of {len(seen)} rows are like a row of another label in every "
            f"column: no model can be right about {n_lost} of them ({n_lost / len(seen):.1%}). "
            "Check how they are labelled, or add a column that tells them apart.",
        )
    ]
