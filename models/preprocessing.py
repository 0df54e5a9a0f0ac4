"""Preprocessing: encoders from feature columns to a float matrix, fitted inside the fold.

Every encoder is made of scikit-learn's own transformers, so that it can be stored without pickle.
Numeric columns come first in the matrix, then what the categorical columns became.

References
----------
Micci-Barreca: A preprocessing scheme for high-cardinality categorical attributes (SIGKDD
Explorations 2001), for a level's mean label, shrunk to the mean of all. Spärck Jones: A
statistical interpretation of term specificity (Journal of Documentation 1972), for inverse document
frequencies; smoothed and with the L2 norm as in scikit-learn: ln((1 + n) / (1 + n_with)) + 1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)

from models.frames import word_groups
from models.task import Problem

Means = Literal["none", "many", "all"]
Words = Literal["counts", "tfidf"]
Repeated = Literal["number", "means"]
Selection = Literal["none", "use", "information", "correlation"]

MIN_LEVEL_ROWS = 10
"""A level seen in fewer training rows is pooled with the other rare ones."""

MAX_CODES = 254
"""LightGBM bins a categorical column by level, into at most 255 bins."""

MAX_COLUMNS_PER_CATEGORY = 25
MAX_ONE_HOT_COLUMNS = 500

MANY_LEVELS = 30
"""A categorical column with more levels is one of `means="many"`."""

MAX_MEAN_COLUMNS = 100
"""A problem of k > 2 classes takes k columns for every categorical one."""

MAX_REPEATED = 20
"""Likewise of the numbers that repeat."""

WHOLE_ROWS = 1_000
"""Rows that tell whether numbers are whole."""

MEAN_FOLDS = 5
MIN_ROWS_PER_LEVEL = 5
"""On average; with fewer a level's mean is hardly more than one other row's label."""

_TARGETS = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How feature columns become a matrix.

    Attributes
    ----------
    numbers
        `raw`: as they are, missing ones too. `standard`: standardised, missing ones at the mean
        with an indicator. `quantile`: likewise, but each number's normal score, which tames heavy
        tails.
    levels
        `codes`, for trees, or `one_hot`.
    means
        Categorical columns whose levels are given by the mean label of their rows: those of
        `many` levels, besides what `levels` makes of them, `all` of them instead, or `none`.
    repeated
        What is made of whole numbers that repeat (`repeated_numbers`), which may be names more
        than quantities: postcodes, keys of shops. `number`: what is made of others. `means`: each
        one's mean label besides.
    words
        What is made of a text's counts of words. `counts`: what is made of other numbers. `tfidf`:
        they are weighed by inverse document frequencies, learned of training rows, and each row's
        are divided by their length (L2).
    constructed
        How many columns made of two numeric ones are added at the most (`models.construction`).
    selection, selected
        How the columns are chosen that are encoded at all (`models.selection`), and which share of
        them at the most.
    """

    numbers: Literal["raw", "standard", "quantile"] = "raw"
    levels: Literal["codes", "one_hot"] = "codes"
    means: Means = "none"
    repeated: Repeated = "number"
    words: Words = "counts"
    constructed: int = 0
    selection: Selection = "none"
    selected: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoder:
    """An encoder and what the matrix it makes is like.

    Attributes
    ----------
    transformer
        Of scikit-learn.
    categorical
        Positions of the matrix's columns that hold codes of levels.
    """

    transformer: ColumnTransformer
    categorical: tuple[int, ...]

    def fit_transform(self, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        """Fit on training rows and encode them; no row's own label is in its means."""
        _give_folds(self.transformer, len(X))
        encoded = np.asarray(self.transformer.fit_transform(X, y))
        _forget_folds(self.transformer)
        return encoded


def make_encoder(
    encoding: Encoding,
    X: pd.DataFrame,
    problem: Problem,
    *,
    texts: Sequence[Sequence[str]] = (),
) -> Encoder:
    """Make an unfitted encoder for the columns of these training rows.

    Parameters
    ----------
    texts
        For each text the columns that count its words (`words_of`).
    """
    numeric, categorical = split_columns(X)
    weighed = list(texts) if encoding.words == "tfidf" else []
    words = [name for text in weighed for name in text]
    known = frozenset(words)
    numeric = [name for name in numeric if name not in known]
    by_mean = _columns_by_mean(encoding, X, problem)
    repeated = _repeated_by_mean(encoding, X[numeric], problem)
    rest = [name for name in categorical if encoding.means != "all" or name not in by_mean]
    means: Any = _means(problem)
    if encoding.numbers == "raw":
        numbers: Any = "passthrough"
    else:
        numbers = make_pipeline(_scaler(encoding, len(X)), _filler())
        means = make_pipeline(means, StandardScaler())
    codes = encoding.levels == "codes"
    levels = _codes(len(X)) if codes else _one_hot(len(X), len(rest))
    parts = _parts(
        ("numeric", numbers, numeric),
        *((f"words {number}", _tfidf(), list(text)) for number, text in enumerate(weighed)),
        ("levels", levels, rest),
        ("means", means, by_mean),
        ("repeated", clone(means), repeated),
    )
    transformer = ColumnTransformer(parts, sparse_threshold=0, verbose_feature_names_out=False)
    first = len(numeric) + len(words)
    positions = range(first, first + len(rest)) if codes else ()
    return Encoder(transformer=transformer, categorical=tuple(positions))


def split_columns(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Name the numeric and the categorical columns, in order."""
    numeric = [name for name, dtype in X.dtypes.items() if pd.api.types.is_float_dtype(dtype)]
    known = set(numeric)
    return numeric, [name for name in X.columns if name not in known]


def words_of(X: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Name for each text the columns that count its words."""
    return word_groups(split_columns(X)[0])


def count_levels(X: pd.DataFrame) -> dict[str, int]:
    """Count the levels of each categorical column; a missing value is one of them."""
    return {name: int(X[name].nunique(dropna=False)) for name in split_columns(X)[1]}


def repeated_numbers(X: pd.DataFrame) -> dict[str, int]:
    """Count the values of each column of whole numbers that are many, and mostly repeat."""
    names = split_columns(X)[0]
    values = X[names].to_numpy(dtype=float)
    sample = values[:: max(1, len(values) // WHOLE_ROWS)]
    is_whole = ((sample % 1 == 0) | np.isnan(sample)).all(axis=0)
    counts = {names[i]: len(np.unique(values[:, i])) for i in np.flatnonzero(is_whole)}
    most = len(X) // MIN_ROWS_PER_LEVEL
    return {name: n for name, n in counts.items() if MANY_LEVELS < n <= most}


def _repeated_by_mean(encoding: Encoding, X: pd.DataFrame, problem: Problem) -> list[str]:
    """Name whole numbers encoded by mean labels besides, in order; of too many those of most."""
    if encoding.repeated == "number":
        return []
    counts = repeated_numbers(X)
    width = problem.n_outputs if problem.task == "multiclass" else 1
    first = sorted(counts, key=lambda name: -counts[name])[: MAX_REPEATED // width]
    return [name for name in counts if name in first]


def _columns_by_mean(encoding: Encoding, X: pd.DataFrame, problem: Problem) -> list[str]:
    """Name the columns encoded by mean labels, in order; those of most levels where too many."""
    if encoding.means == "none":
        return []
    least = MANY_LEVELS if encoding.means == "many" else 1
    most = len(X) // MIN_ROWS_PER_LEVEL
    counts = {name: n for name, n in count_levels(X).items() if least < n <= most}
    width = problem.n_outputs if problem.task == "multiclass" else 1
    first = sorted(counts, key=lambda name: -counts[name])[: MAX_MEAN_COLUMNS // width]
    return [name for name in counts if name in first]


def _means(problem: Problem) -> TargetEncoder:
    return TargetEncoder(target_type=_TARGETS[problem.task], cv=MEAN_FOLDS)


def _give_folds(transformer: ColumnTransformer, n_rows: int) -> None:
    """Let every training row's means come from rows of other folds, dealt without the labels."""
    dealt = np.random.default_rng(0).permutation(n_rows) % MEAN_FOLDS
    folds = [(np.flatnonzero(dealt != k), np.flatnonzero(dealt == k)) for k in range(MEAN_FOLDS)]
    for encoder in _mean_encoders(part for _, part, _ in transformer.transformers):
        encoder.set_params(cv=folds)


def _forget_folds(transformer: ColumnTransformer) -> None:
    """Take from a fitted encoder the folds it was fitted by, which are no part of a model."""
    parts = (part for _, part, _ in (*transformer.transformers, *transformer.transformers_))
    for encoder in _mean_encoders(parts):
        encoder.set_params(cv=MEAN_FOLDS)


def _mean_encoders(parts: Iterable[Any]) -> Iterator[TargetEncoder]:
    for part in parts:
        steps = [step for _, step in part.steps] if isinstance(part, Pipeline) else [part]
        yield from (step for step in steps if isinstance(step, TargetEncoder))


def _codes(n_rows: int) -> OrdinalEncoder:
    """Code levels; a level never seen is -1, which LightGBM takes for missing."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-1,
        min_frequency=_least_rows(n_rows),
        max_categories=MAX_CODES,
    )


def _one_hot(n_rows: int, n_columns: int) -> OneHotEncoder:
    share = MAX_ONE_HOT_COLUMNS // max(1, n_columns)
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=_least_rows(n_rows),
        max_categories=max(3, min(MAX_COLUMNS_PER_CATEGORY, share)),
        sparse_output=False,
    )


def _scaler(encoding: Encoding, n_rows: int) -> StandardScaler | QuantileTransformer:
    if encoding.numbers == "standard":
        return StandardScaler()
    return QuantileTransformer(
        n_quantiles=min(100, n_rows),
        output_distribution="normal",
        subsample=10_000,
        random_state=0,
    )


def _tfidf() -> Pipeline:
    """Weigh words; a row whose count is missing, which no text gives, does not have the word."""
    known = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    return make_pipeline(known, TfidfTransformer())


def _filler() -> SimpleImputer:
    """Fill with zero after scaling, the mean or median; a median of 10⁵ rows × 10² costs 2 s."""
    return SimpleImputer(
        strategy="constant", fill_value=0.0, add_indicator=True, keep_empty_features=True
    )


def _least_rows(n_rows: int) -> int:
    return max(1, min(MIN_LEVEL_ROWS, n_rows // 100))


def _parts(*parts: tuple[str, object, Sequence[str]]) -> list[tuple[str, object, Sequence[str]]]:
    return [part for part in parts if part[2]]
