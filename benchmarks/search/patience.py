"""How long boosting should wait for a gain, and whether for the metric's or the loss's.

    python -m benchmarks.search.patience --data DATASETS

Every setting trains the same candidates on the same folds; judged are sealed rows, which stopped
nothing. Printed per setting: loss in standard deviations between all settings' results of one
candidate on one dataset (less is better), processor seconds relative to the first setting.
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.search.sources import Sample, sample
from benchmarks.search.variant_pool import POOL
from models.families import FAMILIES, lightgbm, xgboost
from models.families import family as family_module
from models.persistence import load_model
from models.sharing import SearchRows
from models.splits import make_folds
from models.trial import Bench, TrialRequest

DATASETS = (
    "credit_g", "telco_churn", "mlc_churn", "mammography", "adult", "titanic", "abalone", "segment",
)  # fmt: skip
LABELS = ("lightgbm", "lightgbm extra", "lightgbm ag r177", "xgboost")
SETTINGS = [(30, True), (60, True), (120, True), (30, False), (60, False), (120, False), (0, False)]
"""Rounds to wait, 0 for the rule that is used, and whether the metric decides where it can."""

BY_METRIC = {"roc_auc": "auc", "average_precision": "average_precision"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=os.environ.get("PERENNIAL_DATA"))
    arguments.add_argument("--rows", type=int, default=3_000)
    arguments.add_argument("--datasets", nargs="*", default=list(DATASETS))
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    losses, seconds, tasks = [], [], []
    for name in given.datasets:
        drawn = sample(given.data, name, max_rows=given.rows, max_cells=60 * given.rows)
        measured = [[_measure(drawn, label, s) for s in SETTINGS] for label in LABELS]
        losses += [[loss for loss, _ in row] for row in measured]
        seconds += [[cost for _, cost in row] for row in measured]
        tasks += [drawn.problem.task] * len(LABELS)
        for label, row in zip(LABELS, measured, strict=True):
            print(f"{name:15s} {label:18s}", *(f"{x:9.5f} {s:5.1f}s" for x, s in row), flush=True)
    for task in ("binary", "multiclass", "regression"):
        of_task = np.array([found == task for found in tasks])
        if of_task.any():
            print(task)
            _summarise(np.array(losses)[of_task], np.array(seconds)[of_task])


def _measure(drawn: Sample, label: str, setting: tuple[int, bool]) -> tuple[float, float]:
    rounds, by_metric = setting
    rows = SearchRows(
        X=drawn.searched.X,
        y=drawn.searched.y,
        folds=make_folds(drawn.searched),
        problem=drawn.problem,
        bagged=True,
    )
    bench, family = Bench(rows, FAMILIES), FAMILIES[POOL[label].family]
    defaults = family.portfolio(drawn.problem, bench.shape)[0]
    candidate = POOL[label].candidate(defaults, family.space(drawn.problem, bench.shape))
    module = {"lightgbm": lightgbm, "xgboost": xgboost}[family.name]
    stopping = module._stopping(drawn.problem)
    if by_metric:
        stopping = BY_METRIC.get(drawn.problem.metric, stopping)
    with (
        tempfile.TemporaryDirectory() as scratch,
        patch.object(module, "patience", lambda given: rounds or family_module.patience(given)),
        patch.object(module, "_stopping", lambda problem: stopping),
    ):
        oof, model = Path(scratch) / "oof.npy", Path(scratch) / "model"
        request = TrialRequest(
            candidate=candidate, seed=0, n_threads=1, seconds=60.0, oof=oof, model=model
        )
        start = time.process_time()
        bench.evaluate(request)
        taken = time.process_time() - start
        predicted = load_model(model).predict(drawn.sealed.X)
    metric = drawn.problem.scoring
    return -metric.gain(metric.score(drawn.sealed.y, predicted)), taken


def _summarise(losses: np.ndarray, seconds: np.ndarray) -> None:
    spread = np.maximum(losses.std(axis=1, keepdims=True), 1e-12)
    standard = (losses - losses.mean(axis=1, keepdims=True)) / spread
    for number, (rounds, by_metric) in enumerate(SETTINGS):
        cost = np.exp(np.log(seconds[:, number] / seconds[:, 0]).mean())
        by = "metric" if by_metric else "loss"
        own = standard[:, number].mean()
        waits = f"{rounds:4d} rounds" if rounds else "by the rule"
        print(f"{waits}, by {by:6s}: {own:+.2f} deviations, {cost:.2f} of the time")


if __name__ == "__main__":
    main()
