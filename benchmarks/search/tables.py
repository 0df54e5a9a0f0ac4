"""Made-up single tables: numbers, categories, holes, and a label that depends on some of them."""

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.task import Problem

BINARY = Problem(task="binary", metric="roc_auc")


def make_table(n_rows: int, n_columns: int = 20, *, seed: int = 0) -> Dataset:
    """Make a binary problem without time."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n_rows, n_columns))
    score = numbers[:, 0] + np.abs(numbers[:, 1]) * numbers[:, 2] + rng.logistic(size=n_rows)
    numbers[rng.random(numbers.shape) < 0.03] = np.nan
    X = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(n_columns)])
    X["place"] = rng.choice(["north", "east", "south", "west", None], n_rows)
    score += (X["place"] == "north").to_numpy() * 1.0
    return Dataset(X=X, y=(score > 0).astype(np.int8))
