"""A hundred million transactions under a memory limit: out of core, streamed to Parquet, checked.

    python -m benchmarks.engine.out_of_core [--quick] [--customers 1000000] [--memory-limit 8GB]

The tables are written part by part, the features computed with a cutoff for each customer (or, with
--months, monthly cutoffs for the first --asked customers), and the matrix goes to one Parquet file
batch by batch. Some features of all rows are then compared with SQL that DuckDB runs over the same
files, the cutoff in the join. Every step is a process of its own. Fails when a value differs, or
when the engine's process held more than --allowed.
"""

import argparse
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.engine.cost import Cost, apart, describe_machine, measure
from benchmarks.engine.shop import SCHEMA, Shop, ask_monthly, ask_once, shop_plan, write_shop
from features.engine.effort import Effort
from features.engine.execute import compute_batches, compute_matrix
from features.sizes import parse_bytes

QUICK = Shop(n_customers=30_000)
QUICK_LIMIT = "1200MB"

CHECKED = {
    "COUNT(sessions)": "coalesce(s.n, 0)",
    "MEAN(sessions.pages)": "s.pages",
    "COUNT(transactions)": "coalesce(t.n, 0)",
    "SUM(transactions.amount)": "coalesce(t.total, 0)",
    "MEAN(transactions.amount)": "t.mean",
    "MAX(transactions.amount)": "t.greatest",
    "PERCENT_TRUE(transactions.returned)": "t.returned",
    "LAST(transactions.amount)": "t.newest",
    "MEAN(sessions.COUNT(transactions))": "coalesce(t.n, 0) / s.n",
}
"""Features, and what they are in terms of the two group-bys below."""

_SESSIONS = """
    SELECT customer_id, cutoff_time, count(*) AS n, avg(pages) AS pages
    FROM asked JOIN sessions USING (customer_id)
    WHERE started <= cutoff_time GROUP BY ALL"""

_TRANSACTIONS = """
    SELECT customer_id, cutoff_time, count(*) AS n, sum(amount) AS total, avg(amount) AS mean,
           max(amount) AS greatest, avg(coalesce(returned, false)::INT) AS returned,
           arg_max_null(amount, (bought, transaction_id)) AS newest
    FROM asked JOIN sessions USING (customer_id) JOIN transactions USING (session_id)
    WHERE started <= cutoff_time AND bought <= cutoff_time GROUP BY ALL"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is computed, and under which limit."""

    shop: Shop
    directory: Path
    memory_limit: str
    n_threads: int
    n_months: int | None
    n_asked: int

    @property
    def tables(self) -> Path:
        """Where the tables are."""
        return self.directory / f"shop-{self.shop.n_customers}"

    @property
    def matrix(self) -> Path:
        """Where the matrix is written."""
        return self.directory / "matrix.parquet"

    def ask(self) -> pd.DataFrame:
        """Return the (customer, cutoff) rows."""
        if self.n_months is None:
            return ask_once(self.shop)
        return ask_monthly(Shop(n_customers=self.n_asked), self.n_months)


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What a computation took.

    Attributes
    ----------
    peak
        Bytes that the process and the largest of its children held at most.
    scratch
        Bytes on disk beside the tables, at the greatest of the moments between two parts.
    n_parts
        Parts that were computed one after the other.
    """

    cost: Cost
    peak: int
    scratch: int
    n_parts: int
    n_rows: int


def main() -> int:
    given = _arguments()
    print(describe_machine())
    with tempfile.TemporaryDirectory(dir=given.directory) as folder:
        run = _run_of(given, Path(folder))
        n_rows, cost = apart(_write, run)
        print(f"{run.shop.n_customers:,} customers, {n_rows:,} transactions, {_size(run.tables)}")
        print(f"{'writing the tables':28}{cost}")
        apart(_warm, run)
        computed = apart(_compute, run)
        print(
            f"{'engine':28}{computed.cost}\n"
            f"  {computed.n_rows:,} rows of {len(shop_plan().names)} features, memory_limit "
            f"{run.memory_limit}, {run.n_threads} threads, {computed.n_parts} parts, "
            f"{computed.scratch / 1e9:.2f} GB of scratch on disk, matrix {_size(run.matrix)}"
        )
        different, cost = apart(_compare, run)
        print(f"{'SQL and comparison':28}{cost}")
    for name, count in different.items():
        print(f"  {name:40}{count:,} of {computed.n_rows:,} differ")
    allowed = parse_bytes(given.allowed)
    fits = computed.peak <= allowed
    print(
        f"peak {computed.peak / 1e9:.2f} GB, {'within' if fits else 'ABOVE'} the allowed "
        f"{allowed / 1e9:.2f} GB"
    )
    return 0 if fits and not any(different.values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30,000 customers in 1.2 GB")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="8GB")
    parser.add_argument("--allowed", default="12GB", help="what the engine's process may hold")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--months", type=int, help="monthly cutoffs instead of one for each")
    parser.add_argument("--asked", type=int, default=100_000, help="customers, with --months")
    parser.add_argument("--directory", type=Path, help="where tables are; nothing is kept")
    return parser.parse_args()


def _run_of(given: argparse.Namespace, folder: Path) -> Run:
    shop = QUICK if given.quick else Shop(n_customers=given.customers)
    return Run(
        shop=shop,
        directory=folder,
        memory_limit=QUICK_LIMIT if given.quick else given.memory_limit,
        n_threads=given.threads,
        n_months=given.months,
        n_asked=min(given.asked, shop.n_customers),
    )


def _write(run: Run) -> tuple[int, Cost]:
    snapshot, cost = measure(lambda: write_shop(run.shop, run.tables))
    return next(t.n_rows for t in snapshot.tables if t.name == "transactions"), cost


def _compute(run: Run) -> Computed:
    """Stream the matrix to Parquet."""
    plan, snapshot, rows = shop_plan(), write_shop(run.shop, run.tables), run.ask()
    scratch: list[int] = []

    def told(_done: int, _total: int) -> None:
        scratch.append(sum(_bytes(path) for path in run.directory.glob(".sorting-*")))

    effort = Effort(n_threads=run.n_threads, memory_limit=run.memory_limit, on_progress=told)

    def work() -> None:
        writer = None
        for batch in compute_batches(plan, snapshot, rows, effort=effort):
            writer = writer or pq.ParquetWriter(run.matrix, batch.schema, compression="zstd")
            writer.write_batch(batch)
        writer.close()

    _, cost = measure(work)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Computed(
        cost=cost,
        peak=cost.peak + children,
        scratch=max(scratch),
        n_parts=len(scratch),
        n_rows=len(rows),
    )


def _warm(run: Run) -> None:
    """Compile what is not in the cache of kernels, in a process whose memory does not count."""
    tiny = Shop(n_customers=20)
    compute_matrix(shop_plan(), write_shop(tiny, run.directory / "shop-20"), ask_monthly(tiny, 2))


def _compare(run: Run) -> tuple[dict[str, int], Cost]:
    """Count by feature the rows whose value is not that of plain SQL, to 1e-9."""
    return measure(lambda: _differences(run))


def _differences(run: Run) -> dict[str, int]:
    settings = {"memory_limit": run.memory_limit, "threads": run.n_threads}
    settings |= {"temp_directory": str(run.directory / "duckdb")}
    with duckdb.connect(config=settings) as connection:
        connection.execute("SET enable_progress_bar = false")
        for table in SCHEMA.tables:
            _view(connection, table.name, run.tables / f"{table.name}.parquet")
        _view(connection, "matrix", run.matrix)
        connection.register("asked", pa.Table.from_pandas(run.ask(), preserve_index=False))
        counts = ", ".join(
            f"count(*) FILTER (NOT {_equal(name, value)})" for name, value in CHECKED.items()
        )
        [found] = connection.sql(
            f"WITH s AS ({_SESSIONS}), t AS ({_TRANSACTIONS}) SELECT {counts} "
            "FROM matrix m LEFT JOIN s USING (customer_id, cutoff_time) "
            "LEFT JOIN t USING (customer_id, cutoff_time)"
        ).fetchall()
    return dict(zip(CHECKED, found, strict=True))


def _equal(name: str, value: str) -> str:
    """Write that both are null, or within 1e-9 of the greater of 1 and the value."""
    mine = f'm."{name}"'
    both_null = f"{mine} IS NULL AND ({value}) IS NULL"
    near = f"abs({mine} - ({value})) <= 1e-9 * greatest(1, abs({value}))"
    return f"coalesce(({both_null}) OR {near}, false)"


def _view(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    file = str(path).replace("'", "''")
    connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{file}')")


def _size(path: Path) -> str:
    return f"{_bytes(path) / 1e9:.2f} GB of Parquet"


def _bytes(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    sys.exit(main())
