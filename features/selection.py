"""Selection: features that say nothing, or the same as another, are dropped with their reason.

It looks at training rows only and is quick rather than deep: what interacts with what is for the
search to find out.

Notation
--------
========  =========================================================================
``n``     rows of the sample
``B``     bins of a feature that hold rows; missing values are a bin of their own
``eta2``  share of the label's variance that lies between bins (correlation ratio)
========  =========================================================================
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import FeatureError
from features.plan import FeaturePlan
from features.wording import listed

N_BINS = 32
MAX_SAMPLE_ROWS = 20_000

_Codes = npt.NDArray[np.int64]


def prune(
    plan: FeaturePlan,
    frame: pd.DataFrame,
    *,
    labels: np.ndarray | None,
    max_features: int,
    max_null_share: float = 0.98,
) -> FeaturePlan:
    """Keep the features that carry information of their own, at most `max_features`.

    Parameters
    ----------
    frame
        Matrix of training rows; other columns than the plan's are ignored.
    labels
        Shape (n_rows,): classes (integers, booleans or strings) or a regression's floats; rows
        with a null label do not count. None: the first features of the plan are kept.
    max_null_share
        A feature that is null in more rows than this share is dropped, in [0, 1].

    Returns
    -------
    FeaturePlan
        In the plan's order, with one reason per dropped feature. Of equals the first stays, and
        so it does when relevances tie.

    Raises
    ------
    FeatureError
        When the frame lacks a feature, rows and labels do not match, there are no rows, or
        nothing is left.
    """
    _check(plan, frame, labels, max_features)
    kinds = {feature.name: feature.kind for feature in plan.features}
    reasons: dict[str, str] = {}
    first_by_digest: dict[str, str] = {}
    for name in plan.names:
        values = _comparable(frame[name], kinds[name])
        reason = _emptiness(values, max_null_share) or _copy(name, values, first_by_digest)
        if reason is not None:
            reasons[name] = reason
    left = [name for name in plan.names if name not in reasons]
    if len(left) > max_features:
        reasons |= _cap(frame, left, kinds, labels, max_features)
    return plan.keep([name for name in plan.names if name not in reasons], reasons)


def measure_relevance(codes: _Codes, labels: np.ndarray) -> float:
    """Measure how much of the label's variance a binned feature explains by itself.

    Parameters
    ----------
    codes
        Bin of each row, from 0, shape (n,).
    labels
        Classes as integers from 0, or floats; shape (n,), without nulls.

    Returns
    -------
    float
        Kelley's epsilon squared, `1 - (1 - eta2) (n - 1) / (n - B)`: about 0 (it may be below)
        for noise whatever the number of bins, 1 when the bins tell the label exactly.

    Examples
    --------
    >>> measure_relevance(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    sizes = np.bincount(codes)
    occupied = sizes > 0
    n_rows, n_bins = len(codes), int(occupied.sum())
    if labels.dtype.kind == "f":
        sums = np.bincount(codes, weights=labels)[occupied, None]
        total = float(np.sum((labels - labels.mean()) ** 2))
    else:
        n_classes = int(labels.max()) + 1
        sums = np.bincount(codes * n_classes + labels, minlength=len(sizes) * n_classes)
        sums = sums.reshape(len(sizes), n_classes)[occupied]
        total = float(n_rows - np.sum(sums.sum(axis=0) ** 2) / n_rows)
    within_mean = np.sum(sums**2 / sizes[occupied, None])
    between = float(within_mean - np.sum(sums.sum(axis=0) ** 2) / n_rows)
    if total <= 0 or n_rows <= n_bins:
        return 0.0
    return 1 - (1 - between / total) * (n_rows - 1) / (n_rows - n_bins)


def _check(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray | None, max_features: int
) -> None:
    missing = [name for name in plan.names if name not in frame.columns]
    if missing:
        raise FeatureError(
            f"Expected a column per feature of the plan, got none for {listed(missing)}. "
            "Compute the matrix of this plan first."
        )
    if frame.empty:
        raise FeatureError("Expected training rows to select features on, got none.")
    if labels is not None and len(labels) != len(frame):
        raise FeatureError(
            f"Expected one label per row, got {len(labels):,} labels for {len(frame):,} rows. "
            "Take both from the same training rows."
        )
    if max_features < 1:
        raise FeatureError(f"Expected max_features of at least 1, got {max_features}.")


def _comparable(column: pd.Series, kind: str) -> np.ndarray:
    """Give floats with NaN, or objects with None: equal values have equal bytes."""
    if kind == "numeric":
        # NOTE: adding 0.0 makes the negative zero positive.
        values: np.ndarray = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
        values[np.isnan(values)] = np.nan
        return values
    objects: np.ndarray = column.to_numpy(dtype=object)
    return objects


def _emptiness(values: np.ndarray, max_null_share: float) -> str | None:
    null = pd.isna(values)
    share = float(null.mean())
    if share == 1:
        return "never has a value"
    if share > max_null_share:
        return f"missing in {share:.1%} of rows"
    first = values[int(np.argmin(null))]
    if share == 0 and bool(np.all(values == first)):
        return f"always {first}"
    return None


def _copy(name: str, values: np.ndarray, first_by_digest: dict[str, str]) -> str | None:
    if values.dtype == object:
        codes, categories = pd.factorize(values)
        digest = hashlib.sha256(repr(list(categories)).encode())
        digest.update(codes.tobytes())
    else:
        digest = hashlib.sha256(values.tobytes())
    first = first_by_digest.setdefault(f"{values.dtype}{digest.hexdigest()}", name)
    return None if first == name else f"same values as {first}"


def _cap(
    frame: pd.DataFrame,
    names: Sequence[str],
    kinds: Mapping[str, str],
    labels: np.ndarray | None,
    max_features: int,
) -> dict[str, str]:
    if labels is None:
        reason = f"beyond the first {max_features} features, without labels to rank by"
        return dict.fromkeys(names[max_features:], reason)
    rows, answers = _sample(labels)
    sampled = frame.iloc[rows]
    relevance = {
        name: round(measure_relevance(_bin(sampled[name], kinds[name]), answers), 12)
        for name in names
    }
    ranked = sorted(names, key=lambda name: -relevance[name])
    return {
        name: f"relevance {relevance[name]:.4f} is not among the {max_features} highest"
        for name in ranked[max_features:]
    }


def _sample(labels: np.ndarray) -> tuple[npt.NDArray[np.int64], np.ndarray]:
    """Take evenly spaced labelled rows; a regression's labels become ranks, against outliers."""
    labelled = np.flatnonzero(~pd.isna(labels))
    if len(labelled) == 0:
        raise FeatureError("Expected known labels to rank features by, got nulls only.")
    step = -(-len(labelled) // MAX_SAMPLE_ROWS)
    rows = labelled[::step]
    if labels.dtype.kind == "f":
        return rows, pd.Series(labels[rows]).rank().to_numpy()
    return rows, pd.factorize(labels[rows], sort=True)[0].astype(np.int64)


def _bin(column: pd.Series, kind: str) -> _Codes:
    """Number a feature's quantile bins, or its most frequent categories and the rest; null last."""
    values = _comparable(column, kind)
    if kind == "numeric":
        given = values[~np.isnan(values)]
        shares = np.linspace(0, 1, N_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(given, shares, method="lower")) if len(given) else given
        codes = np.searchsorted(edges, values, side="right").astype(np.int64)
        codes[np.isnan(values)] = N_BINS
        return codes
    categories = pd.factorize(values)[0]
    sizes = np.bincount(categories[categories >= 0], minlength=1)
    number = np.full(len(sizes) + 1, N_BINS - 1, dtype=np.int64)
    frequent = np.argsort(-sizes, kind="stable")[: N_BINS - 1]
    number[frequent] = np.arange(len(frequent))
    number[-1] = N_BINS
    binned: _Codes = number[categories]
    return binned
