"""Rows: what an estimator is given, as a frame with unique names, by scikit-learn's law.

The law: two dimensions, at least two rows to learn from, as many columns as in training, no
sparse or complex numbers; what is wrong is a `ValueError` or `TypeError` in scikit-learn's words.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from models.errors import EstimatorError
from models.frames import unique_names

MIN_ROWS = 2


def read_rows(X: Any, *, min_rows: int) -> pd.DataFrame:
    """Give rows as a frame with unique text names; those of arrays are `x0`, `x1` and so on.

    Raises
    ------
    ValueError, TypeError
        See the module's docstring.
    """
    if isinstance(X, pd.DataFrame):
        if len(X) < min_rows or X.shape[1] < 1:
            raise EstimatorError(
                f"Expected at least {min_rows} row(s) and 1 column, got {len(X)} sample(s) and "
                f"{X.shape[1]} feature(s)."
            )
        frame = X.copy(deep=False)
        frame.columns = pd.Index(unique_names(X.columns), dtype=object)
        return frame.reset_index(drop=True)
    array = check_array(
        X, dtype=None, ensure_all_finite=False, ensure_min_samples=min_rows, input_name="X"
    )
    return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])], copy=False)


def has_text_names(X: Any) -> bool:
    """Whether scikit-learn would record the column names: only when all are text."""
    return isinstance(X, pd.DataFrame) and all(isinstance(name, str) for name in X.columns)


def read_again(X: Any, fitted: Any) -> pd.DataFrame:
    """Give rows to predict under the names of training.

    A frame's columns are found by name, in any order and with others, when training had a frame;
    otherwise they are taken by position, with scikit-learn's warning where names go unused.
    """
    frame = read_rows(X, min_rows=1)
    by_name = isinstance(X, pd.DataFrame)
    if by_name and fitted._is_named:
        return frame
    if frame.shape[1] != fitted.n_features_in_:
        raise EstimatorError(
            f"X has {frame.shape[1]} features, but {type(fitted).__name__} is expecting "
            f"{fitted.n_features_in_} features as input."
        )
    if by_name:
        warnings.warn(
            f"X has feature names, but {type(fitted).__name__} was fitted without feature names",
            UserWarning,
            stacklevel=4,
        )
    elif fitted._is_named:
        warnings.warn(
            f"X does not have valid feature names, but {type(fitted).__name__} was fitted with "
            "feature names",
            UserWarning,
            stacklevel=4,
        )
    return frame.set_axis(fitted._names, axis=1)


def read_classes(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give the classes in order, and each label's code.

    Raises
    ------
    ValueError
        When labels are missing, are not classes, or are all the same.
    """
    labels = _read_labels(y)
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < MIN_ROWS:
        raise EstimatorError(
            f"Expected labels of at least two classes, got 1 class: {classes[0]}. "
            "There is nothing to tell apart."
        )
    return classes, codes.astype(np.int64)


def read_values(y: Any) -> np.ndarray:
    """Give a regression's labels as floats.

    Raises
    ------
    ValueError
        When labels are missing, infinite or not numbers.
    """
    labels = _read_labels(y)
    try:
        values = np.asarray(labels, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimatorError(f"Expected numbers in y, got others: {error}.") from error
    return _finite(values)


def read_weights(sample_weight: Any) -> np.ndarray | None:
    """Give weights as floats, None when there are none.

    Raises
    ------
    ValueError
        When they are not one finite number from 0 per row, or all are 0.
    """
    if sample_weight is None:
        return None
    try:
        weights = np.asarray(sample_weight, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimatorError(f"Expected numbers in sample_weight, got others: {error}.") from error
    if weights.ndim != 1:
        raise EstimatorError(
            f"Expected sample_weight with one number per row, got an array of shape "
            f"{weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise EstimatorError("Expected finite numbers from 0 in sample_weight, got others too.")
    if not weights.any():
        raise EstimatorError(
            "Expected a weight above 0 for some rows, but all of sample_weight is zero."
        )
    return weights


def counted_rows(
    frame: pd.DataFrame, y: Any, sample_weight: Any
) -> tuple[pd.DataFrame, Any, np.ndarray | None]:
    """Give rows, labels and weights without the rows that do not count.

    Raises
    ------
    ValueError
        When they are not as many of each, or weights are not as `read_weights` wants them.
    """
    weight = read_weights(sample_weight)
    check_consistent_length(frame, y, weight)
    if weight is None or weight.all():
        return frame, y, weight
    kept = np.flatnonzero(weight)
    if y is not None:
        y = _safe_indexing(y, kept)
    return frame.iloc[kept].reset_index(drop=True), y, weight[kept]


def _read_labels(y: Any) -> np.ndarray:
    if y is None:
        raise EstimatorError("This estimator requires y to be passed, but the target y is None.")
    if isinstance(y, pd.Series | pd.Categorical):
        y = np.asarray(y, dtype=object if y.dtype.kind == "O" else None)
    labels = np.asarray(column_or_1d(y, warn=True))
    if pd.isna(labels).any():
        raise EstimatorError(
            f"Expected a label for every row. Input y contains NaN ({int(pd.isna(labels).sum())} "
            "rows): drop the rows whose label is not known."
        )
    if labels.dtype == object:
        labels = np.asarray(labels.tolist())
    return _finite(labels) if labels.dtype.kind == "f" else labels


def _finite(labels: np.ndarray) -> np.ndarray:
    if not np.isfinite(labels).all():
        raise EstimatorError("Expected finite labels. Input y contains infinity.")
    return labels
