"""How often a challenger is promoted that is no better in truth (A/A), and when asking repeats.

    python -m benchmarks.promotion.equals [--rounds 500] [--quick]

`trained`: champion and challenger are the same learner (gradient boosting) on two training sets of
the same world. `planted`: both know the true log odds but for an error of their own, of the same
spread, and what each errs by on a day and on a customer is shared by its rows: equal in truth to
the last digit, and as dependent as rows can be. Every round has a world, models and sealed rows of
its own, and is judged by the quality gate: the others can only refuse more. `repeated`: a project
that asks until it passes: 30 equal challengers, one after another, on the same sealed rows against
the same champion; counted are projects in which any of them is promoted.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from lightgbm import LGBMClassifier

from benchmarks.promotion.worlds import WORLDS, Rows, World
from models.findings import Finding
from models.promotion import Contender, PromotionPolicy, SealedRows, judge

METRICS = ("roc_auc", "log_loss", "brier")
N_REPEATED = 30
Guess = Callable[[Rows], np.ndarray]


def main() -> None:
    """Run every world and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="forty rounds")
    given = parser.parse_args()
    n_rounds = 40 if given.quick else given.rounds
    print("| challengers | world | rounds | promoted | share | seconds |")
    print("|---|---|---|---|---|---|")
    for name, world in WORLDS.items():
        for kind in ("planted", "trained") if name == "days" else ("planted",):
            begun = time.perf_counter()
            promoted = sum(_round(world, kind, number) for number in range(n_rounds))
            _print(kind, name, n_rounds, promoted, begun)
    for spent in (True, False):
        begun, n_projects = time.perf_counter(), max(10, n_rounds // 10)
        fooled = sum(_repeated(WORLDS["days"], number, spent) for number in range(n_projects))
        kind = f"repeated, {'alpha spent' if spent else 'every try as the first'}"
        _print(kind, "days", n_projects, fooled, begun)


def _print(kind: str, name: str, n_rounds: int, promoted: int, begun: float) -> None:
    seconds = time.perf_counter() - begun
    share = f"{promoted / n_rounds:.1%}"
    print(f"| {kind} | {name} | {n_rounds} | {promoted} | {share} | {seconds:.0f} |", flush=True)


def _round(world: World, kind: str, number: int) -> bool:
    rng = np.random.default_rng([number, len(kind)])
    make = {"planted": planted, "trained": lambda rng: trained(world, rng)}[kind]
    champion, challenger = make(rng), make(rng)
    rows = world.draw(rng)
    metric = METRICS[number % len(METRICS)]
    return asked(rows.sealed(metric), champion(rows), challenger(rows))


def _repeated(world: World, number: int, spent: bool) -> bool:
    rng = np.random.default_rng([number, 99])
    rows = world.draw(rng)
    sealed, champion = rows.sealed("brier"), planted(rng)(rows)
    for attempt in range(1, N_REPEATED + 1):
        challenger = planted(rng)(rows)
        # Who fails at the first level fails at every later one, so that it need not be drawn.
        passed = asked(sealed, champion, challenger)
        if passed and (not spent or asked(sealed, champion, challenger, attempt=attempt)):
            return True
    return False


def planted(rng: np.random.Generator) -> Guess:
    """Make a model that errs as much as any other, each day and customer in a way of its own."""
    seed = int(rng.integers(2**31))

    def guess(rows: Rows) -> np.ndarray:
        own = np.random.default_rng(seed)
        error = 0.4 * own.normal(size=len(rows.y))
        error += 0.3 * own.normal(size=rows.day.max() + 1)[rows.day]
        if len(np.unique(rows.customer)) < len(rows.y):
            error += 0.3 * own.normal(size=rows.customer.max() + 1)[rows.customer]
        return 1 / (1 + np.exp(-(rows.odds + error)))

    return guess


def trained(world: World, rng: np.random.Generator) -> Guess:
    """Fit a model to a training set of its own."""
    rows = world.draw(rng)
    model = boosting().fit(rows.X, rows.y)
    return lambda rows: model.predict_proba(rows.X)[:, 1]


def boosting() -> LGBMClassifier:
    """Give the learner of all models here."""
    return LGBMClassifier(n_estimators=40, num_leaves=8, n_jobs=1, verbose=-1)


def asked(
    rows: SealedRows,
    champion: np.ndarray,
    challenger: np.ndarray,
    *,
    attempt: int = 1,
    giveaways: tuple[Finding, ...] = (),
) -> bool:
    """Let the gates judge, and say whether the challenger is promoted."""
    return judge(
        Contender(name="2", predictions=challenger, columns={}, giveaways=giveaways),
        Contender(name="1", predictions=champion, columns={}),
        rows=rows,
        policy=PromotionPolicy(),
        attempt=attempt,
        gates=("quality",),
    ).promoted


if __name__ == "__main__":
    main()
