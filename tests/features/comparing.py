"""Comparison of feature values that come from different hands."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.tables import Tables
from features.plan import FeaturePlan, synthesize
from tests.features.strategies import World

RELATIVE = 1e-9
WINDOWS = ("6h", "2d")


def plan_world(world: World, depth: int = 3, max_features: int = 10_000) -> FeaturePlan:
    return synthesize(
        world.schema, world.target, depth=depth, windows=WINDOWS, max_features=max_features
    )


def compute(plan: FeaturePlan, world: World, **options: Any) -> pd.DataFrame:
    nodes = lower(plan.definitions, world.schema)
    store = Tables(world.schema, world.tables)
    return compute_nodes(nodes, store, world.rows, **options)


def same(ours: Any, theirs: Any, scale: float = 1.0) -> bool:
    """Whether two values are equal: both null, the same text, or within 1e-9."""
    if pd.isna(ours) or pd.isna(theirs):
        return bool(pd.isna(ours) and pd.isna(theirs))
    if isinstance(ours, str):
        return ours == str(theirs)
    if isinstance(theirs, pd.Timestamp):
        return bool(ours == theirs)
    if isinstance(theirs, pd.Timedelta):
        theirs = theirs.total_seconds()
    a, b = float(ours), float(theirs)
    return a == b or math.isclose(a, b, rel_tol=RELATIVE, abs_tol=RELATIVE * scale)


def differences(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    names: Iterable[str],
    scale_by_name: Mapping[str, float] | None = None,
) -> list[tuple]:
    """Cells that differ: (name, row, ours, theirs)."""
    scales = scale_by_name or {}
    return [
        (name, i, a, b)
        for name in names
        for i, (a, b) in enumerate(zip(ours[name], theirs[name], strict=True))
        if not same(a, b, scales.get(name, 1.0))
    ]
