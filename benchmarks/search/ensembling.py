"""What ensembles are worth on sealed rows: whose members, how large, or a model on top instead.

From a collection (see `portfolio`): every way combines the same predictions of the same validation
blocks and is judged on rows that nothing was fitted or chosen on. Losses are normalised per
dataset (0 the best single variant, 1 the median one); `better` counts the datasets on which a way
beats greedy selection without a layer.
"""

from collections.abc import Callable, Sequence

import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV

from benchmarks.search.collection import Table
from benchmarks.search.ordering import ensemble, scale_of
from benchmarks.search.variant_pool import POOL
from models.ensemble import Limits, select
from models.finishing import finish

Combine = Callable[[Table], np.ndarray]
STACKED = 15
"""A model on top sees so many of the best variants, as greedy selection does."""


def judge_ensembles(tables: Sequence[Table]) -> None:
    """Print what each way reaches."""
    usual = _losses(tables, greedy())
    for title, combine in _ways().items():
        losses = _losses(tables, combine)
        difference = losses - usual
        error = difference.std() / np.sqrt(len(tables))
        better = (difference < 0).mean() + 0.5 * (difference == 0).mean()
        print(
            f"{title:38s} {losses.mean():7.3f}  {difference.mean():+.3f} ± {error:.3f}"
            f"  better {better:.0%}",
            flush=True,
        )


def greedy(
    without: Sequence[str] = (), *, members: int = 6, candidates: int = 15, rounds: int = 25
) -> Combine:
    """Select greedily among the variants of all families but some."""

    def combine(table: Table) -> np.ndarray:
        names = [name for name in table.tried if POOL[name].family not in without]
        limits = Limits(max_members=members, max_rounds=rounds, max_candidates=candidates)
        return ensemble(table, names, limits)

    return combine


def layered(table: Table) -> np.ndarray:
    """Select greedily and join the members as a search does: by a linear layer where it holds."""
    known = {number: one.validated for number, one in enumerate(table.tried.values())}
    asked = {number: one.sealed for number, one in enumerate(table.tried.values())}
    metric = table.problem.scoring
    weights = select(known, table.rows, metric).weights
    return finish(table.rows, metric, known, weights).answer(asked)


def single_best(table: Table) -> np.ndarray:
    """Take the variant that is best on the validation blocks."""
    return table.tried[_best(table, 1)[0]].sealed


def linear_on_top(table: Table) -> np.ndarray:
    """Fit a logistic regression on log-odds, or a ridge on values."""
    X, asked, y = _stacked(table)
    if not table.problem.is_classification:
        spread = y.std() or 1.0
        model = RidgeCV(np.logspace(-2, 4, 13)).fit(
            (X - y.mean()) / spread, (y - y.mean()) / spread
        )
        return np.asarray(model.predict((asked - y.mean()) / spread) * spread + y.mean())
    best, loss = None, np.inf
    half = np.random.default_rng(0).random(len(y)) < 0.7
    for cost in (1e-4, 1e-3, 1e-2, 1e-1):
        tried = LogisticRegression(C=cost, max_iter=300).fit(X[half], y[half])
        missed = -np.mean(np.log(np.clip(_chances(tried, X[~half], y[~half]), 1e-15, 1)))
        if missed < loss:
            best, loss = cost, missed
    return _answers(table, LogisticRegression(C=best, max_iter=300).fit(X, y), asked)


def boosted_on_top(table: Table) -> np.ndarray:
    """Fit a small LightGBM on the predictions."""
    X, asked, y = _stacked(table)
    given = {
        "n_estimators": 60, "num_leaves": 7, "learning_rate": 0.06, "min_child_samples": 40,
        "colsample_bytree": 0.5, "reg_lambda": 5.0, "n_jobs": 1, "verbose": -1, "random_state": 0,
    }  # fmt: skip
    if not table.problem.is_classification:
        return np.asarray(lightgbm.LGBMRegressor(**given).fit(X, y).predict(asked))
    return _answers(table, lightgbm.LGBMClassifier(**given).fit(X, y), asked)


def _ways() -> dict[str, Combine]:
    return {
        "greedy": greedy(),
        "greedy, then the layer, as it is used": layered,
        "the best single variant": single_best,
        "without CatBoost": greedy(["catboost"]),
        "without XGBoost": greedy(["xgboost"]),
        "without CatBoost and XGBoost": greedy(["catboost", "xgboost"]),
        "without LightGBM": greedy(["lightgbm"]),
        "without the network": greedy(["network"]),
        "without forests": greedy(["extra_trees", "random_forest"]),
        "without histograms": greedy(["histograms"]),
        "without linear": greedy(["linear"]),
        "without SVM, k-NN, naive Bayes": greedy(["support_vectors", "neighbours", "naive_bayes"]),
        "3 members": greedy(members=3),
        "10 members": greedy(members=10),
        "25 members": greedy(members=25),
        "8 candidates": greedy(candidates=8),
        "25 candidates": greedy(candidates=25),
        "every candidate": greedy(candidates=99),
        "10 rounds": greedy(rounds=10),
        "60 rounds": greedy(rounds=60),
        "25 members of every candidate": greedy(members=25, candidates=99, rounds=60),
        "linear model on top": linear_on_top,
        "LightGBM on top": boosted_on_top,
        "mean of greedy and linear on top": _mean_of(greedy(), linear_on_top),
    }


def _mean_of(one: Combine, other: Combine) -> Combine:
    return lambda table: (one(table) + other(table)) / 2


def _losses(tables: Sequence[Table], combine: Combine) -> np.ndarray:
    return np.array([scale_of(t.losses.values()).of(t.sealed_loss(combine(t))) for t in tables])


def _best(table: Table, n_best: int) -> list[str]:
    losses = {name: table.validated_loss(one.validated) for name, one in table.tried.items()}
    return sorted(losses, key=lambda name: losses[name])[:n_best]


def _stacked(table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the validated and the sealed predictions of the best variants as columns, labels."""
    names = _best(table, STACKED)
    rows = [[getattr(table.tried[n], part) for n in names] for part in ("validated", "sealed")]
    if table.problem.is_classification:
        rows = [[_log_odds(one) for one in part] for part in rows]
    X, asked = (np.column_stack([one.reshape(len(one), -1) for one in part]) for part in rows)
    return X, asked, table.rows.y


def _log_odds(prediction: np.ndarray) -> np.ndarray:
    chance = np.clip(prediction, 1e-4, 1 - 1e-4)
    return np.log(chance / (1 - chance)) if chance.ndim == 1 else np.log(chance)


def _chances(model: LogisticRegression, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    known = np.isin(y, model.classes_)
    probability = model.predict_proba(X[known])
    return np.asarray(
        probability[np.arange(len(probability)), np.searchsorted(model.classes_, y[known])]
    )


def _answers(table: Table, model: LogisticRegression, asked: np.ndarray) -> np.ndarray:
    probability = model.predict_proba(asked)
    if table.problem.n_outputs == 1:
        return np.asarray(probability[:, 1])
    chances = np.full((len(asked), table.problem.n_outputs), 1e-6)
    chances[:, model.classes_.astype(int)] = probability
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))
