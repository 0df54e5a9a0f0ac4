"""How honest the metric is that is estimated before labels arrive.

    python -m benchmarks.monitoring.estimated [--windows 100] [--quick]

Worlds of `worlds.py`, 20 columns of which six matter, 1,000 rows in 7 days against 5,000 sealed
rows; 5 % of the variance between days. Covariate shift: two of the columns that matter move by up
to a deviation or spread half as far again, labels follow the same rule. Counted is whether the 90 %
interval holds the metric that is realised on all labels of the window, among all windows and among
those the estimate says to trust. Concept drift: the two most important columns come to mean the
opposite, inputs stay; counted is whether the estimate is flagged when labels have come (two days
late). Regression: the label is the log odds plus noise whose spread depends on a column.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from lightgbm import LGBMRegressor

from benchmarks.monitoring.quiet import LABEL_DELAY, REFERENCE_DAYS, SLOPES
from benchmarks.monitoring.worlds import N_FIT, Rows, World, fit_champion
from models.metrics import METRICS
from monitoring.domain import compare_domains
from monitoring.estimation import estimate_performance
from monitoring.evidence import EstimatedPerformance
from monitoring.windows import Window

N_ROWS = 1_000
METRIC_NAMES = ("roc_auc", "log_loss", "rmse", "mae")


def main() -> None:
    """Run every task and change, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="twelve windows of each")
    parser.add_argument("--only", default="", help="one metric")
    given = parser.parse_args()
    n = 12 if given.quick else given.windows
    print(
        "| metric | change | windows | covered | trusted | covered if trusted | flagged | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for metric in [m for m in METRIC_NAMES if given.only in ("", m)]:
        for change in ("none", "covariates", "concept"):
            begun, counted = time.process_time(), Counter[str]()
            for number in range(n):
                counted += _window(metric, change, number)
            total, trusted = counted["windows"], counted["trusted"]
            flagged = total - counted["trusted with labels"]
            print(
                f"| {metric} | {change} | {total} | {counted['covered'] / total:.0%} "
                f"| {trusted / total:.0%} | {counted['both'] / max(1, trusted):.0%} "
                f"| {flagged / total:.0%} | {time.process_time() - begun:.0f} |",
                flush=True,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A world as one task, with its changes."""

    world: World
    rng: np.random.Generator
    is_regression: bool

    def rows(self, n_days: int, n_rows: int, change: str = "none") -> Rows:
        """Draw rows; a change is of all of them."""
        world = self.world
        if change == "concept":
            slopes = (-world.slopes[0], -world.slopes[1], *world.slopes[2:])
            world = World(n_columns=20, slopes=slopes, shared=world.shared)
        if change == "covariates":
            moves = np.zeros((2, 20))
            moves[0, :2] = self.rng.uniform(-1, 1, 2)
            moves[1, :2] = self.rng.uniform(0, 0.5, 2)
            world = World(
                n_columns=20,
                slopes=world.slopes,
                shared=world.shared,
                moved=tuple(moves[0]),
                stretched=tuple(moves[1]),
            )
        return world.draw(self.rng, n_days, n_rows / n_days, is_regression=self.is_regression)


def _window(metric: str, change: str, number: int) -> Counter[str]:
    rng = np.random.default_rng([number, len(metric), len(change)])
    is_regression = metric in ("rmse", "mae")
    case = _Case(world=World(slopes=SLOPES, shared=0.05), rng=rng, is_regression=is_regression)
    fitted_on, sealed = case.rows(35, N_FIT), case.rows(REFERENCE_DAYS, 5 * N_ROWS)
    rows = case.rows(7, N_ROWS, change)
    pair = _scored(fitted_on, sealed, rows, is_regression, number)
    blind = _estimate(pair, metric, np.full(len(rows.y), np.nan))
    late = np.where(rows.times <= rows.times.max() - LABEL_DELAY, rows.y, np.nan)
    seen = _estimate(pair, metric, late)
    realised = METRICS[metric].score(rows.y, pair[1].scores, None)
    is_covered = blind.estimate.low <= realised <= blind.estimate.high
    return Counter(
        {
            "windows": 1,
            "covered": int(is_covered),
            "trusted": int(blind.is_trusted),
            "both": int(is_covered and blind.is_trusted),
            "trusted with labels": int(seen.is_trusted),
        }
    )


def _scored(
    fitted_on: Rows, sealed: Rows, rows: Rows, is_regression: bool, seed: int
) -> tuple[Window, Window]:
    if not is_regression:
        champion = fit_champion(fitted_on, sealed, seed=seed)
        return champion.window(sealed, "reference"), champion.window(rows, "current")
    names = [name for name in fitted_on.frame if not name.startswith("levels")]
    model = LGBMRegressor(n_estimators=80, num_leaves=15, n_jobs=1, verbose=-1, random_state=seed)
    model.fit(fitted_on.frame[names], fitted_on.y)
    reference, current = (
        Window(
            features=part.frame,
            scores=np.asarray(model.predict(part.frame[names])),
            labels=part.y,
            cutoff_time=part.times,
            name="current",
        )
        for part in (sealed, rows)
    )
    return reference, current


def _estimate(pair: tuple[Window, Window], metric: str, labels: np.ndarray) -> EstimatedPerformance:
    reference, current = pair
    current = Window(
        features=current.features,
        scores=current.scores,
        labels=labels,
        cutoff_time=current.cutoff_time,
        name="current",
    )
    found = estimate_performance(
        reference,
        current,
        metric=METRICS[metric].score,
        metric_name=metric,
        are_probabilities=metric not in ("rmse", "mae"),
        domain=compare_domains(reference, current, importance={}, seed=0),
        seed=0,
    )
    if found is None:
        raise RuntimeError("nothing was estimated although both windows are large enough")
    return found


if __name__ == "__main__":
    main()
