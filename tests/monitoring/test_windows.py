import numpy as np
import pandas as pd
import pytest

from monitoring.errors import MonitoringError, PolicyError, WindowError
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.windows import Window, block_starts

HOURS = np.datetime64("2026-01-01", "us") + np.arange(24 * 10) * np.timedelta64(1, "h")


def window(**changes) -> Window:
    parts = {
        "features": pd.DataFrame({"a": [1.0, 2.0]}),
        "scores": np.array([0.1, 0.2]),
        "labels": np.array([1.0, np.nan]),
        "cutoff_time": HOURS[:2],
        "name": "current",
    }
    return Window(**{**parts, **changes})


def test_a_window_counts_its_rows_labels_and_days():
    assert (window().n_rows, window().n_labelled, window().n_days) == (2, 1, 1)
    assert window(cutoff_time=None).n_days is None


def test_parts_of_unequal_length_are_refused():
    with pytest.raises(WindowError, match=r"current window .* features 2, scores 3"):
        window(scores=np.zeros(3))


def test_repeated_columns_are_refused():
    with pytest.raises(WindowError, match=r"repeated: \['a'\]"):
        window(features=pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))


def test_rows_without_time_are_refused():
    with pytest.raises(MonitoringError, match="needs a cutoff time"):
        window(cutoff_time=np.array(["2026-01-01", "NaT"], dtype="M8[us]"))


def test_blocks_are_days_where_days_suffice():
    starts, _ = block_starts(HOURS, HOURS[:80])
    assert set(np.diff(np.unique(starts))) == {np.timedelta64(1, "D")}


def test_blocks_are_hours_in_a_short_window():
    starts, _ = block_starts(HOURS, HOURS[:30])
    assert len(np.unique(starts)) == len(HOURS)


def test_blocks_grow_where_days_are_many_or_sparse():
    years = np.datetime64("2020-01-01", "us") + np.arange(2000) * np.timedelta64(1, "D")
    starts, _ = block_starts(years, years[:900])
    assert len(np.unique(starts)) < 400


def test_rows_without_any_split_in_time_count_as_independent():
    assert block_starts(HOURS[:1], HOURS[:1]) == (None, None)
    assert block_starts(None, HOURS) == (None, None)
    assert block_starts(HOURS[:0], HOURS) == (None, None)


@pytest.mark.parametrize(
    ("policy", "field", "value"),
    [
        (DriftPolicy, "alpha", 1.5),
        (DriftPolicy, "min_distance", -0.1),
        (DecisionPolicy, "of_windows", 1),
        (DecisionPolicy, "cooldown_days", -1.0),
        (DecisionPolicy, "min_rows", 0),
        (DecisionPolicy, "margin", float("nan")),
    ],
)
def test_nonsense_policies_are_refused(policy, field, value):
    with pytest.raises(PolicyError, match=field):
        policy(**{field: value})
