"""Frames: from rows as people have them to the floats and strings that models take.

What each column becomes is decided when a model is fitted (`models.columns`) and applied here.
This file travels with exported models, so it imports only what they require.
"""

import re
import warnings
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer

ColumnKind = Literal["number", "digits", "level", "moment", "text"]

MAX_TEXT_LENGTH = 2_000
_DAY_SECONDS = 86_400.0
_LARGEST = float(np.finfo(np.float32).max)
_WORDS = re.compile(r"(.*): words \d+", re.DOTALL)


class FrameError(ValueError):
    """Rows are not of the kind a model was fitted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the rows given, and what it becomes.

    Attributes
    ----------
    name
        Its label as text, unique among the columns.
    kind
        `number` (booleans and durations in days too), `digits` (numbers written as text, NaN
        where they are not), `level`, `moment` (date and time) or `text`.
    parts
        Of a moment: some of `days` (since 1970), `month`, `day`, `weekday`, `hour`, `minute`.
    n_buckets, buckets
        Of a text: its words are hashed into so many buckets, and counted in these of them.
    """

    name: str
    kind: ColumnKind
    parts: tuple[str, ...] = ()
    n_buckets: int = 0
    buckets: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Name the columns it becomes."""
        if self.kind == "moment":
            return tuple(f"{self.name}: {part}" for part in self.parts)
        if self.kind == "text":
            words = tuple(f"{self.name}: words {bucket}" for bucket in self.buckets)
            return (f"{self.name}: length", *words)
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FramedModel:
    """An ensemble that takes rows as they were given to `fit`.

    Attributes
    ----------
    ensemble
        A `models.serving.EnsembleModel` on the converted columns.
    """

    columns: tuple[Column, ...]
    ensemble: Any

    @property
    def used_columns(self) -> frozenset[str]:
        """Name the given columns that any member looks at."""
        used = self.ensemble.used_columns
        return frozenset(column.name for column in self.columns if used & set(column.names))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict rows: P(second class) or values `(n,)`, probabilities `(n, n_classes)`."""
        return np.asarray(self.ensemble.predict(convert(X, self.columns)))


def unique_names(labels: Iterable[Hashable]) -> list[str]:
    """Turn column labels of any type into text, each once.

    Examples
    --------
    >>> unique_names(["a", 1, ("x", 2), "a"])
    ['a', '1', "('x', 2)", 'a (2)']
    """
    names: dict[str, None] = {}
    for label in labels:
        base = name = str(label)
        number = 2
        while name in names:
            name, number = f"{base} ({number})", number + 1
        names[name] = None
    return list(names)


def word_groups(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Group the names of columns that count the words of one text, in order (`Column.names`).

    Examples
    --------
    >>> column = Column(name="note", kind="text", n_buckets=64, buckets=(3, 5))
    >>> word_groups([*column.names, "age", "title: words 7"])
    (('note: words 3', 'note: words 5'), ('title: words 7',))
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        if found := _WORDS.fullmatch(name):
            groups.setdefault(found[1], []).append(name)
    return tuple(map(tuple, groups.values()))


def convert(X: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Give the columns that models take: float64, or object columns of `str` and `None`.

    Parameters
    ----------
    X
        Columns by unique names, in any order, with others.

    Raises
    ------
    FrameError
        When a column is missing, or holds what it did not hold in training.
    """
    missing = [column.name for column in columns if column.name not in X.columns]
    if missing:
        shown = ", ".join(map(repr, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise FrameError(
            f"Expected the {len(columns)} columns the model was fitted on, got rows without "
            f"{len(missing)} of them: {shown}. Give NaN or None where a value is unknown."
        )
    plain = _plain_numbers(X, columns)
    numbers = _finite(X[plain].to_numpy(dtype=float))
    if len(plain) == len(columns):
        return pd.DataFrame(numbers, columns=plain, index=X.index)
    parts: dict[str, np.ndarray] = {}
    together = dict(zip(plain, numbers.T, strict=True))
    for column in columns:
        if column.name in together:
            parts[column.name] = together[column.name]
        else:
            parts |= zip(column.names, _arrays(X[column.name], column), strict=True)
    return pd.DataFrame(parts, index=X.index)


def moments(values: pd.Series) -> pd.Series:
    """Read dates and times as naive ones, as clocks showed them; NaT where there is none."""
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = _read_moments(values.astype(object))
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    return values


def _plain_numbers(X: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Name the columns that are numbers of NumPy's types: they are converted at once."""
    types = dict(zip(X.columns, X.dtypes, strict=True))
    return [
        column.name
        for column in columns
        if column.kind == "number"
        and isinstance(dtype := types[column.name], np.dtype)
        and dtype.kind in "fiub"
    ]


def _arrays(values: pd.Series, column: Column) -> list[np.ndarray]:
    match column.kind:
        case "number":
            return [_numbers(values)]
        case "digits":
            parsed = pd.to_numeric(values.astype(object), errors="coerce")
            return [_finite(parsed.to_numpy(dtype=float))]
        case "level":
            return [_levels(values)]
        case "moment":
            return _parts(moments(values), column.parts)
        case "text":
            return _counts(values, column)


def _read_moments(values: pd.Series) -> pd.Series:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            read = pd.to_datetime(values, errors="coerce", format="ISO8601")
    except (TypeError, ValueError, FutureWarning):
        # Several time zones in one column: only their common clock can be told.
        return pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    return read


def _numbers(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return np.asarray(values.dt.total_seconds().to_numpy() / _DAY_SECONDS)
    try:
        return _finite(values.to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise FrameError(
            f"Expected numbers in column {values.name!r}, as in training: {error}."
        ) from error


def _finite(numbers: np.ndarray) -> np.ndarray:
    """Give NaN for infinite numbers, and the largest single for what only a double can hold."""
    return np.clip(np.where(np.isfinite(numbers), numbers, np.nan), -_LARGEST, _LARGEST)


def _levels(values: pd.Series) -> np.ndarray:
    given = values.astype(object).to_numpy()
    try:
        codes, found = pd.factorize(given, use_na_sentinel=True)
    except TypeError:  # what has no hash: lists, dictionaries
        codes, found = pd.factorize(np.array([str(value) for value in given], dtype=object))
    levels = np.array([*(_level(value) for value in found), None], dtype=object)
    return np.asarray(levels[codes])


def _level(value: object) -> str:
    """Write a level so that 1, 1.0 and Decimal(1) are the same."""
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)  # type: ignore[call-overload]


def _parts(values: pd.Series, parts: Sequence[str]) -> list[np.ndarray]:
    known = values.notna().to_numpy()
    arrays = []
    for part in parts:
        if part == "days":
            since = (values - pd.Timestamp("1970-01-01")).dt.total_seconds() / _DAY_SECONDS
        else:
            since = getattr(values.dt, part)
        arrays.append(np.where(known, since.to_numpy(dtype=float, na_value=np.nan), np.nan))
    return arrays


def _counts(values: pd.Series, column: Column) -> list[np.ndarray]:
    """Count words, in logarithms, by the hash of the word."""
    known = values.notna()
    texts = [str(v)[:MAX_TEXT_LENGTH] if k else "" for v, k in zip(values, known, strict=True)]
    hashed = HashingVectorizer(n_features=column.n_buckets, alternate_sign=False, norm=None)
    counts = hashed.transform(texts).tocsc()[:, list(column.buckets)].toarray()
    lengths = np.array([len(text) for text in texts], dtype=float)
    return [lengths, *np.log1p(counts).T]
