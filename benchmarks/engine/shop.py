"""A shop of any size: customers have sessions, sessions have transactions, all with time.

Every part of a table follows from (seed, part), and is written before the next one is drawn, so
that tables beyond memory can be made. Sessions lie in order of time, as a log does;
transactions nearly so.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.plan import FeaturePlan, synthesize
from features.schema import ColumnType, Relationship, Schema, Table
from features.snapshot import Snapshot, SnapshotTable

SESSIONS_PER_CUSTOMER = 10
TRANSACTIONS_PER_SESSION = 10
START = pd.Timestamp("2022-01-01")
END = pd.Timestamp("2024-01-01")
PART = 500_000
"""Sessions drawn at a time."""

_DAY = 86_400_000_000
_KEY, _NUMBER, _TIME = ColumnType.KEY, ColumnType.NUMERIC, ColumnType.DATETIME
_CATEGORY, _BOOLEAN = ColumnType.CATEGORICAL, ColumnType.BOOLEAN

SCHEMA = Schema(
    tables=(
        Table(
            name="customers",
            key="customer_id",
            columns={"customer_id": _KEY, "joined": _TIME, "city": _CATEGORY},
            time="joined",
        ),
        Table(
            name="sessions",
            key="session_id",
            columns={
                "session_id": _KEY,
                "customer_id": _KEY,
                "started": _TIME,
                "device": _CATEGORY,
                "pages": _NUMBER,
            },
            time="started",
        ),
        Table(
            name="transactions",
            key="transaction_id",
            columns={
                "transaction_id": _KEY,
                "session_id": _KEY,
                "bought": _TIME,
                "product": _CATEGORY,
                "amount": _NUMBER,
                "returned": _BOOLEAN,
            },
            time="bought",
        ),
    ),
    relationships=(
        Relationship.parse("customers.customer_id <- sessions.customer_id"),
        Relationship.parse("sessions.session_id <- transactions.session_id"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """How large a shop is, and which of all shops of that size."""

    n_customers: int
    seed: int = 0

    @property
    def n_sessions(self) -> int:
        """Count the sessions."""
        return self.n_customers * SESSIONS_PER_CUSTOMER

    @property
    def n_transactions(self) -> int:
        """Count the transactions, about: sessions have 5 to 15."""
        return self.n_sessions * TRANSACTIONS_PER_SESSION


def write_shop(shop: Shop, directory: Path) -> Snapshot:
    """Write the tables as Parquet and return them as a snapshot; what is there is taken."""
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "transactions.parquet").exists():
        pq.write_table(_customers(shop), directory / "customers.parquet", compression="zstd")
        temporary = directory / "transactions.part"
        _write_parts(shop, directory / "sessions.parquet", temporary)
        temporary.rename(directory / "transactions.parquet")
    return Snapshot(
        snapshot_id=f"shop-{shop.n_customers}-{shop.seed}",
        directory=directory,
        schema=SCHEMA,
        tables=tuple(_describe(directory, table.name) for table in SCHEMA.tables),
        created_for=END,
    )


def shop_plan() -> FeaturePlan:
    """Plan all features of depth 2 of a customer, but those that count or name keys."""
    plan = synthesize(SCHEMA, "customers", depth=2, max_features=1_000)
    return plan.keep([name for name in plan.names if "_id" not in name], {})


def monthly_cutoffs(n_months: int) -> pd.DatetimeIndex:
    """Return the last `n_months` firsts of a month, the newest at the shop's end."""
    return pd.date_range(end=END, periods=n_months, freq="MS")


def ask_monthly(shop: Shop, n_months: int) -> pd.DataFrame:
    """Ask about every customer at each of the last months."""
    keys = np.arange(shop.n_customers, dtype=np.int64)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(keys, n_months),
            "cutoff_time": np.tile(monthly_cutoffs(n_months).to_numpy(), len(keys)),
        }
    )


def ask_once(shop: Shop) -> pd.DataFrame:
    """Ask about every customer at a moment of its own in the last year."""
    rng = np.random.default_rng([shop.seed, 99])
    moments = rng.integers(_micros(END) - 365 * _DAY, _micros(END), shop.n_customers)
    return pd.DataFrame(
        {
            "customer_id": np.arange(shop.n_customers, dtype=np.int64),
            "cutoff_time": moments.view("datetime64[us]"),
        }
    )


def _micros(moment: pd.Timestamp) -> int:
    return int(moment.value) // 1_000


def _customers(shop: Shop) -> pa.Table:
    rng = np.random.default_rng([shop.seed, 1])
    n = shop.n_customers
    joined = _micros(START) - rng.integers(0, 1_000 * _DAY, n)
    return pa.table(
        {
            "customer_id": np.arange(n, dtype=np.int64),
            "joined": pa.array(joined).cast(pa.timestamp("us")),
            "city": _texts("city", rng.integers(0, 50, n)),
        }
    )


def _write_parts(shop: Shop, sessions: Path, transactions: Path) -> None:
    n_written = 0
    writers: list[pq.ParquetWriter] = []
    for first in range(0, shop.n_sessions, PART):
        last = min(first + PART, shop.n_sessions)
        rng = np.random.default_rng([shop.seed, 2, first])
        upper = _sessions(shop, rng, first, last)
        lower = _transactions(rng, upper, n_written)
        n_written += lower.num_rows
        if not writers:
            writers = [
                pq.ParquetWriter(path, table.schema, compression="zstd")
                for path, table in ((sessions, upper), (transactions, lower))
            ]
        for writer, table in zip(writers, (upper, lower), strict=True):
            writer.write_table(table)
    for writer in writers:
        writer.close()


def _sessions(shop: Shop, rng: np.random.Generator, first: int, last: int) -> pa.Table:
    n = last - first
    share = (np.arange(first, last) + rng.random(n)) / shop.n_sessions
    started = _micros(START) + (share * (_micros(END) - _micros(START))).astype(np.int64)
    pages = rng.integers(1, 40, n).astype(np.float64)
    return pa.table(
        {
            "session_id": np.arange(first, last, dtype=np.int64),
            "customer_id": rng.integers(0, shop.n_customers, n),
            "started": pa.array(started).cast(pa.timestamp("us")),
            "device": _texts("device", rng.integers(0, 5, n)),
            "pages": pa.array(pages, mask=rng.random(n) < 0.02),
        }
    )


def _transactions(rng: np.random.Generator, sessions: pa.Table, n_before: int) -> pa.Table:
    """Draw the transactions of some sessions: 5 to 15 each, within the hour."""
    started = sessions["started"].cast(pa.int64()).to_numpy()
    session = np.repeat(
        sessions["session_id"].to_numpy(),
        counts := rng.integers(
            TRANSACTIONS_PER_SESSION - 5, TRANSACTIONS_PER_SESSION + 6, len(started)
        ),
    )
    bought = np.repeat(started, counts) + rng.integers(0, 3_600_000_000, len(session))
    order = np.argsort(bought, kind="stable")
    n = len(order)
    amount = np.round(rng.lognormal(3.0, 1.0, n), 2)
    return pa.table(
        {
            "transaction_id": np.arange(n_before, n_before + n, dtype=np.int64),
            "session_id": session[order],
            "bought": pa.array(bought[order]).cast(pa.timestamp("us")),
            "product": _texts("product", rng.integers(0, 100, n)),
            "amount": pa.array(amount, mask=rng.random(n) < 0.01),
            "returned": pa.array(rng.random(n) < 0.05, mask=rng.random(n) < 0.01),
        }
    )


def _texts(name: str, codes: npt.NDArray[np.int64]) -> pa.Array:
    names = pa.array([f"{name} {i:02d}" for i in range(int(codes.max(initial=0)) + 1)])
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), names).cast(pa.string())


def _describe(directory: Path, name: str) -> SnapshotTable:
    return SnapshotTable(
        name=name,
        n_rows=pq.read_metadata(directory / f"{name}.parquet").num_rows,
        n_future=0,
        time_min=None,
        time_max=None,
        sha256="",
        source="benchmarks.engine.shop",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a shop as Parquet files.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shop = Shop(n_customers=arguments.customers, seed=arguments.seed)
    for table in write_shop(shop, arguments.directory).tables:
        print(f"{table.name}: {table.n_rows:,} rows")


if __name__ == "__main__":
    main()
