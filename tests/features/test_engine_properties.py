"""What holds for all data: the future, company, threads and memory limits change nothing."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.engine import pairs, values
from tests.features.comparing import compute, plan_world
from tests.features.strategies import STRANGE, World, worlds

fast = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
depths = st.integers(0, 3)


@fast
@given(worlds(**STRANGE), depths, st.integers(0, 2**32 - 1))
def test_nothing_after_the_cutoff_changes_a_feature(world, depth, seed):
    plan = plan_world(world, depth, max_features=200)
    before = compute(plan, world)
    after = compute(plan, poisoned(world, np.random.default_rng(seed)))
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def poisoned(world: World, rng: np.random.Generator) -> World:
    """Change, drop and add what no asked cutoff may see."""
    newest = world.rows["cutoff_time"].max()
    key = world.schema.table(world.target).key
    frames = {}
    for table in world.schema.tables:
        frame = world.frames[table.name].copy()
        for moment, columns in table.known_at.items():
            hidden = ~(frame[moment] <= newest).to_numpy()
            frame = poison(frame, hidden, [*columns, moment], newest, rng)
        if table.time is not None:
            future = ~(frame[table.time] <= newest).to_numpy()
            others = [name for name in frame if name != table.key]
            frame = poison(frame, future, others, newest, rng)
            asked = frame[table.key].isin(world.rows[key]) if table.name == world.target else False
            gone = future & ~np.asarray(asked) & (rng.random(len(frame)) < 0.3)
            frame = pd.concat([added(frame[future], table.key), frame[~gone]], ignore_index=True)
        frames[table.name] = frame
    return world.replace_frames(frames)


def poison(
    frame: pd.DataFrame,
    rows: np.ndarray,
    columns: list[str],
    newest: pd.Timestamp,
    rng: np.random.Generator,
) -> pd.DataFrame:
    for name in columns:
        values = frame[name].copy()
        for i in np.flatnonzero(rows):
            if pd.api.types.is_datetime64_dtype(values.dtype):
                values[i] = newest + pd.Timedelta(minutes=int(rng.integers(1, 5000)))
            elif pd.api.types.is_bool_dtype(values.dtype):
                values[i] = bool(rng.integers(2))
            elif pd.api.types.is_float_dtype(values.dtype):
                values[i] = float(rng.choice([1e300, math.nan, -1e9, math.inf]))
            elif pd.api.types.is_string_dtype(values.dtype):
                values[i] = rng.choice(["m", "zz", *frame[name].dropna()])
            else:
                values[i] = int(rng.integers(3))
        frame[name] = values
    return frame


def added(future: pd.DataFrame, key: str) -> pd.DataFrame:
    """Rows of the future once more, under new keys."""
    again = future.copy()
    strings = pd.api.types.is_object_dtype(again[key]) or pd.api.types.is_string_dtype(again[key])
    again[key] = "new" + again[key].astype(str) if strings else again[key] + 1000
    return again


@fast
@given(worlds(**STRANGE), depths)
def test_threads_and_company_change_nothing(world, depth):
    """Bit by bit the same on one thread or two, asked alone or together."""
    plan = plan_world(world, depth, max_features=150)
    together = compute(plan, world, n_threads=2)
    pd.testing.assert_frame_equal(together, compute(plan, world, n_threads=1), check_exact=True)
    alone = [
        compute(plan, replace(world, rows=world.rows.iloc[[i]].reset_index(drop=True)))
        for i in range(len(world.rows))
    ]
    pd.testing.assert_frame_equal(
        together, pd.concat(alone, ignore_index=True), check_exact=True, check_dtype=False
    )


@fast
@given(worlds(**STRANGE), depths)
def test_kinds_say_what_the_columns_hold(world, depth):
    plan = plan_world(world, depth, max_features=150)
    matrix = compute(plan, world)
    assert list(matrix) == [f"{world.target}_id", "cutoff_time", *plan.names]
    for feature in plan.features:
        column = matrix[feature.name]
        if feature.kind == "numeric":
            assert column.dtype == np.float64
        else:
            assert all(value is None or isinstance(value, str) for value in column)


@fast
@given(world=worlds(**STRANGE), depth=depths)
def test_small_parts_change_nothing(monkeypatch_module, world, depth):
    """The limits that bound memory do not show in the values."""
    plan = plan_world(world, depth, max_features=60)
    whole = compute(plan, world)
    seen: list[tuple[int, int]] = []
    with monkeypatch_module.context() as patch:
        patch.setattr(values, "MAX_CELLS", 1)
        patch.setattr(pairs, "MAX_PAIRS", 1)
        parts = compute(plan, world, on_progress=lambda done, n: seen.append((done, n)))
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)
    n, wide = len(world.rows), len(plan.names)
    assert seen == [(i * wide, n * wide) for i in range(1, n + 1)]


@pytest.fixture(scope="module")
def monkeypatch_module():
    return pytest.MonkeyPatch()
