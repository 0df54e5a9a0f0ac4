"""What new rows and cutoffs cost, against computing everything again.

    python -m benchmarks.engine.incremental --customers 20000 --folder shop

One per cent of transactions and sessions, the newest, come to a shop whose matrix is there, and one
per cent more (customer, cutoff) rows are asked about. CPU seconds of this process, in one run; the
matrices are compared cell by cell afterwards.
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.engine.shop import END, SCHEMA, Shop, ask_monthly, write_shop
from features.engine.effort import Effort
from features.fingerprint import fingerprint_file
from features.materialization import Materialized, materialize
from features.parquet import write_rows
from features.plan import FeaturePlan, synthesize
from features.snapshot import Snapshot

SHARE = 0.01
N_MONTHS = 12
REPEATS = 5
"""Of the incremental run, which is short; the median counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A plan, and the folder of its matrices."""

    plan: FeaturePlan
    folder: Path

    def run(self, snapshot: Snapshot, asked: pd.DataFrame, name: str, day: int) -> Materialized:
        """Bring the matrix `name` up to date."""
        return materialize(
            self.plan,
            snapshot,
            asked,
            directory=self.folder / name,
            created_at=END + pd.Timedelta(days=day),
            effort=Effort(n_threads=1),
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=20_000)
    arguments.add_argument("--features", type=int, default=115)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--quick", action="store_true", help="1,000 customers")
    given = arguments.parse_args()
    shop = Shop(n_customers=1_000 if given.quick else given.customers)
    folder = given.folder / f"incremental-{shop.n_customers}"
    shutil.rmtree(folder, ignore_errors=True)
    plan = synthesize(SCHEMA, "customers", depth=2, windows=("30d",), max_features=given.features)
    figures = _measured(shop, Setting(plan=plan, folder=folder))
    print(json.dumps(figures, indent=1))
    shutil.rmtree(folder)


def _measured(shop: Shop, setting: Setting) -> dict[str, object]:
    before, after = _snapshots(shop, setting.folder / "snapshots")
    old, rows = _asked(shop)
    setting.run(before, old.iloc[:500], "warm", 0)
    setting.run(after, rows.iloc[:500], "warm", 1)
    full_cpu, full = _cpu(lambda: setting.run(after, rows, "full", 0))
    setting.run(before, old, "kept", 0)
    costs = []
    for _ in range(REPEATS):
        _copy(setting.folder, "kept", "again")
        again_cpu, again = _cpu(lambda: setting.run(after, rows, "again", 1))
        costs.append(again_cpu)
    again_cpu = float(np.median(costs))
    assert full.n_computed == len(rows)
    return {
        "customers": shop.n_customers,
        "rows": len(rows),
        "features": len(setting.plan.names),
        "full_cpu_seconds": round(full_cpu, 2),
        "incremental_cpu_seconds": round(again_cpu, 2),
        "incremental_each": [round(cost, 2) for cost in costs],
        "share": round(again_cpu / full_cpu, 4),
        "computed": again.n_computed,
        "reused": again.n_reused,
        "equal": _read(setting.folder / "full").equals(_read(setting.folder / "again")),
    }


def _copy(folder: Path, name: str, other: str) -> None:
    """Give a matrix, and the record of its rows, a second name."""
    shutil.rmtree(folder / other, ignore_errors=True)
    shutil.copytree(folder / name, folder / other)
    record = "computed.parquet"
    shutil.copy(folder / f"{name}.{record}", folder / f"{other}.{record}")


def _asked(shop: Shop) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was asked before, and that with one per cent more, at the shop's end."""
    months = ask_monthly(shop, N_MONTHS + 1)
    old = months[months["cutoff_time"] < END].reset_index(drop=True)
    new = months[months["cutoff_time"] == END]
    new = new.sample(int(len(old) * SHARE), random_state=0)
    return old, pd.concat([old, new], ignore_index=True)


def _cpu(work: Callable[[], Materialized]) -> tuple[float, Materialized]:
    began = os.times()
    done = work()
    ended = os.times()
    return ended.user + ended.system - began.user - began.system, done


def _snapshots(shop: Shop, folder: Path) -> tuple[Snapshot, Snapshot]:
    """Write the shop without its newest sessions and transactions, and whole."""
    drawn = write_shop(shop, folder / "drawn")
    before, after = (
        replace(drawn, directory=folder / name, snapshot_id=name) for name in ("before", "after")
    )
    for snapshot in (before, after):
        snapshot.directory.mkdir()
        for table in drawn.tables:
            rows = pq.read_table(drawn.path(table.name))
            time_column = SCHEMA.table(table.name).time
            if snapshot is before and table.name != "customers":
                times = rows[time_column].to_numpy()
                limit = np.sort(times)[int(len(times) * (1 - SHARE))]
                rows = rows.filter(pc.less(rows[time_column], limit))
            write_rows(rows, snapshot.path(table.name))
    return _with_manifest(before), _with_manifest(after)


def _with_manifest(snapshot: Snapshot) -> Snapshot:
    """Count the rows that were written, and make the folder a snapshot that can be opened."""
    tables = tuple(
        replace(
            table,
            n_rows=pq.read_metadata(snapshot.path(table.name)).num_rows,
            sha256=fingerprint_file(snapshot.path(table.name)),
        )
        for table in snapshot.tables
    )
    snapshot = replace(snapshot, tables=tables)
    snapshot.write_manifest(snapshot.directory)
    return snapshot


def _read(directory: Path) -> pd.DataFrame:
    batches = [pd.read_parquet(batch) for batch in sorted(directory.glob("batch-*"))]
    frame = pd.concat(batches).drop(columns=["cutoff_day"], errors="ignore")
    frame = frame.sort_values(["customer_id", "cutoff_time", "created_at"])
    frame = frame.drop_duplicates(["customer_id", "cutoff_time"], keep="last", ignore_index=True)
    return frame.drop(columns="created_at")


if __name__ == "__main__":
    main()
