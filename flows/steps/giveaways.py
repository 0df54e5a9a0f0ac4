"""Columns of a version that give the label of sealed rows away: too good to be true."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from models.checks import find_giveaways
from models.checks.leaks import LEAK_SCORE
from models.columns import learn_columns
from models.dataset import Dataset
from models.findings import Finding
from models.frames import convert
from models.metrics import roc_auc
from models.task import Problem

MAX_SECONDS = 5.0
"""A thousand columns take about so long; what is not looked at by then is taken as innocent."""

MIN_ROWS, MIN_CLASS_ROWS = 200, 20


def giveaways_of(
    reference: pd.DataFrame, columns: Iterable[str], problem: Problem
) -> tuple[Finding, ...]:
    """Look at the columns that a version uses, on the sealed rows (its reference).

    Few rows, or few of a class, accuse nobody: one of many columns is right on them by chance.
    """
    counts = reference["label"].value_counts()
    if len(reference) < MIN_ROWS or (problem.is_classification and counts.min() < MIN_CLASS_ROWS):
        return ()
    data = Dataset(
        X=reference[sorted(columns)].reset_index(drop=True),
        y=reference["label"].to_numpy(),
        cutoff_time=None,
        label_time=None,
        key=None,
    )
    learned = learn_columns(data.X)
    converted = replace(data, X=convert(data.X, learned.columns))
    found = find_giveaways(converted, problem, learned.columns, max_seconds=MAX_SECONDS)
    if problem.task != "binary":
        return found
    named = {each.column for each in found}
    return (*found, *(each for each in _ordering(data) if each.column not in named))


def _ordering(data: Dataset) -> list[Finding]:
    """Find numbers whose order alone is that of the labels; a small tree sees few of its steps."""
    found = []
    for name in data.X.select_dtypes("number").columns:
        values = data.X[name].to_numpy(dtype=float)
        area = roc_auc(data.y, values) if np.isfinite(values).all() else 0.5
        score = max(area, 1 - area)
        if score >= LEAK_SCORE:
            message = (
                f"Column {name!r} alone puts the rows in order (ROC AUC {score:.3f}). "
                "Drop it if it is not known when predictions are asked for."
            )
            found.append(Finding(kind="leak", column=name, message=message))
    return found
