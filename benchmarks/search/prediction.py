"""Prediction: what an ensemble takes to predict, against its members asked one after another.

    python -m benchmarks.search.prediction --data DATASETS [--dataset california_housing]
        [--seconds 60] [--model DIRECTORY]

Both ways predict the same rows in turn, so what else runs on the machine meets both; the ratio is
the median of the pairs. One after another means: every group of members that share an encoder is
encoded once, and each library predicts as it does by itself. The model is searched first and kept
in DIRECTORY, when that is given, for the next time.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.search.sources import SOURCES, sample
from models.persistence import load_model, save_model
from models.search import SearchBudget, SearchOptions, search
from models.serving import EnsembleModel, conform

N_PAIRS = {4_000: 7, 1_000: 9, 1: 41}


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--data", type=Path, default=os.environ.get("PERENNIAL_DATA"))
    arguments.add_argument(
        "--dataset",
        choices=[name for name, source in SOURCES.items() if source.task == "regression"],
        default="california_housing",
    )
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--model", type=Path)
    given = arguments.parse_args()
    if given.data is None:
        arguments.error("expected --data or PERENNIAL_DATA: the folder of the datasets")
    with tempfile.TemporaryDirectory() as scratch:
        directory = given.model or Path(scratch) / "model"
        rows = _searched(given, directory, Path(scratch))
        model = load_model(directory)
    print(f"{len(model.members)} members; load {os.getloadavg()[0]:.1f}")
    print("rows | one after another, ms | together, ms | ratio | ratio of the first pair")
    for n_rows, n_pairs in N_PAIRS.items():
        print(_compare(model, rows.iloc[:n_rows], n_pairs))


def _searched(given: argparse.Namespace, directory: Path, scratch: Path) -> pd.DataFrame:
    """Have a model in the directory, and give rows to predict."""
    drawn = sample(given.data, given.dataset, max_rows=10**9, max_cells=10**12)
    if not directory.exists():
        result = search(
            drawn.searched,
            drawn.problem,
            budget=SearchBudget(max_seconds=given.seconds),
            seed=0,
            directory=scratch / "search",
            options=SearchOptions(holdout_share=0.0),
        )
        save_model(result.model, directory)
    return drawn.sealed.X


def _compare(model: EnsembleModel, rows: pd.DataFrame, n_pairs: int) -> str:
    pairs = []
    for _ in range(n_pairs):
        before, expected = _timed(lambda: one_after_another(model, rows))
        after, found = _timed(lambda: model.predict(rows))
        if not np.array_equal(expected, found):
            raise SystemExit("expected predictions that are equal to the last bit")
        pairs.append((before, after))
    ratios = [before / after for before, after in pairs]
    shown = [f"{1_000 * median(times):.1f}" for times in zip(*pairs, strict=True)]
    return " | ".join([f"{len(rows):,}", *shown, f"{median(ratios):.2f}", f"{ratios[0]:.2f}"])


def one_after_another(model: EnsembleModel, rows: pd.DataFrame) -> np.ndarray:
    """Predict a regression as every library does by itself."""
    conformed, encoded, parts = conform(rows, model.columns), {}, []
    for member, weight in zip(model.members, model.weights, strict=True):
        shared = id(member.encoder), member.columns, member.formulas
        if shared not in encoded:
            encoded[shared] = member.encode(conformed)
        parts.append(np.asarray(member.estimator.predict(encoded[shared]), dtype=float) * weight)
    mean = np.asarray(sum(parts), dtype=float)
    return mean if model.calibration is None else model.calibration.apply(mean)


def _timed(action: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    values = action()
    return time.perf_counter() - start, values


if __name__ == "__main__":
    main()
