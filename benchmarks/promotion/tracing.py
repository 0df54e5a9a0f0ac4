"""How long 100,000 predictions take to be traced back to the files they stand on.

    python -m benchmarks.promotion.tracing --folder FOLDER [--predictions 100000] [--batches 10]

A small project is trained, scores so many (customer, moment) rows in so many batches, and every
prediction is traced by its id. Counted as traced are those whose row is the one that was asked for
and whose version, MLflow run, snapshots, files and code are all named.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.promotion.shops import FIRST, make_shop, open_shop
from flows.lineage import PredictionLineage, SnapshotUses, Tracer
from flows.narration import Silent
from flows.retrain import retrain_project
from flows.score import score_project
from flows.workspace import Workspace

N_CUSTOMERS = 120
AT = FIRST + pd.Timedelta(days=60)


def main() -> None:
    """Train, score, trace, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=10)
    asked = parser.parse_args()
    workspace = _scored(asked.folder / "shop", asked.predictions, asked.batches)
    frames = [
        pd.read_parquet(workspace.state / batch.path) for batch in workspace.ledger.batches("shop")
    ]
    written = pd.concat(frames, ignore_index=True)
    start, cpu = time.monotonic(), time.process_time()
    tracer = Tracer(workspace)
    names = written["prediction_id"].tolist()
    found = [tracer.prediction(name) for name in names]
    seconds, used = time.monotonic() - start, time.process_time() - cpu
    whole = sum(_is_whole(each) for each in found)
    keys = np.array([each.row["customer_id"] for each in found])
    moments = np.array([each.row["cutoff_time"] for each in found], dtype="datetime64[us]")
    right = (keys == written["customer_id"].to_numpy()) & (
        moments == written["cutoff_time"].to_numpy("datetime64[us]")
    )
    uses = tracer.trace(found[0].version.snapshot.snapshot_id)
    assert isinstance(uses, SnapshotUses)
    figures = {
        "predictions": len(names),
        "distinct ids": written["prediction_id"].nunique(),
        "the row asked for": int(right.sum()),
        "whole chains": whole,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "predictions of the snapshot": uses.n_predictions,
    }
    print(json.dumps(figures))


def _scored(folder: Path, n_predictions: int, n_batches: int) -> Workspace:
    if not folder.exists():
        make_shop(folder, n_customers=N_CUSTOMERS)
    workspace = open_shop(folder)
    if not workspace.ledger.promotions("shop"):
        retrain_project(workspace, Silent(), now=FIRST)
    per_batch = n_predictions // n_batches
    for number in range(len(workspace.ledger.batches("shop")), n_batches):
        rng = np.random.default_rng(number)
        minutes = rng.integers(1, 60 * 1440, per_batch)
        rows = pd.DataFrame(
            {
                "customer_id": rng.integers(1, N_CUSTOMERS + 1, per_batch),
                "cutoff_time": FIRST + pd.to_timedelta(minutes, "min"),
            }
        )
        path = folder / "asked.parquet"
        rows.to_parquet(path, index=False)
        start = time.monotonic()
        score_project(workspace, Silent(), at=AT, rows=str(path))
        print(f"batch {number}: {per_batch:,} rows, {time.monotonic() - start:.0f} s", flush=True)
    return workspace


def _is_whole(found: PredictionLineage) -> bool:
    version, batch = found.version, found.batch
    tables = [*version.snapshot.tables, *(batch.snapshot.tables if batch.snapshot else ())]
    return (
        bool(version.tracking_run and version.recorded["code"]["source"] and batch.sha256)
        and len(tables) == 4
        and all(table["files"] and table["sha256"] for table in tables)
    )


if __name__ == "__main__":
    main()
