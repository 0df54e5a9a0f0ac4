from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.families import FAMILIES
from models.families.family import FitTask, Shape, patience
from models.persistence import load_model, save_model
from models.preprocessing import make_encoder
from models.serving import EnsembleModel, FittedMember, columns_of
from tests.models.tables import PROBLEMS, make_table

TASKS = ["binary", "multiclass", "regression"]
REAL = [name for name in FAMILIES if name != "constant"]
STOPPABLE = [name for name in REAL if FAMILIES[name].can_stop_early]
SMALL = Shape(n_rows=500, n_columns=6)
PAIRS = [
    (name, kind)
    for name in REAL
    for kind in TASKS
    if FAMILIES[name].portfolio(PROBLEMS[kind], SMALL)
]
N_TRAIN = 500

# A worker runs with `-W ignore`: an empty column and a capped number of steps are as intended.
pytestmark = [
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
    pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning"),
]


def prepare(family, task, **changes):
    data = make_table(task, n_rows=700)
    problem, shape = PROBLEMS[task], Shape(n_rows=N_TRAIN, n_columns=data.X.shape[1])
    parameters = (FAMILIES[family].portfolio(problem, shape) or ({},))[0]
    encoding = FAMILIES[family].encoding(parameters)
    encoder, encoded, categorical = None, np.empty((700, 0)), ()
    if encoding is not None:
        train = data.X.iloc[:N_TRAIN]
        made = make_encoder(encoding, train, problem)
        learned = made.fit_transform(train, data.y[:N_TRAIN])
        encoder, categorical = made.transformer, made.categorical
        encoded = np.vstack([learned, encoder.transform(data.X.iloc[N_TRAIN:])])
    given = {
        "problem": problem,
        "parameters": parameters,
        "X": encoded[:N_TRAIN],
        "y": data.y[:N_TRAIN],
        "categorical": categorical,
        "X_valid": encoded[N_TRAIN:],
        "y_valid": data.y[N_TRAIN:],
        "n_threads": 1,
    }
    return data, encoder, FitTask(**given | changes)


def predict(estimator, task, family="x", encoder=None, columns=()):
    member = FittedMember(
        family=family,
        encoder=encoder,
        estimator=estimator,
        output=task.problem.scoring.needs,
        columns=columns,
    )
    return member, member.predict_encoded(task.X_valid, task.problem.n_outputs)


@pytest.mark.parametrize(("family", "kind"), PAIRS)
def test_a_family_learns_and_is_stored_without_pickle(family, kind, tmp_path):
    data, encoder, task = prepare(family, kind)
    fit = FAMILIES[family].fit(task)
    columns = tuple(data.X.columns)
    member, prediction = predict(fit.estimator, task, family, encoder, columns)
    metric = task.problem.scoring
    _, _, constant = prepare("constant", kind)
    _, flat = predict(FAMILIES["constant"].fit(constant).estimator, constant)
    score = metric.score(task.y_valid, prediction)
    assert metric.gain(score) > metric.gain(metric.score(task.y_valid, flat))
    model = EnsembleModel(
        members=(member,), weights=(1.0,), problem=task.problem, columns=columns_of(data.X)
    )
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model").predict(data.X.iloc[N_TRAIN:])
    np.testing.assert_array_equal(loaded, prediction)


@pytest.mark.parametrize(("family", "kind"), PAIRS)
def test_the_same_task_gives_the_same_model(family, kind):
    def run():
        _, _, task = prepare(family, kind, seed=5)
        return predict(FAMILIES[family].fit(task).estimator, task)[1]

    np.testing.assert_array_equal(run(), run())


@pytest.mark.parametrize(("family", "kind"), PAIRS)
def test_every_portfolio_entry_and_every_corner_of_the_space_fits(family, kind):
    _, _, task = prepare(family, kind)
    known, shape = FAMILIES[family], Shape(n_rows=N_TRAIN, n_columns=6)
    space = known.space(task.problem, shape)
    defaults = known.portfolio(task.problem, shape)
    corners = [
        {name: getattr(r, "low", None) or r.options[0] for name, r in space.items()},
        {name: getattr(r, "high", None) or r.options[-1] for name, r in space.items()},
    ]
    for parameters in [*defaults, *(defaults[0] | corner for corner in corners)]:
        _, _, fresh = prepare(family, kind, parameters=parameters, seconds=0.5)
        assert np.isfinite(predict(known.fit(fresh).estimator, fresh)[1]).all()


@pytest.mark.parametrize("family", STOPPABLE)
def test_what_can_stop_early_stops_when_nothing_is_gained_and_when_time_is_up(family):
    _, _, task = prepare(family, "binary")
    found = FAMILIES[family].fit(task).n_rounds
    assert 1 <= found < 900
    given = {"X_valid": None, "y_valid": None, "n_rounds": 100_000}
    _, _, endless = prepare(family, "binary", seconds=0.0, **given)
    assert 1 <= FAMILIES[family].fit(endless).n_rounds <= 10


@pytest.mark.parametrize("family", ["lightgbm", "xgboost"])
def test_the_loss_stops_boosting_whatever_the_metric(family):
    _, _, task = prepare(family, "binary")
    by_loss = replace(task, problem=replace(task.problem, metric="log_loss"))
    assert FAMILIES[family].fit(task).n_rounds == FAMILIES[family].fit(by_loss).n_rounds
    assert task.problem.metric == "roc_auc"


def test_slow_learners_wait_longer_for_a_gain():
    waits = [patience({"learning_rate": rate}) for rate in (0.5, 0.2, 0.05, 0.02, 0.005)]
    assert waits == [25, 25, 40, 100, 100]


@pytest.mark.parametrize("family", STOPPABLE)
def test_a_final_fit_takes_the_rounds_it_is_given(family):
    _, _, task = prepare(family, "multiclass", X_valid=None, y_valid=None, n_rounds=7)
    assert FAMILIES[family].fit(task).n_rounds == 7


def make_difficult(task):
    """Encoded rows with a rare class, constant columns and empty ones, as a fold may have them."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "useful": rng.normal(size=300),
            "same": np.ones(300),
            "empty": np.full(300, np.nan),
            "holes": np.where(rng.random(300) < 0.6, np.nan, rng.normal(size=300)),
            "one": np.full(300, "only", object),
            "many": np.array([f"level {i}" for i in rng.integers(0, 90, 300)], object),
        }
    )
    signal = rows["useful"].to_numpy() + rng.normal(scale=0.3, size=300)
    if task == "regression":
        return rows, 1e6 + 1e5 * signal
    y = (signal > 0).astype(np.int64)
    if task == "multiclass":
        y[[10, 290]] = 2  # once in training, once in validation
    return rows, y


@pytest.mark.parametrize(("family", "kind"), PAIRS)
def test_rare_classes_and_columns_without_use_do_no_harm(family, kind):
    rows, y = make_difficult(kind)
    parameters = FAMILIES[family].portfolio(PROBLEMS[kind], SMALL)[0]
    encoder = make_encoder(FAMILIES[family].encoding(parameters), rows[:200], PROBLEMS[kind])
    learned = encoder.fit_transform(rows[:200], y[:200])
    asked = encoder.transformer.transform(rows[200:])
    task = FitTask(
        problem=PROBLEMS[kind],
        parameters=parameters,
        X=learned,
        y=y[:200],
        categorical=encoder.categorical,
        X_valid=asked,
        y_valid=y[200:],
    )
    _, prediction = predict(FAMILIES[family].fit(task).estimator, task)
    assert np.isfinite(prediction).all()
    if kind == "regression":
        assert task.problem.scoring.score(task.y_valid, prediction) < 0.8 * y[200:].std()
    else:
        likely = prediction[:, 1] if prediction.ndim == 2 else prediction
        assert ((likely > 0.5) == (task.y_valid == 1)).mean() > 0.75
        if prediction.ndim == 2:
            np.testing.assert_allclose(prediction.sum(axis=1), 1, atol=1e-5)


THREADED = [name for name in REAL if name in {"extra_trees", "random_forest"} or name in STOPPABLE]


@pytest.mark.parametrize("family", THREADED)
def test_two_threads_give_the_same_model_as_one(family):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8_000, 40))
    y = (X[:, 0] + rng.normal(size=8_000) > 0).astype(int)
    shape = Shape(n_rows=8_000, n_columns=40)
    known = FAMILIES[family]
    parameters = known.portfolio(PROBLEMS["binary"], shape)[0]
    if "n_trees" in parameters:
        parameters = parameters | {"n_trees": 4}
    given = {"X": X, "y": y, "X_valid": X[:500], "y_valid": None, "n_rounds": 5}

    def run(n_threads):
        changes = given | {"parameters": parameters, "n_threads": n_threads, "categorical": ()}
        _, _, task = prepare(family, "binary", **changes)
        fit = known.fit(replace(task, X_valid=None))
        return predict(fit.estimator, task)[1]

    np.testing.assert_array_equal(run(1), run(2))


@pytest.mark.parametrize(("family", "kind"), [pair for pair in PAIRS if "multi" not in pair[1]])
def test_rows_that_weigh_more_are_learnt_better(family, kind):
    """Where labels contradict each other, the heavier half decides."""
    rng = np.random.default_rng(4)
    X = np.repeat(rng.normal(size=(60, 2)), 2, axis=0)
    signal, odd = X[:, 0], np.arange(120) % 2
    y = np.where(odd, signal, -signal)
    if kind == "binary":
        y = (y > 0).astype(int)

    def lean(weight):
        parameters = FAMILIES[family].portfolio(PROBLEMS[kind], SMALL)[0]
        task = FitTask(
            problem=PROBLEMS[kind],
            parameters=parameters,
            X=X,
            y=y,
            X_valid=X,
            y_valid=y,
            seconds=0.5,
            weight=weight,
            weight_valid=weight,
        )
        _, prediction = predict(FAMILIES[family].fit(task).estimator, task)
        return np.corrcoef(prediction, signal)[0, 1]

    assert lean(np.where(odd, 1.9, 0.1)) > 0.5
    assert lean(np.where(odd, 0.1, 1.9)) < -0.5


def test_a_family_that_does_not_apply_offers_nothing():
    large = Shape(n_rows=50_000, n_columns=20)
    for name in ("neighbours", "naive_bayes", "support_vectors"):
        for kind in TASKS:
            assert FAMILIES[name].portfolio(PROBLEMS[kind], large) == ()
            assert FAMILIES[name].space(PROBLEMS[kind], large) == {}
    assert FAMILIES["naive_bayes"].portfolio(PROBLEMS["regression"], SMALL) == ()
    assert FAMILIES["naive_bayes"].space(PROBLEMS["regression"], SMALL) == {}


def test_bins_are_shared_by_the_candidates_of_a_fold():
    _, _, task = prepare("lightgbm", "binary")
    first = FAMILIES["lightgbm"].fit(task)
    bins = task.cache["lightgbm"]
    _, _, other = prepare(
        "lightgbm", "binary", cache=task.cache, parameters=dict(task.parameters) | {"num_leaves": 7}
    )
    FAMILIES["lightgbm"].fit(other)
    assert other.cache["lightgbm"] is bins
    _, _, again = prepare("lightgbm", "binary", cache=task.cache)
    text = FAMILIES["lightgbm"].fit(again).estimator.model_to_string()
    assert text == first.estimator.model_to_string()


@pytest.mark.parametrize("family", REAL)
def test_a_class_missing_in_training_still_has_a_probability(family):
    _, _, task = prepare(family, "multiclass")
    two = np.flatnonzero(task.y < 2)
    fit = FAMILIES[family].fit(prepare(family, "multiclass", X=task.X[two], y=task.y[two])[2])
    prediction = predict(fit.estimator, task)[1]
    assert prediction.shape == (200, 3)
    np.testing.assert_allclose(prediction.sum(axis=1), 1)


def test_extra_trees_stay_small(monkeypatch, tmp_path):
    from skops import io

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30_000, 10)), rng.integers(0, 2, 30_000)
    parameters = {"n_trees": 5, "min_rows_in_leaf": 1, "feature_fraction": 0.3}
    _, _, task = prepare("extra_trees", "binary", X=X, y=y, parameters=parameters)
    estimator = FAMILIES["extra_trees"].fit(task).estimator
    assert max(tree.get_n_leaves() for tree in estimator.estimators_) <= 2_000
    assert len(io.dumps(estimator)) / 5 * 100 < 50e6


@pytest.mark.parametrize(("metric", "expected"), [("mae", 3.0), ("rmse", 12.0)])
def test_the_constant_minimises_its_metric(metric, expected):
    from models.task import Problem

    task = FitTask(
        problem=Problem(task="regression", metric=metric),
        parameters={},
        X=np.empty((5, 0)),
        y=np.array([1.0, 2.0, 3.0, 4.0, 50.0]),
    )
    assert FAMILIES["constant"].fit(task).estimator.predict(np.empty((1, 0)))[0] == expected
