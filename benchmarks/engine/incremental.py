"""What new rows and cutoffs cost, against computing everything again.

    python -m benchmarks.engine.incremental --customers 20000 --folder shop

One per cent of transactions and sessions, the newest, come to a shop whose matrix is there, and one
per cent more (customer, cutoff) rows are asked about. CPU seconds of this process, in one run; the
matrices are compared cell by cell afterwards.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.engine.shop import END, Shop, ask_monthly, write_shop
from features import snapshot as snapshots
from features.engine.effort import Effort
from features.materialization import Materialized, materialize
from features.plan import synthesize
from features.snapshot import Snapshot

SHARE = 0.01
N_MONTHS = 12


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=20_000)
    arguments.add_argument("--features", type=int, default=115)
    arguments.add_argument("--folder", type=Path, required=True)
    given = arguments.parse_args()
    folder = given.folder / f"incremental-{given.customers}"
    shutil.rmtree(folder, ignore_errors=True)
    shop = Shop(n_customers=given.customers)
    after = _with_manifest(write_shop(shop, folder / "snapshots" / "after"))
    before = _earlier(after, folder / "snapshots" / "before")
    plan = synthesize(
        after.schema, "customers", depth=2, windows=("30d",), max_features=given.features
    )
    months = ask_monthly(shop, N_MONTHS + 1)
    old = months[months["cutoff_time"] < END].reset_index(drop=True)
    new = months[months["cutoff_time"] == END]
    new = new.sample(int(len(old) * SHARE), random_state=0)
    # The newest customers' cutoffs are at the end, where the new rows are.
    rows = pd.concat([old, new], ignore_index=True)

    def run(snapshot: Snapshot, asked: pd.DataFrame, name: str, day: int) -> Materialized:
        return materialize(
            plan,
            snapshot,
            asked,
            directory=folder / name,
            created_at=END + pd.Timedelta(days=day),
            effort=Effort(n_threads=1),
        )

    run(before, old.iloc[:500], "warm", 0)
    run(after, rows.iloc[:500], "warm", 1)
    full_cpu, full = _cpu(lambda: run(after, rows, "full", 0))
    run(before, old, "kept", 0)
    again_cpu, again = _cpu(lambda: run(after, rows, "kept", 1))
    figures = {
        "customers": given.customers,
        "rows": len(rows),
        "features": len(plan.names),
        "full_cpu_seconds": round(full_cpu, 2),
        "incremental_cpu_seconds": round(again_cpu, 2),
        "share": round(again_cpu / full_cpu, 4),
        "computed": again.n_computed,
        "reused": again.n_reused,
        "equal": _read(folder / "full").equals(_read(folder / "kept")),
    }
    assert full.n_computed == len(rows)
    print(json.dumps(figures, indent=1))
    shutil.rmtree(folder)


def _cpu(work: Callable[[], Materialized]) -> tuple[float, Materialized]:
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def _earlier(after: Snapshot, directory: Path) -> Snapshot:
    """The shop without the newest sessions and transactions."""
    directory.mkdir(parents=True)
    tables = []
    for table in after.tables:
        rows = pq.read_table(after.path(table.name))
        time_column = after.schema.table(table.name).time
        if table.name != "customers" and time_column:
            times = rows[time_column].to_numpy()
            limit = np.sort(times)[int(len(times) * (1 - SHARE))]
            rows = rows.filter(pc.less(rows[time_column], limit))
        _write(rows, directory / f"{table.name}.parquet")
        tables.append(replace(table, n_rows=rows.num_rows))
    # The newer snapshot is written in the same way, as all snapshots are.
    for table in after.tables:
        rows = pq.read_table(after.path(table.name))
        _write(rows, after.path(table.name))
    return _with_manifest(
        replace(after, directory=directory, tables=tuple(tables), snapshot_id="before")
    )


def _write(rows: pa.Table, path: Path) -> None:
    pq.write_table(
        rows.combine_chunks(),
        path,
        row_group_size=snapshots.ROW_GROUP,
        compression="zstd",
        version="2.6",
    )


def _with_manifest(snapshot: Snapshot) -> Snapshot:
    text = json.dumps(snapshots._to_manifest(snapshot))
    (snapshot.directory / snapshots.MANIFEST).write_text(text)
    return snapshot


def _read(directory: Path) -> pd.DataFrame:
    batches = [pd.read_parquet(batch) for batch in sorted(directory.glob("batch-*"))]
    frame = pd.concat(batches).drop(columns=["cutoff_day"], errors="ignore")
    frame = frame.sort_values(["customer_id", "cutoff_time", "created_at"])
    frame = frame.drop_duplicates(["customer_id", "cutoff_time"], keep="last", ignore_index=True)
    return frame.drop(columns="created_at")


if __name__ == "__main__":
    main()
