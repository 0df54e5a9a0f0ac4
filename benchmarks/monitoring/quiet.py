"""How often the monitor asks for a retrain although nothing happened.

    python -m benchmarks.monitoring.quiet [--windows 1000] [--quick] [--only 20x1000]

Worlds of `worlds.py` with 10 % of the variance between days (AR(1), correlation 0.5) and 10 %
between weekdays; nothing ever changes in them. Each runs ten weeks on end, as windows of 7 days
with the rows named, against the sealed rows of the five weeks before (five times as many, at most
20,000), through the whole path a monitor run takes: evidence, then `decide` with the history of
the weeks before and the policies as they are by default. Labels come two days late in every other
world and not at all in the others, where nothing but drift can speak. Evidently is left out: the
p-values are those of the same tests (see `measured_by`), and it would take hours to draw.
"""

import argparse
import time
from collections import Counter

import numpy as np
import pandas as pd

from benchmarks.monitoring.path import Loop
from benchmarks.monitoring.worlds import N_FIT, World, fit_champion, weeks

COLUMNS = (20, 200)
ROWS = (100, 1_000, 10_000)
N_WEEKS, REFERENCE_DAYS = 10, 35
MAX_REFERENCE = 20_000
LABEL_DELAY = np.timedelta64(2, "D")

SLOPES = (0.8, -0.6, 0.5, 0.6, -0.4, 0.3)


def main() -> None:
    """Run every size and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="forty windows of each")
    parser.add_argument("--only", default="", help="one size, such as 20x1000")
    parser.add_argument("--shared", type=float, default=0.1, help="variance between days")
    parser.add_argument("--phi", type=float, default=0.5, help="correlation of days")
    given = parser.parse_args()
    n_worlds = -(-(40 if given.quick else given.windows) // N_WEEKS)
    print("| columns | rows | windows | Retrain | alarm, before guards | drifted columns | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for n_columns in COLUMNS:
        for n_rows in ROWS:
            if given.only in ("", f"{n_columns}x{n_rows}"):
                world = World(
                    n_columns=n_columns,
                    slopes=SLOPES,
                    shared=given.shared,
                    weekly=0.1,
                    phi=given.phi,
                )
                _print(world, n_rows, n_worlds)


def _print(world: World, n_rows: int, n_worlds: int) -> None:
    begun, counted = time.process_time(), Counter[str]()
    for number in range(n_worlds):
        counted += run_weeks(world, n_rows, number)
    n = counted["windows"]
    seconds = time.process_time() - begun
    print(
        f"| {world.n_columns} | {n_rows:,} | {n:,} | {counted['Retrain']} "
        f"({counted['Retrain'] / n:.1%}) | {counted['alarm']} ({counted['alarm'] / n:.1%}) "
        f"| {counted['drifted'] / n:.2f} | {seconds:.0f} |",
        flush=True,
    )
    reasons = {k: v for k, v in counted.items() if k.startswith("why ")}
    if reasons:
        print(f"<!-- {reasons} -->", flush=True)


def run_weeks(world: World, n_rows: int, number: int) -> Counter[str]:
    """Run one world for ten quiet weeks; return what was counted."""
    rng = np.random.default_rng([number, world.n_columns, n_rows])
    fitted_on = world.draw(rng, 35, N_FIT / 35)
    reference_rows = min(5 * n_rows, MAX_REFERENCE)
    # One draw for reference and weeks, thinned, so that the levels of days run on.
    stream = world.draw(rng, REFERENCE_DAYS + 7 * N_WEEKS, max(reference_rows / 35, n_rows / 7))
    reference = stream.days(0, REFERENCE_DAYS).thinned(rng, reference_rows)
    champion = fit_champion(fitted_on, reference, seed=number)
    loop = Loop.of(champion, champion.window(reference, "reference"))
    counted = Counter[str]()
    for week in weeks(stream, REFERENCE_DAYS, N_WEEKS):
        rows = week.thinned(rng, n_rows)
        end = rows.times.max()
        is_late = rows.times > end - LABEL_DELAY
        known = np.zeros(len(rows.y), bool) if number % 2 else ~is_late
        looked = loop.look(champion.window(rows, "current", labelled=known), pd.Timestamp(end))
        counted["windows"] += 1
        counted[type(looked.decision).__name__] += 1
        counted["alarm"] += bool(looked.concern)
        counted["drifted"] += len(looked.evidence.drift.drifted)
        if looked.concern:
            counted[f"why {looked.concern.split(' ')[0]}"] += 1
    return counted


if __name__ == "__main__":
    main()
