"""Worlds as snapshots on disk, for what reads files."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features.fingerprint import fingerprint_file
from features.snapshot import Snapshot, SnapshotTable
from tests.features.strategies import World


def snapshot_of(world: World, directory: Path) -> Snapshot:
    """Write the world's tables as they are, in row groups of two rows."""
    directory.mkdir(parents=True, exist_ok=True)
    tables = []
    for name, table in world.tables.items():
        path = directory / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", version="2.6", row_group_size=2)
        tables.append(
            SnapshotTable(
                name=name,
                n_rows=table.num_rows,
                n_future=0,
                time_min=None,
                time_max=None,
                sha256=fingerprint_file(path),
                source=name,
            )
        )
    return Snapshot(
        snapshot_id=directory.name,
        directory=directory,
        schema=world.schema,
        tables=tuple(tables),
        created_for=pd.Timestamp("2024-06-01"),
    )
