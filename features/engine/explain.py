"""How each feature of a plan is computed, and about what that costs, before anything is."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.engine.calls import Way
from features.engine.graph import Aggregate, Map, Node, Scan, inputs_of
from features.engine.lower import lower
from features.plan import FeaturePlan
from features.schema import Relationship, Schema

_KERNEL_SECONDS = 2e-7
_ROW_SECONDS = 2e-6
_CALL_SECONDS = 1.5e-4
"""CPU seconds of one value on one core of 2024: by a kernel; by a function of featuretools that
is called for whole columns; by one that is called for each range (20 to 300 microseconds)."""

CHILD_ROWS = 10.0
"""Rows that one row sees of a child table, where nothing better is known."""


ChildRows = float | Mapping[Relationship, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a feature is computed.

    Attributes
    ----------
    way
        KERNEL when all of its primitives have one.
    fallbacks
        Class names of the primitives that are computed by featuretools' own function (or the
        user's), in order of first use.
    seconds_per_cell
        Estimated CPU seconds for each row of the matrix, to compare features by; parts that
        features share are counted for each.
    """

    way: Way
    fallbacks: tuple[str, ...]
    seconds_per_cell: float


def ways(
    plan: FeaturePlan, schema: Schema, *, child_rows: ChildRows = CHILD_ROWS
) -> dict[str, Explanation]:
    """Explain every column of a plan, in the plan's order.

    Parameters
    ----------
    plan
        What would be computed.
    schema
        Of the tables it would be computed from.
    child_rows
        Rows that one row sees of a child table, on average, or that by relationship: what
        aggregations of values that change with the cutoff are multiplied by.

    Raises
    ------
    FeatureError
        Where the engine cannot compute the plan.
    """
    return {
        name: _explain(node, child_rows) for name, node in lower(plan.definitions, schema).items()
    }


def _explain(node: Node, child_rows: ChildRows) -> Explanation:
    calls = [part.call for part in _parts(node) if isinstance(part, Map | Scan | Aggregate)]
    fallbacks = tuple(dict.fromkeys(call.name for call in calls if call.way is Way.FALLBACK))
    return Explanation(
        way=Way.FALLBACK if fallbacks else Way.KERNEL,
        fallbacks=fallbacks,
        seconds_per_cell=_seconds(node, child_rows),
    )


def _parts(node: Node) -> Iterator[Node]:
    yield node
    for base in inputs_of(node):
        yield from _parts(base)


def _seconds(node: Node, child_rows: ChildRows) -> float:
    """Estimate one value of `node`: its own step, and of its inputs what changes with the cutoff.

    Static inputs are computed once per row and shared by all cutoffs; they count as little.
    """
    many = 1.0
    if isinstance(node, Aggregate):
        many = math.prod(_rows_below(link, child_rows) for link in node.path)
    elif isinstance(node, Scan) and node.dynamic:
        many = CHILD_ROWS
    inputs = sum(
        (many if base.dynamic else 1.0) * _seconds(base, child_rows) for base in inputs_of(node)
    )
    return _own_seconds(node) + inputs


def _rows_below(link: Relationship, child_rows: ChildRows) -> float:
    return child_rows.get(link, CHILD_ROWS) if isinstance(child_rows, Mapping) else child_rows


def _own_seconds(node: Node) -> float:
    match node:
        case Aggregate(call=call) if call.way is Way.FALLBACK:
            return _CALL_SECONDS
        case Scan(dynamic=True):
            return _CALL_SECONDS
        case Map(call=call) | Scan(call=call) if call.way is Way.FALLBACK:
            return _ROW_SECONDS
        case _:
            return _KERNEL_SECONDS
