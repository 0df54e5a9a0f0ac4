"""How snapshot files are written: every type comes back, and rows appended leave groups alone."""

import decimal
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features import parquet
from features.parquet import write_rows

TYPES = pa.table(
    {
        "whole": pa.array([2**63 - 1, None, -(2**63)]),
        "small": pa.array([127, None, -128], pa.int8()),
        "unsigned": pa.array([2**64 - 1, None, 0], pa.uint64()),
        "number": [1.5, None, float("inf")],
        "moment": pa.array([datetime(2024, 1, 1, 1, 2, 3, 4), None, datetime(1900, 1, 1)]),
        "day": pa.array([date(2024, 1, 1), None, date(1, 1, 1)]),
        "flag": [True, None, False],
        "text": ["a", None, ""],
        "long": pa.array(["b", None, "c"], pa.large_string()),
        "price": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")]),
    }
)


def test_every_type_comes_back(tmp_path):
    for rows in (TYPES, TYPES.slice(0, 0), pa.concat_tables([TYPES, TYPES])):
        write_rows(rows, tmp_path / "rows.parquet")
        assert pq.read_table(tmp_path / "rows.parquet").equals(rows)


def test_appended_rows_leave_the_groups_before_them_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP", 1_000)
    rng = np.random.default_rng(0)
    texts = pa.array([f"product {i}" for i in rng.integers(0, 50, 3_500)])
    rows = pa.table({"n": rng.integers(0, 10**9, 3_500), "x": rng.random(3_500), "t": texts})
    files = []
    for n_rows in (2_500, 3_500):
        write_rows(rows.slice(0, n_rows), tmp_path / "rows.parquet")
        metadata = pq.read_metadata(tmp_path / "rows.parquet")
        last = metadata.row_group(1).column(2)
        end = last.dictionary_page_offset + last.total_compressed_size
        files.append((tmp_path / "rows.parquet").read_bytes()[:end])
    assert files[0] == files[1]
