"""Any plan over any tables: against the semantics written a second time, and featuretools."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.execute import compute_nodes
from features.engine.graph import Aggregate, Map, Node, Scan, inputs_of
from features.engine.lower import lower
from features.engine.tables import Tables
from tests.features.brute_force import Oracle
from tests.features.comparing import differences
from tests.features.featuretools_oracle import comparable_features, matrix_of
from tests.features.plans import Question, cases, many_cases, questions
from tests.features.strategies import SHAPES, STRANGE, worlds
from tests.features.test_engine_properties import poisoned

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


@cases(10)
@given(strange)
def test_any_plan_has_the_values_of_the_written_semantics(question):
    check_against_written_semantics(question)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@many_cases(20)
@given(strange)
def test_any_plan_has_the_values_of_the_written_semantics_thoroughly(question):
    check_against_written_semantics(question)


@cases(10)
@given(plain)
def test_any_plan_has_the_values_of_featuretools(question):
    check_against_featuretools(question)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@many_cases(20)
@given(plain)
def test_any_plan_has_the_values_of_featuretools_thoroughly(question):
    check_against_featuretools(question)


def check_that_the_future_changes_nothing(question: Question, seed: int) -> None:
    world = question.world
    nodes = lower(question.definitions, world.schema)
    later = poisoned(world, np.random.default_rng(seed))
    before, after = (
        compute_nodes(nodes, Tables(w.schema, w.tables), world.rows) for w in (world, later)
    )
    pd.testing.assert_frame_equal(before, after, check_exact=True)


seeds = st.integers(0, 2**32 - 1)


@cases(15)
@given(strange, seeds)
def test_the_future_changes_nothing_in_any_plan(question, seed):
    check_that_the_future_changes_nothing(question, seed)


@pytest.mark.slow
@pytest.mark.timeout(6000)
@many_cases(30)
@given(strange, seeds)
def test_the_future_changes_nothing_in_any_plan_thoroughly(question, seed):
    check_that_the_future_changes_nothing(question, seed)


@cases(10)
@given(strange)
def test_an_exclusive_cutoff_is_a_microsecond_earlier(question):
    """For all that does not read the clock itself."""
    world = question.world
    nodes = lower(question.definitions, world.schema)
    nodes = {name: node for name, node in nodes.items() if not reads_clock(node)}
    if nodes:
        tables = Tables(world.schema, world.tables)
        earlier = world.rows.assign(cutoff_time=world.rows["cutoff_time"] - pd.Timedelta("1us"))
        exclusive = compute_nodes(nodes, tables, world.rows, inclusive=False)
        inclusive = compute_nodes(nodes, tables, earlier)
        names = list(nodes)
        pd.testing.assert_frame_equal(exclusive[names], inclusive[names], check_exact=True)


def reads_clock(node: Node) -> bool:
    """Whether the moment asked about is in the values, or bounds a window."""
    own = isinstance(node, Map | Scan | Aggregate) and "Since" in node.call.name
    windowed = isinstance(node, Aggregate) and node.window is not None
    return own or windowed or any(map(reads_clock, inputs_of(node)))


@cases(10)
@given(strange)
def test_threads_and_company_change_nothing_in_any_plan(question):
    """Bit by bit the same on one thread or two, asked alone or together."""
    world = question.world
    nodes, tables = lower(question.definitions, world.schema), Tables(world.schema, world.tables)
    together = compute_nodes(nodes, tables, world.rows, n_threads=2)
    alone = [
        compute_nodes(nodes, tables, world.rows.iloc[[i]].reset_index(drop=True), n_threads=1)
        for i in range(len(world.rows))
    ]
    pd.testing.assert_frame_equal(
        together, pd.concat(alone, ignore_index=True), check_exact=True, check_dtype=False
    )
