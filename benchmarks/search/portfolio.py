"""The portfolio: collect what a pool of variants reaches, learn an order from it.

python -m benchmarks.search.portfolio collect --data DATASETS --folder collected
python -m benchmarks.search.portfolio learn --folder collected
python -m benchmarks.search.portfolio ensembles --folder collected
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.search.collection import Table, collect, load_tables
from benchmarks.search.ensembling import judge_ensembles
from benchmarks.search.honesty import (
    BUDGETS,
    HAND_MADE,
    OTHER_TASK,
    any_task,
    nearest,
    play_fixed,
    play_left_out,
    play_random,
    print_losses,
    same_task,
)
from benchmarks.search.ordering import Ledger, learn_order, relative_costs
from benchmarks.search.sources import SOURCES
from benchmarks.search.variant_pool import POOL
from models.families import FAMILIES
from models.task import Task
from models.variants import Variant

SHIPPED = 11
"""Variants learned per task; families that are not among them follow with their defaults."""

MAX_LINEAR = 2
"""On few rows a linear model costs next to nothing, and any number of them seems worth a try;
the second comes after what was learned."""

LARGER = ("lightgbm bushy", "xgboost")
"""Then come larger trees, for which the samples are too small and larger data are not."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    collecting = commands.add_parser("collect")
    collecting.add_argument("--data", type=Path, default=os.environ.get("PERENNIAL_DATA"))
    collecting.add_argument("--folder", type=Path, required=True)
    collecting.add_argument("--rows", type=int, default=6_000)
    collecting.add_argument("--datasets", nargs="*", default=list(SOURCES))
    learning = commands.add_parser("learn")
    learning.add_argument("--folder", type=Path, required=True)
    learning.add_argument("--thrift", type=float, default=0.5, help="power of a variant's cost")
    learning.add_argument("--without", nargs="*", default=[], help="families to leave out")
    learning.add_argument("--quick", action="store_true", help="no datasets left out")
    learning.add_argument("--table", type=Path, help="where the learned orders go")
    judging = commands.add_parser("ensembles")
    judging.add_argument("--folder", type=Path, required=True)
    given = arguments.parse_args()
    if given.command == "collect":
        if given.data is None:
            arguments.error("expected --data or PERENNIAL_DATA: the folder of the datasets")
        _collect(given)
    elif given.command == "learn":
        _learn(given)
    else:
        judge_ensembles(load_tables(given.folder, least=len(POOL) // 2))


def _collect(given: argparse.Namespace) -> None:
    warnings.simplefilter("ignore")  # as in a worker: what learners warn of is as intended
    for name in given.datasets:
        start = time.process_time()
        n_trained = collect(given.data, name, POOL, given.folder, given.rows)
        seconds = time.process_time() - start
        print(f"{name}: {n_trained} variants, {seconds:.0f} CPU s", flush=True)


def _learn(given: argparse.Namespace) -> None:
    tables = load_tables(given.folder, least=len(POOL) // 2)
    names = [label for label, one in POOL.items() if one.family not in given.without]
    ledgers = {table.name: Ledger(table) for table in tables}
    n_pairs = sum(len(table.tried) for table in tables)
    cost = sum(one.seconds for table in tables for one in table.tried.values())
    print(f"{len(tables)} datasets, {n_pairs} trials, {cost / 60:.0f} CPU minutes")
    orders: dict[str, list[dict[str, object]]] = {}
    for task in ("binary", "multiclass", "regression"):
        orders[task] = _order(tables, ledgers, names, task, given.thrift)
    if given.table:
        given.table.write_text(json.dumps({"format": 1, "order": orders}, indent=1) + "\n")
    if not given.quick:
        _judge(tables, ledgers, names, given.thrift)


def _order(
    tables: list[Table], ledgers: dict[str, Ledger], names: list[str], task: Task, thrift: float
) -> list[dict[str, object]]:
    of_task = [table for table in tables if table.problem.task == task]
    if not of_task:
        return []
    weights = {t.name: 1.0 if t.problem.task == task else OTHER_TASK for t in tables}
    learned = learn_order(ledgers, weights, names, length=SHIPPED, thrift=thrift)
    costs = relative_costs(of_task)
    print(f"{task} ({len(of_task)} datasets): variant, loss gained, cost / LightGBM default's")
    for label, gain in learned:
        print(f"    {label:22s} {gain:7.3f} {costs[label]:6.2f}")
    labels = [label for label, _ in learned]
    linear = [label for label in labels if POOL[label].family == "linear"]
    kept = [label for label in labels if label not in linear[1:]]
    chosen = [POOL[label] for label in dict.fromkeys([*kept, *LARGER, *linear[1:MAX_LINEAR]])]
    return [variant.to_dict() for variant in (*chosen, *_absent(chosen, task))]


def _absent(chosen: list[Variant], task: Task) -> list[Variant]:
    """Give the defaults of families that were not chosen, cheapest first: each gets its try."""
    known = {variant.family for variant in chosen}
    rest = [family for name, family in FAMILIES.items() if name not in known | {"constant"}]
    if task == "regression":
        rest = [family for family in rest if family.name != "naive_bayes"]
    return [Variant(family=f.name) for f in sorted(rest, key=lambda f: f.relative_cost)]


def _judge(
    tables: list[Table], ledgers: dict[str, Ledger], names: list[str], thrift: float
) -> None:
    print("normalised sealed loss at", *(f"{budget:g}" for budget in BUDGETS), "LightGBM defaults")
    known = [label for label in HAND_MADE if label in names]
    plays: dict[str, np.ndarray] = {}
    for title, play in {
        "made by hand": lambda: play_fixed(tables, known),
        "random": lambda: play_random(tables, names),
        "learned": lambda: play_left_out(tables, ledgers, names, same_task, thrift=thrift),
        "learned, nearest": lambda: play_left_out(tables, ledgers, names, nearest, thrift=thrift),
        "learned, any task": lambda: play_left_out(tables, ledgers, names, any_task, thrift=thrift),
    }.items():
        plays[title] = play()
        print_losses(title, plays[title], tables)
    for title in plays:
        over_time = [plays[title].mean(axis=1), plays["made by hand"].mean(axis=1)]
        better = np.mean(over_time[0] < over_time[1])
        print(f"{title}: better than the order made by hand on {better:.0%} of the datasets")


if __name__ == "__main__":
    main()
