"""Partitions: what is sorted on disk and computed part by part is what is computed in one piece."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.engine import execute, spilled
from features.engine.effort import Effort
from features.engine.execute import compute_batches, compute_matrix
from tests.features.comparing import compute, plan_world
from tests.features.snapshots import snapshot_of
from tests.features.strategies import STRANGE, worlds

few = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def always_partitioned():
    """Nothing fits, and every root is a partition of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "whole_size", lambda *_: 1 << 60)
        real = spilled.cut
        patch.setattr(
            spilled, "cut", lambda *args, **options: real(*args, **(options | {"at_least": 1000}))
        )
        yield


@few
@given(world=worlds(**STRANGE), depth=st.integers(0, 3))
def test_partitions_change_nothing(always_partitioned, world, depth):
    plan = plan_world(world, depth, max_features=40)
    with TemporaryDirectory() as folder:
        snapshot = snapshot_of(world, Path(folder) / "snapshots" / "s")
        before = compute(plan, world)
        after = compute_matrix(plan, snapshot, world.rows)
        pd.testing.assert_frame_equal(before, after, check_exact=True)
        batches = list(compute_batches(plan, snapshot, world.rows, effort=Effort(n_threads=1)))
        assert batches[0].schema.names == list(before)
        assert [p.name for p in snapshot.directory.parent.iterdir()] == ["s"]
    streamed = pd.concat([batch.to_pandas() for batch in batches], ignore_index=True)
    for name in plan.names:
        ours, theirs = before[name].to_numpy(), streamed[name].to_numpy()
        assert np.array_equal(pd.isna(ours), pd.isna(theirs))
        assert (ours[~pd.isna(ours)] == theirs[~pd.isna(ours)]).all()
