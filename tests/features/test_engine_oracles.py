"""Values against two oracles: featuretools itself, and the semantics written a second time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.plan import FeaturePlan
from tests.features.brute_force import Oracle
from tests.features.comparing import compute, differences, plan_world
from tests.features.featuretools_oracle import comparable, featuretools_matrix
from tests.features.plans import cases, many_cases
from tests.features.strategies import STRANGE, World, worlds

fast = cases(15)
thorough = many_cases(30)
depths = st.integers(0, 3)


def scales(plan: FeaturePlan) -> dict[str, float]:
    """Slopes may cancel to nothing: they are compared on the scale of values per day."""
    return {name: 1e6 for name in plan.names if "TREND" in name}


def check_against_featuretools(world: World, depth: int) -> None:
    plan = plan_world(world, depth, max_features=120)
    names = comparable(plan, world)
    if names:
        theirs = featuretools_matrix(plan, names, world)
        assert differences(compute(plan, world), theirs, names, scales(plan)) == []


def check_against_brute_force(world: World, depth: int) -> None:
    plan = plan_world(world, depth, max_features=150)
    theirs = Oracle(plan.definitions, world).matrix()
    assert differences(compute(plan, world), theirs, plan.names, scales(plan)) == []


@fast
@given(worlds(), depths)
def test_values_are_those_of_featuretools(world, depth):
    check_against_featuretools(world, depth)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@thorough
@given(worlds(), depths)
def test_values_are_those_of_featuretools_thoroughly(world, depth):
    check_against_featuretools(world, depth)


@cases(30)
@given(worlds(**STRANGE), depths)
def test_values_are_those_of_the_written_semantics(world, depth):
    check_against_brute_force(world, depth)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@thorough
@given(worlds(**STRANGE), depths)
def test_values_are_those_of_the_written_semantics_thoroughly(world, depth):
    check_against_brute_force(world, depth)
