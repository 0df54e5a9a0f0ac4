"""Partitions: what is sorted on disk and computed part by part is what is computed in one piece."""

import itertools
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.engine import execute, spill, spilled
from features.engine.cancellation import CancelledError
from features.engine.demand import group_demands
from features.engine.effort import Effort
from features.engine.execute import compute_batches, compute_matrix
from features.engine.executors import open_executor
from features.engine.lower import lower
from features.engine.questions import Asked, asked_cutoffs
from features.engine.spill import Sorting
from features.errors import FeatureError
from features.plan import synthesize
from tests.features.comparing import compute, plan_world
from tests.features.shop import monthly_rows, shop_tables, write_shop
from tests.features.snapshots import snapshot_of
from tests.features.strategies import STRANGE, worlds

few = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@contextmanager
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
def test_partitions_change_nothing(world, depth):
    plan = plan_world(world, depth, max_features=40)
    with TemporaryDirectory() as folder, always_partitioned():
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


N_CUSTOMERS = 60


@pytest.fixture
def shop(tmp_path):
    return write_shop(shop_tables(N_CUSTOMERS, 3_000), tmp_path / "snapshots" / "s")


def test_a_run_by_partitions_stops_when_told_and_leaves_nothing(shop):
    plan = synthesize(shop.schema, "customers", depth=1, max_features=10)
    stop = threading.Event()
    seen: list[tuple[int, int]] = []

    def told(done: int, total: int) -> None:
        seen.append((done, total))
        stop.set()

    rows = monthly_rows(N_CUSTOMERS)
    with always_partitioned(), pytest.raises(CancelledError):
        compute_matrix(plan, shop, rows, on_progress=told, cancelled=stop.is_set)
    assert len(seen) == 1
    assert seen[0][0] < seen[0][1] == len(rows) * len(plan.names)
    assert [path.name for path in shop.directory.parent.iterdir()] == ["s"]


def test_an_interrupt_leaves_nothing(shop):
    plan = synthesize(shop.schema, "customers", depth=1, max_features=10)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with always_partitioned(), pytest.raises(KeyboardInterrupt):
        compute_matrix(plan, shop, monthly_rows(N_CUSTOMERS), on_progress=interrupt)
    assert [path.name for path in shop.directory.parent.iterdir()] == ["s"]


def test_a_sort_is_interrupted(tmp_path):
    sorting = Sorting(directory=tmp_path, memory=1 << 28, cancelled=lambda: True)
    began = time.monotonic()
    with spill._connect(sorting) as run, pytest.raises(CancelledError, match="sorting"):
        run("SELECT count(*) FROM range(100_000_000_000) t(i) WHERE hash(i) % 7 = 1", {})
    assert time.monotonic() - began < 5


def test_a_sort_draws_no_progress_bar(tmp_path):
    """DuckDB would, on standard output, where no file is run: a prompt, a notebook, a worker."""
    code = """
import pathlib, sys
from features.engine import spill
with spill._connect(spill.Sorting(directory=pathlib.Path(sys.argv[1]), memory=1 << 28)) as run:
    print(run("SELECT current_setting('enable_progress_bar') AS drawn", {})["drawn"])"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, check=True)
    assert b"false" in done.stdout


def test_one_root_that_does_not_fit_is_refused_by_name(shop, monkeypatch):
    monkeypatch.setattr(execute, "free_budget", lambda _: 1_000)
    plan = synthesize(shop.schema, "customers", depth=1, max_features=10)
    batches = compute_batches(plan, shop, monthly_rows(N_CUSTOMERS))
    with pytest.raises(FeatureError, match=r"for the rows of one entity .* Raise memory_limit"):
        next(batches)
    with pytest.raises(FeatureError, match=r"as one frame, .* take compute_batches"):
        compute_matrix(plan, shop, monthly_rows(N_CUSTOMERS))


def test_partitions_are_ranges_of_roots(shop):
    """Every asked row is in one partition, and more room makes fewer of them."""
    plan = synthesize(shop.schema, "customers", depth=2, max_features=30)
    nodes = lower(plan.definitions, shop.schema)
    counts = []
    for budget in (1 << 17, 1 << 19, 1 << 30):
        with TemporaryDirectory() as folder:
            sorting = Sorting(directory=Path(folder), memory=1 << 28)
            rows = monthly_rows(N_CUSTOMERS)
            asked = Asked(places=rows["customer"].to_numpy(), cutoffs=asked_cutoffs(rows))
            spilling = spilled.Spilling(snapshot=shop, sorting=sorting, budget=budget)
            with open_executor(Effort()) as executor:
                (demand,) = group_demands(nodes)
                parts = spilled._partitions(demand, asked, spilling, executor)
        assert sorted(np.concatenate([part.rows for part in parts])) == list(range(len(rows)))
        assert all(a.last <= b.first for a, b in itertools.pairwise(parts))
        counts.append(len(parts))
    assert counts[0] > counts[1] > counts[2] == 1
