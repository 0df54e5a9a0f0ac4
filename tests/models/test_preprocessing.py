import numpy as np
import pandas as pd
import pytest

from models.preprocessing import (
    MAX_CODES,
    MAX_ONE_HOT_COLUMNS,
    categorical_positions,
    make_encoder,
)
from tests.models.tables import make_table

# An empty column: a worker runs with `-W ignore`.
pytestmark = [
    pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning"),
]

ENCODINGS = ["ordinal", "standard", "quantile"]


@pytest.fixture(scope="module")
def X():
    return make_table(n_rows=300).X


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_matrix_is_float_and_rows_are_encoded_one_by_one(encoding, X):
    encoder = make_encoder(encoding, X).fit(X)
    whole = encoder.transform(X)
    assert whole.dtype == float
    assert whole.shape[0] == 300
    np.testing.assert_array_equal(encoder.transform(X.iloc[17:18]), whole[17:18])


@pytest.mark.parametrize("encoding", ["standard", "quantile"])
def test_linear_encodings_are_finite_and_tame_outliers(encoding, X):
    encoder = make_encoder(encoding, X).fit(X)
    odd = X.copy()
    odd["size"], odd["colour"], odd["noise"] = np.nan, None, 1e12
    assert np.isfinite(encoder.transform(odd)).all()
    if encoding == "quantile":
        assert np.abs(encoder.transform(odd)).max() < 6


def test_trees_keep_numbers_and_holes_and_get_codes(X):
    encoded = make_encoder("ordinal", X).fit_transform(X)
    np.testing.assert_array_equal(encoded[:, 0], X["size"])
    codes = encoded[:, list(categorical_positions(X))]
    assert codes.min() >= 0
    assert len(np.unique(codes[:, 0])) == 4  # three colours and none


def test_unseen_levels_are_minus_one_or_pooled_with_the_rare(X):
    encoder = make_encoder("ordinal", X).fit(X)
    unseen = X.assign(colour="mauve")
    assert (encoder.transform(unseen)[:, categorical_positions(X)[0]] == -1).all()
    one_hot = make_encoder("standard", X).fit(X)
    assert one_hot.transform(unseen).shape == one_hot.transform(X).shape


def test_rare_levels_are_pooled_and_widths_are_bounded():
    rng = np.random.default_rng(0)
    columns = {
        f"c{i}": rng.integers(0, 2_000, 20_000).astype(str).astype(object) for i in range(30)
    }
    X = pd.DataFrame(columns)
    X.loc[:3, "c0"] = "seldom"
    ordinal = make_encoder("ordinal", X).fit(X)
    assert ordinal.transform(X).max() < MAX_CODES
    one_hot = make_encoder("standard", X).fit(X)
    assert one_hot.transform(X.iloc[:5]).shape[1] <= MAX_ONE_HOT_COLUMNS + 25
    assert not any("seldom" in level for level in one_hot.get_feature_names_out())


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_columns_of_one_kind_are_enough(encoding, kind, X):
    part = X[["size", "noise"]] if kind == "numeric" else X[["colour", "maker"]]
    assert len(make_encoder(encoding, part).fit_transform(part)) == 300


def test_a_constant_model_takes_no_columns(X):
    assert make_encoder("none", X) is None
