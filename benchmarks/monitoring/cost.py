"""What the evidence about a large window costs.

    python -m benchmarks.monitoring.cost [--rows 1000000] [--columns 50]

Half of the columns are normal, a quarter lognormal, a quarter of 50 levels; the reference has
20,000 rows of 35 days, and half of the current rows are labelled. No rendering. CPU seconds are of
the whole process, memory is the largest resident set beyond what the data itself took.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

from models.metrics import METRICS
from monitoring.gathering import Question, gather_evidence
from monitoring.windows import Window

START = np.datetime64("2026-01-05", "us")
N_REFERENCE, N_DAYS = 20_000, 35


def main() -> None:
    """Measure once and print CPU seconds and memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    reference = _window(rng, N_REFERENCE, given.columns, 0, N_DAYS, "reference")
    current = _window(rng, given.rows, given.columns, N_DAYS, 7, "current")
    current.labels[::2] = np.nan
    metric = METRICS["roc_auc"]
    question = Question(
        metric=metric.score,
        greater_is_better=True,
        metric_name=metric.name,
        are_probabilities=True,
        importance={},
    )
    before, begun = _megabytes(), time.process_time()
    evidence = gather_evidence(
        reference,
        current,
        current,
        question=question,
        now=pd.Timestamp(START).to_pydatetime(),
    )
    seconds = time.process_time() - begun
    print("| rows | columns | CPU s | MB of the data and libraries | MB at the most | drifted |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {given.rows:,} | {given.columns} | {seconds:.1f} | {before:,.0f} | {_megabytes():,.0f} "
        f"| {len(evidence.drift.drifted)} |"
    )


def _window(
    rng: np.random.Generator, n_rows: int, n_columns: int, first_day: int, n_days: int, name: str
) -> Window:
    columns: dict[str, np.ndarray] = {}
    for i in range(n_columns):
        values = rng.normal(size=n_rows)
        if i % 4 == 2:
            values = np.exp(values)
        if i % 4 == 3:
            levels = np.array([f"level {k}" for k in range(50)], dtype=object)
            columns[f"x{i}"] = levels[np.minimum(rng.geometric(0.1, n_rows) - 1, 49)]
            continue
        columns[f"x{i}"] = values
    score = 1 / (1 + np.exp(-columns["x0"]))
    day = np.sort(rng.integers(0, n_days, n_rows)) + first_day
    return Window(
        features=pd.DataFrame(columns),
        scores=score,
        labels=(rng.random(n_rows) < score).astype(float),
        cutoff_time=START + day * np.timedelta64(86_400_000_000, "us"),
        name="reference" if name == "reference" else "current",
    )


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
