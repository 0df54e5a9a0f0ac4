"""Checks: what is strange about rows and labels, looked for before the search.

Nothing here changes what is searched; a finding is told, or refused when the caller is strict.
"""

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from models.dataset import Dataset
from models.findings import Finding
from models.frames import Column
from models.metrics import r2, roc_auc
from models.splits import Fold
from models.task import Problem

MIN_ROWS = 50
"""With fewer rows, chance alone makes findings."""

SAMPLE_ROWS = 2_000
LEAK_SCORE = 0.99
"""ROC AUC or R² of one column alone, on rows not learned from, that is too good to be true."""

IDENTIFIER_SHARE = 0.95
REPEATED_SHARE = 0.01
FEW_DISTINCT = 0.5
"""Where fewer rows than this share are distinct, repetition is the data's nature."""


def check_data(
    data: Dataset,
    problem: Problem,
    columns: Sequence[Column],
    folds: Sequence[Fold],
    *,
    max_seconds: float,
) -> tuple[Finding, ...]:
    """Look for identifiers, columns that give the label away, and rows that repeat across folds.

    Parameters
    ----------
    columns
        What `data.X` was made of.
    max_seconds
        Columns that are not looked at by then are taken as innocent.
    """
    if len(data) < MIN_ROWS:
        return ()
    until = time.monotonic() + max_seconds
    identifiers = [c for c in columns if c.kind in ("number", "level") and _is_id(data.X[c.name])]
    known = {column.name for column in identifiers}
    texts = {column.name for column in columns if column.kind == "text"}
    few = np.random.default_rng(0).permutation(len(data))[:SAMPLE_ROWS]
    sample = data.take(few)
    leaks = [
        finding
        for column in columns
        if column.name not in known | texts
        and time.monotonic() < until
        and (finding := _leak(sample, problem, column)) is not None
    ]
    return (*map(_identifier, identifiers), *leaks, *_repeated(data, folds))


def _is_id(values: pd.Series) -> bool:
    """Whether a column numbers or names the rows."""
    known = values.dropna()
    if values.dtype == object:
        return bool(known.nunique() > IDENTIFIER_SHARE * len(values))
    if len(known) < len(values) or not known.is_unique or (known % 1 != 0).any():
        return False
    return bool(known.max() - known.min() + 1 <= len(known) / IDENTIFIER_SHARE)


def _identifier(column: Column) -> Finding:
    return Finding(
        kind="identifier",
        column=column.name,
        message=f"Column {column.name!r} looks like an identifier: (nearly) every row has a value "
        "of its own. Drop it, unless its order or parts mean something.",
    )


def _leak(data: Dataset, problem: Problem, column: Column) -> Finding | None:
    """Judge a column by a small tree on it alone, learned from one half and asked of the other."""
    half = len(data) // 2
    learn, asked = np.arange(half), np.arange(half, len(data))
    X = np.column_stack([_values(data, learn, name, problem) for name in column.names])
    if not problem.is_classification:
        tree = DecisionTreeRegressor(random_state=0).fit(X[learn], data.y[learn])
        score, what = r2(data.y[asked], tree.predict(X[asked])), "R²"
    else:
        tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=5, random_state=0)
        tree.fit(X[learn], data.y[learn])
        if len(tree.classes_) < 2:
            return None
        chances = np.zeros((len(asked), int(data.y.max()) + 1))
        chances[:, tree.classes_] = tree.predict_proba(X[asked])
        score, what = roc_auc(data.y[asked], chances), "ROC AUC"
    if not score >= LEAK_SCORE:
        return None
    return Finding(
        kind="leak",
        column=column.name,
        message=f"Column {column.name!r} alone gives the label away ({what} {score:.3f} on rows "
        "not learned from). Drop it if it is not known when predictions are asked for.",
    )


def _values(data: Dataset, learn: np.ndarray, name: str, problem: Problem) -> np.ndarray:
    """Give a column as ranks: of numbers, or of the mean (commonest) label that a level had."""
    values = data.X[name]
    if values.dtype == object:
        labels = pd.Series(data.y[learn]).groupby(values.iloc[learn].to_numpy())
        is_coded = problem.task == "multiclass"
        values = values.map(labels.agg(_commonest) if is_coded else labels.mean())
    return np.asarray(values.astype(float).rank())


def _commonest(labels: pd.Series) -> float:
    return float(labels.mode().iloc[0])


def _repeated(data: Dataset, folds: Sequence[Fold]) -> tuple[Finding, ...]:
    """Count rows that are judged in one fold and also lie, label and all, in another."""
    hashes = pd.util.hash_pandas_object(data.X.assign(**{"\0label": data.y}), index=False)
    if hashes.nunique() < FEW_DISTINCT * len(hashes):
        return ()
    block = np.full(len(data), -1)
    for number, fold in enumerate(folds):
        block[fold.valid] = number
    judged = block >= 0
    blocks = pd.Series(block[judged]).groupby(hashes.to_numpy()[judged])
    n_repeated = int((blocks.transform("nunique") > 1).sum())
    if n_repeated < REPEATED_SHARE * len(data):
        return ()
    return (
        Finding(
            kind="repeated rows",
            column=None,
            message=f"{n_repeated} of {len(data)} rows repeat a row of another fold, label and "
            "all: scores look better than they are. Drop the repetitions, or name what such rows "
            "share as group_column.",
        ),
    )
