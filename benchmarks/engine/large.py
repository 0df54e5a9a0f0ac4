"""Ten million rows and 1.2 million (customer, cutoff) pairs, beside DuckDB's scan and group-by.

    python -m benchmarks.engine.large [--quick]

DuckDB groups the same columns of the same files once, over all time: no cutoffs, no stacked
aggregations. That is the least work which any engine for these features has to do.
"""

import argparse
import tempfile
from pathlib import Path

import duckdb

from benchmarks.engine.cost import Cost, apart, describe_machine, measure
from benchmarks.engine.shop import Shop, ask_monthly, ask_once, shop_plan, write_shop
from features.engine import compute_matrix

_SUMMARIES = """
    count(*), sum(amount), avg(amount), stddev_samp(amount), min(amount), max(amount),
    arg_max(amount, bought), arg_max(product, bought), arg_max(returned, bought),
    mode(product), count(DISTINCT product), avg(returned::INT), max(bought),
    regr_slope(amount, epoch_us(bought))"""

SCAN = """
    SELECT max(session_id), max(bought), max(product), max(amount), max(returned)
    FROM transactions"""

GROUPS = {
    "transactions by session": f"SELECT session_id, {_SUMMARIES} FROM transactions GROUP BY 1",
    "transactions by customer": f"""
        SELECT customer_id, {_SUMMARIES}, sum(pages), avg(pages), stddev_samp(pages), min(pages),
               max(pages), arg_max(pages, bought), arg_max(device, bought), mode(device),
               count(DISTINCT device), max(started), regr_slope(pages, epoch_us(bought)),
               regr_slope(pages, epoch_us(started)), regr_slope(amount, epoch_us(started))
        FROM transactions JOIN sessions USING (session_id) GROUP BY 1""",
    "sessions by customer": """
        SELECT customer_id, count(*), sum(pages), avg(pages), stddev_samp(pages), min(pages),
               max(pages), arg_max(pages, started), arg_max(device, started), mode(device),
               count(DISTINCT device), max(started), regr_slope(pages, epoch_us(started))
        FROM sessions GROUP BY 1""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the tables")
    parser.add_argument("--directory", type=Path, help="where shops are kept between runs")
    arguments = parser.parse_args()
    shop = Shop(n_customers=1_000 if arguments.quick else 100_000)
    n_features = len(shop_plan().names)
    print(describe_machine())
    print(f"{shop.n_customers:,} customers, {n_features} features of depth 2\n")
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or Path(temporary)
        least = 0.0
        for name, query in {"plain scan": SCAN, **GROUPS}.items():
            cost = apart(_duckdb, directory, shop, query)
            print(f"DuckDB, {name:28}{cost}")
            least += cost.cpu if name in GROUPS else 0.0
        for months in (None, 12):
            for n_threads in (1, 2):
                cost, n_rows = apart(_engine, directory, shop, months, n_threads)
                print(
                    f"engine, {n_threads} thread(s), {n_rows:9,} rows{'':3}{cost} "
                    f"{cost.cpu / n_features * 100:7.2f} CPU s per 100 features, "
                    f"{cost.cpu / least:6.2f} times DuckDB's three group-bys"
                )


def _duckdb(directory: Path, shop: Shop, query: str) -> Cost:
    there = directory / f"shop-{shop.n_customers}"
    write_shop(shop, there)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET enable_progress_bar = false")
        for table in ("customers", "sessions", "transactions"):
            file = str(there / f"{table}.parquet").replace("'", "''")
            connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{file}')")
        _, cost = measure(lambda: connection.sql(query).to_arrow_table())
    return cost


def _engine(directory: Path, shop: Shop, n_months: int | None, n_threads: int) -> tuple[Cost, int]:
    """Time one call in a fresh process, reading the tables from disk."""
    snapshot = write_shop(shop, directory / f"shop-{shop.n_customers}")
    plan = shop_plan()
    rows = ask_once(shop) if n_months is None else ask_monthly(shop, n_months)
    apart(_warm, directory)
    _, cost = measure(lambda: compute_matrix(plan, snapshot, rows, n_threads=n_threads))
    return cost, len(rows)


def _warm(directory: Path) -> None:
    """Compile what is not in the cache of kernels, so that it is not on the clock."""
    tiny = Shop(n_customers=20)
    compute_matrix(shop_plan(), write_shop(tiny, directory / "shop-20"), ask_monthly(tiny, 2))


if __name__ == "__main__":
    main()
