"""What learned orders are worth on a dataset they were not learned from.

Each dataset is left out in turn (with every source made of the same rows); its order is learned
from the others and played on it beside the order made by hand and random ones. Printed are
normalised sealed losses of the ensemble at budgets in terms of the LightGBM default's cost.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.search.collection import Table
from benchmarks.search.ordering import START, Ledger, learn_order, value_over_time
from benchmarks.search.sources import SOURCES
from models.task import Task

BUDGETS = (1.5, 3.0, 5.0, 8.0, 12.0, 18.0)
N_RANDOM = 3
LENGTH = 10
OTHER_TASK = 1 / 3
"""Weight of a dataset of another task: few datasets per task would follow chance otherwise."""

HAND_MADE = (
    "linear", "lightgbm", "extra_trees", "xgboost", "catboost", "linear strict", "lightgbm bushy",
    "xgboost flat", "network", "support_vectors", "lightgbm shallow",
    "random_forest", "histograms", "lightgbm sampled", "neighbours", "naive_bayes",
)  # fmt: skip
"""The order of before there was a learned one, without its second CatBoost."""

Weigh = Callable[[Table, Table], float]


def same_task(table: Table, other: Table) -> float:
    """Weigh a dataset for another: those of its task count."""
    return float(other.problem.task == table.problem.task)


def any_task(table: Table, other: Table) -> float:
    """Weigh a dataset for another: other tasks count a little, as `OTHER_TASK` says."""
    return 1.0 if other.problem.task == table.problem.task else OTHER_TASK


def nearest(table: Table, other: Table) -> float:
    """Weigh a dataset for another: of its task, the nearer in meta-features the more."""
    if other.problem.task != table.problem.task:
        return 0.0
    scales = {"rows": 0.5, "columns": 0.4, "levels": 0.35, "missing": 0.1, "outputs": 0.4}
    distance = sum(
        ((table.features[name] - other.features[name]) / scale) ** 2
        for name, scale in scales.items()
    )
    return float(np.exp(-distance / 4)) + 0.05


def weights_for(table: Table, tables: Sequence[Table], weigh: Weigh) -> dict[str, float]:
    """Weigh every dataset that does not share rows with this one."""
    weights = {
        other.name: weigh(table, other)
        for other in tables
        if _folder(other.name) != _folder(table.name)
    }
    return {name: weight for name, weight in weights.items() if weight > 0}


def play_left_out(
    tables: Sequence[Table],
    ledgers: Mapping[str, Ledger],
    names: Sequence[str],
    weigh: Weigh,
    *,
    thrift: float,
) -> np.ndarray:
    """Give the losses of learned orders on datasets left out, shape `(n_tables, n_budgets)`."""
    losses = []
    for table in tables:
        weights = weights_for(table, tables, weigh)
        learned = learn_order(ledgers, weights, names, length=LENGTH, thrift=thrift)
        losses.append(value_over_time(table, [name for name, _ in learned], BUDGETS))
    return np.array(losses)


def play_fixed(tables: Sequence[Table], order: Sequence[str]) -> np.ndarray:
    """Give the losses of one order."""
    return np.array([value_over_time(table, order, BUDGETS) for table in tables])


def play_random(tables: Sequence[Table], names: Sequence[str]) -> np.ndarray:
    """Give the mean losses of random orders, which begin like all others."""
    rng, plays = np.random.default_rng(0), []
    for _ in range(N_RANDOM):
        rest = rng.permutation([name for name in names if name not in START])
        plays.append(play_fixed(tables, [*START, *rest.tolist()[: LENGTH - len(START)]]))
    return np.mean(plays, axis=0)


def print_losses(title: str, losses: np.ndarray, tables: Sequence[Table]) -> None:
    """Print the mean losses over time, for all datasets and per task."""
    tasks: tuple[Task, ...] = ("binary", "multiclass", "regression")
    chosen = {"all": np.ones(len(tables), dtype=bool)} | {
        task: np.array([table.problem.task == task for table in tables]) for task in tasks
    }
    for group, rows in chosen.items():
        if rows.any():
            mean = losses[rows].mean(axis=0)
            each = " ".join(f"{value:6.3f}" for value in mean)
            print(f"{title:28s} {group:10s} {each}  mean {mean.mean():.3f}", flush=True)


def _folder(name: str) -> str:
    return SOURCES[name].folder or name
