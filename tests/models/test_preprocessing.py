import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skops import io as skops_io

from models.preprocessing import (
    MANY_LEVELS,
    MAX_CODES,
    MAX_MEAN_COLUMNS,
    MAX_ONE_HOT_COLUMNS,
    Encoding,
    make_encoder,
    repeated_numbers,
)
from models.serving import TRUSTED, check_trusted
from models.task import Problem
from tests.models.tables import PROBLEMS, make_table

# An empty column: a worker runs with `-W ignore`.
pytestmark = [
    pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning"),
]

TREES = Encoding()
STANDARD = Encoding(numbers="standard", levels="one_hot")
QUANTILE = Encoding(numbers="quantile", levels="one_hot")
ENCODINGS = [TREES, STANDARD, QUANTILE]


@pytest.fixture(scope="module")
def data():
    return make_table(n_rows=300)


@pytest.fixture(scope="module")
def X(data):
    return data.X


def fitted(encoding, X, y=None, kind="binary"):
    y = np.arange(len(X)) % 2 if y is None else y
    encoder = make_encoder(encoding, X, PROBLEMS[kind])
    encoder.fit_transform(X, y)
    return encoder.transformer


def codes_of(encoding, X):
    return list(make_encoder(encoding, X, PROBLEMS["binary"]).categorical)


@pytest.mark.parametrize("means", ["none", "all"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_matrix_is_float_and_rows_are_encoded_one_by_one(encoding, means, X):
    encoder = fitted(Encoding(numbers=encoding.numbers, levels=encoding.levels, means=means), X)
    whole = encoder.transform(X)
    assert whole.dtype == float
    assert whole.shape[0] == 300
    np.testing.assert_array_equal(encoder.transform(X.iloc[17:18]), whole[17:18])


@pytest.mark.parametrize("encoding", [STANDARD, QUANTILE])
def test_linear_encodings_are_finite_and_tame_outliers(encoding, X):
    encoder = fitted(encoding, X)
    odd = X.copy()
    odd["size"], odd["colour"], odd["noise"] = np.nan, None, 1e12
    assert np.isfinite(encoder.transform(odd)).all()
    if encoding == QUANTILE:
        assert np.abs(encoder.transform(odd)).max() < 6


def test_trees_keep_numbers_and_holes_and_get_codes(X):
    encoded = fitted(TREES, X).transform(X)
    np.testing.assert_array_equal(encoded[:, 0], X["size"])
    codes = encoded[:, codes_of(TREES, X)]
    assert codes.min() >= 0
    assert len(np.unique(codes[:, 0])) == 4  # three colours and none


def test_unseen_levels_are_minus_one_or_pooled_with_the_rare(X):
    encoder = fitted(TREES, X)
    unseen = X.assign(colour="mauve")
    assert (encoder.transform(unseen)[:, codes_of(TREES, X)[0]] == -1).all()
    one_hot = fitted(STANDARD, X)
    assert one_hot.transform(unseen).shape == one_hot.transform(X).shape


def test_rare_levels_are_pooled_and_widths_are_bounded():
    rng = np.random.default_rng(0)
    columns = {
        f"c{i}": rng.integers(0, 2_000, 20_000).astype(str).astype(object) for i in range(30)
    }
    X = pd.DataFrame(columns)
    X.loc[:3, "c0"] = "seldom"
    ordinal = fitted(TREES, X)
    assert ordinal.transform(X).max() < MAX_CODES
    one_hot = fitted(STANDARD, X)
    assert one_hot.transform(X.iloc[:5]).shape[1] <= MAX_ONE_HOT_COLUMNS + 25
    assert not any("seldom" in level for level in one_hot.get_feature_names_out())


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
@pytest.mark.parametrize("encoding", [*ENCODINGS, Encoding(means="all")])
def test_columns_of_one_kind_are_enough(encoding, kind, X):
    part = X[["size", "noise"]] if kind == "numeric" else X[["colour", "maker"]]
    assert len(fitted(encoding, part).transform(part)) == 300


def make_levels(n_rows=1_200, n_levels=100, seed=0):
    """Levels that decide half of the label, and a number that says nothing."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, n_levels, n_rows)
    X = pd.DataFrame(
        {
            "number": rng.normal(size=n_rows),
            "level": np.char.add("l", level.astype(str)).astype(object),
            "coin": rng.choice(["heads", "tails"], n_rows).astype(object),
        }
    )
    effect = rng.normal(size=n_levels)
    return X, effect[level] + 0.5 * rng.normal(size=n_rows), effect[level]


def test_a_level_of_many_is_given_by_its_mean_besides_its_code():
    X, y, effect = make_levels()
    made = make_encoder(Encoding(means="many"), X, PROBLEMS["regression"])
    encoded = made.fit_transform(X, y)
    assert encoded.shape == (1_200, 4)  # the number, two codes, one mean
    assert made.categorical == (1, 2)
    assert np.corrcoef(encoded[:, 3], effect)[0, 1] > 0.95
    unseen = made.transformer.transform(X.assign(level="new"))[:, 3]
    np.testing.assert_allclose(unseen, y.mean())


def test_all_levels_may_be_given_by_means_only():
    X, y, _ = make_levels()
    made = make_encoder(Encoding(means="all"), X, PROBLEMS["regression"])
    assert made.fit_transform(X, y).shape == (1_200, 3)
    assert made.categorical == ()


def test_few_levels_have_no_means_unless_all_have():
    X, y, _ = make_levels(n_levels=MANY_LEVELS)
    assert fitted(Encoding(means="many"), X, y, "regression").transform(X).shape[1] == 3
    X, y, _ = make_levels(n_levels=MANY_LEVELS + 1)
    assert fitted(Encoding(means="many"), X, y, "regression").transform(X).shape[1] == 4


def test_a_column_of_too_few_rows_for_each_level_has_no_means():
    X, y, _ = make_levels(n_rows=400, n_levels=300)
    assert fitted(Encoding(means="all"), X, y, "regression").transform(X).shape[1] == 3
    assert make_encoder(Encoding(means="all"), X, PROBLEMS["regression"]).categorical == (1,)


@settings(max_examples=25, deadline=None)
@given(row=st.integers(0, 1_199), value=st.floats(-1e3, 1e3), seed=st.integers(0, 3))
def test_no_training_row_has_its_own_label_in_its_mean(row, value, seed):
    X, y, _ = make_levels(seed=seed)
    other = y.copy()
    other[row] = value
    encodings = [
        make_encoder(Encoding(means="many"), X, PROBLEMS["regression"]).fit_transform(X, labels)
        for labels in (y, other)
    ]
    np.testing.assert_array_equal(encodings[0][row], encodings[1][row])


def test_a_problem_of_many_classes_has_a_bounded_number_of_mean_columns():
    n_classes, n_columns = 12, 15
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 40, (600, n_columns)).astype(str).astype(object)
    X = pd.DataFrame(levels, columns=[f"c{i}" for i in range(n_columns)])
    problem = Problem(task="multiclass", metric="log_loss", classes=tuple(range(n_classes)))
    made = make_encoder(Encoding(means="all"), X, problem)
    encoded = made.fit_transform(X, np.arange(600) % n_classes)
    n_by_mean = MAX_MEAN_COLUMNS // n_classes
    assert encoded.shape[1] == n_by_mean * n_classes + (n_columns - n_by_mean)
    assert len(made.categorical) == n_columns - n_by_mean


def make_shops(n_rows=1_200, n_shops=60, seed=0):
    """Rows of numbered shops, of which each has an effect that its number does not tell."""
    X, y, effect = make_levels(n_rows, n_shops, seed)
    shop = X["level"].str[1:].astype(float)
    return X[["number"]].assign(shop=shop.where(shop != 7)), y, effect


def test_whole_numbers_that_repeat_are_told_from_others():
    X, _, _ = make_shops()
    others = X.assign(
        few=np.arange(1_200) % MANY_LEVELS * 1.0,
        rare=np.arange(1_200) // 2 * 1.0,
        halves=np.arange(1_200) % 40 / 2,
        level=(np.arange(1_200) % 40).astype(str).astype(object),
        empty=np.nan,
    )
    assert repeated_numbers(others) == {"shop": 60}


def test_a_number_that_is_a_name_is_given_by_its_mean_besides():
    X, y, effect = make_shops()
    made = make_encoder(Encoding(repeated="means"), X, PROBLEMS["regression"])
    encoded = made.fit_transform(X, y)
    np.testing.assert_array_equal(encoded[:, :2], X.to_numpy())
    assert np.corrcoef(encoded[:, 2], effect)[0, 1] > 0.95
    unseen = made.transformer.transform(X.assign(shop=1e6))[:, 2]
    np.testing.assert_allclose(unseen, y.mean())
    assert make_encoder(Encoding(), X, PROBLEMS["regression"]).fit_transform(X, y).shape[1] == 2


@settings(max_examples=10, deadline=None)
@given(row=st.integers(0, 1_199), value=st.floats(-1e3, 1e3))
def test_no_training_row_has_its_own_label_in_the_mean_of_its_number(row, value):
    X, y, _ = make_shops()
    other = y.copy()
    other[row] = value
    encoding = Encoding(numbers="standard", levels="one_hot", repeated="means")
    encodings = [
        make_encoder(encoding, X, PROBLEMS["regression"]).fit_transform(X, labels)
        for labels in (y, other)
    ]
    # Standardised by all rows: where the row's own mean stands among the others is what must stay.
    ranks = [encoded[:, -1][row] > np.delete(encoded[:, -1], row) for encoded in encodings]
    folds = np.random.default_rng(0).permutation(len(y)) % 5
    same = np.delete(folds, row) == folds[row]
    np.testing.assert_array_equal(ranks[0][same], ranks[1][same])


@pytest.mark.parametrize("kind", list(PROBLEMS))
def test_means_of_numbers_are_stored_without_pickle_and_come_back_equal(kind):
    X, y, _ = make_shops()
    y = y if kind == "regression" else np.digitize(y, [0.0] if kind == "binary" else [-0.5, 0.5])
    encoding = Encoding(numbers="quantile", levels="one_hot", repeated="means")
    encoder = fitted(encoding, X, y, kind)
    data = skops_io.dumps(encoder)
    check_trusted("encoder", data)
    again = skops_io.loads(data, trusted=list(TRUSTED))
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))


@pytest.mark.parametrize("kind", list(PROBLEMS))
def test_means_are_stored_without_pickle_and_come_back_equal(kind):
    X, y, _ = make_levels()
    y = y if kind == "regression" else np.digitize(y, [0.0] if kind == "binary" else [-0.5, 0.5])
    encoder = fitted(Encoding(numbers="standard", levels="one_hot", means="all"), X, y, kind)
    data = skops_io.dumps(encoder)
    check_trusted("encoder", data)
    again = skops_io.loads(data, trusted=list(TRUSTED))
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))
