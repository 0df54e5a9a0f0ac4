"""A matrix on disk that is kept up to date: what a full run gives, at the price of what changed."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.engine.appended import Computed, missing
from features.engine.cancellation import CancelledError, threads
from features.engine.effort import Effort
from features.engine.execute import compute_matrix
from features.errors import FeatureError
from features.materialization import materialize
from features.matrix import CREATED_AT, column_name
from features.plan import FeaturePlan, synthesize
from tests.features.shop import SCHEMA, monthly_rows, shop_tables, write_shop

N_CUSTOMERS = 40


@pytest.fixture(scope="module")
def plan() -> FeaturePlan:
    return synthesize(SCHEMA, "customers", depth=2, windows=("30d",), max_features=40)


def read(directory, plan: FeaturePlan) -> pd.DataFrame:
    """The newest version of every row, under the features' own names."""
    batches = [pd.read_parquet(batch) for batch in sorted(directory.glob("batch-*"))]
    frame = pd.concat(batches).sort_values(["cutoff_time", "customer", CREATED_AT])
    frame = frame.drop_duplicates(["cutoff_time", "customer"], keep="last", ignore_index=True)
    return frame.rename(columns={column_name(name): name for name in plan.names})[
        ["customer", "cutoff_time", *plan.names]
    ]


def expected(plan: FeaturePlan, snapshot, rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.sort_values(["cutoff_time", "customer"], ignore_index=True)
    frame = compute_matrix(plan, snapshot, rows)
    return frame.replace([np.inf, -np.inf], np.nan)


def test_a_matrix_follows_its_tables(tmp_path, plan):
    tables = shop_tables(N_CUSTOMERS, 2_000)
    at = tables["transactions"]["at"].to_numpy()
    day = at[1_600]
    rows = monthly_rows(N_CUSTOMERS, n_cutoffs=4)
    until = rows[rows["cutoff_time"] < day]
    first = tables | {"transactions": tables["transactions"].slice(0, 1_600)}
    late = tables | {
        "transactions": pa.concat_tables(
            [tables["transactions"].slice(0, 700), tables["transactions"].slice(701)]
        )
    }
    directory, snapshots = tmp_path / "matrix", {}

    def step(name, tables, rows, day):
        if not (tmp_path / "snapshots" / name).exists():
            snapshots[name] = write_shop(tables, tmp_path / "snapshots" / name)
        done = materialize(
            plan,
            snapshots[name],
            rows,
            directory=directory,
            created_at=pd.Timestamp("2025-01-01") + pd.Timedelta(days=day),
        )
        ours, theirs = read(directory, plan), expected(plan, snapshots[name], rows)
        asked = pd.MultiIndex.from_frame(theirs[["cutoff_time", "customer"]])
        ours = ours.set_index(["cutoff_time", "customer"]).loc[asked].reset_index()[list(theirs)]
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
        return done

    done = step("first", first, until, 0)
    assert (done.n_computed, done.n_reused) == (len(until), 0)
    assert step("first", first, until, 1).n_computed == 0
    done = step("grown", tables, rows, 2)
    assert done.n_reused == len(until)
    changed = step("late", late, rows, 3)
    assert 0 < changed.n_computed <= 4
    back = step("grown", tables, rows, 4)
    assert back.n_computed == changed.n_computed


def test_a_cancelled_run_leaves_nothing_behind(tmp_path, plan):
    snapshot = write_shop(shop_tables(N_CUSTOMERS, 500), tmp_path / "snapshots" / "s")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CancelledError, match="nothing was written"):
        materialize(
            plan,
            snapshot,
            monthly_rows(N_CUSTOMERS),
            directory=tmp_path / "matrix",
            created_at=pd.Timestamp("2025-01-01"),
            effort=Effort(cancelled=lambda: True),
        )
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [
        path for path in before if path.is_file()
    ]
    with pytest.raises(FeatureError, match="at least 1, got 0"):
        Effort(n_threads=0)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_jobs_come_back_in_order_until_one_is_cancelled(n_threads):
    begun: list[int] = []
    with threads(n_threads, lambda: len(begun) >= 3) as pool:
        results = pool.map(lambda i, j: begun.append(i) or i + j, range(3), [10, 20, 30])
        assert list(results) == [10, 21, 32]
        with pytest.raises(CancelledError, match="nothing was written"):
            list(pool.map(begun.append, [9]))
    assert sorted(begun) == [0, 1, 2]


@pytest.mark.parametrize(
    "keys", [[3, -1, 7], [2**62, -(2**62), 0], ["a", "b", ""], [np.int8(-128), np.int8(127), 0]]
)
def test_rows_that_a_matrix_has_are_not_missing(tmp_path, keys):
    times = pd.to_datetime(["2024-01-01", "2024-01-02"])
    pairs = [(key, time) for key in keys for time in times]
    rows = pd.DataFrame(pairs, columns=["k", "cutoff_time"])
    for there in ([], [0], [5, 2, 3], [0, 1, 2, 3], range(6)):
        computed = Computed(rows=rows.iloc[list(there)], snapshot=tmp_path)
        computed.save(tmp_path / "record.parquet")
        computed = Computed.load(tmp_path / "record.parquet")
        flags = missing(pd.concat([rows, rows]), computed, "k")
        assert flags.tolist() == [i not in there for i in range(6)] * 2


def test_a_record_finds_its_snapshot_where_both_were_moved_together(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "snapshots" / "abc").mkdir(parents=True)
    (before / "matrices").mkdir()
    rows = pd.DataFrame({"customer_id": [1], "cutoff_time": [pd.Timestamp("2024-01-01")]})
    record = Computed(rows=rows, snapshot=before / "snapshots" / "abc")
    record.save(before / "matrices" / "plan.computed.parquet")
    before.rename(after)
    found = Computed.load(after / "matrices" / "plan.computed.parquet")
    assert found is not None
    assert found.snapshot == after / "snapshots" / "abc"
