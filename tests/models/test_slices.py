import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.slices import slice_rows

COLUMNS = {
    "number": [1.5, 2.0, np.nan, 7.25, 9.0, 11.0, 12.0, 3.0, 4.0, 5.0, 6.0, 8.0],
    "few": [0, 1, 2, 1, 1, 0, 0, 0, 0, 0, 2, 1],
    "flag": [True, False] * 6,
    "region": ["north", "south", None] * 4,
    "day": pd.date_range("2024-01-01", periods=12),
    "kind": pd.Categorical(["a", "b", "a", None] * 3),
}


def frame_of(names=tuple(COLUMNS)):
    return pd.DataFrame({name: COLUMNS[name] for name in names})


def levels(name, **options):
    return {part.level: part.n_rows for part in slice_rows(frame_of(), [name], **options)}


def test_slices_are_named_by_what_is_in_them():
    assert levels("region") == {"north": 4, "south": 4, "missing": 4}
    assert levels("kind") == {"a": 6, "b": 3, "missing": 3}
    assert levels("few") == {"0": 6, "1": 4, "2": 2}
    assert levels("flag") == {"False": 6, "True": 6}
    assert levels("number") == {
        "1.500 to 3": 3,
        "above 3 to 6": 3,
        "above 6 to 9": 3,
        "above 9 to 12": 2,
        "missing": 1,
    }
    assert levels("day", n_bins=2, max_levels=3) == {
        "2024-01-01 to 2024-01-06": 6,
        "above 2024-01-06 to 2024-01-12": 6,
    }


def test_rare_levels_are_put_together():
    frame = pd.DataFrame({"city": list("aaabbcde")})
    named = {part.name: part.n_rows for part in slice_rows(frame, ["city"], max_levels=2)}
    assert named == {"city: a": 3, "city: b": 2, "city: other": 3}


def test_a_value_that_most_rows_have_is_a_slice():
    frame = pd.DataFrame({"n": [0] * 80 + list(range(1, 21))})
    named = {part.level: part.n_rows for part in slice_rows(frame, ["n"])}
    assert named == {"0": 80, "above 0 to 20": 20}


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-5, 5), st.integers(0, 3)), max_size=40),
    n_bins=st.integers(1, 5),
    max_levels=st.integers(1, 4),
)
def test_every_row_is_in_exactly_one_slice_of_a_column(values, n_bins, max_levels):
    for kind in (float, object):
        frame = pd.DataFrame({"x": pd.Series(values, dtype=kind)})
        parts = slice_rows(frame, ["x"], n_bins=n_bins, max_levels=max_levels)
        covered = sum((part.rows.astype(int) for part in parts), np.zeros(len(frame), int))
        assert (covered == 1).all()
        assert all(part.n_rows for part in parts)


def test_the_order_of_rows_changes_no_slice():
    frame = frame_of()
    turned = frame.iloc[::-1]
    for here, there in zip(
        slice_rows(frame, list(frame), max_levels=3),
        slice_rows(turned, list(frame), max_levels=3),
        strict=True,
    ):
        assert here.name == there.name
        assert (here.rows == there.rows[::-1]).all()


def test_an_unknown_column_is_named():
    with pytest.raises(ModelError, match=r"columns of the rows \(region, …\), got city"):
        slice_rows(frame_of(["region"]), ["region", "city"])
