import time

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


def all_found(y, task="binary", key=None, asked_at=None, **columns):
    X = pd.DataFrame(columns)
    learned = learn_columns(X)
    data = Dataset(X=convert(X, learned.columns), y=np.asarray(y), key=key, cutoff_time=asked_at)
    folds = make_folds(data)
    findings = check_data(data, PROBLEMS[task], learned.columns, folds, max_seconds=60.0)
    return (*learned.findings, *findings)


def found(*args, **columns):
    return {(finding.kind, finding.column) for finding in all_found(*args, **columns)}


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


N_PAIRED = 1_000


def paired(rng, how):
    """Give two columns, and a label that is what they make together."""
    a, b = rng.normal(size=(2, N_PAIRED))
    if how == "equal levels":
        a, b = rng.choice(["x", "y", "z"], (2, N_PAIRED)).astype(object)
        return a, b, (a == b).astype(int), "binary"
    if how == "equal numbers":
        a, b = rng.integers(0, 3, (2, N_PAIRED)).astype(float)
        return a, b, (a == b).astype(int), "binary"
    if how == "a table of levels":
        a, b = rng.integers(0, 3, (2, N_PAIRED))
        levels = np.array(["x", "y", "z"], dtype=object)
        return levels[a], levels[b], ((a + b) % 3 == 1).astype(int), "binary"
    if how == "days between":
        a = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 300, N_PAIRED), "D")
        b = a + pd.to_timedelta(rng.exponential(3, N_PAIRED), "D")
        return a, b, ((b - a).days > 2).astype(int), "binary"
    a, b = np.exp(a), np.exp(b)
    values = {"sum": a + b, "difference": a - b, "product": a * b, "ratio": a / b}[how]
    return a, b, values, "regression"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("sum", "'a' + 'b'"),
        ("difference", "'a' - 'b'"),
        ("product", "'a' * 'b'"),
        ("ratio", "'a' / 'b'"),
        ("days between", "'a' - 'b'"),
        ("equal levels", "'a' = 'b'"),
        ("equal numbers", "'a' = 'b'"),
        ("a table of levels", ""),
    ],
)
def test_two_columns_that_give_the_label_away_together_are_found(rng, how, said):
    a, b, y, task = paired(rng, how)
    noise = {f"noise {i}": rng.normal(size=N_PAIRED) for i in range(4)}
    (finding,) = all_found(y, task, a=a, b=b, **noise)
    assert (finding.kind, {finding.column, finding.other}) == ("pair leak", {"a", "b"})
    orders = {said, " ".join(reversed(said.split()))}
    assert any(
        f"give the label away{f', by {o}' if o else ''} (" in finding.message for o in orders
    )


def test_a_pair_is_not_told_where_a_column_gives_the_label_away_alone(rng):
    a, b, y, _ = paired(rng, "sum")
    assert found(y, "regression", a=a, b=b, told=y + rng.normal(scale=0.01, size=len(y))) == {
        ("leak", "told"),
        ("pair leak", "b"),
    }
    assert found(y, "regression", told=y + rng.normal(scale=0.01, size=len(y)), b=b) == {
        ("leak", "told")
    }


@pytest.mark.parametrize("seed", range(6))
def test_good_columns_that_are_better_together_are_no_finding(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_PAIRED, 8))
    signal = X[:, 0] + X[:, 1] - X[:, 2]
    noisy = signal + rng.normal(scale=0.5, size=N_PAIRED)
    columns = {f"c{i}": X[:, i] for i in range(8)}
    assert found((noisy > 0).astype(int), **columns) == set()
    assert found(noisy, "regression", **columns) == set()
    assert found((noisy > 3).astype(int), **columns) == set()  # few of the second class


@pytest.mark.parametrize("seed", range(6))
def test_two_good_measurements_of_the_label_are_no_pair_that_gives_it_away(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=2 * N_PAIRED)
    first, second = y + rng.normal(scale=0.08, size=(2, len(y)))
    assert found(y, "regression", first=first, second=second) == set()


def timed(rng, n_rows=600):
    """Give rows over a year, in random order, their times, and which of them come last."""
    days = rng.permutation(n_rows) * 365 / n_rows
    when = np.datetime64("2024-01-01", "us") + (days * 86_400e6).astype("timedelta64[us]")
    columns = {
        "when": when,
        "number": rng.normal(size=n_rows),
        "season": np.sin(days / 365 * 12 * np.pi),
        "level": rng.choice(["r", "g", "b", None], n_rows),
        "many": rng.choice([f"level {i}" for i in range(80)], n_rows),
    }
    return columns, when, days > 0.8 * 365


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n_rows", [210, 1_000])
def test_rows_that_stay_of_one_kind_are_no_shift(seed, n_rows):
    rng = np.random.default_rng(seed)
    columns, when, _ = timed(rng, n_rows)
    assert found(rng.integers(0, 2, n_rows), asked_at=when, **columns) == set()


@pytest.mark.parametrize("how", ["number", "level", "missing"])
def test_newest_rows_of_another_kind_are_found_with_the_column_that_tells(rng, how):
    columns, when, is_late = timed(rng)
    if how == "number":
        columns["changed"] = rng.normal(size=len(when)) + 3 * is_late
    elif how == "level":
        columns["changed"] = np.where(is_late, rng.choice(["old", "new"], len(when)), "old")
        columns["changed"][is_late & (rng.random(len(when)) < 0.6)] = "newest"
    else:
        unknown = is_late & (rng.random(len(when)) < 0.8)
        columns["changed"] = np.where(unknown, np.nan, rng.normal(size=len(when)))
    y = rng.integers(0, 2, len(when))
    (finding,) = all_found(y, asked_at=when, **columns)
    assert finding.kind == "shift"
    assert "most by 'changed' (" in finding.message
    assert found(y, **columns) == set()  # without a time column nothing is new


def labelled(rng, task="binary", gap=4.0, n_rows=1_500):
    """Give columns and classes that lie so far apart."""
    y = rng.integers(0, 3 if task == "multiclass" else 2, n_rows)
    columns = {f"c{i}": rng.normal(size=n_rows) + gap * (y == i) for i in range(4)}
    return columns, y


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_flipped_labels_of_clear_classes_are_found(rng, task):
    columns, y = labelled(rng, task)
    flipped = rng.random(len(y)) < 0.05
    (finding,) = all_found(np.where(flipped, (y + 1) % (y.max() + 1), y), task, **columns)
    assert finding.kind == "doubtful labels"
    n_told = int(finding.message.split()[0])
    assert 0.7 * flipped.sum() < n_told < 1.3 * flipped.sum()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("gap", [0.0, 0.5, 1.0, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_labels_of_classes_that_overlap_are_not_doubted(task, gap, seed):
    columns, y = labelled(np.random.default_rng(seed), task, gap)
    kinds = {kind for kind, _ in found(y, task, **columns)}
    assert not kinds & {"doubtful labels", "contradicting labels"}


def test_rare_events_are_not_doubted(rng):
    a = rng.normal(size=3_000)
    assert found((rng.random(3_000) < 0.08 / (1 + np.exp(-a))).astype(int), a=a) == set()


def test_rows_alike_with_different_labels_are_found(rng):
    a = rng.normal(size=N)
    y = rng.integers(0, 2, N)
    again, label = np.append(a, a[:40]), np.append(y, 1 - y[:40])
    (finding,) = [f for f in all_found(label, a=again) if f.kind == "contradicting labels"]
    assert "80 of 440 rows" in finding.message
    assert "right about 40 of them (9.1%)" in finding.message
    same = found(np.append(y, y[:40]), a=again)
    assert ("contradicting labels", None) not in same
    values = found(label + rng.normal(size=len(label)), "regression", a=again)
    assert ("contradicting labels", None) not in values


def test_what_there_is_no_time_for_is_not_looked_at(rng):
    columns, when, is_late = timed(rng, 2_000)
    X = pd.DataFrame(columns | {f"c{i}": rng.normal(size=2_000) + is_late for i in range(100)})
    learned = learn_columns(X)
    y = rng.integers(0, 2, 2_000)
    data = Dataset(X=convert(X, learned.columns), y=y, cutoff_time=when)
    folds = make_folds(data)
    begun = time.monotonic()
    assert check_data(data, PROBLEMS["binary"], learned.columns, folds, max_seconds=0.0) == ()
    assert time.monotonic() - begun < 1.5


def test_missingness_that_gives_the_label_away_is_found(rng):
    y = rng.integers(0, 2, N)
    paid = np.where(y == 1, rng.normal(size=N), np.nan)
    assert found(y, paid=paid, b=rng.normal(size=N)) == {("leak", "paid")}


def test_rows_that_repeat_across_folds_are_found_unless_groups_hold_them_together(rng):
    half = rng.normal(size=N // 20)
    a = np.concatenate([rng.normal(size=N), half, half])
    y = (a > 0.3).astype(int) ^ (rng.random(len(a)) < 0.2)
    y[-len(half) :] = y[-2 * len(half) : -len(half)]
    assert ("repeated rows", None) in found(y, a=a)
    key = np.concatenate([np.arange(N), np.arange(len(half)), np.arange(len(half))])
    assert ("repeated rows", None) not in found(y, key=key, a=a)
    few = found(y, a=(a > 0).astype(float))  # two values only: repetition is natural
    assert ("repeated rows", None) not in few


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
