"""The data of a search: a matrix of floats and strings, labels, and when each row was asked."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.fingerprint import LENGTH
from models.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows to learn from, or to be judged on.

    Parameters
    ----------
    X
        Shape `(n_rows, n_columns)`; columns are float64 (NaN allowed) or object columns of
        `str` and `None`.
    y
        Codes 0 … k-1 or finite floats, shape `(n_rows,)`.
    cutoff_time, label_time
        When the row was asked and when its label became known, naive UTC; None without time.
        A missing `label_time` means "known at the cutoff".
    key
        What the row is about; rows with one key are never split when there is no time.
    is_grouped
        Whether rows with one key are never split with time either: nothing is learned from
        earlier rows of what is judged.
    weight
        How much each row counts, above zero; None for all the same. Only proportions matter:
        they are brought to a mean of one.

    Raises
    ------
    DatasetError
        When shapes, types or labels are not as described.
    """

    X: pd.DataFrame
    y: np.ndarray
    cutoff_time: np.ndarray | None = None
    label_time: np.ndarray | None = None
    key: np.ndarray | None = None
    weight: np.ndarray | None = None
    is_grouped: bool = False

    def __post_init__(self) -> None:
        """Refuse what no later step could handle; bring times to microseconds."""
        _check_names(self.X)
        _check_columns(self.X)
        for name in ("y", "cutoff_time", "label_time", "key", "weight"):
            _check_length(name, getattr(self, name), len(self.X))
        if self.y.dtype.kind not in "biuf" or not np.isfinite(self.y.astype(float)).all():
            raise DatasetError(
                "Expected numeric labels without missing values, "
                f"got dtype {self.y.dtype}. Encode classes as 0 … k-1 and drop unlabelled rows."
            )
        if self.weight is not None:
            object.__setattr__(self, "weight", _proportions(self.weight))
        if self.cutoff_time is None and self.label_time is not None:
            raise DatasetError("Expected cutoff_time beside label_time, got None. Give both.")
        if self.is_grouped and self.key is None:
            raise DatasetError("Expected a key beside is_grouped=True, got None. Give both.")
        for name in ("cutoff_time", "label_time"):
            times = getattr(self, name)
            if times is not None:
                object.__setattr__(self, name, _microseconds(name, times))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.X)

    @property
    def known_at(self) -> np.ndarray | None:
        """When each label became known: `label_time`, else `cutoff_time`, else None."""
        return self.cutoff_time if self.label_time is None else self.label_time

    @property
    def has_time(self) -> bool:
        """Whether rows lie at more than one moment."""
        times = self.cutoff_time
        return times is not None and len(times) > 0 and bool((times != times[0]).any())

    @property
    def fingerprint(self) -> str:
        """Name the content: every value, label, time and key, in order."""
        digest = hashlib.sha256()
        for name in self.X.columns:
            digest.update(f"{name}\0".encode())
            _update(digest, self.X[name].to_numpy())
        for array in (self.y, self.cutoff_time, self.label_time, self.key):
            digest.update(b"\1")
            if array is not None:
                _update(digest, array)
        if self.weight is not None:
            digest.update(b"\2")
            _update(digest, self.weight)
        if self.is_grouped:
            digest.update(b"\3")
        return digest.hexdigest()[:LENGTH]

    def take(self, indices: np.ndarray) -> "Dataset":
        """Give the rows at these positions, in this order, with a fresh index."""
        return Dataset(
            X=self.X.iloc[indices].reset_index(drop=True),
            y=self.y[indices],
            cutoff_time=None if self.cutoff_time is None else self.cutoff_time[indices],
            label_time=None if self.label_time is None else self.label_time[indices],
            key=None if self.key is None else self.key[indices],
            weight=None if self.weight is None else self.weight[indices],
            is_grouped=self.is_grouped,
        )


def _check_columns(X: pd.DataFrame) -> None:
    wrong = [
        f"{name!r} ({dtype})" for name, dtype in X.dtypes.items() if dtype not in (float, object)
    ]
    if wrong:
        raise DatasetError(
            f"Expected float64 and object columns only, got {', '.join(wrong[:5])}. "
            "Convert numbers to float64 and categories to str."
        )
    _check_numbers(X[[name for name, dtype in X.dtypes.items() if dtype.kind == "f"]])
    for name in [name for name, dtype in X.dtypes.items() if dtype.kind != "f"]:
        _check_levels(str(name), X[name].to_numpy())


def _check_names(X: pd.DataFrame) -> None:
    if not X.columns.is_unique or not all(isinstance(name, str) for name in X.columns):
        raise DatasetError("Expected unique column names of type str. Rename the columns.")


def _check_numbers(numbers: pd.DataFrame) -> None:
    infinite = np.isinf(numbers.to_numpy(dtype=float)).any(axis=0)
    if infinite.any():
        name = numbers.columns[int(infinite.argmax())]
        raise DatasetError(
            f"Expected finite numbers or NaN in column {name!r}, got infinite ones. "
            "Replace them by NaN, in training and when scoring."
        )


def _check_levels(name: str, values: np.ndarray) -> None:
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        raise DatasetError(
            f"Expected str and None in column {name!r}, got other objects too. "
            "Convert them to str, or the column to float64."
        )


def _check_length(name: str, array: np.ndarray | None, n_rows: int) -> None:
    if array is not None and array.shape != (n_rows,):
        raise DatasetError(
            f"Expected {name} of shape ({n_rows},) beside X of {n_rows} rows, got {array.shape}."
        )


def _proportions(weight: np.ndarray) -> np.ndarray | None:
    """Bring weights to a mean of one; None when all are the same, as without any."""
    if weight.dtype.kind not in "iuf" or not (np.isfinite(weight) & (weight > 0)).all():
        raise DatasetError(
            "Expected weights above zero and finite, got others. Leave rows without weight out."
        )
    return None if (weight == weight[:1]).all() else weight / weight.mean()


def _microseconds(name: str, times: np.ndarray) -> np.ndarray:
    if times.dtype.kind != "M":
        raise DatasetError(f"Expected {name} as naive datetime64, got {times.dtype}.")
    if np.isnat(times).any():
        raise DatasetError(f"Expected {name} without missing values. Drop those rows first.")
    return times.astype("datetime64[us]")


def _update(digest: "hashlib._Hash", values: np.ndarray) -> None:
    if values.dtype != object:
        digest.update(str(values.dtype).encode())
        digest.update(np.ascontiguousarray(values).view(np.uint8).data)
        return
    codes, levels = pd.factorize(values, use_na_sentinel=True)
    digest.update(np.ascontiguousarray(codes).view(np.uint8).data)
    digest.update("\0".join(f"{level}" for level in levels).encode("utf-8", "surrogatepass"))
