import numpy as np
import pytest

from models.candidate import Candidate
from models.ensemble import OutOfFold
from models.influence import explain_search, parameter_importances, value_members
from models.leaderboard import TrialRecord, rank
from models.metrics import METRICS


def landscape(n_points, seed=0):
    """Points whose gain follows from `strong`, a little from `weak`, and not from the others."""
    rng = np.random.default_rng(seed)
    points = [
        {
            "idle": float(rng.uniform()),
            "strong": float(10 ** rng.uniform(-4, 0)),
            "fixed": 3,
            "weak": int(rng.integers(1, 6)),
            "word": str(rng.choice(["a", "b"])),
        }
        for _ in range(n_points)
    ]
    gains = [-((np.log10(p["strong"]) + 2) ** 2) + 0.1 * p["weak"] for p in points]
    return points, np.array(gains)


@pytest.mark.parametrize("seed", range(4))
def test_the_parameter_that_matters_comes_first(seed):
    points, gains = landscape(40, seed)
    found = parameter_importances(points, gains, seed=0)
    assert max(found, key=found.get) == "strong"
    assert found["strong"] > 0.6
    assert set(found) == {"idle", "strong", "weak", "word"}
    assert sum(found.values()) == pytest.approx(1)
    assert found == parameter_importances(points, gains, seed=0)


def test_a_word_that_matters_comes_first():
    points, _ = landscape(40)
    gains = np.array([float(point["word"] == "a") + 0.1 * point["idle"] for point in points])
    found = parameter_importances(points, gains, seed=0)
    assert max(found, key=found.get) == "word"


def test_one_useless_trial_is_not_all_that_is_known():
    points, gains = landscape(40)
    points[0]["idle"], gains[0] = 5.0, -1_000.0
    found = parameter_importances(points, gains, seed=0)
    assert max(found, key=found.get) == "strong"


def test_parameters_of_some_trials_only_and_equal_gains_tell_nothing():
    points, gains = landscape(12)
    points[0].pop("strong")
    assert "strong" not in parameter_importances(points, gains, seed=0)
    assert parameter_importances(points, np.zeros(12), seed=0) == {}


def board(metric="rmse", few=9):
    points, gains = landscape(30)
    records = [TrialRecord(number=0, candidate=Candidate(family="constant"), origin="baseline")]
    records += [
        TrialRecord(
            number=n, candidate=Candidate(family=family, parameters=points[n]), origin="tpe"
        )
        for n, family in enumerate(["trees"] * 19 + ["linear"] * few, start=1)
    ]
    sign = 1 if METRICS[metric].greater_is_better else -1
    scores = [-100.0, *gains[1:20], *(gains[20 : 20 + few] - 20)]
    done = [
        TrialRecord(
            number=r.number,
            candidate=r.candidate,
            origin=r.origin,
            state="done",
            score=sign * score,
        )
        for r, score in zip(records, scores, strict=True)
    ]
    return (
        rank(done, METRICS[metric]),
        float(gains[1:20].max()),
        float(gains[20 : 20 + few].max()) - 20,
    )


@pytest.mark.parametrize("metric", ["rmse", "r2"])
def test_families_parameters_and_members_are_told(metric):
    leaderboard, best, second = board(metric)
    told = explain_search(leaderboard, {3: 0.5, 25: 0.0}, seed=0)
    families = told[told["about"] == "family"].set_index("name")
    assert list(families.index) == ["trees", "linear"]
    assert families.loc["trees", "worth"] == pytest.approx(best - second)
    assert families.loc["linear", "worth"] == 0
    parameters = told[told["about"] == "parameter"]
    trees = parameters[parameters["family"] == "trees"]
    assert trees["name"].iloc[0] == "strong"
    assert trees["n_trials"].iloc[0] == 19
    (linear,) = parameters[parameters["family"] == "linear"].itertuples()
    assert np.isnan(linear.worth)
    assert linear.note == "10 finished trials are needed"
    assert list(told[told["about"] == "member"]["name"]) == ["3", "25"]


def test_ten_trials_are_enough():
    told = explain_search(board(few=10)[0], {}, seed=0)
    assert told[(told["about"] == "parameter") & (told["family"] == "linear")]["worth"].sum() > 0.99


def test_a_members_value_is_what_the_mean_loses_without_it():
    y = np.array([0.0, 1.0, 2.0, 3.0])
    rows, metric = OutOfFold(y=y, sizes=(2, 2)), METRICS["mae"]
    predictions = {1: y + 1, 2: y - 1, 3: y + 4}
    weights = {1: 0.5, 2: 0.5}
    assert value_members(predictions, weights, rows, metric) == {1: 1.0, 2: 1.0}
    helped = value_members(predictions, {1: 0.25, 2: 0.5, 3: 0.25}, rows, metric)
    assert helped[3] == pytest.approx(1 / 3 - 0.75)  # it harms
    assert np.isnan(value_members(predictions, {1: 1.0}, rows, metric)[1])
