"""Kernels against plain loops, and against exact arithmetic where rounding matters."""

import math
import os
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.counting import distinct, most_frequent
from features.engine.moments import Blocks, greatest, moments
from features.engine.pairs import expand
from features.engine.ranges import (
    ALWAYS,
    NEVER,
    Frame,
    Index,
    build_index,
    distinct_frame,
    find_ranges,
    segments,
)
from features.engine.trends import trends

unhurried = settings(deadline=None)  # the first call of a kernel compiles it
WINDOWS = st.sampled_from([None, 1, 3, 10])


@st.composite
def questions(draw: st.DrawFn) -> tuple[Index, Frame, Blocks, int | None]:
    """An index over a few groups, queries of it, and their ranges."""
    n, n_parents = draw(st.integers(0, 40)), draw(st.integers(1, 3))
    parents = np.array(draw(st.lists(st.integers(-1, n_parents - 1), min_size=n, max_size=n)))
    visible = np.array(draw(st.lists(st.integers(-20, 20), min_size=n, max_size=n)))
    visible = np.where(visible == 20, NEVER, np.where(visible == 19, ALWAYS, visible))
    index = build_index(parents.astype(np.int64), visible.astype(np.int64), n_parents)
    pairs = st.tuples(st.integers(0, n_parents - 1), st.integers(-25, 25))
    asked = np.array(draw(st.lists(pairs, min_size=1, max_size=15)), dtype=np.int64)
    frame, _ = distinct_frame(asked[:, 0], asked[:, 1])
    window = draw(WINDOWS)
    return index, frame, find_ranges(index, frame, window), window


@unhurried
@given(questions())
def test_a_range_is_what_a_cutoff_may_see(question):
    index, frame, ranges, window = question
    for i, (row, cutoff) in enumerate(zip(frame.rows, frame.cutoffs, strict=True)):
        group = range(index.offsets[row], index.offsets[row + 1])
        seen = [
            j
            for j in group
            if index.visible[j] <= cutoff
            and (window is None or index.visible[j] >= cutoff - window)
        ]
        assert list(range(ranges.low[i], ranges.high[i])) == seen


def test_rows_of_one_moment_keep_their_place_in_the_table():
    index = build_index(np.array([0, 0, 1, 0]), np.array([5, 5, 1, 2]), 2)
    assert index.order.tolist() == [3, 0, 1, 2]


def test_rows_without_parent_or_moment_are_left_out():
    index = build_index(np.array([-1, 0, 0]), np.array([1, NEVER, ALWAYS]), 1)
    assert index.order.tolist() == [2]


@unhurried
@given(questions(), st.data())
def test_moments_are_those_of_exact_arithmetic(question, data):
    index, _, ranges, _ = question
    n = len(index.order)
    values = st.one_of(st.just(math.nan), st.floats(-1e12, 1e12), st.integers(-2, 2).map(float))
    x = np.array(data.draw(st.lists(values, min_size=n, max_size=n)), dtype=np.float64)
    out = moments(x, ranges)
    for i, (low, high) in enumerate(zip(ranges.low, ranges.high, strict=True)):
        exact = [Fraction(v) for v in x[low:high] if not math.isnan(v)]
        total = sum(exact, Fraction(0))
        assert out[i, 0] == len(exact)
        assert out[i, 1] == pytest.approx(float(total), rel=1e-14, abs=1e-18)
        if exact:
            m2 = sum((v - total / len(exact)) ** 2 for v in exact)
            assert out[i, 2] == pytest.approx(float(m2), rel=1e-12, abs=1e-280)


def test_a_monstrous_value_outside_the_window_spoils_nothing():
    x = np.array([1e300, 1.0, 2.0, 4.0])
    frame = Frame(rows=np.array([0]), cutoffs=np.array([103]))
    index = Index(
        order=np.arange(4), visible=np.array([0, 101, 102, 103]), offsets=np.array([0, 4])
    )
    ranges = find_ranges(index, frame, 10)
    n, total, m2 = moments(x, ranges)[0]
    assert (n, total) == (3.0, 7.0)
    assert m2 == pytest.approx(14 / 3, rel=1e-14)


def test_spread_survives_a_great_offset():
    x = 1e15 + np.array([0.0, 1.0, 2.0, 3.0])
    r = segments(np.array([0]), np.array([4]))
    assert moments(x, r)[0, 2] == 5.0


def test_infinite_values_sum_to_infinity_and_have_no_spread():
    x = np.array([math.inf, 1.0, math.inf, -math.inf])
    r = segments(np.array([0, 2]), np.array([2, 4]))
    out = moments(x, r)
    assert out[0, 1] == math.inf
    assert math.isnan(out[0, 2])
    assert math.isnan(out[1, 1])


@unhurried
@given(questions(), st.data())
def test_trends_are_those_of_exact_arithmetic(question, data):
    index, _, ranges, _ = question
    n = len(index.order)
    values = st.one_of(st.just(math.nan), st.floats(-1e9, 1e9))
    times = st.integers(1_700_000_000_000_000, 1_700_000_100_000_000).map(float)
    y = np.array(data.draw(st.lists(values, min_size=n, max_size=n)), dtype=np.float64)
    x = np.array(data.draw(st.lists(times, min_size=n, max_size=n)), dtype=np.float64)
    out = trends(y, x, ranges)
    for i, (low, high) in enumerate(zip(ranges.low, ranges.high, strict=True)):
        points = [
            (Fraction(a), Fraction(b))
            for a, b in zip(x[low:high], y[low:high], strict=True)
            if not math.isnan(b)
        ]
        assert out[i, 0] == len(points)
        if points:
            x_mean = sum(a for a, _ in points) / len(points)
            y_mean = sum(b for _, b in points) / len(points)
            m_xx = sum((a - x_mean) ** 2 for a, _ in points)
            m_yy = sum((b - y_mean) ** 2 for _, b in points)
            m_xy = sum((a - x_mean) * (b - y_mean) for a, b in points)
            scale = math.sqrt(m_xx * m_yy)
            assert out[i, 1] == pytest.approx(float(m_xx), rel=1e-12)
            assert out[i, 2] == pytest.approx(float(m_xy), rel=1e-12, abs=1e-12 * scale)


@unhurried
@given(questions(), st.data())
def test_the_greatest_skips_nulls(question, data):
    index, _, ranges, _ = question
    n = len(index.order)
    values = st.sampled_from([math.nan, -math.inf, -1.0, 0.0, 3.0])
    x = np.array(data.draw(st.lists(values, min_size=n, max_size=n)), dtype=np.float64)
    out = greatest(x, ranges)
    for i, (low, high) in enumerate(zip(ranges.low, ranges.high, strict=True)):
        known = [v for v in x[low:high] if not math.isnan(v)]
        assert out[i] == max(known) if known else math.isnan(out[i])


@unhurried
@given(questions(), st.data(), st.integers(1, 9))
def test_distinct_and_most_frequent_count(question, data, n_codes):
    index, _, ranges, _ = question
    n = len(index.order)
    drawn = data.draw(st.lists(st.integers(-1, n_codes - 1), min_size=n, max_size=n))
    codes = np.array(drawn, dtype=np.int32)
    n_distinct = distinct(codes, n_codes, ranges.low, ranges.high)
    winners = most_frequent(codes, n_codes, ranges.low, ranges.high, ranges.windowed)
    for i, (low, high) in enumerate(zip(ranges.low, ranges.high, strict=True)):
        counts = Counter(c for c in codes[low:high] if c >= 0)
        best = min(counts, key=lambda c: (-counts[c], c)) if counts else -1
        assert n_distinct[i] == len(counts)
        assert winners[i] == best


@unhurried
@given(questions())
def test_pairs_list_every_row_of_every_range_in_order(question):
    index, frame, ranges, _ = question
    listed = {i: [] for i in range(len(frame))}
    for pairs in expand(index, frame, ranges):
        rows, cutoffs = pairs.frame.rows[pairs.place], pairs.frame.cutoffs[pairs.place]
        for k, i in enumerate(range(pairs.first, pairs.last)):
            segment = slice(pairs.ranges.low[k], pairs.ranges.high[k])
            assert (cutoffs[segment] == frame.cutoffs[i]).all()
            listed[i] = rows[segment].tolist()
        changes = np.flatnonzero(np.diff(pairs.frame.rows)) + 1
        runs = np.split(pairs.frame.cutoffs, changes)
        assert len(runs) == len(np.unique(pairs.frame.rows)) or not len(pairs.frame)
        assert all((np.diff(run) > 0).all() for run in runs)
    for i in range(len(frame)):
        assert listed[i] == index.order[ranges.low[i] : ranges.high[i]].tolist()


def test_kernels_compile_where_no_cache_directory_can_be_written(tmp_path):
    """A read-only installation compiles in memory instead of failing at import."""
    program = (
        "import numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "import numba\n"
        "try:\n"
        "    numba.njit(cache=True)(lambda: 0)\n"
        "    raise SystemExit('numba still finds a cache')\n"
        "except RuntimeError:\n"
        "    pass\n"
        "from features.engine.counting import distinct\n"
        "import numpy as np\n"
        "print(distinct(np.zeros(3, np.int32), 1, np.array([0]), np.array([3]))[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "1", done.stderr
