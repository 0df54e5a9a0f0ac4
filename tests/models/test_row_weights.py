"""Weights of rows, from `fit` to the scores."""

import numpy as np
import pandas as pd
import pytest

from models.sharing import open_shared
from tests.models.inline import InlineClassifier, InlineRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::models.findings.DataWarning"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]
N = 120


def make_contradictions():
    """Two numbers, and labels of which every second says the opposite of the one before."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    odd = np.arange(N) % 2 == 1
    return X, np.where(odd == (X[:, 0] > 0), "high", "low"), odd


def test_equal_weights_are_none():
    X, y, _ = make_contradictions()
    plain = InlineClassifier(max_trials=1).fit(X, y)
    even = InlineClassifier(max_trials=1).fit(X, y, sample_weight=[3] * N)
    np.testing.assert_array_equal(even.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, pd.Categorical])
def test_rows_without_weight_are_left_out(kind):
    X, y, odd = make_contradictions()
    heavy = np.where(odd, 0.0, 1.0 + np.arange(N) % 3)
    without = InlineClassifier(max_trials=1).fit(X[~odd], y[~odd], sample_weight=heavy[~odd])
    zero = InlineClassifier(max_trials=1).fit(pd.DataFrame(X), kind(y), sample_weight=heavy)
    np.testing.assert_array_equal(zero.predict_proba(pd.DataFrame(X)), without.predict_proba(X))


def test_heavier_rows_decide_what_is_learnt_and_what_it_is_worth(tmp_path):
    X, y, odd = make_contradictions()
    model = InlineClassifier(max_trials=3, state_dir=tmp_path)
    model.fit(X, y, sample_weight=np.where(odd, 99.0, 1.0))
    assert (model.predict(X)[odd] == y[odd]).mean() > 0.9
    assert (model.predict(X)[~odd] == y[~odd]).mean() < 0.1
    assert model.leaderboard_["score"].iloc[0] > 0.95
    assert model.ensemble_score_ > 0.95
    assert model.explain()["importance"].iloc[0] > 0.3
    (directory,) = tmp_path.iterdir()
    weight = open_shared(directory / "data").weight
    np.testing.assert_allclose(weight[odd] / weight[0], 99)


def test_a_final_fit_on_all_rows_follows_weights_too():
    X, _, odd = make_contradictions()
    frame = pd.DataFrame(X).assign(when=pd.date_range("2024-01-01", periods=N))
    target = np.where(odd, X[:, 0], -X[:, 0])
    model = InlineRegressor(max_trials=1, time_column="when")
    model.fit(frame, target, sample_weight=np.where(odd, 0.01, 9.0))
    assert np.corrcoef(model.predict(frame), X[:, 0])[0, 1] < -0.9


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((N, 2)), r"one number per row, got an array of shape \(120, 2\)"),
        (np.ones(N - 1), "inconsistent numbers of samples"),
        (np.full(N, np.nan), "finite numbers from 0"),
        (-np.ones(N), "finite numbers from 0"),
        (["heavy"] * N, "Expected numbers in sample_weight"),
        (np.zeros(N), "all of sample_weight is zero"),
        ((make_contradictions()[1] == "low").astype(float), "1 class: low"),
    ],
)
def test_weights_that_are_none_are_refused(weight, message):
    X, y, _ = make_contradictions()
    with pytest.raises(ValueError, match=message):
        InlineClassifier().fit(X, y, sample_weight=weight)
