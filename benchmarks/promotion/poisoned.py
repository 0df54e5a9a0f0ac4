"""How often a poisoned challenger is promoted that is worse on later rows.

    python -m benchmarks.promotion.poisoned [--rounds 200] [--quick]

The champion is gradient boosting on a training set; the challenger is the same learner on another
one that something was done to: its columns drowned in noise, its labels shuffled in part or
altogether, or a column that tells the label, as a total does that is filled in afterwards; at the
moment of prediction, and so in sealed and later rows, that column is as good as empty. Counted are
challengers that are promoted although they are worse on 20,000 later rows by more than one
standard error of the difference. `in sealed rows too` is what no comparison on sealed rows can
see: there the column still tells the label, and only later rows have it empty. Such a challenger
is refused where a column tells nearly all (`flows.steps.giveaways`); the half-told leak is below
what may be called impossible, and shows the limit.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.promotion.equals import METRICS, asked, boosting
from benchmarks.promotion.worlds import Rows, World
from flows.steps.giveaways import giveaways_of
from models.evaluation import paired_difference

WORLD = World(of_day=0.5)
LATER = replace(WORLD, n_rows=20_000, n_days=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """What is done to a challenger's training rows: each a share or a spread, 0 for nothing."""

    noise: float = 0.0
    shuffled: float = 0.0
    leaked: float = 0.0
    sealed_too: bool = False


POISONS: Mapping[str, Poison] = {
    "noise in the columns, a little": Poison(noise=0.5),
    "noise in the columns": Poison(noise=2.0),
    "a tenth of the labels shuffled": Poison(shuffled=0.1),
    "half of the labels shuffled": Poison(shuffled=0.5),
    "all labels shuffled": Poison(shuffled=1.0),
    "leak, faint": Poison(leaked=0.3),
    "leak": Poison(leaked=1.0),
    "leak, in sealed rows too": Poison(leaked=1.0, sealed_too=True),
    "half-told leak, in sealed rows too": Poison(leaked=0.5, sealed_too=True),
}
LIMIT = "half-told leak, in sealed rows too"


def main() -> None:
    """Run every poison and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200, help="the half-told leak apart")
    parser.add_argument("--quick", action="store_true", help="28 rounds")
    given = parser.parse_args()
    each = -(-(28 if given.quick else given.rounds) // (len(POISONS) - 1))
    print("| poison | rounds | promoted | promoted and worse later | seconds |")
    print("|---|---|---|---|---|")
    totals = np.zeros(3, dtype=int)
    for name, poison in POISONS.items():
        begun = time.perf_counter()
        results = [_round(poison, number) for number in range(each)]
        counts = np.array([each, sum(r[0] for r in results), sum(r[1] for r in results)])
        _print(name, counts, time.perf_counter() - begun)
        totals += 0 if name == LIMIT else counts
    _print("all but the half-told leak", totals, 0.0)


def _print(name: str, counts: np.ndarray, seconds: float) -> None:
    n, promoted, worse = counts
    print(f"| {name} | {n} | {promoted} | {worse} ({worse / n:.1%}) | {seconds:.0f} |", flush=True)


def _round(poison: Poison, number: int) -> tuple[bool, bool]:
    """Say whether the challenger was promoted, and whether it is then worse on later rows."""
    rng, metric = np.random.default_rng([number, 7]), METRICS[number % len(METRICS)]
    training, other, sealed, later = (world.draw(rng) for world in (WORLD, WORLD, WORLD, LATER))
    champion = boosting().fit(training.X, training.y)
    X, y = _poisoned(other, poison, rng)
    challenger = boosting().fit(X, y)

    def predictions(rows: Rows, leaked: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        ours = champion.predict_proba(rows.X)[:, 1]
        columns = np.column_stack([rows.X, _leak(rows, leaked, rng)])
        return ours, challenger.predict_proba(columns)[:, 1], columns

    told = poison.leaked if poison.sealed_too else 0.0
    ours, theirs, columns = predictions(sealed, told)
    frame = pd.DataFrame(columns).add_prefix("column ").assign(label=sealed.y)
    rows = sealed.sealed(metric)
    names = [name for name in frame.columns if name != "label"]
    found = giveaways_of(frame, names, rows.problem)
    if not asked(rows, ours, theirs, giveaways=found):
        return False, False
    ours, theirs, _ = predictions(later, 0.0)
    rows = later.sealed(metric)
    difference = paired_difference(rows.y, theirs, ours, metric, rows.cutoff_time, 0)
    error = (difference.high - difference.low) / 4
    return True, difference.difference < -error


def _poisoned(
    rows: Rows, poison: Poison, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    X, y = rows.X + poison.noise * rng.normal(size=rows.X.shape), rows.y.copy()
    drawn = rng.random(len(y)) < poison.shuffled
    y[drawn] = rng.permutation(y[drawn])
    return np.column_stack([X, _leak(replace(rows, y=y), poison.leaked, rng)]), y


def _leak(rows: Rows, leaked: float, rng: np.random.Generator) -> np.ndarray:
    return leaked * (2 * rows.y - 1) + rng.normal(size=len(rows.y)) * 0.5


if __name__ == "__main__":
    main()
