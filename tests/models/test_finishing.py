import subprocess
import sys

import numpy as np
import pytest

from models.ensemble import OutOfFold
from models.finishing import Finish, finish, fit_calibration
from models.metrics import METRICS
from models.serving.calibration import Calibration, log_odds
from models.serving.decision import Decision
from tests.models.inline import InlineClassifier

SIZES = (500, 500, 500)


def make_chances(seed=0, share=0.5, classes=2):
    """True chances of 1,500 rows and labels that follow them."""
    rng = np.random.default_rng(seed)
    if classes == 2:
        odds = rng.normal(np.log(share / (1 - share)), 1.5, sum(SIZES))
        chances = 1 / (1 + np.exp(-odds))
        return chances, (rng.random(len(chances)) < chances).astype(int)
    chances = rng.dirichlet(np.ones(classes), sum(SIZES))
    return chances, (rng.random((len(chances), 1)) > chances.cumsum(axis=1)).sum(axis=1)


def finish_one(rows, metric, chances):
    return finish(rows, metric, {1: chances}, {1: 1.0})


def boast(chances, power=3.0):
    """Make probabilities too extreme by a power of their odds."""
    if chances.ndim == 1:
        return 1 / (1 + np.exp(-power * log_odds(chances)))
    powers = chances**power
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
def test_probabilities_that_boast_are_calibrated(classes, metric):
    chances, y = make_chances(classes=classes)
    rows = OutOfFold(y=y, sizes=SIZES)
    found = finish_one(rows, METRICS[metric], boast(chances))
    assert found.calibration.slope == pytest.approx(1 / 3, rel=0.15)
    assert abs(found.calibration.intercept) < 0.2
    np.testing.assert_allclose(found.answer({1: boast(chances)}), chances, atol=0.08)
    before, after = found.losses
    assert after < before - 0.1
    assert f"log loss {after:.4g} instead of {before:.4g}" in found.sentence


def test_probabilities_that_are_right_are_left_alone():
    kept = 0
    for seed in range(10):
        chances, y = make_chances(seed)
        # The area under the curve does not mind: the log loss alone decides.
        found = finish_one(OutOfFold(y=y, sizes=SIZES), METRICS["roc_auc"], chances)
        kept += found.calibration is not None
    assert kept < 3
    values = finish_one(OutOfFold(y=y, sizes=SIZES), METRICS["rmse"], chances)
    assert values == Finish(weights={1: 1.0})


def test_a_calibration_that_each_fold_wants_otherwise_is_not_kept():
    chances, y = make_chances()
    chances[:500] = boast(chances[:500], 4.0)
    chances[500:1000] = boast(chances[500:1000], 0.25)
    rows = OutOfFold(y=y, sizes=SIZES)
    whole = fit_calibration(rows, chances).apply(chances)
    assert METRICS["log_loss"].score(y, whole) < METRICS["log_loss"].score(y, chances)
    found = finish_one(rows, METRICS["log_loss"], chances)
    crossed = found.losses
    assert found.calibration is None or crossed[1] < crossed[0]


def test_calibration_follows_weights():
    chances, y = make_chances()
    weight = np.where(y, 3.0, 1.0)
    line = fit_calibration(OutOfFold(y=y, sizes=SIZES, weight=weight), chances)
    assert line.intercept == pytest.approx(np.log(3), abs=0.2)


def test_several_classes_keep_their_order_and_add_up_to_one():
    chances = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    given = Calibration(slope=0.5).apply(chances)
    np.testing.assert_allclose(given.sum(axis=1), 1)
    assert (given.argsort(axis=1)[0] == chances.argsort(axis=1)[0]).all()
    assert given[0, 0] < 0.7


@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy", "mcc"])
def test_rare_classes_are_called_below_one_half(metric):
    chances, y = make_chances(share=0.03)
    rows, scoring = OutOfFold(y=y, sizes=SIZES), METRICS[metric]
    found = finish_one(rows, scoring, chances)
    assert found.decision.threshold < 0.4
    assert rows.score(scoring, found.call({1: chances})) > rows.score(scoring, chances) + 0.02
    fresh, truth = make_chances(seed=9, share=0.03)
    assert scoring.score(truth, (fresh > found.decision.threshold).astype(float)) > scoring.score(
        truth, fresh
    )


def test_a_threshold_that_gains_only_where_it_was_tuned_is_not_kept():
    kept = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y, chances = rng.integers(0, 2, 150), 0.5 + 0.01 * rng.normal(size=150)
        found = finish_one(OutOfFold(y=y, sizes=(50,) * 3), METRICS["accuracy"], chances)
        kept += found.decision.threshold != 0.5
    assert kept < 6


def make_rare(seed=0):
    """True chances of three classes, one of which is rare, and labels that follow them."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet([2.0, 1.0, 0.2], sum(SIZES))
    return chances, (rng.random((len(chances), 1)) > chances.cumsum(axis=1)).sum(axis=1)


def test_a_rare_class_of_several_counts_more():
    chances, y = make_rare()
    scoring = METRICS["balanced_accuracy"]
    found = finish_one(OutOfFold(y=y, sizes=SIZES), scoring, chances)
    assert list(found.decision.factors) == sorted(found.decision.factors)
    assert found.decision.factors[2] > 3 * found.decision.factors[0]
    fresh, truth = make_rare(seed=9)
    weighed = scoring.score(truth, found.decision.weigh(fresh))
    assert weighed > scoring.score(truth, fresh) + 0.05
    np.testing.assert_allclose(found.decision.weigh(fresh).sum(axis=1), 1)


def test_the_likeliest_of_several_is_called_where_that_is_best():
    weighed = []
    for seed in range(10):
        chances, y = make_rare(seed)
        found = finish_one(OutOfFold(y=y, sizes=SIZES), METRICS["accuracy"], chances)
        weighed.append(max(found.decision.factors, default=1.0))
    assert np.median(weighed) == 1.0


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier"])
def test_metrics_of_probabilities_have_no_threshold(metric):
    chances, y = make_chances(share=0.03)
    assert (
        finish_one(OutOfFold(y=y, sizes=SIZES), METRICS[metric], chances).decision.threshold == 0.5
    )


WITHOUT_PERENNIAL = """
import sys
sys.modules["models"] = sys.modules["features"] = None  # importing them fails
directory, rows, answer = sys.argv[1:]
sys.path.insert(0, directory)
import numpy as np, predict
X = np.load(rows)
np.savez(answer, chances=predict.predict_proba(X), labels=predict.predict(X))
"""


@pytest.mark.filterwarnings("ignore::models.findings.DataWarning")
def test_an_estimator_calls_by_its_threshold_here_and_exported(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = np.where(X[:, 0] + rng.normal(size=600) > 2.2, "rare", "common")
    model = InlineClassifier(max_trials=2, metric="mcc").fit(X, y)
    assert model.threshold_ < 0.45
    chances = model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(model.predict(X) == "rare", chances > model.threshold_)
    assert model.ensemble_score_ > model.leaderboard_["score"].iloc[0]
    assert model.explain()["column"].iloc[0] == "x0"
    assert model.explain()["importance"].iloc[0] > 0.1
    model.export(tmp_path / "exported")
    np.save(tmp_path / "rows.npy", X)
    command = [sys.executable, "-I", "-c", WITHOUT_PERENNIAL, str(tmp_path / "exported")]
    paths = [str(tmp_path / "rows.npy"), str(tmp_path / "answer.npz")]
    done = subprocess.run([*command, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = np.load(tmp_path / "answer.npz")
    np.testing.assert_array_equal(answer["chances"], model.predict_proba(X))
    np.testing.assert_array_equal(answer["labels"], model.predict(X))
    script = (tmp_path / "exported" / "predict.py").read_text()
    assert f"'rare' above a probability of {model.threshold_:.6g}" in script


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_finished_ensemble_is_stored_as_it_is(task, tmp_path):
    from dataclasses import replace

    from models.persistence import load_model, save_model
    from tests.models.small import fit_small, make_small

    data = make_small(task)
    plain = fit_small(data, ("linear",))
    line = Calibration(slope=0.7, intercept=0.3 if task == "binary" else 0.0)
    decision = Decision(threshold=0.3) if task == "binary" else Decision(factors=(1.0, 2.0, 4.0))
    model = replace(plain, calibration=line, decision=decision)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert (again.calibration, again.decision) == (line, decision)
    answers = again.predict(data.X)
    np.testing.assert_array_equal(answers, line.apply(plain.predict(data.X)))
    expected = answers > 0.3 if task == "binary" else (answers * [1, 2, 4]).argmax(axis=1)
    np.testing.assert_array_equal(again.call(answers), expected)
