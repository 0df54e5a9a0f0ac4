from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.families import FAMILIES
from models.families.encodings import encoding_space, selection_space
from models.families.family import Shape
from models.selection import LEAST_KEPT, rank_columns
from models.task import Problem
from tests.models.fitting import evaluate, rows_for
from tests.models.tables import PROBLEMS

REAL = ("a", "b", "c", "d", "level")
METHODS = ("use", "information")


def make_wide(n_rows=900, n_noise=120, seed=0):
    """A label of two classes made of five columns, and many that say nothing beside them."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n_rows, 4 + n_noise))
    known = np.where(rng.random(numbers.shape) < 0.02, np.nan, numbers)
    X = pd.DataFrame(known, columns=[*REAL[:4], *(f"noise {i}" for i in range(n_noise))])
    X["level"] = rng.choice(["red", "green", "blue", None], n_rows)
    score = numbers[:, :4].sum(axis=1) + 2.0 * (X["level"] == "red").to_numpy()
    return X.astype({"level": object}), (score + rng.logistic(size=n_rows) > 0.5).astype(np.int8)


def make_rows(n_rows=900, n_noise=120):
    X, y = make_wide(n_rows, n_noise)
    return rows_for(X, y)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("by", METHODS)
def test_the_columns_that_make_the_label_are_first(by, ordered):
    X, y = make_wide()
    ranked = rank_columns(X, y, PROBLEMS["binary"], by=by, ordered=ordered)
    assert len(set(ranked[:6]) & set(REAL)) >= 4
    assert set(REAL) <= set(ranked[:20])
    assert rank_columns(X, y, PROBLEMS["binary"], by=by, ordered=ordered) == ranked


@pytest.mark.parametrize("by", METHODS)
def test_columns_are_ranked_for_values_and_several_classes_too(by):
    X, _ = make_wide(n_noise=40)
    value = X["a"].fillna(0.0).to_numpy() ** 2 + 2.0 * (X["level"] == "red").to_numpy()
    classes = Problem(task="multiclass", metric="log_loss", classes=(0, 1, 2))
    for problem, y in ((PROBLEMS["regression"], value), (classes, np.digitize(value, [0.3, 1.5]))):
        assert set(rank_columns(X, y, problem, by=by, ordered=False)[:2]) == {"a", "level"}


@pytest.mark.parametrize("by", METHODS)
def test_a_few_columns_stay_where_none_is_of_worth(by):
    X, _ = make_wide()
    empty = X.assign(**dict.fromkeys(X.columns, np.nan))
    y = np.arange(len(X)) % 2
    assert len(rank_columns(empty, y, PROBLEMS["binary"], by=by, ordered=False)) == LEAST_KEPT


def test_of_columns_that_rank_the_rows_alike_the_most_informative_stays():
    X, y = make_wide(n_noise=10)
    blurred = X["a"] + 0.1 * np.random.default_rng(1).normal(size=len(X))
    X.insert(0, "blurred", blurred)
    X["like b"], X["empty"] = X["b"] ** 3, np.nan
    ranked = rank_columns(X, y, PROBLEMS["binary"], by="correlation", ordered=False)
    assert set(X.columns) - set(ranked) == {"blurred", "like b"}


@pytest.mark.parametrize("by", [*METHODS, "correlation"])
def test_a_selection_does_not_see_its_validation_rows(by, tmp_path):
    rows = make_rows(600, 30)
    rows.X["nearly a"] = rows.X["a"] + 0.1 * rows.X["b"].fillna(0.0)
    chosen = {"selection": by, "selected": 0.2}
    _, usual = evaluate(rows, tmp_path / "usual", **chosen)
    hidden = rows.folds[0].valid
    X, y = rows.X.copy(), rows.y.copy()
    numbers = [name for name in X.columns if name != "level"]
    X.loc[hidden, numbers] = X.loc[hidden, numbers].to_numpy()[:, ::-1] ** 3
    y[hidden] = X.loc[hidden, "noise 7"] > 0
    _, poisoned = evaluate(replace(rows, X=X, y=y), tmp_path / "poisoned", **chosen)
    assert usual.members[0].columns == poisoned.members[0].columns
    assert usual.members[1].columns != poisoned.members[1].columns


@pytest.mark.parametrize(
    ("family", "by"),
    [
        ("linear", "use"),
        ("lightgbm", "information"),
        ("neighbours", "use"),
    ],
)
def test_wide_data_gain_and_a_saved_model_needs_its_own_columns_only(family, by, tmp_path):
    rows = make_rows()
    without, _ = evaluate(rows, tmp_path / "without", family, selection="none")
    scores, model = evaluate(rows, tmp_path / "with", family, selection=by, selected=0.08)
    assert np.mean(scores) > np.mean(without)
    for fold, member, score in zip(rows.folds, model.members, scores, strict=True):
        assert len(member.columns) <= 10
        predicted = member.predict(rows.X.iloc[fold.valid][list(member.columns)[::-1]])
        assert rows.problem.scoring.score(rows.y[fold.valid], predicted) == pytest.approx(score)


def test_columns_are_constructed_of_those_that_are_selected(tmp_path):
    rows = make_rows(n_noise=40)
    ratio = (rows.X["a"] / rows.X["b"]).fillna(0.0).to_numpy()
    rows = replace(rows, y=(ratio > 0.1).astype(np.int8))
    chosen = {"selection": "use", "selected": 0.2, "constructed": 10}
    _, model = evaluate(rows, tmp_path, "lightgbm", **chosen)
    made = [formula for member in model.members for formula in member.formulas]
    assert made
    for member in model.members:
        assert all({f.left, f.right} <= set(member.columns) for f in member.formulas)


def test_few_columns_or_rows_leave_nothing_to_select():
    assert "selection" in encoding_space(Shape(n_rows=1_000, n_columns=21))
    assert selection_space(Shape(n_rows=1_000, n_columns=20)) == {}
    assert selection_space(Shape(n_rows=100, n_columns=200)) == {}


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_wide_portfolio_names_what_its_space_lets_vary(name):
    shape = Shape(n_rows=1_000, n_columns=60)
    space = FAMILIES[name].space(PROBLEMS["binary"], shape)
    for parameters in FAMILIES[name].portfolio(PROBLEMS["binary"], shape):
        assert set(space) - {"selected"} <= set(parameters)
        assert ("selection" in parameters) == (name != "constant")
        assert ("selected" in parameters) == (name == "neighbours")
