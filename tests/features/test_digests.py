"""Digests of columns: the same for equal values, however they are cut, and for no others."""

import pyarrow as pa
import pytest

from features.digests import Digest

COLUMNS = {
    "text": pa.array(["a", None, "", "bc", "é", "a"]),
    "shifted text": pa.array(["a", None, "b", "c", "é", "a"]),
    "joined text": pa.array(["ab", None, "", "c", "é", "a"]),
    "null text": pa.array(["a", None, None, "bc", "é", "a"]),
    "numbers": pa.array([1.0, None, 0.0, 2.0]),
    "null numbers": pa.array([1.0, None, None, 2.0]),
    "whole numbers": pa.array([1, None, 0, 2]),
}


def digest(*parts: pa.Array) -> str:
    """Digest a column that comes in parts."""
    made = Digest(str(parts[0].type))
    for part in parts:
        made.update(part)
    return made.hexdigest()


@pytest.mark.parametrize("name", COLUMNS)
def test_cuts_do_not_matter(name):
    column = COLUMNS[name]
    for cut in range(len(column) + 1):
        assert digest(column.slice(0, cut), column.slice(cut)) == digest(column)


def test_other_values_have_another_digest():
    assert len({digest(column) for column in COLUMNS.values()}) == len(COLUMNS)
