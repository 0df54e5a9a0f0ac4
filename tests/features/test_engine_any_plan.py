"""Any plan over any tables: against the semantics written a second time, and featuretools."""

import pytest
from hypothesis import given

from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.tables import Tables
from tests.features.brute_force import Oracle
from tests.features.comparing import differences
from tests.features.plans import Question, cases, questions
from tests.features.strategies import SHAPES, STRANGE, worlds

ALL = (*SHAPES, "any", "any", "any")
strange = questions(worlds(**STRANGE, shapes=ALL))


def check_against_written_semantics(question: Question) -> None:
    world, definitions = question.world, question.definitions
    nodes = lower(definitions, world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    theirs = Oracle(definitions, world).matrix()
    scales = {name: 1e6 for name in nodes if "TREND" in name}
    assert differences(ours, theirs, list(nodes), scales) == []


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
