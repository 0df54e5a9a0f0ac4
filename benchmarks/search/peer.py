"""Perennial among its peers: the function by which a bench of AutoML systems runs it.

The bench gives one object `c`: `X` (frame), `y` (codes or values), `task`, `deadline` (as
`time.time()` has it), `seed`, `n_jobs`, `n_classes`, `work` (a scratch folder). In a series:

    run_all.py ... --extra perennial=PYTHON=benchmarks/search/peer.py:fit_predict
"""

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models import AutoMLClassifier, AutoMLRegressor


def fit_predict(c: Any) -> dict[str, Any]:
    """Fit within the budget; give what predicts, the model's size, and what it is made of."""
    estimator = AutoMLRegressor if c.task == "regression" else AutoMLClassifier
    model = estimator(max_seconds=c.deadline - time.time(), seed=c.seed).fit(c.X, c.y)
    families = model.leaderboard_.set_index("trial")["family"]
    return {
        "predict": _predictor(model, c),
        "size": lambda: _megabytes(model, Path(c.work)),
        "info": {
            "trials": len(model.leaderboard_),
            "failed": int((model.leaderboard_["state"] == "failed").sum()),
            "ensemble": {f"{families[n]} {n}": round(w, 3) for n, w in model.ensemble_.items()},
            "score": model.ensemble_score_,
        },
    }


def _predictor(model: Any, c: Any) -> Callable[[pd.DataFrame], np.ndarray]:
    if c.task == "regression":
        return lambda X: np.asarray(model.predict(X))

    def predict(X: pd.DataFrame) -> np.ndarray:
        chances = np.zeros((len(X), c.n_classes))
        chances[:, np.asarray(model.classes_).astype(int)] = model.predict_proba(X)
        return chances

    return predict


def _megabytes(model: Any, work: Path) -> float:
    path = work / "model.pickle"
    path.write_bytes(pickle.dumps(model))
    return os.path.getsize(path) / 2**20
