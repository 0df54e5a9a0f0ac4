"""The domain classifier: how well a model tells current rows from reference rows by all columns.

One column at a time sees no change in how columns go together. A classifier does: it learns on
some days of both windows to tell them apart, and is asked about the others. Its AUC is the size of
the change, and its odds are the weights that would make the reference look like the window.

References
----------
Lopez-Paz & Oquab (2017), ICLR, "Revisiting classifier two-sample tests". Rabanser, Guennemann &
Lipton (2019), NeurIPS, "Failing loudly". Kish (1965), 11.7 (effective size of weights).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier

from monitoring.evidence import DomainEvidence
from monitoring.samples import Sample
from monitoring.statistics import compare_ranks
from monitoring.windows import Window, block_starts

MAX_ROWS = 4_000
"""Of larger windows every second, third ... row is looked at."""

MAX_COLUMNS = 30
MIN_ROWS = 50
N_FOLDS = 3


def compare_domains(
    reference: Window, current: Window, *, importance: Mapping[str, float], seed: int
) -> DomainEvidence | None:
    """Tell current rows from reference rows by the `MAX_COLUMNS` most important columns.

    Days are never on both sides of a fold. None where a window has fewer than `MIN_ROWS` rows or
    there is no column in common.
    """
    shared = list(reference.features.columns.intersection(current.features.columns))
    names = sorted(shared, key=lambda name: -importance.get(name, 0.0))[:MAX_COLUMNS]
    if min(reference.n_rows, current.n_rows) < MIN_ROWS or not names:
        return None
    pair = [_thinned(window, names) for window in (reference, current)]
    X = np.vstack(encode_features(*pair, with_score=False))
    n = pair[0].n_rows
    is_current = np.arange(len(X)) >= n
    starts = block_starts(pair[0].cutoff_time, pair[1].cutoff_time)
    fold = np.concatenate([_folds(w.n_rows, s) for w, s in zip(pair, starts, strict=True)])
    p = np.empty(len(X))
    for k in range(N_FOLDS):
        model = LGBMClassifier(
            n_estimators=40,
            num_leaves=8,
            learning_rate=0.1,
            min_child_samples=20,
            class_weight="balanced",
            random_state=seed,
            n_jobs=1,
            verbose=-1,
        )
        model.fit(X[fold != k], is_current[fold != k])
        p[fold == k] = model.predict_proba(X[fold == k])[:, 1]
    samples = [
        Sample(values=part, blocks=blocks)
        for part, blocks in zip((p[:n], p[n:]), starts, strict=True)
    ]
    location, _ = compare_ranks(*samples)
    weights = p[:n] / np.maximum(1 - p[:n], 1e-3)
    return DomainEvidence(
        auc=_auc(p[:n], p[n:]),
        p_value=location.p_value,
        effective_share=float(weights.sum() ** 2 / (weights**2).sum() / n),
        n_columns=len(names),
    )


def _thinned(window: Window, names: list[str]) -> Window:
    step = -(-window.n_rows // MAX_ROWS)
    return window.take(np.arange(0, window.n_rows, step), names)


def _folds(n_rows: int, starts: np.ndarray | None) -> np.ndarray:
    """Return each row's fold: whole blocks by turns, or stretches of rows without time."""
    if starts is None:
        return np.arange(n_rows) * 10 // n_rows % N_FOLDS
    return np.asarray(pd.factorize(starts)[0] % N_FOLDS)


def _auc(low: np.ndarray, high: np.ndarray) -> float:
    order = np.sort(low)
    below = np.searchsorted(order, high, side="left")
    up_to = np.searchsorted(order, high, side="right")
    return float((below + up_to).mean() / 2 / len(low))


def encode_features(
    reference: Window, current: Window, *, with_score: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (and scores) of both windows as numbers, missing ones as NaN.

    Levels become their frequency rank in the reference; levels it does not have become -1.
    """
    columns: list[tuple[np.ndarray, np.ndarray]] = []
    for name in reference.features.columns.intersection(current.features.columns):
        columns.append(_encode(reference.features[name], current.features[name]))
    if with_score:
        columns.append((np.asarray(reference.scores), np.asarray(current.scores)))
    return (
        np.column_stack([pair[0] for pair in columns]).astype(float),
        np.column_stack([pair[1] for pair in columns]).astype(float),
    )


def _encode(before: pd.Series, after: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    if all(pd.api.types.is_numeric_dtype(s.dtype) for s in (before, after)):
        return _finite(before), _finite(after)
    texts = [s.astype(object).where(s.notna(), None) for s in (before, after)]
    texts = [s.map(str, na_action="ignore") for s in texts]
    rank = {level: i for i, level in enumerate(texts[0].value_counts().index)}
    coded = [
        np.where(s.isna(), np.nan, s.map(rank).fillna(-1).to_numpy(dtype=float)) for s in texts
    ]
    return coded[0], coded[1]


def _finite(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)
