"""Selection: empty, constant and repeated features go; the most telling stay; always the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from features.errors import FeatureError
from features.plan import FeaturePlan, synthesize
from features.schema import ColumnType, Schema, Table
from features.selection import N_BINS, measure_relevance, prune

N_ROWS = 400
COLUMNS = {
    "id": ColumnType.KEY,
    **dict.fromkeys(["a", "b", "c", "d", "e", "f"], ColumnType.NUMERIC),
    **dict.fromkeys(["u", "v", "w"], ColumnType.CATEGORICAL),
}


@pytest.fixture(scope="module")
def plan() -> FeaturePlan:
    table = Table(name="t", key="id", columns=COLUMNS)
    plan = synthesize(Schema(tables=(table,)), "t", depth=0)
    assert set(plan.names) >= set(COLUMNS) - {"id"}
    return plan.keep([name for name in plan.names if name in COLUMNS], {})


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, N_ROWS).astype(np.int8)


@pytest.fixture
def frame(labels: np.ndarray) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    words = {
        "u": rng.choice(["x", "y", "z"], N_ROWS),
        "v": rng.choice(["p", "q"], N_ROWS),
        "w": np.where(labels == 1, "yes", rng.choice(["yes", "no"], N_ROWS)),
    }
    return pd.DataFrame(
        {
            "id": np.arange(N_ROWS),
            **{name: rng.normal(size=N_ROWS) for name in "bcdef"},
            "a": labels + rng.normal(size=N_ROWS),
            **{name: values.astype(object) for name, values in words.items()},
        }
    )


def reasons(plan: FeaturePlan) -> dict[str, str]:
    return {dropped.name: dropped.reason for dropped in plan.dropped if dropped.name in COLUMNS}


def test_all_features_with_something_to_say_stay(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    pruned = prune(plan, frame, labels=labels, max_features=100)
    assert pruned.names == plan.names
    assert pruned.fingerprint == plan.fingerprint


def test_empty_constant_and_repeated_features_go(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    frame["b"] = np.nan
    frame["c"] = 7.0
    frame["d"] = np.where(np.arange(N_ROWS) < 4, 1.0, np.nan)
    frame["e"] = frame["a"]
    frame["u"] = "same"
    frame["w"] = frame["v"].copy()
    pruned = prune(plan, frame, labels=labels, max_features=100)
    assert reasons(pruned) == {
        "b": "never has a value",
        "c": "always 7.0",
        "d": "missing in 99.0% of rows",
        "e": "same values as a",
        "u": "always same",
        "w": "same values as v",
    }
    assert pruned.names == tuple(name for name in plan.names if name in ("a", "f", "v"))


def test_one_value_with_gaps_says_something(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    frame["c"] = np.where(labels == 1, 7.0, np.nan)
    assert "c" in prune(plan, frame, labels=labels, max_features=1).names


def test_equality_sees_through_zero_signs_and_nan_bits(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    frame["a"] = np.where(frame["a"] > 0, 0.0, np.nan)
    frame["b"] = np.where(np.isnan(frame["a"]), -np.array(np.nan), -0.0)
    assert reasons(prune(plan, frame, labels=labels, max_features=100)) == {"b": "same values as a"}


@pytest.mark.parametrize("kind", ["classes", "strings", "numbers"])
def test_the_most_telling_features_stay(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray, kind: str
) -> None:
    answers = {
        "classes": labels,
        "strings": np.array(["no", "yes"], dtype=object)[labels],
        "numbers": labels + np.where(np.arange(N_ROWS) == 5, 1e9, 0.0),
    }[kind]
    pruned = prune(plan, frame, labels=answers, max_features=2)
    assert set(pruned.names) == {"a", "w"}
    assert reasons(pruned)["b"].endswith("is not among the 2 highest")


def test_rows_without_a_label_do_not_count(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    answers = labels.astype(float)
    answers[::2] = np.nan
    frame.loc[::2, ["a", "w"]] = [0.0, "yes"]
    assert set(prune(plan, frame, labels=answers, max_features=2).names) == {"a", "w"}


def test_without_labels_the_plans_first_stay(plan: FeaturePlan, frame: pd.DataFrame) -> None:
    pruned = prune(plan, frame, labels=None, max_features=3)
    assert pruned.names == plan.names[:3]
    assert set(reasons(pruned).values()) == {
        "beyond the first 3 features, without labels to rank by"
    }


def test_ties_go_by_the_plans_order(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray
) -> None:
    frame["b"], frame["d"] = 2 * frame["a"], 3 * frame["a"]
    frame["w"] = frame["v"]
    for n_features, expected in [(1, {"a"}), (2, {"a", "b"})]:
        assert set(prune(plan, frame, labels=labels, max_features=n_features).names) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("column", r"a column per feature of the plan, got none for 'a'. Compute the matrix"),
        ("labels", r"one label per row, got 399 labels for 400 rows. Take both"),
        ("rows", r"Expected training rows to select features on, got none"),
        ("nulls", r"Expected known labels to rank features by, got nulls only"),
        ("cap", r"Expected max_features of at least 1, got 0"),
        ("all", r"Expected at least one feature"),
    ],
)
def test_refused(
    plan: FeaturePlan, frame: pd.DataFrame, labels: np.ndarray, change: str, expected: str
) -> None:
    max_features = 0 if change == "cap" else 1
    if change == "column":
        frame = frame.drop(columns="a")
    elif change == "labels":
        labels = labels[1:]
    elif change == "rows":
        frame, labels = frame.iloc[:0], labels[:0]
    elif change == "nulls":
        labels = np.full(N_ROWS, np.nan)
    elif change == "all":
        frame[list(plan.names)] = None
    with pytest.raises(FeatureError, match=expected):
        prune(plan, frame, labels=labels, max_features=max_features)


def test_noise_in_many_bins_has_no_relevance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5000)
    scores = [measure_relevance(rng.integers(0, N_BINS, 5000), labels) for _ in range(200)]
    assert abs(np.mean(scores)) < 0.0005


@settings(max_examples=50, deadline=None)
@given(
    codes=hnp.arrays(np.int64, 30, elements=st.integers(0, 4)),
    labels=hnp.arrays(np.int64, 30, elements=st.integers(0, 3)),
)
def test_relevance_is_the_explained_share_of_variance(
    codes: np.ndarray, labels: np.ndarray
) -> None:
    def scatter(rows: np.ndarray) -> float:
        one_hot = np.eye(4)[labels[rows]]
        return float(((one_hot - one_hot.mean(axis=0)) ** 2).sum())

    total = scatter(np.arange(30))
    bins = np.unique(codes)
    within = sum(scatter(np.flatnonzero(codes == number)) for number in bins)
    expected = 1 - within / total * 29 / (30 - len(bins)) if total > 0 else 0.0
    assert measure_relevance(codes, labels) == pytest.approx(expected, abs=1e-9)
    as_numbers = (labels > 1).astype(float)
    assert measure_relevance(codes, as_numbers) == pytest.approx(
        measure_relevance(codes, (labels > 1).astype(np.int64)), abs=1e-9
    )
