"""Small data and small fitted ensembles that several test modules share."""

from dataclasses import dataclass
from functools import partial

import lightgbm
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from models.families import FAMILIES
from models.families.family import FitTask, Shape
from models.serving import EnsembleModel, FittedMember, columns_of
from models.task import Problem

NUMERIC = "planes.MEAN(flights.arr_delay, Last 7 Days)"
PROBLEMS = {
    "binary": Problem(task="binary", metric="roc_auc"),
    "multiclass": Problem(task="multiclass", metric="log_loss", classes=("hi", "lo", "mid")),
    "regression": Problem(task="regression", metric="rmse"),
}


@dataclass(frozen=True)
class Small:
    X: pd.DataFrame
    y: np.ndarray
    cutoff_time: np.ndarray
    problem: Problem


def make_small(task: str = "binary", n_rows: int = 400, seed: int = 0, n_days: int = 40) -> Small:
    """Rows over `n_days` days whose label depends on one number and one category."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            NUMERIC: rng.normal(size=n_rows),
            "noise": rng.normal(size=n_rows),
            "carrier": rng.choice(np.array(["AA", "B6", "Zürich ✈", None], object), n_rows),
            'odd "name"': rng.exponential(size=n_rows) / 3,
        }
    )
    X.loc[rng.random(n_rows) < 0.1, NUMERIC] = np.nan
    signal = X[NUMERIC].fillna(0) + (X["carrier"] == "AA") + rng.normal(scale=0.7, size=n_rows)
    if task == "binary":
        y = (signal > 0.3).to_numpy().astype(np.int8)
    elif task == "multiclass":
        y = np.digitize(signal, [-0.3, 0.8])
    else:
        y = signal.to_numpy() * 10
    days = np.sort(rng.integers(0, n_days, n_rows))
    cutoff = np.datetime64("2013-01-01", "us") + days.astype("timedelta64[D]")
    return Small(X, y, cutoff, PROBLEMS[task])


def fit_small(data: Small, families: tuple[str, ...] = ("lightgbm", "linear", "extra_trees")):
    """Fit one member per family; weights differ."""
    members = tuple(_MEMBERS[family](data) for family in families)
    weights = np.arange(1.0, len(members) + 1)
    return EnsembleModel(
        members=members,
        weights=tuple((weights / weights.sum()).tolist()),
        problem=data.problem,
        columns=columns_of(data.X),
    )


def linear_member(data: Small) -> FittedMember:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    encoder = _encoder(data, numbers, levels)
    estimator = Ridge() if data.problem.task == "regression" else LogisticRegression()
    return _member("linear", data, encoder, estimator.fit(encoder.transform(data.X), data.y))


def extra_trees_member(data: Small) -> FittedMember:
    encoder = _encoder(data, SimpleImputer(strategy="median"), _codes())
    kind = ExtraTreesRegressor if data.problem.task == "regression" else ExtraTreesClassifier
    trees = kind(n_estimators=5, min_samples_leaf=5, random_state=0)
    return _member("extra_trees", data, encoder, trees.fit(encoder.transform(data.X), data.y))


def lightgbm_member(data: Small) -> FittedMember:
    encoder = _encoder(data, "passthrough", _codes())
    return _member("lightgbm", data, encoder, _boost(encoder.transform(data.X), data))


def native_member(name: str, data: Small) -> FittedMember:
    """A member of a family that stores its models in their library's own format."""
    encoder = _encoder(data, "passthrough", _codes())
    shape = Shape(n_rows=len(data.X), n_columns=data.X.shape[1])
    task = FitTask(
        problem=data.problem,
        parameters=FAMILIES[name].portfolio(data.problem, shape)[0],
        X=encoder.transform(data.X),
        y=data.y,
        categorical=(3,),
        n_rounds=15,
    )
    return _member(name, data, encoder, FAMILIES[name].fit(task).estimator)


def bare_booster_member(data: Small) -> FittedMember:
    columns = tuple(name for name, kind in columns_of(data.X).items() if kind == "numeric")
    booster = _boost(data.X[list(columns)].to_numpy(), data)
    return FittedMember(
        family="lightgbm", encoder=None, estimator=booster, output="probability", columns=columns
    )


def _boost(encoded: np.ndarray, data: Small) -> lightgbm.Booster:
    objective = data.problem.task
    parameters = {"objective": objective, "verbosity": -1, "num_threads": 1}
    if objective == "multiclass":
        parameters["num_class"] = data.problem.n_outputs
    return lightgbm.train(parameters, lightgbm.Dataset(encoded, data.y), num_boost_round=15)


def _codes() -> OrdinalEncoder:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
    )


def _encoder(data: Small, numbers: object, levels: object) -> ColumnTransformer:
    kinds = columns_of(data.X)
    parts = [
        ("numbers", numbers, [name for name, kind in kinds.items() if kind == "numeric"]),
        ("levels", levels, [name for name, kind in kinds.items() if kind == "categorical"]),
    ]
    return ColumnTransformer(parts, sparse_threshold=0).fit(data.X, data.y)


def _member(family: str, data: Small, encoder: object, estimator: object) -> FittedMember:
    return FittedMember(
        family=family,
        encoder=encoder,
        estimator=estimator,
        output="value" if data.problem.task == "regression" else "probability",
        columns=tuple(data.X.columns),
    )


_MEMBERS = {
    "linear": linear_member,
    "lightgbm": lightgbm_member,
    "extra_trees": extra_trees_member,
    "xgboost": partial(native_member, "xgboost"),
    "catboost": partial(native_member, "catboost"),
}
