import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from models import AutoMLClassifier, AutoMLRegressor
from models.errors import ModelError
from models.findings import DataWarning

N = 240
pytestmark = pytest.mark.filterwarnings("ignore::models.findings.DataWarning")


def make_frame(n_rows=N, seed=0):
    """A frame as people have them; the label follows from a number, a level and a word."""
    rng = np.random.default_rng(seed)
    words = np.array(["spam", "ham", "egg", "bacon", "toast"])
    X = pd.DataFrame(
        {
            "number": rng.normal(size=n_rows),
            7: pd.array(rng.choice([1, 2, None], n_rows), dtype="Int64"),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n_rows)),
            "flag": rng.random(n_rows) < 0.5,
            "when": pd.date_range("2024-01-01", periods=n_rows, freq="9h", tz="Europe/Zurich"),
            "note": [" ".join(rng.choice(words, 6)) for _ in range(n_rows)],
            "one": "same",
            "shop": rng.integers(0, 30, n_rows),
        },
        index=rng.permutation(n_rows) + 1_000,
    )
    signal = X["number"] + 2 * (X["kind"] == "a") + X["note"].str.count("spam")
    X.loc[X.index[:20], "number"] = np.nan
    X.loc[X.index[20], "number"] = np.inf
    X["again"] = X["number"]
    return X, (signal + rng.normal(scale=0.3, size=n_rows)).to_numpy()


@pytest.fixture(scope="module")
def classifier():
    X, signal = make_frame()
    y = pd.Series(np.where(signal > np.median(signal), "yes", "no"), index=X.index)
    with pytest.warns(DataWarning, match="constant"):
        return AutoMLClassifier(max_trials=3).fit(X, y), X, y


def test_a_frame_as_people_have_them_is_learnt(classifier):
    model, X, y = classifier
    assert model.score(X, y) > 0.85
    assert list(model.classes_) == ["no", "yes"]
    chances = model.predict_proba(X)
    assert chances.shape == (N, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert set(model.predict(X)) == {"no", "yes"}
    assert model.n_features_in_ == X.shape[1]
    assert not hasattr(model, "feature_names_in_")  # one label is a number
    assert any("'one' is constant" in note for note in model.notes_)


def test_the_leaderboard_says_what_was_tried_and_what_weighs(classifier):
    model, _, _ = classifier
    board = model.leaderboard_
    assert len(board) == 4
    assert board["score"].is_monotonic_decreasing
    assert sum(model.ensemble_.values()) == pytest.approx(1)
    weights = board.set_index("trial")["weight"]
    assert {n: w for n, w in weights.items() if w} == pytest.approx(model.ensemble_)
    assert model.ensemble_score_ >= board["score"].iloc[0] > 0.8


def test_columns_are_found_by_name_and_missing_ones_are_refused(classifier):
    model, X, _ = classifier
    mixed = X[list(X.columns[::-1])].assign(more=1)
    np.testing.assert_array_equal(model.predict_proba(mixed), model.predict_proba(X))
    with pytest.raises(ValueError, match="got rows without 2 of them: 'number', 'kind'"):
        model.predict(X.drop(columns=["number", "kind"]))
    with pytest.raises(ValueError, match="X has 2 features, but AutoMLClassifier is expecting 9"):
        model.predict(np.ones((3, 2)))


def test_a_row_alone_is_predicted_as_among_others(classifier):
    model, X, _ = classifier
    alone = np.concatenate([model.predict_proba(X.iloc[[i]]) for i in range(5)])
    np.testing.assert_allclose(alone, model.predict_proba(X)[:5], atol=1e-12)


def test_explanations_name_the_columns_that_carry_the_label(classifier):
    model, X, y = classifier
    unseen = model.explain()
    assert set(unseen["column"]) == {str(name) for name in X.columns}
    assert set(unseen["column"][:3]) == {"number", "kind", "note"}
    assert unseen["importance"].is_monotonic_decreasing
    by_column = unseen.set_index("column")["importance"]
    assert by_column["one"] == by_column["again"] == 0
    assert set(model.explain(X, y)["column"][:3]) == {"number", "kind", "note"}


def test_a_fitted_estimator_survives_pickle_and_cloning(classifier):
    model, X, _ = classifier
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_what_helped_a_search_is_told(classifier):
    model, _, _ = classifier
    told = model.explain_search()
    done = model.leaderboard_[model.leaderboard_["state"] == "done"]
    families = told[told["about"] == "family"]
    assert set(families["family"]) == set(done.loc[done["origin"] != "baseline", "family"])
    assert families["worth"].iloc[0] > 0
    members = told[told["about"] == "member"]
    assert set(members["name"]) == {str(number) for number in model.ensemble_}
    notes = told.loc[told["about"] == "parameter", "note"]
    assert (notes == "10 finished trials are needed").any()
    pd.testing.assert_frame_equal(told, model.explain_search())


WITHOUT_PERENNIAL = """
import sys
sys.modules["models"] = sys.modules["features"] = None  # importing them fails
directory, rows, answer = sys.argv[1:]
sys.path.insert(0, directory)
import numpy as np, pandas as pd, predict
X = pd.read_pickle(rows)
np.savez(answer, chances=predict.predict_proba(X), labels=predict.predict(X))
X.to_csv(rows + ".csv", index=False)
predict.main(rows + ".csv", answer + ".csv")
"""


def test_an_export_predicts_the_same_to_the_last_bit_without_perennial(classifier, tmp_path):
    model, X, _ = classifier
    model.export(tmp_path / "exported")
    X.to_pickle(tmp_path / "rows")
    command = [sys.executable, "-I", "-c", WITHOUT_PERENNIAL, str(tmp_path / "exported")]
    done = subprocess.run(
        [*command, str(tmp_path / "rows"), str(tmp_path / "answer.npz")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = np.load(tmp_path / "answer.npz")
    np.testing.assert_array_equal(answer["chances"], model.predict_proba(X))
    np.testing.assert_array_equal(answer["labels"], model.predict(X))
    written = pd.read_csv(tmp_path / "answer.npz.csv")
    assert list(written) == ["prediction", "probability of no", "probability of yes"]
    assert (written["prediction"] == model.predict(X)).mean() > 0.95  # CSV forgets types
    script = (tmp_path / "exported" / "predict.py").read_text()
    assert all(f"{weight:.3f}" in script for weight in model.ensemble_.values())
    with pytest.raises(ValueError, match="exists"):
        model.export(tmp_path / "exported")


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"ledger": "postgresql://ann@127.0.0.1:1/x"}, "Expected state_dir with ledger"),
        ({"ledger": "postgresql://ann:hush@h/x", "state_dir": "s"}, "without a password"),
        ({"ledger": "postgresql://ann@h/x?password=hush", "state_dir": "s"}, "without a password"),
    ],
)
def test_a_ledger_nobody_finds_again_and_a_password_in_it_are_refused(parameters, cause):
    X = np.arange(40.0).reshape(-1, 1)
    with pytest.raises(ValueError, match=cause) as refusal:
        AutoMLClassifier(max_trials=1, **parameters).fit(X, X[:, 0] > 20)
    assert "hush" not in str(refusal.value)


def test_twenty_rows_of_one_column_with_a_class_of_three():
    rng = np.random.default_rng(1)
    y = np.array([2.0] * 3 + [0.0] * 17)
    X = (y + rng.normal(scale=0.3, size=20)).reshape(-1, 1)
    model = AutoMLClassifier(max_trials=1, metric="log_loss").fit(X, y)
    assert model.score(X, y) >= 0.9
    assert (model.predict_proba(X)[:3, 1] > model.predict_proba(X)[3:, 1].max()).all()
    assert model.classes_.tolist() == [0.0, 2.0]


def test_folds_go_forward_in_time_and_keep_groups_together(tmp_path):
    X, y = make_frame(300)
    when = X["when"].rank().to_numpy()
    X["patient"] = [f"p{i}" for i in when // 12]  # as long as a twentieth of the time
    model = AutoMLRegressor(
        max_trials=1, time_column="when", group_column="patient", state_dir=tmp_path
    ).fit(X, y)
    (directory,) = tmp_path.iterdir()
    for number in range(3):
        train = np.load(directory / "data" / f"train_{number}.npy")
        valid = np.load(directory / "data" / f"valid_{number}.npy")
        assert when[train].max() < when[valid].min()
        assert not set(X["patient"].iloc[train]) & set(X["patient"].iloc[valid])
    assert model.score(X.drop(columns="patient"), y) > 0.5
    X["patient"] = [f"p{i}" for i in when % 4]
    with pytest.raises(ValueError, match="earlier rows of other groups"):
        model.fit(X, y)


def test_a_class_of_one_row_among_three_classes():
    rng = np.random.default_rng(2)
    y = np.array(["a"] * 30 + ["b"] * 29 + ["c"])
    X = pd.DataFrame({"x": rng.normal(size=60) + 3 * (y == "b")})
    model = AutoMLClassifier(max_trials=1).fit(X, y)
    assert model.predict_proba(X).shape == (60, 3)
    assert model.score(X, y) > 0.8


def test_folds_go_forward_in_time_or_keep_groups_together(tmp_path):
    X, y = make_frame(120)
    timed = AutoMLRegressor(max_trials=1, time_column="when", state_dir=tmp_path).fit(X, y)
    (directory,) = tmp_path.iterdir()
    when = X["when"].to_numpy()
    for number in range(3):
        train = np.load(directory / "data" / f"train_{number}.npy")
        valid = np.load(directory / "data" / f"valid_{number}.npy")
        assert when[train].max() < when[valid].min()
    assert timed.score(X, y) > 0.5
    assert timed.explain()["importance"].iloc[0] > 0
    AutoMLRegressor(max_trials=1, group_column="shop", state_dir=tmp_path).fit(X, y)
    (grouped,) = set(tmp_path.iterdir()) - {directory}
    shop, seen = X["shop"].to_numpy(), []
    for number in range(5):
        train = np.load(grouped / "data" / f"train_{number}.npy")
        valid = np.load(grouped / "data" / f"valid_{number}.npy")
        assert not set(shop[train]) & set(shop[valid])
        seen.extend(valid)
    assert sorted(seen) == list(range(120))


def test_the_same_search_in_a_state_directory_is_not_done_twice(tmp_path):
    X, y = make_frame(60)
    first = AutoMLRegressor(max_trials=1, state_dir=tmp_path).fit(X, y)
    again = AutoMLRegressor(max_trials=1, state_dir=tmp_path).fit(X, y)
    other = AutoMLRegressor(max_trials=1, state_dir=tmp_path, seed=1).fit(X, y)
    assert (first.resumed_trials_, again.resumed_trials_, other.resumed_trials_) == (0, 2, 0)
    np.testing.assert_array_equal(again.predict(X), first.predict(X))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metric": "rms"}, "Did you mean 'rmse'"),
        ({"time_column": "whem"}, "Did you mean 'when'"),
        ({"group_column": "one"}, "at least two groups"),
        ({"time_column": "kind"}, "cannot be read"),
        ({"max_seconds": None}, "max_seconds or max_trials"),
        ({"max_seconds": -1.0}, "max_seconds above 0"),
        ({"max_trials": 0}, "max_trials of at least 1"),
        ({"n_jobs": 0}, "n_jobs of at least 1"),
        ({"strategy": "tpee"}, "Did you mean 'tpe'"),
        ({"seed": None}, "seed as a whole number"),
        ({"seed": -1}, "seed as a whole number"),
        ({"max_latency_ms": 0.0}, "max_latency_ms above 0"),
        ({"executor": "ray://x:1"}, "'local' or 'dask://HOST:PORT', got 'ray://x:1'"),
        ({"executor": None}, "'local' or 'dask://HOST:PORT', got None"),
    ],
)
def test_what_cannot_be_done_is_refused_by_fit(parameters, message):
    X, y = make_frame(40)
    model = AutoMLRegressor(**parameters)
    with pytest.raises(ValueError, match=message) as refused:
        model.fit(X, y)
    assert isinstance(refused.value, ModelError)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([None, *"ababababa"], "1 rows"),
        (["a"] * 10, "1 class: a"),
        (np.linspace(0, 1, 10), "Unknown label type"),
        (None, "requires y to be passed"),
        (["a", "b"], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_are_none_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        AutoMLClassifier().fit(np.arange(10.0).reshape(-1, 1), y)


def test_importing_models_is_light():
    code = (
        "import sys, models; assert not {'numpy', 'pandas', 'sklearn'} & set(sys.modules); "
        "from models import AutoMLClassifier; assert 'sklearn' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
