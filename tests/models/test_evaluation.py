import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.blocks import draw_resamples
from models.errors import ModelError
from models.evaluation import evaluate, paired_difference
from models.importance import permutation_importance
from models.metrics import METRICS, metrics_of
from models.resampled import RESAMPLED, resampled_scores
from models.task import Problem
from tests.models.small import NUMERIC, fit_small, make_small

TASKS = ("binary", "multiclass", "regression")


def make_scored(task, n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    if task == "binary":
        y = (rng.random(n_rows) < 0.3).astype(int)
        # Rounded, so that there are ties.
        return y, np.round(np.clip(0.3 + 0.2 * y + 0.2 * rng.normal(size=n_rows), 0, 1), 2)
    if task == "multiclass":
        y = rng.integers(0, 3, n_rows)
        weights = rng.random((n_rows, 3)) + np.eye(3)[y] * 0.5
        return y, np.round(weights / weights.sum(axis=1, keepdims=True), 3)
    y = rng.exponential(size=n_rows) * 5
    return y, y + rng.normal(size=n_rows)


@pytest.mark.parametrize(("task", "name"), [(t, name) for t in TASKS for name in metrics_of(t)])
def test_scores_of_resamples_are_the_metric_on_the_rows_drawn(task, name):
    y, prediction = make_scored(task)
    resamples = draw_resamples(y, None, seed=0, classes=task != "regression", n_resamples=25)
    fast = resampled_scores(name, y, prediction, resamples)
    for counts, score in zip(resamples.counts, fast, strict=True):
        rows = np.repeat(np.arange(len(y)), counts.astype(int)[resamples.codes])
        assert score == pytest.approx(METRICS[name].score(y[rows], prediction[rows]), abs=1e-9)


def test_every_metric_has_a_formula_for_resamples():
    assert set(RESAMPLED) == set(METRICS)


@pytest.mark.parametrize("task", TASKS)
def test_an_evaluation_holds_intervals_around_scores_and_is_json(task):
    y, prediction = make_scored(task)
    problem = make_small(task, n_rows=50).problem
    evaluation = evaluate(y, prediction, problem, None, seed=0)
    assert next(iter(evaluation.scores)) == problem.metric
    for name, score in evaluation.scores.items():
        assert score.low <= score.value <= score.high, name
    assert evaluation.gain.low > 0
    assert evaluation.gain.p < 0.01
    assert sum(each.n for each in evaluation.calibration) == len(y)
    predicted = [each.predicted for each in evaluation.calibration]
    assert predicted == sorted(predicted)
    assert bool(evaluation.lift) == (task == "binary")
    assert bool(evaluation.residuals) == (task == "regression")
    json.dumps(evaluation.to_dict(), allow_nan=False)
    assert evaluate(y, prediction, problem, None, seed=0) == evaluation


def test_lift_captures_everything_in_the_end():
    y, prediction = make_scored("binary", n_rows=1_000)
    lift = evaluate(y, prediction, make_small().problem, None, seed=0).lift
    assert lift[-1].captured == pytest.approx(1)
    assert lift[0].lift > 1 > lift[-1].lift


def test_intervals_hold_the_truth_as_often_as_they_say_when_days_differ():
    # Whole days are easier or harder: resampling rows would promise far too much.
    rng = np.random.default_rng(0)
    held, held_by_rows, n_worlds = 0, 0, 150
    for world in range(n_worlds):
        days = np.repeat(np.arange(40), 25)
        error = rng.normal(size=40)[days] + rng.normal(size=1_000)
        times = np.datetime64("2013-01-01", "us") + days.astype("timedelta64[D]")
        problem = Problem(task="regression", metric="rmse")
        zero = np.zeros(1_000)
        truth = np.sqrt(2.0)
        score = evaluate(error, zero, problem, times, seed=world).scores["rmse"]
        held += score.low <= truth <= score.high
        score = evaluate(error, zero, problem, None, seed=world).scores["rmse"]
        held_by_rows += score.low <= truth <= score.high
    assert held / n_worlds > 0.85
    assert held_by_rows < held


def test_equal_models_differ_significantly_as_rarely_as_promised():
    found, n_worlds = 0, 100
    for world in range(n_worlds):
        rng = np.random.default_rng(world)
        y = (rng.random(400) < 0.3).astype(int)
        a, b = 0.5 * y + rng.normal(size=(2, 400))
        found += paired_difference(y, a, b, "roc_auc", None, seed=0).p < 0.05
    assert found / n_worlds < 0.12


def test_twenty_thousand_rows_take_less_than_three_seconds():
    y, prediction = make_scored("binary", n_rows=20_000)
    days = np.sort(np.random.default_rng(0).integers(0, 60, 20_000)).astype("timedelta64[D]")
    start = time.process_time()
    evaluate(y, prediction, make_small().problem, np.datetime64("2013-01-01", "us") + days, 0)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("n_days", "expected"),
    [(None, "20 equal parts"), (3, "20 spans of time"), (25, "25 days")],
)
def test_blocks_are_days_when_there_are_enough(n_days, expected):
    y, prediction = make_scored("binary", n_rows=400)
    times = None
    if n_days:
        days = np.sort(np.arange(400) % n_days).astype("timedelta64[D]")
        times = np.datetime64("2013-01-01", "us") + days
    assert evaluate(y, prediction, make_small().problem, times, seed=0).blocks == expected


@settings(max_examples=40, deadline=None)
@given(n_positive=st.integers(1, 4), n_rows=st.integers(20, 80), seed=st.integers(0, 100))
def test_every_resample_has_both_classes(n_positive, n_rows, seed):
    rng = np.random.default_rng(seed)
    y = np.zeros(n_rows)
    y[rng.choice(n_rows, n_positive, replace=False)] = 1
    resamples = draw_resamples(y, None, seed=seed, classes=True, n_resamples=200)
    positives = resamples.sums(y[:, None])[:, 0]
    assert (positives > 0).all()
    assert len(resamples.counts) > 150
    assert np.isfinite(resampled_scores("roc_auc", y, rng.random(n_rows), resamples)).all()


def test_one_class_gives_undefined_scores_and_no_crash():
    evaluation = evaluate(np.zeros(50), np.full(50, 0.1), make_small().problem, None, seed=0)
    assert np.isnan(evaluation.score.value)
    assert np.isnan(evaluation.score.low)
    assert evaluation.lift == ()


def test_a_difference_turns_its_sign_for_losses():
    y, prediction = make_scored("regression")
    worse = prediction + 3
    good = paired_difference(y, prediction, worse, "rmse", None, seed=0)
    bad = paired_difference(y, worse, prediction, "rmse", None, seed=0)
    assert good.low > 0 > bad.high
    assert good.difference == pytest.approx(-bad.difference)


def test_what_cannot_be_scored_is_refused():
    problem = make_small().problem
    with pytest.raises(ModelError, match="2 predictions for 3 labels"):
        evaluate(np.zeros(3), np.zeros(2), problem, None, seed=0)
    with pytest.raises(ModelError, match="1 that are NaN or infinite"):
        evaluate(np.zeros(2), np.array([0.1, np.inf]), problem, None, seed=0)


@pytest.mark.parametrize("task", TASKS)
def test_importance_finds_the_columns_that_matter(task):
    data = make_small(task)
    model = fit_small(data)
    first = permutation_importance(model, data.X, data.y, data.problem, seed=0)
    assert {name for name, _ in first[:2]} == {NUMERIC, "carrier"}
    assert first[1][1] > 3 * abs(dict(first)["noise"])
    assert first == permutation_importance(model, data.X, data.y, data.problem, seed=0)


def test_importance_stops_in_time_and_leaves_the_rows_alone():
    data = make_small()
    before = data.X.copy()
    model = fit_small(data)
    assert permutation_importance(model, data.X, data.y, data.problem, seed=0, max_seconds=0) == ()
    permutation_importance(model, data.X, data.y, data.problem, seed=0, n_top=2)
    assert data.X.equals(before)
