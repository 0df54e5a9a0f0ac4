"""What is told about training rows before the search."""

import numpy as np
import pandas as pd

from flows.steps.findings import find_strange
from models.dataset import Dataset
from models.task import Problem

N_ROWS = 600
PROBLEM = Problem(task="binary", metric="roc_auc", classes=(False, True))


def rows(*, labels: str = "noise") -> Dataset:
    """Weekly questions about thirty keys, whose label one column may give away."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N_ROWS)
    X = pd.DataFrame(
        {"SUM(orders.amount)": rng.normal(size=N_ROWS), "age": rng.normal(size=N_ROWS)}
    )
    X["COUNT(visits)"] = (y + rng.normal(scale=0.01, size=N_ROWS)) if labels == "leaked" else 1.0
    weeks = np.datetime64("2024-01-01", "us") + np.arange(N_ROWS) // 30 * np.timedelta64(7, "D")
    return Dataset(
        X=X,
        y=y,
        cutoff_time=weeks,
        label_time=weeks + np.timedelta64(7, "D"),
        key=np.arange(N_ROWS) % 30,
    )


def kinds(data: Dataset) -> list[tuple[str, str | None]]:
    found = find_strange(data, PROBLEM, seed=0, seconds=60.0)
    return [(finding.kind, finding.column) for finding in found]


def test_a_feature_that_gives_the_label_away_is_told() -> None:
    assert kinds(rows(labels="leaked")) == [("leak", "COUNT(visits)")]


def test_rows_without_anything_strange_have_only_their_constant_told() -> None:
    assert kinds(rows()) == [("constant", "COUNT(visits)")]


def test_rows_too_few_to_be_split_are_left_to_the_search() -> None:
    assert kinds(rows(labels="leaked").take(np.arange(3))) == []
