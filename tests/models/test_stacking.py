from dataclasses import replace

import numpy as np
import pytest

from models.ensemble import OutOfFold, mix
from models.finishing import finish
from models.metrics import METRICS
from models.persistence import load_model, save_model
from models.serving.pooling import LEAST, from_scale, to_scale
from models.stacking import fit_layer, stack
from tests.models.small import fit_small, make_small

SIZES = (800, 800, 800)
N = sum(SIZES)
EVEN = {1: 0.5, 2: 0.5}


def make_members(task, seed=0, n=N):
    """Two members, each of which knows one half of what decides, and labels; a third is noise."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, n))
    if task == "regression":
        y = 3 * one + other + 0.3 * rng.normal(size=n) + 50
        members = {1: 3 * one + 50, 2: other + 50, 3: rng.normal(size=n) + 50}
    elif task == "binary":
        y = (rng.random(n) < squash(2 * one + other)).astype(int)
        members = {1: squash(1.6 * one), 2: squash(0.7 * other), 3: squash(rng.normal(size=n))}
    else:
        lines = np.stack([2 * one, other, np.full(n, 0.5)], axis=1)
        y = (np.cumsum(shares(lines), axis=1) < rng.random((n, 1))).sum(axis=1)
        half = np.zeros(n)
        members = {
            1: shares(np.stack([2 * one, half, half], axis=1)),
            2: shares(np.stack([half, other, half], axis=1)),
            3: rng.dirichlet(np.ones(3), n),
        }
    return members, y


def squash(odds):
    return 1 / (1 + np.exp(-odds))


def shares(lines):
    powers = np.exp(lines)
    return powers / powers.sum(axis=1, keepdims=True)


CASES = [("binary", "log_loss"), ("multiclass", "log_loss"), ("regression", "rmse")]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_a_layer_beats_the_mean_on_rows_that_neither_has_seen(task, name):
    metric = METRICS[name]
    members, y = make_members(task)
    fresh, truth = make_members(task, seed=9)
    found = finish(OutOfFold(y=y, sizes=SIZES), metric, members, EVEN)
    assert found.stacked
    mean = metric.score(truth, mix(fresh, EVEN))
    assert metric.score(truth, found.answer(fresh)) < 0.95 * mean
    before, after = found.losses
    assert after < 0.95 * before
    assert f"{after:.4g} instead of {before:.4g}" in found.sentence


@pytest.mark.parametrize(("task", "name"), CASES)
def test_weights_can_be_read(task, name):
    members, y = make_members(task)
    weights = {1: 0.4, 2: 0.4, 3: 0.2}
    layer = fit_layer(OutOfFold(y=y, sizes=SIZES), METRICS[name], members, weights)
    assert sum(layer.weights.values()) == pytest.approx(1)
    assert all(weight > 0 for weight in layer.weights.values())
    assert list(layer.weights.values()) == sorted(layer.weights.values(), reverse=True)
    worth = layer.weights.get(3, 0.0)  # noise had a fifth
    if task == "multiclass":
        worth *= np.ptp(layer.matrices[3], axis=1).max()  # what all classes gain makes no odds
    assert worth < 0.1


def test_few_rows_hardly_move_what_was_selected():
    members, y = make_members("binary", n=60)
    rows = OutOfFold(y=y, sizes=(30, 30))
    layer = fit_layer(rows, METRICS["roc_auc"], members, EVEN)
    many, labels = make_members("binary", n=24_000)
    moved = fit_layer(OutOfFold(y=labels, sizes=(12_000,) * 2), METRICS["roc_auc"], many, EVEN)
    assert abs(layer.weights[1] * layer.calibration.slope - 0.5) < 0.15
    assert moved.weights[1] * moved.calibration.slope > 1.0


def test_a_layer_that_other_rows_speak_against_is_refused():
    members, y = make_members("binary")
    y = y.copy()
    y[:800], y[800:1600] = 0, 1  # each block wants another intercept
    rows = OutOfFold(y=y, sizes=SIZES)
    assert stack(rows, METRICS["log_loss"], members, EVEN) is None


def test_a_metric_of_another_kind_has_the_last_word():
    rng = np.random.default_rng(0)
    tail = rng.exponential(size=N) ** 3
    members = {1: np.zeros(N), 2: 0.2 * np.ones(N) + 0.01 * rng.normal(size=N)}
    rows = OutOfFold(y=tail, sizes=SIZES)
    assert stack(rows, METRICS["rmse"], members, EVEN) is not None
    assert stack(rows, METRICS["mae"], members, EVEN) is None  # the mean is far from the median


def test_a_single_member_has_no_layer():
    members, y = make_members("binary")
    assert stack(OutOfFold(y=y, sizes=SIZES), METRICS["log_loss"], members, {1: 1.0}) is None


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_weights_of_rows_count(task):
    metric = METRICS["log_loss" if task == "binary" else "rmse"]
    members, y = make_members(task)
    heavy = np.arange(N) % 2 == 0
    kept = {number: values[heavy] for number, values in members.items()}
    alone = fit_layer(OutOfFold(y=y[heavy], sizes=(N // 2,)), metric, kept, EVEN)
    y = np.where(heavy, y, 1 - y if task == "binary" else -y)
    weight = np.where(heavy, 2.0, 1e-9)
    rows = OutOfFold(y=y, sizes=SIZES, weight=weight)
    weighted = fit_layer(rows, metric, members, EVEN)
    assert weighted.weights[1] == pytest.approx(alone.weights[1], abs=0.05)


def test_a_class_that_learning_rows_lack_is_not_ruled_out():
    members, y = make_members("multiclass")
    y = np.where(y == 2, 1, y)
    layer = fit_layer(OutOfFold(y=y, sizes=SIZES), METRICS["log_loss"], members, EVEN)
    answer = layer.answer(members)
    np.testing.assert_allclose(answer.sum(axis=1), 1)
    assert (answer[:, 2] > 0).all()


def test_one_member_that_is_sure_does_not_outvote_the_others():
    sure, others = np.array([1.0]), np.array([0.3])
    pooled = mix({1: sure, 2: others}, {1: 0.2, 2: 0.8}, "log_odds")
    assert 0.5 < pooled[0] < 0.8
    assert from_scale(to_scale(sure, "log_odds"), "log_odds") == pytest.approx(1 - LEAST)


@pytest.mark.parametrize(("task", "name"), CASES)
def test_what_is_saved_answers_as_it_did_out_of_fold(task, name, tmp_path):
    data = make_small(task)
    model, metric = fit_small(data), METRICS[name]
    width = len(model.problem.classes) if task == "multiclass" else None
    parts = {n: member.predict(data.X, width) for n, member in enumerate(model.members)}
    rows = OutOfFold(y=data.y, sizes=(len(data.y),))
    layer = fit_layer(rows, metric, parts, dict(enumerate(model.weights)))
    members = [
        replace(member, matrix=layer.matrices.get(n)) for n, member in enumerate(model.members)
    ]
    joined = replace(
        model,
        members=tuple(members),
        weights=tuple(layer.weights.get(n, 0.0) for n in parts),
        pooling=layer.pooling,
        calibration=layer.calibration,
    )
    np.testing.assert_allclose(joined.predict(data.X), layer.answer(parts), rtol=1e-12)
    save_model(joined, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(data.X), joined.predict(data.X))
    assert loaded.calibration == joined.calibration


def test_many_classes_have_no_layer():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 13, 600)
    members = {number: rng.dirichlet(np.ones(13), 600) for number in (1, 2)}
    assert stack(OutOfFold(y=y, sizes=(300, 300)), METRICS["log_loss"], members, EVEN) is None


def test_chained_folds_refuse_what_averaged_ones_do_not():
    members, y = make_members("binary")
    y = y.copy()
    y[:800][::8], y[800:1600][::8] = 0, 1  # the blocks disagree a little about the constant
    members = {1: squash(2 * to_scale(members[1], "log_odds")), 2: members[1]}
    kept = [
        stack(OutOfFold(y=y, sizes=SIZES, bagged=bagged), METRICS["log_loss"], members, EVEN)
        for bagged in (True, False)
    ]
    assert kept[0] is not None
    assert kept[0].losses[1] > kept[0].losses[0]
    assert kept[1] is None
