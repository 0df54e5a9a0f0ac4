"""Usefulness: what splits save on rows unseen adds up to what the model saves on them."""

import lightgbm as lgb
import numpy as np
import pytest

from features.usefulness import _saved, measure_use

N_ROWS = 1_000


def rows(task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    value = (
        np.nan_to_num(matrix[:, 0]) + 0.5 * np.nan_to_num(matrix[:, 1]) + rng.normal(size=N_ROWS)
    )
    if task == "regression":
        return matrix, value
    return matrix, np.digitize(value, [0.0] if task == "binary" else [-0.7, 0.7])


def loss(task: str, labels: np.ndarray, raw: np.ndarray) -> float:
    if task == "regression":
        return float(np.sum((raw - labels) ** 2))
    if task == "binary":
        return float(np.sum(np.logaddexp(0, raw) - labels * raw))
    picked = raw[np.arange(len(labels)), labels]
    return float(np.sum(np.logaddexp.reduce(raw, axis=1) - picked))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_savings_add_up_to_what_the_model_saves(task: str) -> None:
    seen, answers = rows(task, 0)
    unseen, labels = rows(task, 1)
    parameters = {"objective": task, "verbosity": -1, "num_leaves": 7, "learning_rate": 0.2}
    if task == "multiclass":
        parameters["num_class"] = 3
    booster = lgb.train(parameters, lgb.Dataset(seen, answers), 15)
    roots = [t["tree_structure"]["internal_value"] for t in booster.dump_model()["tree_info"]]
    n_scores = 3 if task == "multiclass" else 1
    # The first trees' roots hold the constant that boosting starts from; later ones nearly 0.
    start = np.tile(roots[:n_scores], (N_ROWS, 1)).squeeze()
    best = loss(task, labels, np.tile(_best_constant(task, labels), (N_ROWS, 1)).squeeze())
    whole = loss(task, labels, start) - loss(task, labels, booster.predict(unseen, raw_score=True))
    assert _saved(booster, unseen, labels).sum() * best == pytest.approx(whole, rel=0.02)


def _best_constant(task: str, labels: np.ndarray) -> np.ndarray:
    if task == "regression":
        return np.array([labels.mean()])
    shares = np.bincount(labels) / len(labels)
    return np.array([np.log(shares[1] / shares[0])]) if task == "binary" else np.log(shares)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_says_nothing_is_of_no_use(task: str) -> None:
    matrix, labels = rows(task, 2)
    use = measure_use(matrix, labels)
    assert use[0] > use[1] > use[2:].max()
    assert np.abs(use[2:]).max() < 0.02


def test_one_class_gives_no_use() -> None:
    matrix, _ = rows("binary", 3)
    assert measure_use(matrix, np.zeros(N_ROWS, dtype=int)).tolist() == [0.0] * 4
