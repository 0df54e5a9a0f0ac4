import dataclasses
from itertools import pairwise

import pytest

from models.candidate import Candidate
from models.families import FAMILIES
from models.families.family import Shape
from models.halving import Halving
from models.leaderboard import TrialRecord
from models.metrics import METRICS
from models.portfolio import make_portfolio
from models.space import Choice, Real, Whole, is_active
from models.strategies import SAMPLERS, Listed, Proposal, Tuner, Tuning
from models.task import TASKS, Problem
from models.variants import Variant, learned_variants
from tests.models.tables import PROBLEMS

SPACES = {
    "constant": {},
    "boat": {"length": Real(low=1, high=100, log=True), "masts": Whole(low=1, high=3)},
    "cart": {"wheels": Choice(options=(2, 4))},
}
BINARY = Problem(task="binary", metric="roc_auc")


def any_family(family):
    return True


def tune(name="tpe", seed=0, spaces=SPACES):
    fixed = {"boat": {"sail": "red", "masts": 9}}
    metric = METRICS["roc_auc"]
    halving = Halving(kind="none", n_folds=5, metric=metric)
    tuning = Tuning(spaces=spaces, fixed=fixed, metric=metric, halving=halving)
    return Tuner(SAMPLERS[name], tuning, seed=seed)


def done(number, family="boat", score=0.5, origin="portfolio", **parameters):
    return TrialRecord(
        number=number,
        candidate=Candidate(family=family, parameters=parameters),
        origin=origin,
        state="done",
        score=score,
    )


def judged(number, proposal):
    score = 1 / (1 + abs(proposal.candidate.parameters.get("length", 90) - 20))
    record = done(number, score=score, origin=proposal.origin)
    return dataclasses.replace(record, candidate=proposal.candidate)


def play(strategy, n, start=1):
    proposals = []
    for number in range(start, start + n):
        proposal = strategy.ask(number, any_family)
        strategy.tell(judged(number, proposal))
        proposals.append(proposal.candidate)
    return proposals


def test_the_list_is_worked_off_in_order_and_skips_what_is_too_dear():
    a, b = (Candidate(family=name, parameters={"x": 1}) for name in ("boat", "cart"))
    listed = Listed([Proposal(candidate=c, origin="portfolio") for c in (a, b, a)])
    assert listed.ask(1, any_family).candidate == a
    assert listed.ask(1, lambda family: family == "cart").candidate == b
    listed.tell(done(1, "boat", x=1))
    assert listed.ask(2, any_family).candidate == b
    listed.tell(done(2, "cart", x=1))
    assert listed.ask(3, any_family) is None


@pytest.mark.parametrize("task", TASKS)
def test_warm_candidates_come_after_the_first_default(task):
    warm = Candidate(family="extra_trees", parameters={"n_trees": 7})
    order = make_portfolio(FAMILIES, PROBLEMS[task], Shape(n_rows=1_000, n_columns=10), [warm])
    found = [(proposal.candidate.family, proposal.origin) for proposal in order]
    assert found[:3] == [
        ("linear", "portfolio"),
        ("extra_trees", "warm"),
        ("lightgbm", "portfolio"),
    ]
    assert {origin for _, origin in found[3:]} == {"portfolio"}


@pytest.mark.parametrize("task", TASKS)
def test_on_many_cells_what_can_stop_early_comes_first_and_warm_candidates_next(task):
    warm = Candidate(family="extra_trees", parameters={"n_trees": 7})
    order = make_portfolio(FAMILIES, PROBLEMS[task], Shape(n_rows=100_000, n_columns=60), [warm])
    found = [(proposal.candidate.family, proposal.origin) for proposal in order]
    assert found[:3] == [
        ("lightgbm", "portfolio"),
        ("extra_trees", "warm"),
        ("linear", "portfolio"),
    ]


@pytest.mark.parametrize("shape", [(600, 8), (30_000, 20), (300_000, 40)])
@pytest.mark.parametrize("task", TASKS)
def test_every_family_that_applies_is_listed_with_parameters_it_knows(task, shape):
    problem, shape = PROBLEMS[task], Shape(n_rows=shape[0], n_columns=shape[1])
    order = [proposal.candidate for proposal in make_portfolio(FAMILIES, problem, shape)]
    assert len({candidate.fingerprint for candidate in order}) == len(order)
    defaults = {name: family.portfolio(problem, shape) for name, family in FAMILIES.items()}
    assert {candidate.family for candidate in order} == {n for n, own in defaults.items() if own}
    for candidate in order:
        known = defaults[candidate.family][0]
        assert set(candidate.parameters) == set(known)
        space = FAMILIES[candidate.family].space(problem, shape)
        for name in (name for name in space if is_active(space[name], candidate.parameters)):
            allowed = space[name]
            value = candidate.parameters[name]
            assert type(value) is type(known[name])
            if isinstance(allowed, Choice):
                assert value in allowed.options


@pytest.mark.parametrize("task", TASKS)
def test_the_learned_list_names_catboost_which_is_dropped_where_it_is_missing(task):
    assert "catboost" in {variant.family for variant in learned_variants(task)}
    known = {name: family for name, family in FAMILIES.items() if name != "catboost"}
    order = make_portfolio(known, PROBLEMS[task], Shape(n_rows=1_000, n_columns=10))
    assert {proposal.candidate.family for proposal in order} <= set(known)


@pytest.mark.parametrize("task", TASKS)
def test_numbers_that_may_be_names_are_taken_both_ways_by_turns(task):
    shape = Shape(n_rows=1_000, n_columns=10, n_repeated=2)
    ways: dict[str, list[str]] = {}
    for proposal in make_portfolio(FAMILIES, PROBLEMS[task], shape):
        given = proposal.candidate.parameters
        if "repeated" in given:
            ways.setdefault(proposal.candidate.family, []).append(given["repeated"])
    assert ways["linear"][0] == "means"
    assert ways["lightgbm"][:2] == ["number", "means"]
    for order in ways.values():
        assert all(one != two for one, two in pairwise(order))


class Boat:
    name = "boat"
    can_stop_early = False

    def portfolio(self, problem, shape):
        return ({"length": 1.0}, {"length": 2.0})

    def space(self, problem, shape):
        return {}


def test_families_of_ones_own_take_turns_right_after_the_first_defaults():
    class Cart(Boat):
        name = "cart"

    known = {"cart": Cart(), "boat": Boat()} | dict(FAMILIES)
    shape = Shape(n_rows=1_000, n_columns=10)
    order = make_portfolio(known, BINARY, shape, [Candidate(family="linear")])
    found = [proposal.candidate.family for proposal in order]
    assert found[:3] == ["linear", "linear", "lightgbm"]
    assert found[3:7] == ["cart", "boat", "cart", "boat"]
    alone = make_portfolio({"boat": Boat()}, BINARY, shape)
    assert [proposal.candidate.parameters for proposal in alone] == [
        {"length": 1.0},
        {"length": 2.0},
    ]


def test_variants_follow_the_defaults_of_a_size_and_stay_in_the_space():
    space = {"rate": Real(low=0.03, high=0.2), "leaves": Whole(low=4, high=100)}
    slow = Variant(family="boat", changes={"sail": "blue"}, factors={"rate": 0.5, "leaves": 1.7})
    for defaults, expected in (
        ({"rate": 0.1, "leaves": 15, "sail": "red"}, {"rate": 0.05, "leaves": 26, "sail": "blue"}),
        (
            {"rate": 0.04, "leaves": 90, "sail": "red"},
            {"rate": 0.03, "leaves": 100, "sail": "blue"},
        ),
    ):
        found = slow.candidate(defaults, space)
        assert found == Candidate(family="boat", parameters=expected)
        assert isinstance(found.parameters["leaves"], int)


def test_nothing_is_tried_of_a_family_that_does_not_apply():
    large = Shape(n_rows=50_000, n_columns=6)
    warm = Candidate(family="support_vectors", parameters={"cost": 1.0, "width": 1.0})
    names = ("lightgbm", "support_vectors")
    known = {name: FAMILIES[name] for name in names}
    for shape, expected in ((large, {"lightgbm"}), (Shape(n_rows=900, n_columns=6), set(names))):
        order = make_portfolio(known, BINARY, shape, [warm])
        assert {proposal.candidate.family for proposal in order} == expected
        spaces = {name: family.space(BINARY, shape) for name, family in known.items()}
        strategy = tune(spaces=spaces)
        strategy.tell(done(1, "support_vectors", 0.9))
        asked = strategy.ask(2, any_family).candidate.family
        assert asked == ("lightgbm" if shape is large else "support_vectors")


@pytest.mark.parametrize("name", SAMPLERS)
def test_proposals_lie_in_the_space_and_keep_fixed_parameters(name):
    for candidate in play(tune(name), 9):
        if candidate.family == "boat":
            assert 1 <= candidate.parameters["length"] <= 100
            assert candidate.parameters["masts"] in (1, 2, 3)
            assert candidate.parameters["sail"] == "red"
        assert candidate.family in ("boat", "cart")


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_proposes_the_same_and_another_seed_does_not(name):
    assert play(tune(name), 7) == play(tune(name), 7)
    if name != "grid":
        assert play(tune(name), 3) != play(tune(name, seed=1), 3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_strategy_told_the_past_goes_on_as_if_it_had_been_there(name):
    whole = tune(name)
    first = play(whole, 7)
    resumed = tune(name)
    for number, candidate in reversed(list(enumerate(first, 1))):
        resumed.tell(judged(number, Proposal(candidate=candidate, origin=name)))
    assert play(resumed, 3, start=8) == play(whole, 3, start=8)


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_still_runs_is_not_proposed_again_and_gives_way_to_its_result(name):
    strategy = tune(name)
    play(strategy, 6)
    running = []
    for number in range(7, 11):
        proposal = strategy.ask(number, any_family)
        running.append(proposal)
        strategy.tell(dataclasses.replace(judged(number, proposal), state="running", score=None))
    assert len({proposal.candidate.fingerprint for proposal in running}) == 4
    for number, proposal in enumerate(running, 7):
        strategy.tell(judged(number, proposal))
    undisturbed = tune(name)
    for number, candidate in enumerate(play(tune(name), 6), 1):
        undisturbed.tell(judged(number, Proposal(candidate=candidate, origin=name)))
    for number, proposal in enumerate(running, 7):
        undisturbed.tell(judged(number, proposal))
    assert strategy.ask(11, any_family) == undisturbed.ask(11, any_family)


def test_it_learns_where_scores_are_high():
    lengths = [c.parameters["length"] for c in play(tune(), 40) if c.family == "boat"]
    early = sum(abs(length - 20) for length in lengths[:8]) / 8
    late = sum(abs(length - 20) for length in lengths[-8:]) / 8
    assert late < 0.6 * early


def test_the_leading_family_is_tuned_most_and_the_second_now_and_then():
    strategy = tune()
    strategy.tell(done(1, "boat", 2.0, length=200.0))
    strategy.tell(done(2, "cart", 0.1, wheels=3))
    families = [candidate.family for candidate in play(strategy, 8, start=3)]
    assert families == ["boat", "boat", "boat", "cart"] * 2


def test_nothing_affordable_is_nothing_proposed():
    assert tune().ask(1, lambda family: False) is None


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_exhausted_space_is_left(name):
    strategy = tune(name, spaces={"cart": SPACES["cart"]})
    asked = []
    for number in range(1, 10):
        proposal = strategy.ask(number, any_family)
        if proposal is None:
            break
        asked.append(proposal.candidate.parameters["wheels"])
        strategy.tell(done(number, "cart", 0.5, wheels=asked[-1]))
    assert sorted(asked) == [2, 4]


@pytest.mark.parametrize("name", list(FAMILIES))
def test_portfolios_name_every_parameter_of_their_space(name):
    shape = Shape(n_rows=1_000, n_columns=10)
    for parameters in FAMILIES[name].portfolio(BINARY, shape):
        assert set(FAMILIES[name].space(BINARY, shape)) <= set(parameters)


def test_where_cells_are_many_constructed_columns_come_last():
    small, large = (
        make_portfolio(FAMILIES, BINARY, Shape(n_rows=rows, n_columns=60))
        for rows in (900, 100_000)
    )
    positions = [
        [number for number, one in enumerate(order) if one.candidate.parameters.get("constructed")]
        for order in (small, large)
    ]
    assert positions[0] == [3]
    assert positions[1] == [len(large) - 1]
