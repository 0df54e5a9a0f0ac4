import numpy as np
import pytest

from models.ensemble import Limits, OutOfFold, select
from models.estimate import corrected_score
from models.metrics import METRICS
from tests.models.inline import InlineClassifier

SIZES = (60, 60, 60)


def test_choosing_among_guesses_is_worth_nothing():
    metric, raw, corrected = METRICS["roc_auc"], [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        rows = OutOfFold(y=rng.integers(0, 2, 180), sizes=SIZES)
        guesses = {number: rng.random(180) for number in range(40)}
        raw.append(select(guesses, rows, metric).score)
        corrected.append(corrected_score(guesses, rows, metric, Limits()))
    assert np.mean(raw) > 0.62
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("name", ["f1", "mcc"])
def test_tuned_thresholds_are_corrected_too(name):
    metric, gains = METRICS[name], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        y = (rng.random(180) < 0.15).astype(int)
        rows = OutOfFold(y=y, sizes=SIZES)
        known = {j: np.clip(0.2 + 0.1 * y + 0.1 * rng.normal(size=180), 0, 1) for j in range(3)}
        corrected = corrected_score(known, rows, metric, Limits())
        gains.append(corrected - rows.score(metric, known[0]))  # nothing is called at one half
    assert np.mean(gains) > 0.08


def test_weights_of_rows_count():
    rng = np.random.default_rng(0)
    y, heavy = rng.normal(size=180), np.arange(180) % 2 == 0
    known = {1: np.where(heavy, y, -y)}
    weight = np.where(heavy, 1.99, 0.01)
    score = corrected_score(
        known, OutOfFold(y=y, sizes=SIZES, weight=weight), METRICS["mae"], Limits()
    )
    assert score < 0.05 * np.abs(y).mean()


@pytest.mark.filterwarnings("ignore::models.findings.DataWarning")
def test_an_estimator_shows_it_beside_the_raw_score():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(150, 3))
    y = X[:, 0] + rng.normal(size=150) > 0
    model = InlineClassifier(max_trials=4).fit(X, y)
    assert 0.6 < model.corrected_score_ <= model.ensemble_score_
