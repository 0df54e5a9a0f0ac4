import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ensemble import Limits, OutOfFold, mix, select
from models.metrics import METRICS

SIZES = (40, 25, 35)


def candidates(seed, n_candidates, task):
    """Predictions of very unequal quality on three blocks."""
    rng = np.random.default_rng(seed)
    noise = rng.uniform(0.2, 3, n_candidates)
    if task == "regression":
        y = rng.normal(size=100)
        return y, {j: y + noise[j] * rng.normal(size=100) for j in range(n_candidates)}
    classes = 2 if task == "binary" else 3
    y = rng.integers(0, classes, 100)
    y[[0, 1, 40, 41, 65, 66]] = [0, 1, 0, 1, 0, 1]
    logits = {
        j: np.eye(classes)[y] + noise[j] * rng.normal(size=(100, classes))
        for j in range(n_candidates)
    }
    shares = {j: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for j, z in logits.items()}
    return y, {j: p[:, 1] if classes == 2 else p for j, p in shares.items()}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 20), name=st.sampled_from(sorted(METRICS)))
def test_never_worse_than_the_best_member_on_the_rows_that_chose_it(seed, n, name):
    metric = METRICS[name]
    task = sorted(metric.tasks)[seed % len(metric.tasks)]
    y, predictions = candidates(seed, n, task)
    if name == "rmsle":
        y, predictions = np.abs(y), {j: np.abs(p) for j, p in predictions.items()}
    rows = OutOfFold(y=y, sizes=SIZES)
    found = select(predictions, rows, metric)
    best = max(metric.gain(rows.score(metric, p)) for p in predictions.values())
    assert metric.gain(found.score) >= best
    assert found.score == pytest.approx(rows.score(metric, mix(predictions, found.weights)))
    assert sum(found.weights.values()) == pytest.approx(1)
    assert len(found.weights) <= 6
    assert list(found.weights.values()) == sorted(found.weights.values(), reverse=True)


def test_unlike_members_help_each_other():
    y, predictions = candidates(1, 8, "regression")
    rows, metric = OutOfFold(y=y, sizes=SIZES), METRICS["rmse"]
    found = select(predictions, rows, metric)
    assert len(found.weights) > 1
    assert found.score < min(rows.score(metric, p) for p in predictions.values())


def test_costs_keep_members_out_but_never_the_best():
    y, predictions = candidates(1, 8, "regression")
    rows, metric = OutOfFold(y=y, sizes=SIZES), METRICS["rmse"]
    dear = Limits(costs=dict.fromkeys(range(8), 10.0), max_cost=5.0)
    assert len(select(predictions, rows, metric, dear).weights) == 1
    two = Limits(costs=dict.fromkeys(range(8), 10.0), max_cost=20.0)
    assert len(select(predictions, rows, metric, two).weights) == 2


def test_many_rows_are_thinned_for_choosing_but_not_for_the_score():
    rng = np.random.default_rng(0)
    y = rng.normal(size=60_000)
    predictions = {j: y + rng.normal(size=60_000) for j in range(3)}
    rows, metric = OutOfFold(y=y, sizes=(20_000,) * 3), METRICS["rmse"]
    found = select(predictions, rows, metric)
    assert found.score == rows.score(metric, mix(predictions, found.weights))
    assert found.score == pytest.approx(1 / np.sqrt(3), abs=0.01)


def test_weights_of_rows_decide_what_is_chosen():
    rng = np.random.default_rng(0)
    y, heavy = rng.normal(size=100), np.arange(100) % 2 == 0
    predictions = {
        1: y + np.where(heavy, 0.1, 3.0) * rng.normal(size=100),
        2: y + np.where(heavy, 3.0, 0.1) * rng.normal(size=100),
    }
    metric = METRICS["rmse"]
    for number, weight in ((1, np.where(heavy, 1.99, 0.01)), (2, np.where(heavy, 0.01, 1.99))):
        found = select(predictions, OutOfFold(y=y, sizes=SIZES, weight=weight), metric)
        assert next(iter(found.weights)) == number
        assert found.score < 0.5
