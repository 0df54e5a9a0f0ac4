"""Every aggregation against featuretools' own function, over random ranges."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.graph import ValueType
from features.engine.primitives import AGGREGATIONS
from tests.features.primitive_cases import (
    CLASSES,
    as_number,
    function,
    plain,
    series,
    some,
    views,
)

ARGUMENTS = {
    "AvgTimeBetween": [{}, {"unit": "hours"}],
    "CountAboveMean": [{}, {"skipna": False}],
    "CountBelowMean": [{}, {"skipna": False}],
    "CountGreaterThan": [{}, {"threshold": 1}],
    "CountInsideNthSTD": [{}, {"n": 2}, {"n": 0.5}],
    "CountInsideRange": [{}, {"lower": -2, "upper": 2.5}, {"skipna": False}],
    "CountOutsideNthSTD": [{}, {"n": 2}],
    "CountOutsideRange": [{}, {"lower": -2, "upper": 2.5}, {"skipna": False}],
    "Entropy": [{}, {"dropna": True}, {"base": 2}],
    "HasNoDuplicates": [{}, {"skipna": False}],
    "Kurtosis": [{}, {"fisher": False}, {"bias": False}, {"nan_policy": "omit"}],
    "MaxConsecutiveNegatives": [{}, {"skipna": False}],
    "MaxConsecutivePositives": [{}, {"skipna": False}],
    "MaxConsecutiveZeros": [{}, {"skipna": False}],
    "MaxCount": [{}, {"skipna": False}],
    "MaxMinDelta": [{}, {"skipna": False}],
    "Mean": [{}, {"skipna": False}],
    "MedianCount": [{}, {"skipna": False}],
    "MinCount": [{}, {"skipna": False}],
    "NumConsecutiveGreaterMean": [{}, {"skipna": False}],
    "NumConsecutiveLessMean": [{}, {"skipna": False}],
    "NMostCommonFrequency": [{}, {"n": 2}, {"skipna": False}],
    "Quantile": [{}, {"q": 0.25}, {"q": 0.9}, {"q": 0}, {"q": 1}],
    "PercentUnique": [{}, {"skipna": False}],
    "AverageCountPerUnique": [{}, {"skipna": False}],
    "TimeSinceFirst": [{}, {"unit": "days"}],
    "TimeSinceLast": [{}, {"unit": "years"}],
}
LONGEST = {"MaxConsecutiveTrue": "T", "MaxConsecutiveFalse": "F"}
"""Primitives that featuretools gets wrong for nullable booleans; with us a null breaks a run."""
BESIDE = ("AboveMean", "BelowMean", "GreaterMean", "LessMean", "NthSTD")
CASES = [(name, given) for name in AGGREGATIONS for given in ARGUMENTS.get(name, [{}])]


def theirs(name: str, arguments: dict, rows: list[pd.Series], cutoff: int) -> list[float]:
    """Answers of featuretools for one range, computed as `calculate_feature_matrix` does."""
    primitive, compute = function(name, arguments)
    if name in LONGEST and not rows[0].hasnans:
        rows = [rows[0].astype(bool)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if primitive.uses_calc_time:
            found = compute(*rows, time=pd.Timestamp(cutoff, unit="us"))
        elif len(rows) > 1 or primitive.number_output_features > 1:
            found = compute(*rows)
        else:
            found = rows[0].groupby(np.zeros(len(rows[0]))).agg(compute).iloc[0]
    several = primitive.number_output_features > 1
    answers = [as_number(v) for v in (list(found) if several else [found])]
    default = as_number(primitive.default_value)
    if name == "DateFirstEvent":  # NOTE: 0 is no date; ours is null
        return answers
    return [default if np.isnan(v) else v for v in answers]


def takes(name: str) -> tuple[ValueType, ...]:
    """One type for each base: the first that the primitive takes."""
    return tuple(types[0] for types in AGGREGATIONS[name].takes) or (ValueType.NUMBER,)


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_an_aggregation_is_that_of_featuretools(name, arguments):
    primitive, types = AGGREGATIONS[name], takes(name)
    assert primitive.fits(arguments)
    complete = primitive.complete(arguments)

    @some
    @given(views(types))
    def check(view):
        found = primitive.compute(view, complete)
        columns = found if isinstance(found, list) else [found]
        assert len(columns) == primitive.n_outputs(complete)
        ours = list(zip(*map(plain, columns), strict=True))
        for i, (low, high) in enumerate(zip(view.ranges.low, view.ranges.high, strict=True)):
            if low == high:
                continue
            rows = [series(v[low:high], t) for v, t in zip(view.values, types, strict=True)]
            if name.endswith(BESIDE) and on_a_bound(rows[0], complete.get("n", 0)):
                continue
            expected = theirs(name, arguments, rows, view.cutoffs[i])
            if name in ("Mode", "NMostCommon"):
                check_common(rows[0], ours[i], expected)
            elif name == "Count":
                assert ours[i] == (high - low,)
            elif name == "Trend":
                check_trend(rows, ours[i][0])
            elif name in LONGEST and rows[0].hasnans:
                marks = "".join("-" if pd.isna(v) else "FT"[int(v)] for v in rows[0])
                runs = re.findall(f"{LONGEST[name]}+", marks)
                assert ours[i] == (max(map(len, runs), default=0),)
            else:
                assert ours[i] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)

    check()


def on_a_bound(rows: pd.Series, n: float) -> bool:
    """Whether a value is so near to a bound that rounding decides on which side it is."""
    mean, reach = rows.mean(), rows.std(ddof=0) * n
    near = 1e-9 * (abs(mean) + reach)
    gaps = [(rows - mean + side * reach).abs() for side in (-1, 1)]
    return any(((gap > 0) & (gap <= near)).any() for gap in gaps)


def check_common(rows: pd.Series, ours: tuple[float, ...], expected: list[float]) -> None:
    """Values as frequent as featuretools', in an order of their own only where equally so."""
    counts = rows.map(as_number).value_counts().to_dict()
    wanted = sorted(counts, key=lambda code: (-counts[code], code))[: len(ours)]
    assert list(ours) == pytest.approx(wanted + [np.nan] * (len(ours) - len(wanted)), nan_ok=True)
    assert [counts.get(v) for v in ours] == [counts.get(v) for v in expected]


def check_trend(rows: list[pd.Series], ours: float) -> None:
    """The slope per day of the least squares line."""
    points = pd.DataFrame({"y": rows[0], "x": rows[1]}).dropna()
    if len(points) < 3:
        assert np.isnan(ours)
        return
    x = (points["x"] - points["x"].min()).dt.total_seconds() / 86_400
    spread = ((x - x.mean()) ** 2).sum()
    slope = ((x - x.mean()) * (points["y"] - points["y"].mean())).sum()
    assert ours == pytest.approx(slope / spread if spread else 0.0, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_defaults_are_those_of_featuretools(name):
    primitive, _ = function(name, {})
    default = as_number(primitive.default_value)
    ours = AGGREGATIONS[name].default
    if name == "DateFirstEvent":
        assert ours is None
    else:
        assert [np.nan if ours is None else ours] == pytest.approx([default], nan_ok=True)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_arguments_are_those_of_featuretools(name):
    unset = CLASSES[name]()
    for argument, value in AGGREGATIONS[name].defaults.items():
        assert getattr(unset, argument) == value


@pytest.mark.parametrize("name", sorted(set(AGGREGATIONS) - {"Sum", "Trend"}))
@some
@given(data=st.data())
def test_an_answer_does_not_depend_on_the_other_questions(name, data):
    """Equal to the bit, asked alone or with others."""
    view = data.draw(views(takes(name)))
    primitive = AGGREGATIONS[name]
    complete = primitive.complete({})
    together = primitive.compute(view, complete)
    for i in range(len(view.cutoffs)):
        alone = primitive.compute(alone_in(view, i), complete)
        for ours, one in zip(
            *(found if isinstance(found, list) else [found] for found in (together, alone)),
            strict=True,
        ):
            if view.ranges.low[i] < view.ranges.high[i]:
                np.testing.assert_array_equal(ours[i], one[0])


def alone_in(view, i):
    """The view with only one question."""
    r = view.ranges
    group = np.searchsorted(r.end, r.low[i], side="right")
    begin = r.begin[group : group + 1]
    ranges = r._replace(
        begin=begin,
        end=r.high[i : i + 1] if len(begin) else r.end[:0],
        low=r.low[i : i + 1],
        high=r.high[i : i + 1],
        at=r.at[i : i + 1],
    )
    return type(view)(view.values, view._dense, ranges, view.cutoffs[i : i + 1])
