from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.candidate import Candidate
from models.construction import MAX_FORMULAS, find_formulas
from models.families import FAMILIES
from models.persistence import load_model
from models.serving.formulas import OPERATIONS, Formula, with_formulas
from models.sharing import SearchRows
from models.splits import Fold
from models.task import Problem
from models.trial import Bench, TrialRequest

REGRESSION = Problem(task="regression", metric="rmse")


def make_ratio(n_rows=1_500, seed=0):
    """A label that is one column by another, with two columns that say nothing."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.uniform(0.5, 3, (n_rows, 4)), columns=["a", "b", "c", "d"])
    return X, (X["a"] / X["b"]).to_numpy() + 0.05 * rng.normal(size=n_rows)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("sum", [3.0, 1.0, np.nan]),
        ("difference", [-1.0, 1.0, np.nan]),
        ("product", [2.0, 0.0, np.nan]),
        ("ratio", [0.5, np.nan, np.nan]),
    ],
)
def test_a_formula_is_computed_row_by_row_and_unknown_where_it_has_no_value(operation, expected):
    X = pd.DataFrame({"a": [1.0, 1.0, np.nan], "b": [2.0, 0.0, 1.0]})
    made = with_formulas(X, [Formula(operation=operation, left="a", right="b")])
    np.testing.assert_array_equal(made.iloc[:, 2], expected)
    assert list(made.columns[:2]) == ["a", "b"]


def test_formulas_of_one_pair_have_names_of_their_own():
    pairs = [("a", "b"), ("b", "a")]
    made = [Formula(operation=o, left=left, right=r) for o in OPERATIONS for left, r in pairs]
    assert len({formula.name for formula in made}) == 8


@pytest.mark.parametrize("ordered", [True, False])
def test_the_ratio_that_makes_the_label_is_found_first(ordered):
    X, y = make_ratio()
    found = find_formulas(X, y, ordered=ordered)
    assert {found[0].left, found[0].right} == {"a", "b"}
    assert found[0].operation == "ratio"
    assert len(found) <= MAX_FORMULAS


def test_classes_are_told_apart_by_formulas_too():
    X, y = make_ratio()
    found = find_formulas(X, np.digitize(y, [0.7, 1.4]), ordered=False)
    assert found[0].operation == "ratio"


def test_nothing_is_constructed_where_nothing_helps():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(400, 3)), columns=list("abc"))
    assert find_formulas(X.iloc[:, :1], X["a"].to_numpy(), ordered=False) == ()
    assert find_formulas(X * np.nan, rng.normal(size=400), ordered=False) == ()


def test_a_name_that_is_a_column_already_is_not_made_again():
    X, y = make_ratio()
    taken = X.assign(**{"a / b": 0.0})
    assert "a / b" not in {formula.name for formula in find_formulas(taken, y, ordered=False)}


def evaluate(rows, folder, family="lightgbm", constructed=10):
    bench = Bench(rows, FAMILIES)
    parameters = FAMILIES[family].portfolio(rows.problem, bench.shape)[0]
    request = TrialRequest(
        candidate=Candidate(family=family, parameters=parameters | {"constructed": constructed}),
        seed=0,
        n_threads=1,
        seconds=30.0,
        oof=folder / "oof.npy",
        model=folder / "model",
    )
    bench.evaluate(request)
    scores = rows.out_of_fold.scores(rows.problem.scoring, np.load(folder / "oof.npy"))
    return scores, load_model(folder / "model")


def make_rows():
    X, y = make_ratio(600)
    order = np.arange(600)
    folds = tuple(Fold(train=order[order % 3 != k], valid=order[order % 3 == k]) for k in range(3))
    return SearchRows(X=X, y=y, folds=folds, problem=REGRESSION, bagged=True)


def test_formulas_of_a_fold_do_not_see_its_validation_rows(tmp_path):
    rows = make_rows()
    _, usual = evaluate(rows, tmp_path / "usual")
    hidden = rows.folds[0].valid
    X, y = rows.X.copy(), rows.y.copy()
    X.iloc[hidden], y[hidden] = X.iloc[hidden].to_numpy()[:, ::-1] ** 3, -100 * y[hidden]
    _, poisoned = evaluate(replace(rows, X=X, y=y), tmp_path / "poisoned")
    assert usual.members[0].formulas == poisoned.members[0].formulas != ()
    assert usual.members[1].formulas != poisoned.members[1].formulas


@pytest.mark.parametrize("family", ["lightgbm", "linear", "extra_trees"])
def test_constructed_columns_help_and_a_saved_model_makes_them_itself(family, tmp_path):
    rows = make_rows()
    without, _ = evaluate(rows, tmp_path / "without", family, constructed=0)
    scores, model = evaluate(rows, tmp_path / "with", family)
    assert np.mean(scores) < 0.85 * np.mean(without)
    for fold, member, score in zip(rows.folds, model.members, scores, strict=True):
        assert member.formulas
        own = replace(model, members=(member,), weights=(1.0,))
        predicted = own.predict(rows.X.iloc[fold.valid][["d", "c", "b", "a"]])
        assert REGRESSION.scoring.score(rows.y[fold.valid], predicted) == pytest.approx(score)
