import json
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.blocks import draw_resamples
from models.errors import ModelError
from models.evaluation import Evaluation, evaluate, paired_difference, score_slices
from models.importance import permutation_importance
from models.metrics import METRICS, metrics_of
from models.resampled import RESAMPLED, resampled_scores
from models.serving.decision import Decision
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


def days_of(n_rows, n_days=40):
    days = np.arange(n_rows) * n_days // n_rows
    return np.datetime64("2024-01-01", "us") + days.astype("timedelta64[D]")


@pytest.mark.parametrize(("task", "name"), [(t, name) for t in TASKS for name in metrics_of(t)])
def test_scores_of_resamples_are_the_metric_on_the_rows_drawn(task, name):
    y, prediction = make_scored(task)
    resamples = draw_resamples(y, None, seed=0, classes=task != "regression", n_resamples=25)
    fast = resampled_scores(name, y, prediction, resamples)
    for counts, score in zip(resamples.counts, fast, strict=True):
        rows = np.repeat(np.arange(len(y)), counts.astype(int)[resamples.codes])
        assert score == pytest.approx(METRICS[name].score(y[rows], prediction[rows]), abs=1e-9)


@pytest.mark.parametrize("digits", [8, 3, 1])
def test_average_precision_of_resamples_is_that_of_the_rows_however_long_ties_are(digits):
    y, prediction = make_scored("binary", n_rows=5_000)
    prediction = np.round(prediction + np.random.default_rng(1).normal(size=5_000) / 50, digits)
    resamples = draw_resamples(y, days_of(5_000), seed=0, classes=True, n_resamples=400)
    fast = resampled_scores("average_precision", y, prediction, resamples)
    for number in range(0, 400, 80):
        rows = np.repeat(np.arange(5_000), resamples.counts[number].astype(int)[resamples.codes])
        score = METRICS["average_precision"].score(y[rows], prediction[rows])
        assert fast[number] == pytest.approx(score, rel=1e-12)


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


def test_metrics_of_calls_are_asked_about_the_calls_of_the_model_itself():
    y, chances = make_scored("binary", n_rows=1_000)
    problem, moments = Problem(task="binary", metric="f1"), days_of(len(y))
    early = Decision(threshold=0.35)
    called = (chances > 0.35).astype(float)
    tuned = evaluate(y, chances, problem, moments, seed=0, decision=early)
    at_half = evaluate(y, chances, problem, moments, seed=0)
    assert tuned.score.value == METRICS["f1"].score(y, called) > at_half.score.value
    assert tuned.scores["accuracy"].value == METRICS["accuracy"].score(y, called)
    assert tuned.scores["roc_auc"] == at_half.scores["roc_auc"]
    assert tuned.calibration == at_half.calibration
    everybody = METRICS["f1"].score(y, np.ones(len(y)))
    assert tuned.baseline == everybody
    assert tuned.gain.difference == pytest.approx(tuned.score.value - everybody)
    assert tuned.periods != at_half.periods
    mean = np.average(
        [each.score.value for each in tuned.periods],
        weights=[each.n_rows for each in tuned.periods],
    )
    assert mean == pytest.approx(tuned.score.value, abs=0.02)
    assert Evaluation.from_dict(json.loads(json.dumps(tuned.to_dict()))) == tuned


def test_factors_move_calls_of_several_classes():
    y, chances = make_scored("multiclass")
    problem = Problem(task="multiclass", metric="balanced_accuracy", classes=("a", "b", "c"))
    rare = Decision(factors=(1.0, 3.0, 1.0))
    found = evaluate(y, chances, problem, None, seed=0, decision=rare)
    calls = (chances * [1.0, 3.0, 1.0]).argmax(axis=1)
    recalls = [float((calls[y == code] == code).mean()) for code in range(3)]
    assert found.score.value == pytest.approx(np.mean(recalls))
    assert [row[code] for code, row in enumerate(found.confusion)] == pytest.approx(
        recalls, abs=1e-6
    )
    assert Evaluation.from_dict(json.loads(json.dumps(found.to_dict()))).decision == rare


def test_importance_for_a_metric_of_calls_is_that_of_the_model_s_own_calls():
    data = make_small()
    problem = Problem(task="binary", metric="f1")
    given = {"seed": 0, "n_top": 2, "max_seconds": 60.0}
    model = fit_small(data)
    never = permutation_importance(
        model, data.X, data.y, problem, decision=Decision(threshold=1.0), **given
    )
    assert {drop for _, drop in never} == {0.0}
    tuned = permutation_importance(
        model, data.X, data.y, problem, decision=Decision(threshold=0.4), **given
    )
    assert tuned[0][1] > 0.05
    assert tuned != permutation_importance(model, data.X, data.y, problem, **given)


def test_importance_stops_in_time_and_leaves_the_rows_alone():
    data = make_small()
    before = data.X.copy()
    model = fit_small(data)
    assert permutation_importance(model, data.X, data.y, data.problem, seed=0, max_seconds=0) == ()
    permutation_importance(model, data.X, data.y, data.problem, seed=0, n_top=2)
    assert data.X.equals(before)


def test_the_area_under_the_curve_that_is_drawn_is_the_metric():
    y, prediction = make_scored("binary", n_rows=150)
    evaluation = evaluate(y, prediction, make_small().problem, None, seed=0)
    roc, pr = evaluation.curves["roc"], evaluation.curves["precision_recall"]
    assert len(np.unique(prediction)) < 80  # all thresholds are points
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(evaluation.scores["roc_auc"].value, abs=1e-4)
    steps = np.diff(pr.x, prepend=0.0) @ np.array(pr.y)
    assert steps == pytest.approx(evaluation.scores["average_precision"].value, abs=1e-4)
    many = evaluate(*make_scored("binary", n_rows=9_000), make_small().problem, None, seed=0)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert len(many.curves["roc"].x) <= 81


def test_the_shares_called_right_are_the_recalls():
    y, prediction = make_scored("multiclass")
    evaluation = evaluate(y, prediction, make_small("multiclass").problem, None, seed=0)
    table = np.array(evaluation.confusion)
    assert table.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    recall = evaluation.scores["balanced_accuracy"].value
    assert np.diag(table).mean() == pytest.approx(recall, abs=1e-5)


def test_bands_tell_where_a_regression_errs():
    rng = np.random.default_rng(0)
    prediction = rng.random(2_000) * 10
    error = np.where(prediction > 5, 3.0, 0.1) * rng.normal(size=2_000)
    problem = make_small("regression").problem
    bands = evaluate(prediction + error + 1, prediction, problem, None, seed=0).bands
    assert bands[-1].high - bands[-1].low > 10 * (bands[0].high - bands[0].low)
    assert bands[0].middle == pytest.approx(1, abs=0.1)
    assert [band.predicted for band in bands] == sorted(band.predicted for band in bands)


def timed(y, prediction, n_days, seed=0):
    days = np.sort(np.arange(len(y)) % n_days).astype("timedelta64[D]")
    times = np.datetime64("2013-01-01", "us") + days
    return evaluate(y, prediction, make_small().problem, times, seed=seed)


def test_periods_are_whole_days_in_order_and_hold_every_row():
    evaluation = timed(*make_scored("binary", n_rows=480), n_days=20)
    periods = evaluation.periods
    assert len(periods) == 8
    assert sum(period.n_rows for period in periods) == 480
    assert all(a.last[:10] < b.first[:10] for a, b in pairwise(periods))
    assert all(each.score.low <= each.score.value <= each.score.high for each in periods)
    assert len(timed(*make_scored("binary", n_rows=480), n_days=1).periods) == 8
    assert timed(*make_scored("binary", n_rows=30), n_days=5).periods == ()


def test_a_metric_that_holds_is_steady_and_one_that_falls_is_not():
    alarms = 0
    for world in range(60):
        y, prediction = make_scored("binary", n_rows=800, seed=world)
        alarms += timed(y, prediction, n_days=40, seed=world).steady < 0.05
    assert alarms <= 7
    y, prediction = make_scored("binary", n_rows=2_000)
    prediction[1_000:] = np.random.default_rng(0).permutation(prediction[1_000:])
    assert timed(y, prediction, n_days=40).steady < 0.01


@pytest.mark.parametrize("task", TASKS)
def test_an_evaluation_is_read_as_it_was_written(task):
    y, prediction = make_scored(task)
    data = make_small(task, n_rows=300)
    whole = evaluate(y, prediction, data.problem, data.cutoff_time, seed=0)
    assert Evaluation.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


def test_slices_that_are_failed_show_and_small_ones_are_left_out():
    y, prediction = make_scored("binary", n_rows=600)
    parts = np.arange(600) % 3
    prediction[parts == 2] = np.random.default_rng(0).random(200)
    few = np.arange(600) < 19
    named = [("part", str(number), parts == number) for number in range(3)] + [("few", "x", few)]
    problem = make_small().problem
    found = score_slices(named, y, prediction, problem, None, seed=0)
    assert [each.level for each in found] == ["0", "1", "2"]
    assert found[2].score.high < min(found[0].score.low, found[1].score.low)
    expected = METRICS["roc_auc"].score(y[parts == 0], prediction[parts == 0])
    assert found[0].score.value == expected
    whole = replace(evaluate(y, prediction, problem, None, seed=0), slices=found)
    assert Evaluation.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole
