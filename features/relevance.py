"""Relevance: which features a model makes use of, judged on training rows before the search.

A quick boosted model sees features together, so one that matters only beside another is kept and
of many that say nearly the same a few are. Two models on alternating stretches of time vote:
what helps in one only is luck. Before that go features that merely tell the time (a sum that
grows for ever separates past from future and says nothing about tomorrow) and categories that
are as good as keys.
"""

from collections.abc import Collection, Mapping

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from features.errors import FeatureError
from features.plan import FeaturePlan

MAX_CLOCK_CORRELATION = 0.9
MAX_LEVELS = 100
N_STRETCHES = 8
_ROUNDS = 50
_RARE_ROWS = 20

Floats = npt.NDArray[np.float64]


def choose(
    plan: FeaturePlan,
    frame: pd.DataFrame,
    *,
    labels: np.ndarray,
    max_features: int,
    cutoff_time: np.ndarray | None = None,
    keep: Collection[str] = (),
    seed: int = 0,
    n_threads: int = 2,
) -> FeaturePlan:
    """Keep the `max_features` features a model makes most use of.

    Parameters
    ----------
    frame
        Matrix of training rows, ordered by cutoff time; other columns are ignored.
    labels
        Shape (n_rows,): class codes from 0, or a regression's floats.
    cutoff_time
        Shape (n_rows,); `None` where rows have no time, so nothing can tell it.
    keep
        Features that stay whatever use is made of them, unless they tell the time.

    Returns
    -------
    FeaturePlan
        In the plan's order, with a reason per dropped feature.

    Raises
    ------
    FeatureError
        When rows and labels do not match, or nothing is left.
    """
    if len(labels) != len(frame) or not len(frame):
        raise FeatureError(
            f"Expected a label per training row, got {len(labels)} for {len(frame)} rows."
        )
    kinds = {feature.name: feature.kind for feature in plan.features}
    encoded = {name: _encode(frame[name], kinds[name]) for name in plan.names}
    reasons = _hopeless(plan, encoded, kinds, cutoff_time)
    left = [name for name in plan.names if name not in reasons]
    if len(left) > max_features:
        use = _use(left, encoded, kinds, labels, seed=seed, n_threads=n_threads)
        ranked = sorted(left, key=lambda name: (name not in keep, -use[name]))
        for name in ranked[max_features:]:
            reasons[name] = f"a model made {use[name]:.2%} of its gain with it: not among the best"
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


def _hopeless(
    plan: FeaturePlan,
    encoded: Mapping[str, Floats],
    kinds: Mapping[str, str],
    cutoff_time: np.ndarray | None,
) -> dict[str, str]:
    reasons = {}
    for name in plan.names:
        if kinds[name] == "categorical":
            levels = int(np.nanmax(encoded[name], initial=-1)) + 1
            if levels > MAX_LEVELS and "(" in name:
                reasons[name] = f"{levels} levels that change from row to row: as good as a key"
        elif cutoff_time is not None:
            correlation = clock_correlation(encoded[name], cutoff_time)
            if correlation > MAX_CLOCK_CORRELATION:
                reasons[name] = f"tells the time (rank correlation {correlation:.2f} with it)"
    return reasons


def _encode(column: pd.Series, kind: str) -> Floats:
    """Give floats; levels are numbered by how frequent they are, null is NaN."""
    if kind == "numeric":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    codes, levels = pd.factorize(column)
    sizes = np.bincount(codes[codes >= 0], minlength=len(levels))
    number = np.empty(len(levels) + 1)
    number[np.argsort(-sizes, kind="stable")] = np.arange(len(levels), dtype=float)
    number[-1] = np.nan
    return np.asarray(number[codes])


def _use(
    names: list[str],
    encoded: Mapping[str, Floats],
    kinds: Mapping[str, str],
    labels: np.ndarray,
    *,
    seed: int,
    n_threads: int,
) -> dict[str, float]:
    """Give each feature's share of gain, the smaller of two models' counting most."""
    matrix = np.column_stack([encoded[name] for name in names]).astype(np.float32)
    categories = [
        position
        for position, name in enumerate(names)
        if kinds[name] == "categorical" and np.nanmax(encoded[name], initial=0) < MAX_LEVELS
    ]
    stretch = np.arange(len(labels)) * N_STRETCHES // len(labels) % 2
    shares = []
    for half in (0, 1):
        rows = stretch == half
        parameters = _parameters(labels, seed=seed + half, n_threads=n_threads)
        data = lgb.Dataset(matrix[rows], labels[rows], categorical_feature=categories)
        booster = lgb.train(parameters, data, num_boost_round=_ROUNDS)
        gain = booster.feature_importance("gain").astype(float)
        shares.append(gain / max(gain.sum(), 1e-12))
    use = np.minimum(*shares) + 0.1 * np.maximum(*shares)
    return dict(zip(names, use.tolist(), strict=True))


def _parameters(labels: np.ndarray, *, seed: int, n_threads: int) -> dict[str, object]:
    n_classes = len(np.unique(labels)) if labels.dtype.kind in "iub" else 0
    task: dict[str, object] = {"objective": "regression"}
    if n_classes == 2:
        task = {"objective": "binary"}
    elif n_classes > 2:
        task = {"objective": "multiclass", "num_class": int(labels.max()) + 1}
    return task | {
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_data_in_leaf": max(5, min(50, len(labels) // 100)),
        "feature_fraction": 0.3,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": 63,
        "cat_smooth": 50.0,
        "lambda_l2": 5.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": n_threads,
        "verbosity": -1,
    }
