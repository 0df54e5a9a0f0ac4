import ast
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import models.serving as serving
from models.metrics import METRICS
from models.serving import EnsembleModel, PyfuncModel, ServingError, call_name, columns_of, conform
from models.serving.decision import Decision
from tests.models.small import (
    NUMERIC,
    Small,
    bare_booster_member,
    fit_small,
    linear_member,
    make_small,
)

TASKS = ("binary", "multiclass", "regression")


def test_imports_nothing_of_perennial():
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in Path(serving.__file__).parent.glob("*.py")
    ]
    assert len(trees) > 1
    always = {name for tree in trees for name in imported(tree.body)}
    assert always <= {"lightgbm", "numpy", "pandas", "skops", "sklearn", "threadpoolctl"}
    ever = {name for tree in trees for name in imported(ast.walk(tree))}
    assert ever == always | {"catboost", "xgboost"}


def imported(nodes):
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
    }
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("task", TASKS)
def test_an_ensemble_is_the_weighted_mean_of_its_members(task):
    data = make_small(task)
    model = fit_small(data)
    prediction = model.predict(data.X)
    n_outputs = data.problem.n_outputs
    by_hand = sum(
        member.predict(conform(data.X, model.columns), n_outputs) * weight
        for member, weight in zip(model.members, model.weights, strict=True)
    )
    assert prediction.shape == ((len(data.X), 3) if task == "multiclass" else (len(data.X),))
    assert np.array_equal(prediction, by_hand)
    metric = METRICS[data.problem.metric]
    assert np.isfinite(metric.score(data.y, prediction))


def test_order_extra_columns_and_kinds_of_missing_do_not_matter():
    data = make_small()
    model = fit_small(data)
    expected = model.predict(data.X)
    other = data.X[reversed(data.X.columns)].assign(extra=1)
    other["carrier"] = other["carrier"].astype("string")  # pd.NA instead of None
    other[NUMERIC] = other[NUMERIC].astype("Float64")
    assert np.array_equal(model.predict(other), expected)
    other["carrier"] = other["carrier"].astype(object).where(other["carrier"].notna(), np.nan)
    assert np.array_equal(model.predict(other), expected)


def test_new_levels_and_all_missing_rows_are_predicted():
    data = make_small()
    model = fit_small(data)
    rows = data.X.head(3).copy()
    rows["carrier"] = ["never seen", None, np.nan]
    rows[NUMERIC] = np.nan
    assert np.isfinite(model.predict(rows)).all()


def test_a_missing_column_and_a_word_for_a_number_are_refused():
    data = make_small()
    model = fit_small(data, ("linear",))
    with pytest.raises(ServingError, match=r"1 are missing: 'noise'"):
        model.predict(data.X.drop(columns="noise"))
    with pytest.raises(ServingError, match="Expected numbers in column 'noise'"):
        model.predict(data.X.assign(noise="much"))


def test_a_member_that_never_saw_a_class_gives_it_no_chance():
    data = make_small("multiclass")
    seen = data.y != 2
    X = data.X[seen].reset_index(drop=True)
    member = linear_member(Small(X, data.y[seen], data.cutoff_time[seen], data.problem))
    model = EnsembleModel(
        members=(member,), weights=(1.0,), problem=data.problem, columns=columns_of(X)
    )
    prediction = model.predict(data.X)
    assert prediction.shape == (len(data.X), 3)
    assert (prediction[:, 2] == 0).all()
    np.testing.assert_allclose(prediction.sum(axis=1), 1)


def test_a_member_without_an_encoder_takes_the_numbers_as_they_are():
    data = make_small()
    member = bare_booster_member(data)
    model = EnsembleModel(
        members=(member,), weights=(1.0,), problem=data.problem, columns=columns_of(data.X)
    )
    assert model.predict(data.X).shape == (len(data.X),)


def test_pyfunc_answers_with_named_columns_and_the_callers_index():
    data = make_small("multiclass")
    rows = data.X.tail(5)
    answer = PyfuncModel(fit_small(data, ("linear",))).predict(rows)
    assert list(answer.columns) == ["hi", "lo", "mid", "decision"]
    assert answer["decision"].tolist() == answer[["hi", "lo", "mid"]].idxmax(axis=1).tolist()
    assert answer.index.equals(rows.index)
    binary = make_small()
    answer = PyfuncModel(fit_small(binary, ("linear",))).predict(binary.X)
    assert list(answer.columns) == ["prediction", "decision"]
    assert answer["decision"].tolist() == (answer["prediction"] > 0.5).astype(int).tolist()
    values = PyfuncModel(fit_small(make_small("regression"), ("linear",))).predict(rows)
    assert list(values.columns) == ["prediction"]


def test_pyfunc_calls_the_class_the_model_was_tuned_to_call():
    data = make_small()
    problem = replace(data.problem, classes=("no", "yes"))
    early = replace(fit_small(data, ("linear",)), problem=problem, decision=Decision(threshold=0.2))
    answer = PyfuncModel(early).predict(data.X)
    calls = np.where(answer["prediction"] > 0.2, "yes", "no")
    assert answer["decision"].tolist() == calls.tolist()
    assert set(calls[answer["prediction"] < 0.5]) == {"no", "yes"}


def test_a_class_of_the_name_keeps_its_column():
    assert call_name(["stay", "go"]) == "decision"
    assert call_name(["decision", "go"]) == "decision_"


def test_kinds_follow_the_frame():
    frame = pd.DataFrame({"a": [1.0], "b": ["x"], "c": [True], "d": [None]})
    assert list(columns_of(frame).values()) == ["numeric", "categorical", "numeric", "categorical"]
