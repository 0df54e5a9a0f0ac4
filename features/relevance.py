"""Relevance: which features a model has use for, judged on training rows before the search.

Out go features that merely tell the time (a sum that grows for ever separates past from future
and says nothing about tomorrow) and categories that are as good as keys; of the others those stay
that save most of the loss on rows which a quick model has not seen (`features.usefulness`).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from features.errors import FeatureError
from features.plan import FeaturePlan
from features.usefulness import measure_use

MAX_CLOCK_CORRELATION = 0.9
MAX_LEVELS = 100
_RARE_ROWS = 20

Floats = npt.NDArray[np.float64]


def choose(
    plan: FeaturePlan,
    frame: pd.DataFrame,
    *,
    labels: np.ndarray,
    max_features: int,
    cutoff_time: np.ndarray | None = None,
    seed: int = 0,
    n_threads: int = 2,
) -> FeaturePlan:
    """Keep the `max_features` features that are of most use to a model.

    Parameters
    ----------
    frame
        Matrix of training rows, ordered by cutoff time; other columns are ignored.
    labels
        Shape (n_rows,): class codes from 0, or a regression's floats.
    cutoff_time
        Shape (n_rows,); `None` where rows have no time, so nothing can tell it.

    Returns
    -------
    FeaturePlan
        In the plan's order, with a reason per dropped feature; of equals the first stays.

    Raises
    ------
    FeatureError
        When rows and labels do not match, or nothing is left.
    """
    if len(labels) != len(frame) or not len(frame):
        raise FeatureError(
            f"Expected a label per training row, got {len(labels)} for {len(frame)} rows."
        )
    values, categorical = encode(plan, frame)
    reasons = _hopeless(plan, values, cutoff_time)
    left = [i for i, name in enumerate(plan.names) if name not in reasons]
    if len(left) > max_features:
        use = measure_use(
            values[:, left].astype(np.float32),
            labels,
            categorical=[n for n, i in enumerate(left) if i in categorical],
            seed=seed,
            n_threads=n_threads,
        )
        for place in np.argsort(-use, kind="stable")[max_features:]:
            reasons[plan.names[left[place]]] = (
                f"of use for {use[place]:.3%} of the loss on rows unseen: not among the best"
            )
    return plan.keep([name for name in plan.names if name not in reasons], reasons)


def clock_correlation(values: Floats, cutoff_time: np.ndarray) -> float:
    """Give the rank correlation of a feature with time, in [0, 1] (the sign left out).

    Examples
    --------
    >>> days = np.arange(100).astype("M8[D]")
    >>> round(clock_correlation(np.arange(100.0), days), 3)
    1.0
    """
    given = ~np.isnan(values)
    if given.sum() < _RARE_ROWS or np.ptp(values[given]) == 0:
        return 0.0
    ranks = rankdata(values[given]), rankdata(cutoff_time[given].astype("M8[us]").astype("i8"))
    if np.ptp(ranks[1]) == 0:
        return 0.0
    return float(abs(np.corrcoef(*ranks)[0, 1]))


def encode(plan: FeaturePlan, frame: pd.DataFrame) -> tuple[Floats, frozenset[int]]:
    """Give features as a quick model reads them.

    Returns
    -------
    values : ndarray
        Shape (n_rows, n_features); levels are numbered by how frequent they are, null is NaN.
    categorical : frozenset
        Positions of the columns that hold levels, few enough to be split one by one.
    """
    columns = [_encode(frame[feature.name], feature.kind) for feature in plan.features]
    categorical = frozenset(
        position
        for position, feature in enumerate(plan.features)
        if feature.kind == "categorical" and _n_levels(columns[position]) <= MAX_LEVELS
    )
    return np.column_stack(columns), categorical


def _hopeless(plan: FeaturePlan, values: Floats, cutoff_time: np.ndarray | None) -> dict[str, str]:
    reasons = {}
    for feature, column in zip(plan.features, values.T, strict=True):
        name = feature.name
        if feature.kind == "categorical":
            levels = _n_levels(column)
            if levels > MAX_LEVELS and "(" in name:
                reasons[name] = f"{levels} levels that change from row to row: as good as a key"
        elif cutoff_time is not None:
            correlation = clock_correlation(column, cutoff_time)
            if correlation > MAX_CLOCK_CORRELATION:
                reasons[name] = f"tells the time (rank correlation {correlation:.2f} with it)"
    return reasons


def _n_levels(codes: Floats) -> int:
    return int(np.nanmax(codes, initial=-1)) + 1


def _encode(column: pd.Series, kind: str) -> Floats:
    if kind == "numeric":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    codes, levels = pd.factorize(column)
    sizes = np.bincount(codes[codes >= 0], minlength=len(levels))
    number = np.empty(len(levels) + 1)
    number[np.argsort(-sizes, kind="stable")] = np.arange(len(levels), dtype=float)
    number[-1] = np.nan
    return np.asarray(number[codes])
