import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import AutoMLClassifier
from models.checks import check_data
from models.columns import learn_columns
from models.dataset import Dataset
from models.errors import DatasetError
from models.findings import DataWarning
from models.frames import convert
from models.splits import make_folds
from tests.models.tables import PROBLEMS

N = 400


def found(y, task="binary", key=None, **columns):
    X = pd.DataFrame(columns)
    learned = learn_columns(X)
    data = Dataset(X=convert(X, learned.columns), y=np.asarray(y), key=key)
    folds = make_folds(data)
    findings = check_data(data, PROBLEMS[task], learned.columns, folds, max_seconds=60.0)
    return {(finding.kind, finding.column) for finding in (*learned.findings, *findings)}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_ordinary_columns_are_no_finding(rng):
    y = rng.integers(0, 2, N)
    columns = {
        "a": rng.normal(size=N) + y,
        "b": rng.choice(["r", "g", None], N),
        "whole": rng.integers(0, 10_000, N),
        "when": pd.date_range("2024-01-01", periods=N, freq="h"),
    }
    assert found(y, **columns) == set()


def test_constant_duplicate_and_identifying_columns_are_found(rng):
    y = rng.integers(0, 2, N)
    a = rng.normal(size=N)
    assert found(
        y,
        a=a,
        again=a,
        one=np.ones(N),
        number=rng.permutation(N) + 7,
        name=[f"customer {i}" for i in rng.permutation(N)],
    ) == {
        ("duplicate", "again"),
        ("constant", "one"),
        ("identifier", "number"),
        ("identifier", "name"),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_column_that_gives_the_label_away_is_found(rng, task):
    a = rng.normal(size=N)
    if task == "binary":
        y = (a > 0).astype(int)
        told = -3.0 * y
    elif task == "multiclass":
        y = np.digitize(a, [-0.5, 0.5])
        told = np.array(["lo", "mid", "hi"])[y]
    else:
        y = a * 10
        told = np.round(y + 5, 1)
    assert found(y, task, told=told, hint=a + rng.normal(size=N), b=rng.normal(size=N)) == {
        ("leak", "told")
    }


def test_missingness_that_gives_the_label_away_is_found(rng):
    y = rng.integers(0, 2, N)
    paid = np.where(y == 1, rng.normal(size=N), np.nan)
    assert found(y, paid=paid, b=rng.normal(size=N)) == {("leak", "paid")}


def test_rows_that_repeat_across_folds_are_found_unless_groups_hold_them_together(rng):
    half = rng.normal(size=N // 20)
    a = np.concatenate([rng.normal(size=N), half, half])
    y = (a > 0.3).astype(int) ^ (rng.random(len(a)) < 0.2)
    y[-len(half) :] = y[-2 * len(half) : -len(half)]
    assert found(y, a=a) == {("repeated rows", None)}
    key = np.concatenate([np.arange(N), np.arange(len(half)), np.arange(len(half))])
    assert found(y, key=key, a=a) == set()
    assert found(y, a=(a > 0).astype(float)) == set()  # two values only: repetition is natural


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-300, 1.0, 1e300]))
def test_no_column_is_too_strange_to_be_looked_at(seed, scale):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=60) * scale
    a[rng.random(60) < rng.random()] = np.nan
    levels = rng.choice(np.array(["x", "y", None], object), 60, p=[0.05, 0.05, 0.9])
    y = rng.permutation(60) < 6
    found(y.astype(int), a=a, levels=levels, b=rng.normal(size=60))
    found(rng.normal(size=60), "regression", a=a, levels=levels, b=rng.normal(size=60))


def test_an_estimator_warns_of_findings_and_refuses_them_when_strict(rng):
    y = rng.integers(0, 2, N)
    X = pd.DataFrame({"told": y * 2.0, "a": rng.normal(size=N), "one": 1})
    with pytest.raises(DatasetError, match=r"(?s)got 2:.*'one' is constant.*'told' alone gives"):
        AutoMLClassifier(strict=True).fit(X, y)
    with pytest.warns(DataWarning) as told:
        AutoMLClassifier(max_trials=1).fit(X, y)
    messages = [str(warning.message) for warning in told]
    assert len(messages) == 2
    assert "'one' is constant" in messages[0]
    assert "'told' alone gives the label away (ROC AUC 1.000" in messages[1]
    assert all(warning.filename == __file__ for warning in told)
