from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.attribution import attribute
from models.attribution.sampling import sample_contributions
from models.attribution.trees import columns_behind, contributions
from models.families import FAMILIES
from models.serving import EnsembleModel, FittedMember
from models.serving.calibration import Calibration, log_odds
from models.serving.formulas import Formula
from tests.models.small import NUMERIC, _boost, fit_small, make_small

BOOSTED = ("lightgbm", *(name for name in ("xgboost", "catboost") if name in FAMILIES))


def answers(model, X, task):
    told = model.predict(X)
    if task == "regression":
        return told
    return log_odds(told if told.ndim == 1 else told.max(axis=1))


@pytest.mark.parametrize("pooling", ["mean", "log_odds"])
@pytest.mark.parametrize("families", [BOOSTED, ("linear", "extra_trees"), ("lightgbm", "linear")])
def test_contributions_add_up_to_the_log_odds_of_the_ensemble(families, pooling):
    data = make_small()
    calibration = Calibration(slope=0.8, intercept=0.3)
    model = replace(fit_small(data, families), pooling=pooling, calibration=calibration)
    # As many rows as are explained however little time there is.
    few, others = data.X.head(20), data.X.tail(80)
    found = attribute(model, few, others, max_seconds=1.0)
    assert found.scale == "log_odds"
    sums = found.base + found.values.sum(axis=1)
    assert sums == pytest.approx(answers(model, few, "binary"), abs=1e-4)
    assert found.answers == pytest.approx(sums, abs=1e-9)
    exact = sum(w for w, m in zip(model.weights, model.members, strict=True) if m.family in BOOSTED)
    assert found.exact == pytest.approx(exact)
    strength = dict(zip(found.columns, found.strength, strict=True))
    assert min(strength[NUMERIC], strength["carrier"]) > 2 * strength["noise"]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_contributions_add_up_for_values_and_for_the_likeliest_of_several_classes(task):
    data = make_small(task)
    model = fit_small(data)
    found = attribute(model, data.X.head(20), data.X.tail(50), max_seconds=0.5)
    sums = found.base + found.values.sum(axis=1)
    assert sums == pytest.approx(answers(model, data.X.head(20), task), abs=1e-4)
    assert found.strength.argmax() == 0


@pytest.mark.parametrize("family", BOOSTED)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_each_boosting_library_s_own_values_add_up_and_are_exact(family, task):
    data = make_small(task)
    model = replace(fit_small(data, (family,)), pooling="log_odds" if task == "binary" else "mean")
    few = data.X.head(30)
    (member,) = model.members
    own = contributions(member, member.encode(few))
    assert own.shape == (30, len(data.X.columns) + 1)
    assert own.sum(axis=1) == pytest.approx(answers(model, few, task), abs=1e-4)
    found = attribute(model, few, data.X.tail(80))
    assert found.exact == 1
    # What one library says of a row is what is told of it, column by column.
    places = [(columns_behind(member) or []).index(name) for name in found.columns]
    assert found.values == pytest.approx(own[:, places], abs=1e-4)


def test_what_is_sampled_comes_near_what_is_exact():
    data = make_small()
    model = replace(fit_small(data, ("lightgbm",)), pooling="log_odds")
    few = data.X.head(20)
    exact = attribute(model, few, data.X).values

    def answer(rows: pd.DataFrame, _: np.ndarray) -> np.ndarray:
        return log_odds(model.predict(rows))

    sampled, _ = sample_contributions(
        answer,
        few,
        data.X.tail(200),
        list(data.X.columns),
        rng=np.random.default_rng(0),
        max_seconds=20.0,
    )
    # Not the same thing (a tree expects along its paths), but columns are hardly correlated.
    assert np.corrcoef(exact.ravel(), sampled.ravel())[0, 1] > 0.95


def test_sampling_a_linear_model_gives_its_terms():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(6, 3)), columns=list("abc"))
    background = pd.DataFrame(rng.normal(size=(32, 3)), columns=list("abc"))
    slopes = np.array([2.0, -1.0, 0.0])
    found, start = sample_contributions(
        lambda rows, _: rows[list("abc")].to_numpy() @ slopes,
        X,
        background,
        list("abc"),
        rng=rng,
        max_seconds=60.0,
    )
    assert found == pytest.approx((X - background.mean()).to_numpy() * slopes, abs=1e-9)
    assert start == pytest.approx(background.mean().to_numpy() @ slopes)


def test_a_constructed_column_is_shared_by_the_two_it_is_made_of():
    data = make_small()
    formula = Formula(operation="ratio", left=NUMERIC, right="noise")
    columns = (NUMERIC, "noise")
    given = data.X[list(columns)]
    made = np.column_stack([given.to_numpy(), formula.of(given)])
    member = FittedMember(
        family="lightgbm",
        encoder=None,
        estimator=_boost(made, data),
        output="probability",
        columns=columns,
        formulas=(formula,),
    )
    model = EnsembleModel(
        members=(member,),
        weights=(1.0,),
        problem=data.problem,
        columns=dict.fromkeys(columns, "numeric"),
    )
    found = attribute(model, given.head(30), given)
    assert found.exact == 1
    own = member.estimator.predict(made[:30], pred_contrib=True)
    half = own[:, [0]] + own[:, [2]] / 2
    share = own[:, [1]] + own[:, [2]] / 2
    expected = np.hstack([half, share])
    assert found.values == pytest.approx(expected, abs=1e-6)


def test_fewer_rows_are_explained_where_time_is_short():
    data = make_small(n_rows=2_000)
    model = fit_small(data, ("extra_trees",))
    found = attribute(model, data.X, data.X.head(50), max_seconds=0.0)
    assert len(found.values) == 20
