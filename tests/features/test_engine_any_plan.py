"""Any plan over any tables: against the semantics written a second time, and featuretools."""

import pytest
from hypothesis import given

from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.tables import Tables
from tests.features.brute_force import Oracle
from tests.features.comparing import differences
from tests.features.featuretools_oracle import comparable_features, matrix_of
from tests.features.plans import Question, cases, questions
from tests.features.strategies import SHAPES, STRANGE, worlds

ALL = (*SHAPES, "any", "any", "any")
plain = questions(worlds(shapes=ALL))
strange = questions(worlds(**STRANGE, shapes=ALL))


def check_against_written_semantics(question: Question) -> None:
    world, definitions = question.world, question.definitions
    nodes = lower(definitions, world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    theirs = Oracle(definitions, world).matrix()
    scales = {name: 1e6 for name in nodes if "TREND" in name}
    assert differences(ours, theirs, list(nodes), scales) == []


def check_against_featuretools(question: Question) -> None:
    """Of what is meant to be equal; one call, as featuretools' users make it."""
    world, definitions = question.world, question.definitions
    names = comparable_features(definitions, world)
    nodes = lower(definitions, world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    # NOTE: featuretools cannot load every definition that it saves.
    features = [feature for feature in question.features if feature.unique_name() in names]
    if features:
        theirs = matrix_of(features, world)
        scales = {name: 1e6 for name in nodes if "TREND" in name}
        assert differences(ours, theirs, list(theirs), scales) == []


@cases(15)
@given(strange)
def test_any_plan_has_the_values_of_the_written_semantics(question):
    check_against_written_semantics(question)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@cases(60)
@given(strange)
def test_any_plan_has_the_values_of_the_written_semantics_thoroughly(question):
    check_against_written_semantics(question)


@cases(15)
@given(plain)
def test_any_plan_has_the_values_of_featuretools(question):
    check_against_featuretools(question)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@cases(60)
@given(plain)
def test_any_plan_has_the_values_of_featuretools_thoroughly(question):
    check_against_featuretools(question)
