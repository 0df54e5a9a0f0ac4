"""What gives the label of sealed rows away, and what may do so by chance."""

import numpy as np
import pandas as pd
import pytest

from flows.steps.giveaways import giveaways_of
from models.task import Problem

PROBLEM = Problem(task="binary", metric="roc_auc")


def reference(n_rows: int = 600, rate: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = (rng.random(n_rows) < rate).astype(int)
    return pd.DataFrame(
        {
            "label": label,
            "good": label + rng.normal(size=n_rows),
            "blurred": 1.0 - 2.0 * label + 0.5 * rng.normal(size=n_rows),
            "paid": np.where(label, "yes", "no"),
            "total": np.where(label, rng.normal(size=n_rows) + 9, np.nan),
        }
    )


def columns(frame: pd.DataFrame, *names: str) -> set[str | None]:
    return {found.column for found in giveaways_of(frame, names, PROBLEM)}


def test_columns_that_tell_all_are_named_where_the_version_uses_them() -> None:
    frame = reference()
    assert columns(frame, "good", "paid", "total") == {"paid", "total"}
    assert columns(frame, "good", "total") == {"total"}
    assert columns(frame, "good", "blurred") == {"blurred"}
    assert columns(frame, "good") == set()


@pytest.mark.parametrize(("n_rows", "rate"), [(150, 0.3), (600, 0.01)])
def test_few_rows_accuse_nobody(n_rows: int, rate: float) -> None:
    assert columns(reference(n_rows, rate), "good", "paid", "total") == set()


def test_a_regression_is_given_away_too() -> None:
    rng = np.random.default_rng(1)
    label = rng.exponential(size=600)
    frame = pd.DataFrame({"label": label, "same": 3 * label, "near": label + rng.normal(size=600)})
    found = giveaways_of(frame, ["same", "near"], Problem(task="regression", metric="rmse"))
    assert [each.column for each in found] == ["same"]
