"""Every transform of the values of a row against featuretools' own function."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.graph import NAT, ValueType
from features.engine.primitives import MAPS
from features.engine.primitives.text import TEXTS
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
    **{
        name: [{}, {"value": 2.5}, {"value": -1}, {"value": "1"}]
        for name in ("EqualScalar", "NotEqualScalar")
    },
    "IsIn": [{}, {"list_of_outputs": [1.0, -1, 40]}],
    "IsLunchTime": [{}, {"lunch_hour": 3}],
    "IsWorkingHours": [{}, {"start_hour": 3, "end_hour": 9}],
    "TimeSince": [{}, {"unit": "minutes"}, {"unit": "years"}],
}
SENTENCES = [
    "",
    "   ",
    "The quick brown fox, the lazy DOG!",
    "@mira and @ben_2: see #tag1 #2024, #a_b. Then? the\tend\nTHE end...",
    'He said \'yes, the one\' and "no; not this" (twice). "Odd',
    "UPPER lower MiXed. a a A",
    "é ü ß — ÄÖ; x.y@z.com",
    "the. Other theme bathe",
]
TEXT_ARGUMENTS = {
    "CountString": [
        {},
        {"string": "The", "ignore_case": False},
        {"string": "the", "match_whole_words_only": True},
        {"string": "a.", "is_regex": True},
        {"string": "theend", "ignore_non_alphanumeric": True},
    ],
    "NumberOfUniqueWords": [{}, {"case_insensitive": True}],
    "NumberOfWordsInQuotes": [{}, {"quote_type": "single"}, {"quote_type": "double"}],
    "NumUniqueSeparators": [{}, {"separators": ["e", "."]}],
    "TotalWordLength": [{}, {"do_not_count": "[aeiou]"}],
    "MedianWordLength": [{}, {"delimiters_regex": "e"}],
}
TEXT_CASES = [(name, given) for name in TEXTS for given in TEXT_ARGUMENTS.get(name, [{}])]
FALSE_OF_NULL = {name for name in MAPS if name.startswith("Is")} - {"IsNull", "IsIn"}
"""Predicates that say of an unknown date that it is not: with us that is unknown, too."""
CASES = [
    (name, types, given)
    for name, primitive in MAPS.items()
    if name not in TEXTS
    for types in primitive.takes
    if not primitive.per_category or types[0] is ValueType.NUMBER
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
    if primitive.gives is ValueType.CODE:
        texts = primitive.compute(*columns, primitive.complete(arguments))
        expected = function(name, arguments)[1](*rows).astype(object)
        assert [*texts] == [None if pd.isna(v) else v for v in expected]
        return
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


@pytest.mark.parametrize(("name", "arguments"), TEXT_CASES, ids=str)
def test_a_measure_of_text_is_that_of_featuretools(name, arguments):
    primitive = MAPS[name]
    assert primitive.fits(arguments)
    ours = primitive.compute(np.array(SENTENCES, dtype=object), primitive.complete(arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = function(name, arguments)[1](pd.Series(SENTENCES, dtype="string"))
    assert ours.tolist() == pytest.approx([*map(as_number, expected)], rel=1e-12, nan_ok=True)


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
