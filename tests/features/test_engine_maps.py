"""Every transform of the values of a row against featuretools' own function."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.graph import NAT, ValueType
from features.engine.primitives import MAPS
from tests.features.primitive_cases import (
    CLASSES,
    arrays,
    as_number,
    function,
    plain,
    series,
    some,
)

CUTOFF = 1_540_000_000_000_123
VALUES = [{}, {"value": 2.5}, {"value": -1}]
ARGUMENTS = {
    **{name: VALUES for name, primitive in MAPS.items() if "value" in primitive.defaults},
    **{name: [{"value": 2.5}, {"value": -1}] for name in ("EqualScalar", "NotEqualScalar")},
    "IsIn": [{}, {"list_of_outputs": [1.0, -1, 40]}],
    "IsLunchTime": [{}, {"lunch_hour": 3}],
    "IsWorkingHours": [{}, {"start_hour": 3, "end_hour": 9}],
    "TimeSince": [{}, {"unit": "minutes"}, {"unit": "years"}],
}
FALSE_OF_NULL = {name for name in MAPS if name.startswith("Is")} - {"IsNull", "IsIn"}
"""Predicates that say of an unknown date that it is not: with us that is unknown, too."""
CASES = [
    (name, types, given)
    for name, primitive in MAPS.items()
    for types in primitive.takes
    for given in ARGUMENTS.get(name, [{}])
]


@pytest.mark.parametrize(("name", "types", "arguments"), CASES, ids=str)
@some
@given(data=st.data())
def test_a_map_is_that_of_featuretools(name, types, arguments, data):
    primitive = MAPS[name]
    assert primitive.fits(arguments)
    columns = data.draw(arrays(types, 20))
    rows = [series(v, t) for v, t in zip(columns, types, strict=True)]
    if primitive.gives is ValueType.NUMBER and name != "MultiplyNumericBoolean":
        rows = [r.astype("Float64") if r.dtype == "boolean" else r for r in rows]
    inputs = [*columns, np.full(20, CUTOFF)] if primitive.uses_cutoff else columns
    ours = plain(primitive.compute(*inputs, primitive.complete(arguments)))
    theirs, compute = function(name, arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        more = {"time": pd.Timestamp(CUTOFF, unit="us")} if theirs.uses_calc_time else {}
        expected = [as_number(v) for v in compute(*rows, **more)]
    if name in FALSE_OF_NULL:
        expected = [np.nan if v == NAT else e for v, e in zip(columns[0], expected, strict=True)]
    assert ours == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_dates_far_from_today_are_those_of_the_calendar():
    times = pd.date_range("1903-12-25", "2109-01-05", freq="41h13min")
    held = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    for name in ("Week", "DayOfYear", "DaysInMonth", "IsYearEnd", "IsQuarterStart", "IsLeapYear"):
        expected = np.asarray(function(name, {})[1](pd.Series(times)), dtype=np.float64)
        np.testing.assert_array_equal(MAPS[name].compute(held, {}), expected)


def test_comparisons_of_infinity():
    x, y = np.array([np.inf, -np.inf, np.inf]), np.array([np.inf, 0.0, np.nan])
    assert MAPS["Equal"].compute(x, y, {}).tolist() == [1.0, 0.0, 0.0]
    assert MAPS["GreaterThan"].compute(x, y, {}).tolist() == [0.0, 0.0, 0.0]
    assert MAPS["NotEqual"].compute(x, y, {}).tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("name", MAPS)
def test_arguments_are_those_of_featuretools(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unset = CLASSES[name]()
    for argument, value in MAPS[name].defaults.items():
        assert getattr(unset, argument) == value
