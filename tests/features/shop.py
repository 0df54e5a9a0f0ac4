"""A shop of any size: customers, their sessions, and transactions, as a snapshot on disk."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.fingerprint import fingerprint_file
from features.manifest import SnapshotTable
from features.schema import ColumnType, Relationship, Schema, Table
from features.snapshot import Snapshot

K, N, C, T = ColumnType.KEY, ColumnType.NUMERIC, ColumnType.CATEGORICAL, ColumnType.DATETIME
YEAR = 365 * 86_400_000_000
START = pd.Timestamp("2024-01-01")

SCHEMA = Schema(
    tables=(
        Table(name="customers", key="customer", columns={"customer": K, "age": N}),
        Table(
            name="sessions",
            key="session",
            columns={"session": K, "customer": K, "device": C, "began": T},
            time="began",
        ),
        Table(
            name="transactions",
            key="transaction",
            columns={"transaction": K, "session": K, "amount": N, "discount": N, "kind": C}
            | {"at": T},
            time="at",
        ),
    ),
    relationships=(
        Relationship.parse("customers.customer <- sessions.customer"),
        Relationship.parse("sessions.session <- transactions.session"),
    ),
)


def shop_tables(n_customers: int, n_transactions: int, seed: int = 0) -> dict[str, pa.Table]:
    """Draw a year of a shop; rows stand in the order of time."""
    rng = np.random.default_rng(seed)
    n_sessions = max(n_transactions // 10, 1)
    began = np.sort(rng.integers(0, YEAR, n_sessions))
    session = rng.integers(0, n_sessions, n_transactions)
    at = began[session] + rng.integers(0, 3_600_000_000, n_transactions)
    session, at = session[np.argsort(at, kind="stable")], np.sort(at)
    return {
        "customers": pa.table(
            {"customer": np.arange(n_customers), "age": rng.normal(40, 9, n_customers)}
        ),
        "sessions": pa.table(
            {
                "session": np.arange(n_sessions),
                "customer": rng.integers(0, n_customers, n_sessions),
                "device": _texts(rng, ["phone", "desk", "tablet"], n_sessions),
                "began": _times(began),
            }
        ),
        "transactions": pa.table(
            {
                "transaction": np.arange(n_transactions),
                "session": session,
                "amount": rng.lognormal(3, 1, n_transactions),
                "discount": rng.random(n_transactions),
                "kind": _texts(rng, ["food", "books", "toys", "music"], n_transactions),
                "at": _times(at),
            }
        ),
    }


def write_shop(tables: dict[str, pa.Table], directory: Path) -> Snapshot:
    """Write tables as a snapshot."""
    directory.mkdir(parents=True)
    written = []
    for name, table in tables.items():
        path = directory / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", version="2.6")
        written.append(
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
    snapshot = Snapshot(
        snapshot_id=directory.name,
        directory=directory,
        schema=SCHEMA,
        tables=tuple(written),
        created_for=START + pd.Timedelta(days=366),
    )
    snapshot.write_manifest(directory)
    return snapshot


def monthly_rows(n_customers: int, n_cutoffs: int = 2) -> pd.DataFrame:
    """Ask about every customer at some moments of the year."""
    cutoffs = START + pd.to_timedelta(np.linspace(100, 365, n_cutoffs), unit="D")
    rows = pd.MultiIndex.from_product(
        [cutoffs.astype("datetime64[us]"), np.arange(n_customers)],
        names=["cutoff_time", "customer"],
    )
    return rows.to_frame(index=False)


def _texts(rng: np.random.Generator, words: list[str], n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(rng.integers(0, len(words), n), words).cast(pa.string())


def _times(microseconds: np.ndarray) -> pa.Array:
    start = START.value // 1000
    return pa.array(start + microseconds, pa.int64()).cast(pa.timestamp("us"))
