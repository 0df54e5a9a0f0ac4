"""How cost grows with the rows of the tables, and with the cutoffs that are asked about.

python -m benchmarks.engine.growth [--quick] [--plot growth.svg]
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from benchmarks.engine.cost import Cost, apart, describe_machine, measure
from benchmarks.engine.shop import END, Shop, ask_monthly, ask_once, shop_plan, write_shop
from features.engine import compute_matrix
from features.plan import FeaturePlan

matplotlib.use("Agg")
from matplotlib import pyplot

N_FEATURES = 20
Point = tuple[int, Cost]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to a hundred thousand")
    parser.add_argument("--directory", type=Path, help="where shops are kept between runs")
    parser.add_argument("--plot", type=Path, help="where the plot goes (.svg or .png)")
    arguments = parser.parse_args()
    print(describe_machine())
    sizes = [10**n for n in range(4, 6 if arguments.quick else 8)]
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or Path(temporary)
        by_rows = [apart(_grow_rows, directory, size) for size in sizes]
        by_cutoffs = [apart(_grow_cutoffs, directory, size) for size in sizes]
    for name, points in (("rows in the tables", by_rows), ("asked rows", by_cutoffs)):
        print(f"\n{name:>18}{'CPU µs each':>14}")
        for n, cost in points:
            print(f"{n:18,}{cost.cpu / n * 1e6:14.3f}  {cost}")
    if arguments.plot:
        _plot(by_rows, by_cutoffs, arguments.plot)


def _plan() -> FeaturePlan:
    """Take features of all kinds: direct, stacked, numbers and categories."""
    plan = shop_plan()
    return plan.keep(plan.names[5 :: len(plan.names) // N_FEATURES][:N_FEATURES], {})


def _grow_rows(directory: Path, n_rows: int) -> Point:
    """Ask once about each of n / 100 customers, who have n transactions."""
    shop = Shop(n_customers=n_rows // 100)
    return n_rows, _time(directory, shop, ask_once(shop))


def _grow_cutoffs(directory: Path, n_asked: int) -> Point:
    """Ask about 1,000 customers at n / 1,000 moments of two years."""
    shop = Shop(n_customers=1_000)
    moments = END - pd.to_timedelta(np.linspace(700, 0, n_asked // 1_000), unit="D")
    return n_asked, _time(directory, shop, ask_at(shop, moments))


def ask_at(shop: Shop, moments: pd.DatetimeIndex) -> pd.DataFrame:
    """Ask about every customer at each of some moments."""
    keys = np.arange(shop.n_customers, dtype=np.int64)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(keys, len(moments)),
            "cutoff_time": np.tile(moments.to_numpy().astype("datetime64[us]"), len(keys)),
        }
    )


def _time(directory: Path, shop: Shop, rows: pd.DataFrame) -> Cost:
    snapshot, plan = write_shop(shop, directory / f"shop-{shop.n_customers}"), _plan()
    # NOTE: on a small shop first, so that kernels are loaded.
    tiny = Shop(n_customers=20)
    there = write_shop(tiny, directory / "shop-20")
    compute_matrix(plan, there, ask_monthly(tiny, 2))
    compute_matrix(plan, there, ask_once(tiny))
    _, cost = measure(lambda: compute_matrix(plan, snapshot, rows))
    return cost


def _plot(by_rows: list[Point], by_cutoffs: list[Point], file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name, points in (("rows in the tables", by_rows), ("asked rows", by_cutoffs)):
        axes.loglog([n for n, _ in points], [c.cpu for _, c in points], "o-", label=name)
    n, cost = by_cutoffs[-1]
    line = np.array([n / 100, n])
    axes.loglog(line, cost.cpu * line / n, "k:", label="linear")
    axes.set_xlabel("rows")
    axes.set_ylabel(f"CPU seconds, {N_FEATURES} features")
    axes.legend()
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
