"""What predictions cost: measured per trial, shown, and limited."""

import numpy as np
import pytest

from models.candidate import Candidate
from models.ensemble import Limits, OutOfFold, select
from models.leaderboard import TrialRecord, rank
from models.metrics import METRICS
from tests.models.inline import InlineRegressor

pytestmark = pytest.mark.filterwarnings("ignore::models.findings.DataWarning")


def make_choice(n=6):
    rng = np.random.default_rng(0)
    y = rng.normal(size=90)
    return OutOfFold(y=y, sizes=(30,) * 3), {j: y + rng.normal(size=90) for j in range(n)}


def test_an_ensemble_is_no_slower_than_it_may_be():
    rows, predictions = make_choice()
    latencies = {0: 5.0, 1: 2.0, 2: 1.0, 3: 3.0, 4: 2.0, 5: 0.5}
    for most in (0.7, 2.5, 4.0, 8.0):
        limits = Limits(latencies=latencies, max_latency=most)
        chosen = select(predictions, rows, METRICS["rmse"], limits).weights
        assert sum(latencies[number] for number in chosen) <= most
    assert len(chosen) > 2
    none = Limits(latencies=latencies, max_latency=0.1)
    assert select(predictions, rows, METRICS["rmse"], none).weights == {5: 1.0}


def record(number, score, predict_ms, model_mb):
    return TrialRecord(
        number=number,
        candidate=Candidate(family="linear"),
        origin="tpe",
        state="done",
        score=score,
        predict_ms=predict_ms,
        model_mb=model_mb,
    )


@pytest.mark.parametrize(("metric", "sign"), [("rmse", 1), ("r2", -1)])
def test_the_front_is_what_nothing_beats_in_everything(metric, sign):
    trials = [
        record(0, sign * 9.0, 0.1, 0.1),
        record(1, sign * 1.0, 5.0, 3.0),
        record(2, sign * 2.0, 5.0, 3.0),  # worse than 1, and no cheaper
        record(3, sign * 2.0, 4.0, 9.0),
        record(4, sign * 2.0, 4.0, 9.0),  # as good as 3
        record(5, sign * 9.0, 0.1, 0.2),  # larger than 0
        record(6, sign * 0.1, None, None),
    ]
    assert rank(trials, METRICS[metric]).front == {0, 1, 3, 4}


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = X[:, 0] + np.sin(3 * X[:, 1]) + rng.normal(scale=0.2, size=200)
    directory = tmp_path_factory.mktemp("states")
    return X, y, directory, InlineRegressor(max_trials=4, state_dir=directory).fit(X, y)


def test_the_leaderboard_shows_what_each_trial_costs(searched):
    _, _, _, model = searched
    board = model.leaderboard_
    assert (board["predict_ms"] > 0).all()
    assert (board["model_mb"] > 0).all()
    assert board["on_front"].iloc[0]
    assert model.predict_ms_ > 0


def limited(searched, limit):
    X, y, directory, _ = searched
    return InlineRegressor(max_trials=4, state_dir=directory, max_latency_ms=limit).fit(X, y)


def test_a_limit_chooses_anew_among_the_same_trials(searched, monkeypatch):
    _, _, _, model = searched
    monkeypatch.setattr("models.session.milliseconds_per_row", lambda model, batch: 0.0)
    costs = model.leaderboard_.set_index("trial")["predict_ms"]
    fastest = costs.drop(0).min()
    again = limited(searched, fastest)
    assert again.resumed_trials_ == 5
    assert sum(costs[number] for number in again.ensemble_) <= fastest
    assert again.ensemble_score_ - model.ensemble_score_ > 0
    assert again.ensemble_ != {0: 1.0}


def test_a_limit_that_nothing_keeps_is_told(searched):
    with pytest.warns(UserWarning, match="max_latency_ms=1e-06"):
        again = limited(searched, 1e-6)
    assert again.ensemble_ == {0: 1.0}


def test_an_ensemble_that_is_slower_than_its_members_said_is_replaced(searched, monkeypatch):
    _, _, _, model = searched
    limit, asked = 2 * model.predict_ms_, []

    def measure(loaded, batch):
        asked.append(len(loaded.members))
        assert len(batch) == 1_000
        return 4 * limit if len(asked) == 1 else 0.5 * limit

    monkeypatch.setattr("models.session.milliseconds_per_row", measure)
    again = limited(searched, limit)
    costs = model.leaderboard_.set_index("trial")["predict_ms"]
    assert len(asked) == 2
    assert sum(costs[number] for number in again.ensemble_) <= limit / 4
