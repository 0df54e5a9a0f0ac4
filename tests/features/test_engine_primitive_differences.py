"""Where a primitive's own function errs, what ours says instead (docs/features.md)."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from features.engine.graph import NAT, ValueType
from features.engine.primitives import AGGREGATIONS, MAPS, RUNNING
from features.engine.ranges import segments
from tests.features.primitive_cases import LETTERS, function, plain, view_of


def ours(name, *columns, **arguments):
    """Our answer for all rows of a group."""
    primitive = AGGREGATIONS[name]
    types = tuple(kinds[0] for kinds in primitive.takes)
    arrays = tuple(np.asarray(values) for values in columns)
    ranges = segments(np.array([0]), np.array([len(arrays[0])]))
    view = view_of(arrays, types, ranges, np.array([10**15]))
    found = primitive.compute(view, primitive.complete(arguments))
    several = found if isinstance(found, list) else [found]
    return [plain(column)[0] for column in several]


def theirs(name, *rows, **arguments):
    """The function's answer for the same rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(name, arguments)[1](*rows)


def test_small_numbers_are_skewed_too():
    values = np.array([1.0, 2.0, 9.0]) * 1e-8
    assert ours("Skew", values) == pytest.approx([1.6300591617], rel=1e-9)
    assert theirs("Skew", pd.Series(values)) == 0.0


def test_a_value_on_its_mean_is_neither_above_nor_below():
    values = np.array([0.1] * 3)
    assert ours("CountBelowMean", values) == [0.0]
    assert theirs("CountBelowMean", pd.Series(values)) == 3


def test_two_values_lie_on_one_standard_deviation_from_their_mean():
    values = np.array([0.1, 0.7])
    assert ours("CountInsideNthSTD", values) == [2.0]
    assert theirs("CountInsideNthSTD", pd.Series(values)) == 1


def test_the_longest_run_of_nullable_booleans_is_its_length():
    values = pd.Series([True, True, True], dtype="boolean")
    assert ours("MaxConsecutiveTrue", np.ones(3)) == [3.0]
    assert theirs("MaxConsecutiveTrue", values) == 2
    with_null = pd.Series([True, None, True], dtype="boolean")
    assert ours("MaxConsecutiveTrue", [1.0, math.nan, 1.0]) == [1.0]
    assert theirs("MaxConsecutiveTrue", with_null) is pd.NA


def test_categories_that_are_not_in_range_do_not_count():
    codes = np.array([0, 0, 1], dtype=np.int32)
    rows = pd.Series(pd.Categorical(LETTERS[codes], categories=LETTERS))
    assert ours("AverageCountPerUnique", codes) == [1.5]
    assert theirs("AverageCountPerUnique", rows) == 3 / 4
    assert ours("NMostCommonFrequency", codes) == pytest.approx([2, 1, math.nan], nan_ok=True)
    assert theirs("NMostCommonFrequency", rows).tolist() == [2, 1, 0]


def test_equally_common_values_come_in_ascending_order():
    codes = np.array([3, 1, 2, 1, 3, 0], dtype=np.int32)
    assert ours("NMostCommon", codes, n=4) == [1, 3, 0, 2]


def test_no_first_event_is_no_date():
    assert math.isnan(ours("DateFirstEvent", np.array([NAT]))[0])
    assert function("DateFirstEvent", {})[0].default_value == 0


@pytest.mark.parametrize("name", ["IsMonthEnd", "IsLeapYear", "IsWorkingHours", "IsLunchTime"])
def test_what_an_unknown_date_is_is_unknown(name):
    primitive = MAPS[name]
    assert math.isnan(primitive.compute(np.array([NAT]), primitive.complete({}))[0])
    assert theirs(name, pd.Series([pd.NaT], dtype="datetime64[ns]")).tolist() == [False]


def run(name, *columns, **arguments):
    running = RUNNING[name]
    offsets = np.array([0, len(columns[0])])
    return plain(running.compute(*map(np.asarray, columns), offsets, running.complete(arguments)))


def test_one_value_has_no_weighted_variance():
    values = [0.0, *[math.nan] * 5]
    assert np.isnan(run("ExponentialWeightedVariance", values, alpha=0.9)).all()
    assert 0.0 in theirs("ExponentialWeightedVariance", pd.Series(values), alpha=0.9).tolist()


@pytest.mark.parametrize("start", ["2024-03-01", "2024-03-01 06:00", "2024-03-01 06:30:15"])
def test_a_running_trend_is_per_day_wherever_it_starts(start):
    times = pd.Timestamp(start) + pd.to_timedelta([0, 12, 24, 36], unit="h")
    held = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    trend = run("ExpandingTrend", held, [1.0, 2.0, 3.0, 9.0], gap=0)
    assert trend[2] == pytest.approx(2.0, rel=1e-12)


def test_a_span_of_time_is_in_seconds():
    times = pd.Series(pd.to_datetime(["2024-03-01", "2024-03-02"]))
    held = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    assert run("DiffDatetime", held)[1] == 86_400.0
    assert theirs("DiffDatetime", times)[1] == pd.Timedelta("1d")


def test_a_group_with_fewer_rows_than_the_gap_is_null():
    times = pd.Series(pd.to_datetime(["2024-03-01", "2024-03-02"]))
    assert np.isnan(run("RollingCount", np.array([0, 1]), gap=3)).all()
    with pytest.raises(IndexError):
        theirs("RollingCount", times, gap=3)


def test_an_unknown_boolean_is_neither_true_nor_false():
    times = pd.Series(pd.to_datetime(["2024-03-01", "2024-03-02"]))
    held = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    assert run("CumulativeTimeSinceLastTrue", held, [1.0, math.nan]) == [0.0, 86_400.0]
    for name, first in (
        ("CumulativeTimeSinceLastTrue", True),
        ("CumulativeTimeSinceLastFalse", False),
    ):
        known = pd.Series([first, None], dtype="boolean")
        assert theirs(name, times, known).tolist() == [0.0, 0.0]


def test_types_are_listed_once():
    """A kernel that no type can reach is a mistake of its entry."""
    for primitive in (*MAPS.values(), *RUNNING.values()):
        assert len(set(primitive.takes)) == len(primitive.takes) > 0
        assert all(isinstance(kind, ValueType) for types in primitive.takes for kind in types)
