"""Preprocessing: encoders from feature columns to a float matrix, fitted inside the fold.

Every encoder is made of scikit-learn's own transformers, so that it can be stored without pickle.
Numeric columns come first in the matrix, then what the categorical columns became.
"""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
)

Encoding = Literal["none", "ordinal", "standard", "quantile"]

MIN_LEVEL_ROWS = 10
"""A level seen in fewer training rows is pooled with the other rare ones."""

MAX_CODES = 254
"""LightGBM bins a categorical column by level, into at most 255 bins."""

MAX_COLUMNS_PER_CATEGORY = 25
MAX_ONE_HOT_COLUMNS = 500


def make_encoder(encoding: Encoding, X: pd.DataFrame) -> ColumnTransformer | None:
    """Make an unfitted encoder.

    Parameters
    ----------
    encoding
        `ordinal` for trees: numbers as they are (missing ones too), levels as codes.
        `standard` for linear models: standardised numbers, missing ones at the mean with an
        indicator, levels one-hot. `quantile`: likewise, but each number's normal score, which
        tames heavy tails. `none`: no columns are taken (a constant model).
    """
    if encoding == "none":
        return None
    numeric, categorical = split_columns(X)
    if encoding == "ordinal":
        parts = _parts(("numeric", "passthrough", numeric), ("levels", _codes(len(X)), categorical))
    else:
        numbers = make_pipeline(_scaler(encoding, len(X)), _filler())
        levels = _one_hot(len(X), len(categorical))
        parts = _parts(("numeric", numbers, numeric), ("levels", levels, categorical))
    return ColumnTransformer(parts, sparse_threshold=0, verbose_feature_names_out=False)


def split_columns(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Name the numeric and the categorical columns, in order."""
    numeric = [name for name, dtype in X.dtypes.items() if pd.api.types.is_float_dtype(dtype)]
    known = set(numeric)
    return numeric, [name for name in X.columns if name not in known]


def categorical_positions(X: pd.DataFrame) -> tuple[int, ...]:
    """Give the positions at which the `ordinal` encoding has the levels' codes."""
    numeric, categorical = split_columns(X)
    return tuple(range(len(numeric), len(numeric) + len(categorical)))


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
    if encoding == "standard":
        return StandardScaler()
    return QuantileTransformer(
        n_quantiles=min(100, n_rows),
        output_distribution="normal",
        subsample=10_000,
        random_state=0,
    )


def _filler() -> SimpleImputer:
    """Fill with zero after scaling, the mean or median; a median of 10⁵ rows × 10² costs 2 s."""
    return SimpleImputer(
        strategy="constant", fill_value=0.0, add_indicator=True, keep_empty_features=True
    )


def _least_rows(n_rows: int) -> int:
    return max(1, min(MIN_LEVEL_ROWS, n_rows // 100))


def _parts(*parts: tuple[str, object, Sequence[str]]) -> list[tuple[str, object, Sequence[str]]]:
    return [part for part in parts if part[2]]
