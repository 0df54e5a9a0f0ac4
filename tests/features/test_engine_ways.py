"""Each aggregation by its kernel and by its own function, under every window and condition."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.engine.calls import Way
from features.engine.execute import compute_nodes
from features.engine.graph import ValueType
from features.engine.lower import lower
from features.engine.primitives import AGGREGATIONS
from features.engine.tables import Tables
from tests.features.comparing import same
from tests.features.primitive_cases import CLASSES
from tests.features.strategies import World
from tests.features.test_engine_definitions import column, definitions, of_customers, transform
from tests.features.test_engine_differences import after, shop

UNLIKE = {"Trend", "NMostCommon", "DateFirstEvent"}
"""Unit, order of equals, and what is no date: docs/features.md."""
STRICT = {"NumTrueSinceLastFalse", "NumFalseSinceLastTrue"} | {
    "MaxConsecutiveTrue",
    "MaxConsecutiveFalse",
}
"""Primitives that featuretools has for booleans without nulls."""
BASES = {
    ValueType.NUMBER: "n",
    ValueType.BOOLEAN: "b",
    ValueType.TIME: "t",
    ValueType.CODE: "c",
}
WINDOWS = (None, "30 days", "2 days", "1 months", "7 observations")


def as_a_user(name: str) -> type:
    """The same primitive in a module of its own: kernels do not speak for it."""
    return type(name, (CLASSES[name],), {"__module__": __name__, "__doc__": CLASSES[name].__doc__})


BY_FUNCTION = {name: as_a_user(name) for name in AGGREGATIONS}


def draw_world(seed: int) -> World:
    """A customer with sixty orders, some of one moment, with nulls."""
    rng = np.random.default_rng(seed)
    n = 60

    def some(values: list) -> list:
        return [None if rng.random() < 0.15 else value for value in values]

    orders = pd.DataFrame(
        {
            "t": [after(int(h)) for h in np.sort(rng.integers(-2400, 50, n))],
            "n": some([float(v) / 2 for v in rng.integers(-8, 9, n)]),
            "b": some([bool(v) for v in rng.integers(0, 2, n)]),
            "c": some([str(v) for v in rng.choice(list("xyzw"), n)]),
            "d": some([after(int(h)) for h in rng.integers(-9000, 9000, n)]),
        }
    )
    world = shop(orders, [after(h) for h in (-2500, -1000, -700, -33, 0, 10, 60)])
    customers, table = world.schema.tables
    schema = replace(world.schema, tables=(customers, replace(table, known_at={})))
    return replace(world, schema=schema)


def features_of(world: World, classes: dict) -> list:
    columns = {name: column(world, name) for name in ("id", "n", "b", "c", "d", "t")}
    columns["known"] = transform([columns["c"]], "is_null")
    made = []
    for name, primitive in AGGREGATIONS.items():
        bases = [BASES[kinds[0]] for kinds in primitive.takes] or ["id"]
        bases = ["known"] if name in STRICT else ["d"] if name.startswith("NUnique") else bases
        for window in WINDOWS:
            for where in (None, columns["c"] == "x"):
                base = [columns[b] for b in bases] if len(bases) > 1 else columns[bases[0]]
                made.append(of_customers(base, classes[name], use_previous=window, where=where))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_kernel_says_what_the_function_says(seed):
    world = draw_world(seed)
    values = []
    for classes, way in ((CLASSES, Way.KERNEL), (BY_FUNCTION, Way.FALLBACK)):
        nodes = lower(definitions(features_of(world, classes)), world.schema)
        ways = {
            node.base.call.way if hasattr(node, "base") else node.call.way
            for node in nodes.values()
        }
        assert ways == {way}
        values.append(compute_nodes(nodes, Tables(world.schema, world.tables), world.rows))
    ours, theirs = values
    assert list(ours) == list(theirs)
    unlike = tuple(CLASSES[name].name.upper() + "(" for name in UNLIKE)
    for name in ours:
        if not name.startswith(unlike):
            pairs = zip(ours[name], theirs[name], strict=True)
            assert [(a, b) for a, b in pairs if not same(a, b)] == [], name
