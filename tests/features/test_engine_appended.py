"""Incremental computation: reused rows and rows computed again are those of a full run."""

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.engine.appended import Computed, missing, still_right
from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.reduced import read_reduced
from features.engine.spilled import columns_of
from features.engine.tables import Tables
from tests.features.comparing import compute, plan_world
from tests.features.snapshots import snapshot_of
from tests.features.strategies import STRANGE, World, worlds

# NOTE: shrinking a world takes minutes; a seed reproduces the failure.
few = settings(
    max_examples=int(os.environ.get("PERENNIAL_CASES", "10")),
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[World, World]:
    """A world as it was, and as it is: rows added, late, changed, removed and moved."""
    now = draw(worlds(**STRANGE))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    earlier = {}
    asked = set(now.rows[now.schema.table(now.target).key])
    for table in now.schema.tables:
        frame = now.frames[table.name].copy()
        for name in frame.columns.drop(table.key):
            for i in np.flatnonzero(rng.random(len(frame)) < 0.1):
                frame.loc[i, name] = frame[name].iloc[rng.integers(len(frame))]
        if rng.random() < 0.2:
            frame = frame.iloc[rng.permutation(len(frame))]
        needed = frame[table.key].isin(asked) if table.name == now.target else False
        kept = (rng.random(len(frame)) < 0.8) | needed | (np.arange(len(frame)) == 0)
        removed = frame[rng.random(len(frame)) < 0.1].copy()
        if len(removed):
            strings = not pd.api.types.is_integer_dtype(removed[table.key])
            key = removed[table.key]
            removed[table.key] = "old" + key.astype(str) if strings else key + 500
        frame = pd.concat([frame[kept], removed]) if len(removed) else frame[kept]
        earlier[table.name] = frame.reset_index(drop=True)
    return now.replace_frames(earlier), now


@few
@given(history=histories(), depth=st.integers(0, 3))
def test_what_is_reused_is_what_a_full_run_gives(history, depth):
    before, after = history
    plan = plan_world(after, depth, max_features=40)
    key = after.schema.table(after.target).key
    rows = after.rows.drop_duplicates(ignore_index=True)
    old, new = (replace(world, rows=rows) for world in (before, after))
    with TemporaryDirectory() as folder:
        snapshots = [snapshot_of(w, Path(folder) / name) for w, name in ((old, "a"), (new, "b"))]
        computed = Computed(rows=rows, snapshot=snapshots[0].directory)
        nodes = lower(plan.definitions, after.schema)
        right = still_right(nodes, computed, *snapshots)
    stale = missing(rows, right, key)
    was, now = compute(plan, old), compute(plan, new)
    pd.testing.assert_frame_equal(was[~stale], now[~stale], check_exact=True)


@few
@given(world=worlds(**STRANGE), depth=st.integers(0, 3), seed=st.integers(0, 99))
def test_reduced_tables_give_the_same_values(world, depth, seed):
    plan = plan_world(world, depth, max_features=40)
    key = world.schema.table(world.target).key
    some = world.rows.iloc[: 1 + seed % len(world.rows)].reset_index(drop=True)
    places = np.flatnonzero(world.frames[world.target][key].isin(some[key]))
    nodes = lower(plan.definitions, world.schema)
    with TemporaryDirectory() as folder:
        snapshot = snapshot_of(world, Path(folder) / "s")
        tables = read_reduced(snapshot, nodes, columns_of(nodes, snapshot, world.target), places)
    reduced = compute_nodes(nodes, Tables(world.schema, tables), some)
    expected = compute(plan, replace(world, rows=some))
    pd.testing.assert_frame_equal(reduced, expected, check_exact=True)
