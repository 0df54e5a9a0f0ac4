"""Relevance: what a model uses stays; clocks and keys in disguise go, each with a reason."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.errors import FeatureError
from features.plan import FeaturePlan, synthesize
from features.relevance import choose, clock_correlation
from features.schema import ColumnType, Schema, Table

N_ROWS = 1_200
NAMES = ("signal", "partner", "noise_a", "noise_b", "clock", "place")


@pytest.fixture(scope="module")
def plan() -> FeaturePlan:
    columns = dict.fromkeys(NAMES, ColumnType.NUMERIC)
    columns["place"] = ColumnType.CATEGORICAL
    table = Table(name="rows", key="id", columns={"id": ColumnType.KEY, **columns})
    return synthesize(Schema(tables=(table,), relationships=()), "rows", depth=0)


def a_frame(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(size=N_ROWS) for name in NAMES[:4]})
    frame["clock"] = np.arange(N_ROWS) + rng.normal(size=N_ROWS)
    frame["place"] = rng.choice(["a", "b", None], N_ROWS)
    # Together signal and partner say much, partner alone says nothing.
    labels = (frame["signal"] * np.sign(frame["partner"]) > 0).to_numpy().astype(int)
    moments = pd.date_range("2024-01-01", periods=N_ROWS, freq="h").to_numpy()
    return frame, labels, moments


def test_features_that_matter_only_together_are_kept(plan: FeaturePlan) -> None:
    frame, labels, moments = a_frame()
    kept = choose(plan, frame, labels=labels, max_features=2, cutoff_time=moments)
    assert set(kept.names) == {"signal", "partner"}
    reasons = {dropped.name: dropped.reason for dropped in kept.dropped}
    assert "tells the time" in reasons["clock"]
    assert "not among the best" in reasons["noise_a"]


def test_a_clock_goes_even_where_there_is_room(plan: FeaturePlan) -> None:
    frame, labels, moments = a_frame()
    kept = choose(plan, frame, labels=labels, max_features=50, cutoff_time=moments)
    assert set(kept.names) == set(NAMES) - {"clock"}


def test_without_time_nothing_tells_it(plan: FeaturePlan) -> None:
    frame, labels, _ = a_frame()
    assert set(choose(plan, frame, labels=labels, max_features=50).names) == set(NAMES)


def test_what_helps_to_remember_days_is_not_kept() -> None:
    """Every day has a rate of its own and a number that names it; the weak signal lasts."""
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(60), 100)
    names_the_day = rng.permutation(60)[day].astype(float)
    signal = rng.normal(size=len(day))
    rate = rng.normal(size=60)[day]
    labels = (rate + 0.4 * signal + rng.logistic(size=len(day)) > 0).astype(int)
    columns = dict.fromkeys(("id", "name", "signal"), ColumnType.NUMERIC) | {"id": ColumnType.KEY}
    table = Table(name="rows", key="id", columns=columns)
    plan = synthesize(Schema(tables=(table,), relationships=()), "rows", depth=0)
    frame = pd.DataFrame({"name": names_the_day, "signal": signal})
    kept = choose(plan, frame, labels=labels, max_features=1)
    assert kept.names == ("signal",)
    gain = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 15}, lgb.Dataset(frame, labels), 50
    ).feature_importance("gain")
    assert gain[0] > gain[1], "what is used most on rows seen is the day's name"


def test_the_same_seed_gives_the_same_choice(plan: FeaturePlan) -> None:
    frame, labels, moments = a_frame()
    chosen = [
        choose(plan, frame, labels=labels, max_features=3, cutoff_time=moments, n_threads=n).names
        for n in (1, 2)
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks(plan: FeaturePlan, task: str) -> None:
    frame, _, moments = a_frame()
    value = frame["signal"] + 0.1 * frame["noise_a"]
    labels = value.to_numpy() if task == "regression" else pd.qcut(value, 3, labels=False)
    kept = choose(plan, frame, labels=np.asarray(labels), max_features=1, cutoff_time=moments)
    assert kept.names == ("signal",)


def test_rows_and_labels_must_match(plan: FeaturePlan) -> None:
    frame, labels, _ = a_frame()
    with pytest.raises(FeatureError, match="a label per training row"):
        choose(plan, frame, labels=labels[:-1], max_features=2)


def test_clock_correlation_is_that_of_ranks() -> None:
    days = np.arange(200).astype("M8[D]")
    assert clock_correlation(-np.exp(np.arange(200) / 10), days) == pytest.approx(1)
    assert clock_correlation(np.full(200, np.nan), days) == 0
    assert clock_correlation(np.random.default_rng(0).normal(size=200), days) < 0.2
