"""Keys by address against Arrow's hash tables and NumPy's sorting."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.columns import encode, find_rows
from features.engine.graph import ValueType
from features.engine.keys import find_among, locate, rank_numbers
from features.engine.ranges import NEVER, build_index

unhurried = settings(deadline=None)  # the first call of a kernel compiles it
LEAST = st.integers(-(2**63), -(2**63) + 60)
NEAR = st.one_of(st.none(), LEAST)
TYPES = st.sampled_from([pa.int64(), pa.int32(), pa.int16()])


@unhurried
@given(
    st.lists(st.integers(-30, 30), unique=True, min_size=1),
    st.lists(st.one_of(st.none(), st.integers(-200, 200))),
    TYPES,
)
def test_keys_stand_where_a_hash_table_finds_them(keys, wanted, type_):
    chunks = pa.chunked_array([keys[:5], keys[5:]], type_)
    sought = pa.array(wanted, type_)
    places = locate(chunks, sought)
    expected = pc.index_in(sought, value_set=chunks.combine_chunks(), skip_nulls=True)
    assert places.tolist() == pc.fill_null(expected, -1).to_pylist()


@unhurried
@given(
    st.lists(st.one_of(st.none(), st.integers(-127, 127)), unique=True),
    st.lists(st.one_of(st.none(), st.integers(-128, 127))),
    st.sampled_from([pa.int8(), pa.int64(), pa.string()]),
    st.sampled_from([1, 10**15]),
)
def test_values_among_keys_are_those_that_a_set_has(keys, sought, type_, step):
    step = step if type_ == pa.int64() else 1

    def of_type(values: list[int | None]) -> pa.Array:
        return pa.array([v if v is None else v * step for v in values], pa.int64()).cast(type_)

    chunks = pa.chunked_array([of_type(sought[:3]), of_type(sought[3:])])
    found = find_among(of_type(keys), chunks)
    assert found.tolist() == [i for i, v in enumerate(sought) if v is not None and v in keys]


@unhurried
@given(st.one_of(st.lists(NEAR), st.lists(LEAST).map(sorted), st.sets(LEAST).map(sorted)))
def test_ranks_are_those_of_sorting(numbers):
    ranked = rank_numbers(pa.chunked_array([numbers], pa.int64()))
    distinct = sorted({n for n in numbers if n is not None})
    if not distinct:
        assert ranked is None
        return
    codes, categories = ranked
    assert categories.to_pylist() == distinct
    assert [None if c < 0 else distinct[c] for c in codes] == numbers


def test_null_keys_are_nobody_and_of_equal_keys_the_first_counts():
    keys = pa.chunked_array([[7, None, 7, 8]], pa.int64())
    assert locate(keys, pa.array([8, None, 7])).tolist() == [3, -1, 0]


@pytest.mark.parametrize("keys", [["a", "b"], [0, 10**12], [None]])
def test_other_keys_are_left_to_hashing(keys):
    column = pa.chunked_array([keys], pa.string() if "a" in keys else pa.int64())
    assert locate(column, column) is None
    assert rank_numbers(column) is None
    there = [0, 1] if None not in keys else [-1]
    assert find_rows(column, column).tolist() == there
    assert encode(column, ValueType.CODE).data.tolist() == there


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_index_of_a_table_in_any_order_is_that_of_sorting(newest_first):
    rng = np.random.default_rng(0)
    parents = rng.integers(-1, 3, 500)
    visible = rng.integers(0, 300, 500)
    visible[::50] = NEVER
    if newest_first:
        visible = np.sort(visible)[::-1].copy()
    index = build_index(parents, visible, 3)
    rows = np.flatnonzero((parents >= 0) & (visible != NEVER))
    expected = rows[np.lexsort((visible[rows], parents[rows]))]
    assert index.order.tolist() == expected.tolist()
    assert index.visible.tolist() == visible[expected].tolist()
    assert index.offsets.tolist() == [0, *np.cumsum(np.bincount(parents[expected], minlength=3))]
