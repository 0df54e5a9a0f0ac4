"""Small tables with a known signal, as a search takes them."""

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.task import Problem

PROBLEMS = {
    "binary": Problem(task="binary", metric="roc_auc"),
    "multiclass": Problem(task="multiclass", metric="log_loss", classes=("a", "b", "c")),
    "regression": Problem(task="regression", metric="rmse"),
}


def make_table(
    task: str = "binary", n_rows: int = 400, *, timed: bool = True, seed: int = 0
) -> Dataset:
    """Rows over 100 days whose label depends on two numbers and a category, known a day later."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "colour": rng.choice(np.array(["red", "blue", "Grün", None], dtype=object), n_rows),
            "skewed": rng.exponential(size=n_rows) ** 3,
            "noise": rng.normal(size=n_rows),
            "empty": np.full(n_rows, np.nan),
            "maker": np.array([f"maker {i}" for i in rng.integers(0, n_rows, n_rows)], object),
        }
    )
    X.loc[rng.random(n_rows) < 0.1, "size"] = np.nan
    signal = 1.5 * X["size"].fillna(0.5) + (X["colour"] == "red") + np.log(X["skewed"] + 0.1) / 2
    signal = signal.to_numpy() + rng.normal(scale=0.7, size=n_rows)
    if task == "binary":
        y = (signal > np.median(signal)).astype(np.int8)
    elif task == "multiclass":
        y = np.digitize(signal, np.quantile(signal, [0.3, 0.7])).astype(np.int64)
    else:
        y = 10 * signal
    if not timed:
        return Dataset(X=X, y=y)
    days = np.sort(rng.integers(0, 100, n_rows)).astype("timedelta64[D]")
    cutoff = np.datetime64("2024-01-01", "us") + days
    return Dataset(X=X, y=y, cutoff_time=cutoff, label_time=cutoff + np.timedelta64(1, "D"))
