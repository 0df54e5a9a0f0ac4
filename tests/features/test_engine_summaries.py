"""Kernels of shapes, orders, mixtures, runs and extremes against exact or plain arithmetic."""

import math
import statistics
from collections import Counter
from fractions import Fraction
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.extremes import extremes
from features.engine.graph import ValueType
from features.engine.mixtures import entropy, most_common
from features.engine.primitives import AGGREGATIONS
from features.engine.ranges import Frame, Index, find_ranges, segments
from features.engine.ranking import count_below, quantiles, rank_values
from features.engine.runs import longest_run
from features.engine.shapes import shapes
from features.engine.trailing import shift, trailing
from tests.features.primitive_cases import some, view_of
from tests.features.test_engine_kernels import questions

NUMBERS = st.one_of(
    st.just(math.nan), st.floats(-1e9, 1e9), st.integers(-2, 2).map(float), st.just(1e12)
)
WITH_INFINITY = st.sampled_from([math.nan, -math.inf, -1.0, 0.0, 2.5, math.inf])


def draw_values(data, question, values, dtype=np.float64):
    n = len(question[0].order)
    return np.array(data.draw(st.lists(values, min_size=n, max_size=n)), dtype=dtype)


def asked(question, x):
    """The known values of each query."""
    ranges = question[2]
    for i, (low, high) in enumerate(zip(ranges.low, ranges.high, strict=True)):
        yield i, [float(v) for v in x[low:high] if not math.isnan(v)]


@some
@given(questions(), st.data())
def test_shapes_are_those_of_exact_arithmetic(question, data):
    x = draw_values(data, question, NUMBERS)
    out = shapes(x, question[2])
    for i, known in asked(question, x):
        exact = [Fraction(v) for v in known]
        assert out[i, 0] == len(exact)
        if len(exact) > 1:
            mean = sum(exact) / len(exact)
            m2, m3, m4 = (float(sum((v - mean) ** k for v in exact)) for k in (2, 3, 4))
            assert out[i, 1] == pytest.approx(m2, rel=1e-12, abs=1e-300)
            assert out[i, 2] == pytest.approx(m3, rel=1e-11, abs=1e-11 * m2**1.5)
            assert out[i, 3] == pytest.approx(m4, rel=1e-11, abs=1e-300)


def shape_of(name, values):
    """SKEW or KURTOSIS of all values."""
    x = np.array(values)
    view = view_of((x,), (ValueType.NUMBER,), segments(np.array([0]), np.array([len(x)])), x[:1])
    primitive = AGGREGATIONS[name]
    return primitive.compute(view, primitive.complete({}))[0]


@pytest.mark.parametrize("scale", [1e-40, 1e-8, 1.0, 1e40])
@pytest.mark.parametrize("name", ["Skew", "Kurtosis"])
def test_a_shape_has_no_scale(name, scale):
    values = np.array([1.0, 2.0, 4.0, 8.0, 3.0])
    assert shape_of(name, scale * values) == pytest.approx(shape_of(name, values), rel=1e-12)


def test_a_shape_survives_a_great_offset_and_a_monstrous_first_value():
    values = np.array([0.0, 1.0, 1.0, 3.0, 7.0])
    assert shape_of("Skew", 1e15 + values) == shape_of("Skew", values)
    monstrous = np.concatenate([[1e9], np.arange(1000.0)])
    exact = [Fraction(v) for v in monstrous]
    mean = sum(exact) / len(exact)
    m2, m4 = (float(sum((v - mean) ** k for v in exact)) for k in (2, 4))
    assert shape_of("Kurtosis", monstrous) == pytest.approx(1001 * m4 / m2**2 - 3, rel=1e-11)


def test_a_monstrous_value_outside_the_window_leaves_the_shape():
    x = np.array([1e300, 1.0, 2.0, 4.0, 9.0])
    index = Index(
        order=np.arange(5), visible=np.array([0, 99, 101, 102, 103]), offsets=np.array([0, 5])
    )
    ranges = find_ranges(index, Frame(rows=np.array([0]), cutoffs=np.array([105])), 10)
    assert shapes(x, ranges)[0] == pytest.approx([4, 38.0, 90.0, 722.0], rel=1e-13)


def test_constant_values_are_not_skewed_and_infinite_ones_have_no_shape():
    assert shape_of("Skew", [0.1] * 7) == 0.0
    assert shape_of("Kurtosis", [0.1] * 7) == 0.0
    assert math.isnan(shape_of("Skew", [1.0, math.inf, 2.0, 5.0]))


@some
@given(questions(), st.data())
def test_medians_and_counts_know_infinity(question, data):
    x = draw_values(data, question, st.one_of(NUMBERS, WITH_INFINITY))
    bounds = np.array(
        data.draw(st.lists(WITH_INFINITY, min_size=len(question[1]), max_size=len(question[1])))
    )
    ranks = rank_values(x, question[2])
    middle = quantiles(ranks, question[2], 0.5)
    below = count_below(ranks, question[2], bounds, False)
    upto = count_below(ranks, question[2], bounds, True)
    for i, known in asked(question, x):
        expected = statistics.median(known) if known else math.nan
        assert middle[i] == pytest.approx(expected, nan_ok=True)
        assert below[i] == sum(v < bounds[i] for v in known)
        assert upto[i] == sum(v <= bounds[i] for v in known)


def test_the_median_of_huge_values_is_finite():
    x = np.array([1.6e308, 1.4e308])
    ranges = segments(np.array([0]), np.array([2]))
    assert quantiles(rank_values(x, ranges), ranges, 0.5)[0] == 1.5e308


@some
@given(questions(), st.data())
def test_extremes_count_and_find_the_first(question, data):
    x = draw_values(data, question, WITH_INFINITY)
    ranges = question[2]
    for sign, best in ((1.0, max), (-1.0, min)):
        counts, places = extremes(x, ranges, sign)
        for i, known in asked(question, x):
            if not known:
                assert (counts[i], places[i]) == (0, -1)
                continue
            assert counts[i] == known.count(best(known))
            assert places[i] == ranges.low[i] + x[ranges.low[i] :].tolist().index(best(known))


@some
@given(questions(), st.data())
def test_the_longest_run_is_found(question, data):
    flags = draw_values(data, question, st.sampled_from([-1, 0, 1, 1, 1]), np.int8)
    out = longest_run(flags, question[2])
    for i, (low, high) in enumerate(zip(question[2].low, question[2].high, strict=True)):
        seen = [f for f in flags[low:high] if f >= 0]
        assert out[i] == max((len([*run]) for f, run in groupby(seen) if f == 1), default=0)


@some
@given(questions(), st.data(), st.integers(1, 6))
def test_mixtures_are_those_of_plain_counts(question, data, n_codes):
    codes = draw_values(data, question, st.integers(-1, n_codes - 1), np.int32)
    low, high = question[2].low, question[2].high
    winners, frequencies = most_common(codes, n_codes, low, high, 3)
    nats = entropy(codes, n_codes, low, high)
    for i in range(len(low)):
        counts = Counter(c for c in codes[low[i] : high[i]] if c >= 0)
        best = sorted(counts, key=lambda code: (-counts[code], code))[:3]
        filling = [-1] * (3 - len(best))
        assert winners[i].tolist() == best + filling
        assert frequencies[i].tolist() == [counts[c] for c in best] + [0] * len(filling)
        if low[i] < high[i]:
            n = counts.total()
            expected = -sum(c / n * math.log(c / n) for c in counts.values())
            assert nats[i] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_the_entropy_of_a_long_window_is_exact():
    """A million rows slide by: what came and went leaves nothing behind."""
    rng = np.random.default_rng(3)
    codes = rng.zipf(1.5, 1_000_000).clip(0, 5_000).astype(np.int32)
    low = np.arange(0, 900_001, 100_000)
    nats = entropy(codes, 5_001, low, low + 100_000)
    counts = np.bincount(codes[-100_000:])
    shares = counts[counts > 0] / 100_000
    assert nats[-1] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-12)
    alone = entropy(codes, 5_001, low[-1:], low[-1:] + 100_000)
    assert alone[0] == nats[-1]


def test_a_count_beside_the_mean_is_not_a_matter_of_rounding():
    """Three times 0.1 lie on their mean, neither above nor below it."""
    x = np.array([0.1] * 3)
    view = view_of((x,), (ValueType.NUMBER,), segments(np.array([0]), np.array([3])), x[:1])
    for name, expected in (
        ("CountAboveMean", 0),
        ("CountBelowMean", 0),
        ("CountInsideNthSTD", 3),
        ("CountOutsideNthSTD", 0),
    ):
        primitive = AGGREGATIONS[name]
        assert primitive.compute(view, primitive.complete({}))[0] == expected


@pytest.mark.parametrize(("window", "gap"), [(None, 0), (None, 2), (1, 0), (3, 1), (4, 0)])
def test_trailing_rows_are_those_before_in_the_group(window, gap):
    offsets = np.array([0, 5, 5, 12])
    ranges = trailing(offsets, window, gap)
    for row in range(12):
        start = 0 if row < 5 else 5
        seen = range(start, row + 1 - gap)[-window if window else None :]
        assert [*range(ranges.low[row], ranges.high[row])] == [*seen]
    shifted = shift(np.arange(12.0), offsets, 2, np.nan)
    assert np.isnan(shifted[[0, 1, 5, 6]]).all()
    assert shifted[[2, 4, 7, 11]].tolist() == [0.0, 2.0, 5.0, 9.0]
