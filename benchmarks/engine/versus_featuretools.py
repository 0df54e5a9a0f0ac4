"""CPU per cell of the engine and of featuretools, on the same definitions and tables.

python -m benchmarks.engine.versus_featuretools [--quick] [--sample 1200]
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.engine import reference
from benchmarks.engine.cost import Cost, apart, describe_machine, measure
from benchmarks.engine.shop import Shop, ask_monthly, ask_once, shop_plan, write_shop
from features.engine import compute_matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small tables, under a minute")
    parser.add_argument("--directory", type=Path, help="where shops are kept between runs")
    parser.add_argument(
        "--sample", type=int, help="asked rows of the first comparison that featuretools gets"
    )
    quick = (arguments := parser.parse_args()).quick
    print(describe_machine())
    print(f"{len(shop_plan().names)} features of depth 2\n")
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or Path(temporary)
        small = Shop(n_customers=100 if quick else 1_000)
        _compare("Monthly cutoffs", directory, small, 4 if quick else 12, arguments.sample, True)
        large = Shop(n_customers=1_000 if quick else 100_000)
        _compare("A cutoff for each", directory, large, None, 20, False)


def _compare(
    title: str,
    directory: Path,
    shop: Shop,
    n_months: int | None,
    n_sampled: int | None,
    approximate: bool,
) -> None:
    """Print the costs of both for every customer; featuretools may be asked for fewer rows."""
    rows = _ask(shop, n_months)
    sample = rows if n_sampled is None else rows.sample(n_sampled, random_state=0).sort_index()
    n_features = len(shop_plan().names)
    print(f"{title}: {shop.n_customers:,} customers, {len(rows):,} rows")
    baseline, theirs = apart(_featuretools, directory, shop, sample, None)
    per_cell = _print_line(f"featuretools, {len(sample):,} rows", baseline, len(sample), n_features)
    if approximate:
        few = sample.iloc[: len(sample) // 10]
        for span in (None, "60 days"):
            cost, _ = apart(_featuretools, directory, shop, few, span)
            name = "all cutoffs" if span is None else f"approximate {span}"
            _print_line(f"featuretools, {len(few):,} rows, {name}", cost, len(few), n_features)
    for n_threads in (1, 2):
        first, again, ours = apart(_engine, directory, shop, n_months, n_threads, sample.index)
        for name, cost in (("first call", first), ("second call", again)):
            mine = _print_line(
                f"engine, {n_threads} thread(s), {name}", cost, len(rows), n_features
            )
            print(f"{'':44}1 / {per_cell / mine:,.0f} of featuretools")
    different, n_cells = reference.compare(ours, theirs)
    print(f"equal to 1e-9: all but {len(different)} of {n_cells:,} numeric cells")
    for name, row, mine, other in different[:5]:
        print(f"{name} of row {row}: {mine!r}, by featuretools {other!r}")
    print()


def _print_line(name: str, cost: Cost, n_rows: int, n_features: int) -> float:
    per_cell = cost.cpu / n_rows / n_features
    print(f"{name:44}{cost} {per_cell * 1e6:12.4f} CPU µs per cell")
    return per_cell


def _ask(shop: Shop, n_months: int | None) -> pd.DataFrame:
    return ask_once(shop) if n_months is None else ask_monthly(shop, n_months)


def _featuretools(
    directory: Path, shop: Shop, rows: pd.DataFrame, approximate: str | None
) -> tuple[Cost, pd.DataFrame]:
    """Time featuretools, tables already in its memory."""
    snapshot = write_shop(shop, directory / f"shop-{shop.n_customers}")
    plan, entityset = shop_plan(), reference.load_tables(snapshot)
    matrix, cost = measure(
        lambda: reference.compute(plan, entityset, rows, approximate=approximate)
    )
    return cost, matrix


def _engine(
    directory: Path, shop: Shop, n_months: int | None, n_threads: int, sampled: pd.Index
) -> tuple[Cost, Cost, pd.DataFrame]:
    """Time the engine, reading the tables from disk; compiled kernels are in the cache."""
    snapshot = write_shop(shop, directory / f"shop-{shop.n_customers}")
    plan, rows = shop_plan(), _ask(shop, n_months)
    # NOTE: on a small shop first, so that no kernel is compiled on the clock.
    tiny = Shop(n_customers=20)
    there = write_shop(tiny, directory / "shop-20")
    apart(_warm, there, tiny)
    _, first = measure(lambda: compute_matrix(plan, snapshot, rows, n_threads=n_threads))
    matrix, again = measure(lambda: compute_matrix(plan, snapshot, rows, n_threads=n_threads))
    return first, again, matrix.loc[sampled].reset_index(drop=True)


def _warm(snapshot: object, shop: Shop) -> None:
    compute_matrix(shop_plan(), snapshot, ask_monthly(shop, 2))


if __name__ == "__main__":
    main()
