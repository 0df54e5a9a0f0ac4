"""Samplers one by one, on planted functions with a condition in their space."""

import numpy as np
import pytest

from models.options import STRATEGIES
from models.space import Choice, Real, When, Whole
from models.strategies import SAMPLERS
from models.strategies.cube import changed, completed, draw, encode
from models.strategies.grid import Grid
from models.strategies.sampler import Observation
from models.strategies.surrogate import Surrogate

SPACE = {
    "rate": Real(low=1e-3, high=1e3, log=True),
    "kind": Choice(options=("round", "flat")),
    "depth": Whole(low=1, high=100, log=True, when=When(name="kind", values=("round",))),
    "share": Real(low=0, high=1),
}


def hill(point):
    """Gains are highest at rate 10, round, depth 20, share 0.3."""
    gain = -((np.log10(point["rate"]) - 1) ** 2) / 4 - 2 * (point["share"] - 0.3) ** 2
    if point["kind"] == "flat":
        return gain - 0.4
    return gain - (np.log(point["depth"]) - 3) ** 2 / 4


def climb(sampler, seed, n_trials):
    history = []
    for number in range(n_trials):
        point = sampler.sample(SPACE, tuple(history), 1_000 * seed + number)
        history.append(Observation(parameters=point, gain=hill(point)))
    return history


def best(history):
    return max(seen.gain for seen in history)


def is_in_space(point):
    assert list(point) == [name for name in SPACE if name in point]
    assert ("depth" in point) == (point["kind"] == "round")
    assert 1e-3 <= point["rate"] <= 1e3
    assert 0 <= point["share"] <= 1
    assert point.get("depth", 1) in range(1, 101)
    return True


def mean_best(sampler, *, n_trials, n_seeds):
    return np.mean([best(climb(sampler, seed, n_trials)) for seed in range(n_seeds)])


@pytest.mark.parametrize(
    ("name", "n_trials", "n_seeds"),
    [
        ("tpe", 40, 8),
        ("gp_ei", 22, 3),
        ("gp_ucb", 22, 3),
        ("forest", 22, 4),
        ("evolution", 22, 20),
        ("nsga2", 40, 12),
    ],
)
def test_it_beats_chance_on_average(name, n_trials, n_seeds):
    found = mean_best(SAMPLERS[name], n_trials=n_trials, n_seeds=n_seeds)
    by_chance = mean_best(SAMPLERS["random"], n_trials=n_trials, n_seeds=40)
    assert found > 0.8 * by_chance, (found, by_chance)  # both are below 0, the top


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_have_what_their_condition_asks_for_and_nothing_else(name):
    assert all(is_in_space(seen.parameters) for seen in climb(SAMPLERS[name], 0, 9))


@pytest.mark.parametrize("name", SAMPLERS)
def test_values_outside_the_space_and_missing_ones_are_learned_from(name):
    strange = [
        {"rate": 1e6, "kind": "round", "depth": 500, "share": 2.0},
        {"rate": 10.0, "kind": "oval"},
        {"share": 0.5},
        {},
        {"rate": 1.0, "kind": "flat", "depth": 5, "share": 0.5},
    ]
    history = [Observation(parameters=p, gain=float(n)) for n, p in enumerate(strange)]
    for seed in range(5):
        assert is_in_space(SAMPLERS[name].sample(SPACE, history, seed))


@pytest.mark.parametrize("name", SAMPLERS)
def test_equal_gains_and_only_running_trials_are_no_obstacle(name):
    points = [draw(SPACE, np.random.default_rng(n)) for n in range(8)]
    for gain in (None, 0.5):
        history = [Observation(parameters=point, gain=gain) for point in points]
        assert is_in_space(SAMPLERS[name].sample(SPACE, history, 0))


def test_every_sampler_can_be_named():
    assert tuple(SAMPLERS) == STRATEGIES


def test_a_grid_has_every_cell_once():
    history = climb(Grid(n_levels=2), 0, 12)
    cells = {tuple(seen.parameters.items()) for seen in history}
    assert len(cells) == 2 * 2 * (2 + 1)
    assert Grid(n_levels=2).sample(SPACE, history, 0) is None


def test_a_surrogate_believes_what_it_expects_of_a_running_trial():
    model = SAMPLERS["gp_ei"]
    history = climb(model, 0, 12)
    first = model.sample(SPACE, history, 99)
    second = model.sample(SPACE, [*history, Observation(parameters=first, gain=None)], 99)
    rows = encode(SPACE, [first, second])
    assert np.abs(rows[0] - rows[1]).max() > 0.02


def test_one_useless_trial_does_not_blind_a_surrogate():
    class Spy:
        seen = None

        def __init__(self, seed):
            pass

        def fit(self, X, gains):
            Spy.seen = gains

        def predict(self, X):
            return np.zeros(len(X)), np.ones(len(X))

    history = [*climb(SAMPLERS["random"], 0, 10)]
    history.append(Observation(parameters=history[0].parameters, gain=-1e9))
    Surrogate(name="spy", regression=Spy, acquisition=lambda m, d, b: m).sample(SPACE, history, 0)
    others = Spy.seen[:10]
    assert others.std() > 0.3
    assert Spy.seen[10] <= others.min()


class TestCube:
    def test_a_change_is_one_parameter_and_what_hangs_on_it(self):
        rng = np.random.default_rng(0)
        for _ in range(200):
            point = draw(SPACE, rng)
            near = changed(SPACE, point, rng)
            assert is_in_space(near)
            differing = {name for name in SPACE if point.get(name) != near.get(name)}
            assert len(differing) == 1 or differing == {"kind", "depth"}

    def test_every_whole_number_is_drawn_and_none_beyond(self):
        space = {"n": Whole(low=1, high=4), "log": Whole(low=1, high=4, log=True)}
        drawn = [draw(space, np.random.default_rng(seed)) for seed in range(400)]
        counts = np.bincount([point["n"] for point in drawn], minlength=5)
        assert (counts[1:] > 60).all()
        assert {point["log"] for point in drawn} == {1, 2, 3, 4}

    def test_what_is_dormant_is_dropped_and_what_is_missing_drawn(self):
        rng = np.random.default_rng(0)
        point = completed(SPACE, {"kind": "flat", "depth": 7, "share": 0.25}, rng)
        assert is_in_space(point)
        assert point["share"] == 0.25

    def test_rows_lie_in_the_cube(self):
        rng = np.random.default_rng(0)
        rows = encode(SPACE, [draw(SPACE, rng) for _ in range(50)])
        assert rows.shape == (50, 5)
        assert rows.min() >= 0
        assert rows.max() <= 1
        fixed = {"one": Real(low=2, high=2), "only": Choice(options=("a",))}
        assert changed(fixed, draw(fixed, rng), rng) == {"one": 2, "only": "a"}
        assert encode(fixed, [{"one": 2.0, "only": "a"}]).tolist() == [[0.5, 1.0]]
