"""How often real changes are found within two windows.

    python -m benchmarks.monitoring.power [--repeats 200] [--quick] [--rows 1000] [--only NAME]

20 columns, of which one matters (its odds ratio is 5 per standard deviation), windows of 1,000 rows
in 7 days against 5,000 sealed rows of 35 days. A change begins with the first window and stays for
both. "Alarm" is found by the first window alone, before any guard; "reported" means that the
evidence of either window names the change (a drifted column of those changed, or performance
worse); "Retrain" that the second window's decision at the latest asks for one: two alarms, as the
policies are by default. Labels come too late for both windows, but where the change is in them:
there they come after two days. Rows are independent; `--shared 0.05` gives days a level in common.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.monitoring.path import Looked, Loop
from benchmarks.monitoring.quiet import LABEL_DELAY, REFERENCE_DAYS
from benchmarks.monitoring.worlds import N_FIT, Champion, Rows, World, changed, fit_champion, weeks

Change = Callable[[Rows, np.random.Generator], Rows]
PER_CHAMPION = 20


def _column(rows: Rows, name: str, values: np.ndarray) -> Rows:
    return changed(rows, frame=rows.frame.assign(**{name: values}))


def _shift(rows: Rows, rng: np.random.Generator) -> Rows:
    return _column(rows, "normal_0", rows.frame["normal_0"].to_numpy() + 2.5)


def _nulls(rows: Rows, rng: np.random.Generator) -> Rows:
    values = rows.frame["normal_0"].to_numpy(copy=True)
    values[rng.random(len(values)) < 0.15 / 0.95] = np.nan  # 5 % are missing already
    return _column(rows, "normal_0", values)


def _variance(rows: Rows, rng: np.random.Generator) -> Rows:
    values = rows.frame["normal_0"].to_numpy()
    return _column(rows, "normal_0", 50 + (values - 50) * np.sqrt(1.5))


def _swap(rows: Rows, rng: np.random.Generator) -> Rows:
    frame = rows.frame
    return _column(
        _column(rows, "normal_0", frame["lognormal_2"].to_numpy()),
        "lognormal_2",
        frame["normal_0"].to_numpy(),
    )


def _swap_alike(rows: Rows, rng: np.random.Generator) -> Rows:
    frame = rows.frame
    return _column(
        _column(rows, "normal_0", frame["normal_5"].to_numpy()),
        "normal_5",
        frame["normal_0"].to_numpy(),
    )


def _units(rows: Rows, rng: np.random.Generator) -> Rows:
    return _column(rows, "normal_0", rows.frame["normal_0"].to_numpy() * 1000)


def _new_level(rows: Rows, rng: np.random.Generator) -> Rows:
    values = rows.frame["levels_3"].to_numpy(dtype=object, copy=True)
    values[rng.random(len(values)) < 0.05] = "level new"
    return _column(rows, "levels_3", values)


def _flip(rows: Rows, rng: np.random.Generator) -> Rows:
    return changed(rows, y=np.where(rng.random(len(rows.y)) < 0.1, 1 - rows.y, rows.y))


NUMBER_MATTERS, LEVEL_MATTERS = (1.6,), (0.0, 0.0, 0.0, 1.6)

CHANGES: dict[str, tuple[Change, tuple[float, ...], bool]] = {
    "shift of 0.25 deviations": (_shift, NUMBER_MATTERS, False),
    "missing 5 to 20 %": (_nulls, NUMBER_MATTERS, False),
    "new level, 5 % of rows": (_new_level, LEVEL_MATTERS, False),
    "variance x 1.5": (_variance, NUMBER_MATTERS, False),
    "swap of two columns": (_swap, NUMBER_MATTERS, False),
    "unit x 1000": (_units, NUMBER_MATTERS, False),
    "10 % of labels flipped": (_flip, NUMBER_MATTERS, True),
    "swap of two alike, labelled": (_swap_alike, NUMBER_MATTERS, True),
}
"""Name -> (change, slopes of the world, whether labels come)."""


def main() -> None:
    """Run every change and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="twenty repeats")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--shared", type=float, default=0.0, help="variance between days")
    parser.add_argument("--only", default="", help="part of a change's name")
    given = parser.parse_args()
    n = 20 if given.quick else given.repeats
    print("| change | repeats | alarm in the first window | reported | Retrain | CPU s |")
    print("|---|---|---|---|---|---|")
    for name, (change, slopes, is_labelled) in CHANGES.items():
        if given.only not in name:
            continue
        world = World(slopes=slopes, shared=given.shared)
        begun = time.process_time()
        found = _repeat(world, change, n, given.rows, is_labelled)
        print(
            f"| {name} | {n} | {found['first'] / n:.1%} | {found['reported'] / n:.1%} "
            f"| {found['retrain'] / n:.1%} | {time.process_time() - begun:.0f} |",
            flush=True,
        )


def _repeat(
    world: World, change: Change, n_repeats: int, n_rows: int, is_labelled: bool
) -> Counter[str]:
    counted = Counter[str]()
    for number in range(n_repeats):
        rng = np.random.default_rng([number, 5])
        if number % PER_CHAMPION == 0:
            fitted_on = world.draw(rng, 35, N_FIT / 35)
            champion = fit_champion(fitted_on, world.draw(rng, 35, 100), seed=number)
        counted += _one(world, champion, change, rng, n_rows, is_labelled)
    return counted


def _one(
    world: World,
    champion: Champion,
    change: Change,
    rng: np.random.Generator,
    n_rows: int,
    is_labelled: bool,
) -> Counter[str]:
    stream = world.draw(rng, REFERENCE_DAYS + 14, n_rows / 7 * 1.1)
    reference = stream.days(0, REFERENCE_DAYS).thinned(rng, 5 * n_rows)
    loop = Loop.of(champion, champion.window(reference, "reference"))
    looks = []
    for week in weeks(stream, REFERENCE_DAYS, 2):
        rows = change(week.thinned(rng, n_rows), rng)
        known = rows.times <= rows.times.max() - LABEL_DELAY if is_labelled else False
        window = champion.window(rows, "current", labelled=known)
        looks.append(loop.look(window, pd.Timestamp(rows.times.max())))
    return Counter(
        first=int(bool(looks[0].concern)),
        reported=int(any(_is_reported(look, is_labelled) for look in looks)),
        retrain=int(any(look.decision.name == "retrain" for look in looks)),
    )


def _is_reported(looked: Looked, is_labelled: bool) -> bool:
    if is_labelled:
        return bool(looked.concern)
    names = {column.column for column in looked.evidence.drift.drifted}
    return bool(names & {"normal_0", "levels_3", "lognormal_2"})


if __name__ == "__main__":
    main()
