"""Splits: which rows a candidate learns from, is judged on, and never sees.

The sealed holdout is the newest slice. What remains is split by forward chaining when rows have
time: a fold learns from rows whose labels were known when its validation block began, and, where
data are grouped, whose key is not judged in that block. Without
time, rows of one key stay together where keys repeat, else folds are stratified; every row is
judged once then, so few rows make fewer folds rather than none.

Integer labels are codes of classes, floating ones are values.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from models.dataset import Dataset
from models.errors import ProblemError

HOLDOUT_SHARE = 0.15
MIN_TRAIN_ROWS = 20
MIN_VALID_ROWS = 10
LEAST = (MIN_TRAIN_ROWS, MIN_VALID_ROWS)
MIN_VALID_ROWS_WITHOUT_TIME = 4
FIRST_TRAIN_SHARE = 0.4
"""Share of the search rows before the first validation block: earlier models lack history."""

SMALL_ROWS = 20_000
"""Below this many rows without time, five folds instead of three: noise costs more than fits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """Row positions to learn from and to be judged on.

    Attributes
    ----------
    train, valid
        Ascending positions, disjoint.
    """

    train: np.ndarray
    valid: np.ndarray


def sealed_split(
    data: Dataset, *, holdout_share: float = HOLDOUT_SHARE, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Set the newest rows aside.

    With time, the holdout begins at a cutoff such that about `holdout_share` of the rows lie at
    or after it (whole cutoffs), and search rows whose label was not known by then are dropped, of
    grouped data also those of sealed keys.
    Without time it is a random slice: whole keys where they repeat, stratified otherwise.
    A share of 0 seals nothing: every row is searched.

    Returns
    -------
    search, holdout : ndarray
        Ascending row positions.

    Raises
    ------
    ProblemError
        When too few rows, or only one class, remain on either side.
    """
    if not 0 <= holdout_share < 1:
        raise ProblemError(f"Expected holdout_share from 0 to below 1, got {holdout_share}.")
    if holdout_share == 0:
        every = np.arange(len(data))
        _require(data, every, "labelled rows", 2)
        return every, every[:0]
    _require(data, np.arange(len(data)), "labelled rows", MIN_TRAIN_ROWS + MIN_VALID_ROWS)
    if data.has_time:
        search, holdout = _newest_apart(data, holdout_share)
    else:
        fold = _cross_validation(data, max(2, round(1 / holdout_share)), seed)[0]
        search, holdout = fold.train, fold.valid
    _require(data, search, "rows to learn from beside the sealed holdout", MIN_TRAIN_ROWS)
    _require(data, holdout, "sealed rows", MIN_VALID_ROWS)
    return search, holdout


def make_folds(data: Dataset, n_folds: int | None = None, *, seed: int = 0) -> tuple[Fold, ...]:
    """Split the search rows into folds (see the module's docstring).

    Parameters
    ----------
    n_folds
        At most this many; fewer when a block would lack rows or classes. By default three, five
        for fewer than `SMALL_ROWS` rows without time.

    Raises
    ------
    ProblemError
        When no fold has enough rows, and more than one class, on both sides.
    """
    wanted = n_folds or (5 if len(data) < SMALL_ROWS and not data.has_time else 3)
    if not data.has_time:
        dealt = _cross_validation(data, max(2, wanted), seed)
        usable = _usable(data, dealt, least=(1, 1))
        return usable if usable else _refuse(data, (1, 1))
    for fewer in range(wanted, 0, -1):
        usable = _usable(data, _forward_chain(data, fewer))
        if len(usable) == fewer:
            return usable
    if not usable and data.is_grouped:
        _refuse_grouped(data)
    return usable if usable else _refuse(data, LEAST)


def is_bagged(data: Dataset) -> bool:
    """Whether fold models are averaged; forward-chained ones are too old and are refitted."""
    return not data.has_time


def _newest_apart(data: Dataset, share: float) -> tuple[np.ndarray, np.ndarray]:
    moments, known = _times(data)
    boundary = np.sort(moments)[int(len(moments) * (1 - share))]
    if boundary == moments.min():
        boundary = moments[moments > boundary].min()
    holdout = np.flatnonzero(moments >= boundary)
    search = np.flatnonzero((moments < boundary) & (known <= boundary))
    return _without_keys_of(holdout, search, data), holdout


def _without_keys_of(judged: np.ndarray, rows: np.ndarray, data: Dataset) -> np.ndarray:
    """Leave out, of grouped data, the rows whose key is judged."""
    if not data.is_grouped:
        return rows
    assert data.key is not None
    return rows[~np.isin(data.key[rows], data.key[judged])]


def _forward_chain(data: Dataset, n_folds: int) -> list[Fold]:
    moments, known = _times(data)
    ordered = np.sort(moments)
    shares = np.linspace(FIRST_TRAIN_SHARE, 1, n_folds + 1)[:-1]
    starts = np.unique(ordered[(shares * len(ordered)).astype(int)])
    if starts[0] == ordered[0]:
        # The oldest moment holds more than its share: learn from it, judge on what follows.
        starts = np.union1d(starts[1:], ordered[ordered > starts[0]][:1])
    ends = np.append(starts[1:], ordered[-1] + np.timedelta64(1, "us"))
    folds = []
    for start, end in zip(starts, ends, strict=True):
        valid = np.flatnonzero((moments >= start) & (moments < end))
        before = np.flatnonzero((moments < start) & (known <= start))
        folds.append(Fold(train=_without_keys_of(valid, before, data), valid=valid))
    return folds


def _cross_validation(data: Dataset, n_folds: int, seed: int) -> list[Fold]:
    rows = np.arange(len(data))
    n_folds = max(2, min(n_folds, len(data) // MIN_VALID_ROWS_WITHOUT_TIME))
    keys = None if data.key is None else np.unique(data.key.astype(str), return_inverse=True)[1]
    if keys is not None and 1 < keys.max() + 1 < len(data):
        splitter = GroupKFold(min(n_folds, int(keys.max()) + 1), shuffle=True, random_state=seed)
        pairs = splitter.split(rows, data.y, keys)
    elif _is_coded(data) and np.unique(data.y, return_counts=True)[1].max() > 1:
        pairs = _stratified(data.y, n_folds, seed)
    else:
        pairs = KFold(n_folds, shuffle=True, random_state=seed).split(rows)
    return [Fold(train=np.sort(train), valid=np.sort(valid)) for train, valid in pairs]


def _stratified(y: np.ndarray, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Deal every class evenly; never more folds than rows in the commonest class or outside it."""
    counts = np.unique(y, return_counts=True)[1]
    n_folds = max(2, min(n_folds, int(counts.max()), int(counts.sum() - counts.max())))
    with warnings.catch_warnings():
        # A class with fewer rows than folds is missing from some blocks, as it must be.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        return list(splitter.split(np.empty(len(y)), y))


def _usable(
    data: Dataset, folds: Iterable[Fold], least: tuple[int, int] = LEAST
) -> tuple[Fold, ...]:
    return tuple(
        fold
        for fold in folds
        if len(fold.train) >= least[0]
        and len(fold.valid) >= least[1]
        and _has_contrast(data, fold.train)
        and _has_contrast(data, fold.valid)
    )


def _has_contrast(data: Dataset, rows: np.ndarray) -> bool:
    return not _is_coded(data) or len(np.unique(data.y[rows])) > 1


def _is_coded(data: Dataset) -> bool:
    return data.y.dtype.kind in "biu"


def _times(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    assert data.cutoff_time is not None
    known = data.cutoff_time if data.known_at is None else data.known_at
    return data.cutoff_time, known


def _require(data: Dataset, rows: np.ndarray, what: str, least: int) -> None:
    if len(rows) < least:
        raise ProblemError.too_little(
            f"at least {least} {what}",
            f"{len(rows)} of {len(data)}",
            "Label more rows (an earlier first cutoff, more cutoffs), or shorten the label's "
            "horizon: rows whose label became known only later cannot be learnt from.",
        )
    if not _has_contrast(data, rows):
        raise ProblemError.too_little(
            f"at least two classes among {len(rows)} {what}",
            f"only class {data.y[rows[0]]}",
            "Widen the time range of the labels, or ask another question.",
        )


def _refuse(data: Dataset, least: tuple[int, int]) -> tuple[Fold, ...]:
    raise ProblemError.too_little(
        f"a fold with {least[0]} rows to learn from and {least[1]} to be judged on, "
        "more than one class in both",
        f"none among {len(data)} rows",
        "Label more rows, or shorten the label's horizon.",
    )


def _refuse_grouped(data: Dataset) -> None:
    """Say that it is the groups, where without them there would be a fold."""
    if not _usable(data, _forward_chain(replace(data, is_grouped=False), 1)):
        return
    raise ProblemError.too_little(
        f"a block of the newest rows with {MIN_TRAIN_ROWS} earlier rows of other groups to learn "
        "from, more than one class in both",
        f"none among {len(data)} rows: (nearly) all groups of earlier rows are there later, too",
        "Give only one of time and group, or longer ones of which groups begin and end.",
    )
