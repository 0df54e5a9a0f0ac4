"""The matrix on disk: names, batches that appear whole, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from features.errors import StoreError
from features.matrix import column_name, matrix_columns, write_batches, write_matrix
from features.partitions import list_files

CREATED = pd.Timestamp("2013-02-01")


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flight_id": [3, 1, 2],
            "cutoff_time": pd.to_datetime(
                ["2013-01-02 10:00", "2013-01-01 23:59", "2013-01-01 00:00"]
            ),
            "MEAN(t.delay, 7 Days)": [1.5, np.nan, -0.0],
            "carrier": ["AA", None, "UA"],
            "IS_WEEKEND(time)": [True, False, True],
        }
    )


def write(frame: pd.DataFrame, directory: Path, created_at: pd.Timestamp = CREATED) -> Path:
    return write_matrix(frame, directory=directory, key="flight_id", created_at=created_at)


class TestColumnName:
    @given(st.text(min_size=1))
    def test_is_safe_for_feast_duckdb_and_spark(self, name: str) -> None:
        column = column_name(name)
        assert column.isascii()
        assert column == column.lower()
        assert column.replace("_", "a").isalnum()
        assert "__" not in column
        assert column == column_name(name)

    @given(st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=2, max_size=40))
    def test_different_features_have_different_columns(self, names: list[str]) -> None:
        assert len({column_name(name) for name in names}) == len(names)

    @pytest.mark.parametrize("name", ["a__b", "A", "a:b", "cutoff_time", "created_at", "é", "_a"])
    def test_what_readers_would_mistake_is_renamed(self, name: str) -> None:
        assert column_name(name) != name

    def test_plain_names_stay(self) -> None:
        assert column_name("sched_dep_time") == "sched_dep_time"


class TestWriteMatrix:
    def test_partitions_hold_their_days_sorted(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        batch = write(frame, tmp_path)
        days = {file.parent.name: pq.ParquetFile(file).read() for file in batch.rglob("*.parquet")}
        assert sorted(days) == ["cutoff_day=2013-01-01", "cutoff_day=2013-01-02"]
        assert days["cutoff_day=2013-01-01"]["flight_id"].to_pylist() == [2, 1]

    def test_names_and_types_are_kept_in_the_file(
        self, frame: pd.DataFrame, tmp_path: Path
    ) -> None:
        (first, *_) = sorted(write(frame, tmp_path).rglob("*.parquet"))
        schema = pq.read_schema(first)
        assert [str(field.type) for field in schema] == [
            "int64",
            "timestamp[us]",
            "double",
            "string",
            "double",
            "timestamp[us]",
        ]
        kept = [field.metadata[b"name"].decode() for field in schema if field.metadata]
        assert kept == list(frame.columns)

    def test_same_content_is_the_same_batch(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        shuffled = frame.sample(frac=1, random_state=0)
        batches = {
            write(frame, tmp_path),
            write(frame, tmp_path, CREATED + pd.Timedelta("1D")),
            write(shuffled, tmp_path),
        }
        assert len(batches) == 1
        assert [path.name for path in tmp_path.iterdir()] == [batches.pop().name]

    def test_other_content_is_another_batch(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        other = frame.assign(carrier=["AA", "UA", None])
        third = frame.rename(columns={"carrier": "origin"})
        assert len({write(part, tmp_path) for part in (frame, other, third)}) == 3

    def test_racing_writers_leave_one_batch(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            batches = set(pool.map(lambda _: write(frame, tmp_path), range(8)))
        assert list(tmp_path.iterdir()) == list(batches)

    def test_a_batch_being_written_is_not_listed(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        batch = write(frame, tmp_path)
        batch.rename(tmp_path / f".{batch.name}.1234.tmp")
        with pytest.raises(StoreError, match="found no Parquet file"):
            list_files(tmp_path, partition="cutoff_day")
        with pytest.raises(StoreError, match="found no Parquet file"):
            matrix_columns(tmp_path)

    def test_parts_are_stored_as_a_frame_is(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        frame = frame.sort_values("cutoff_time", ignore_index=True)
        parts = [frame.iloc[:2], frame.iloc[2:]]
        batches = [pa.RecordBatch.from_pandas(part, preserve_index=False) for part in parts]
        whole = write(frame, tmp_path / "frame")
        directory = tmp_path / "parts"
        cut = write_batches(batches, directory=directory, key="flight_id", created_at=CREATED)
        assert cut.name == whole.name
        pd.testing.assert_frame_equal(pd.read_parquet(cut), pd.read_parquet(whole))

    def test_string_keys(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        frame["flight_id"] = ["x", "y", "z"]
        write(frame, tmp_path)
        assert "flight_id" in matrix_columns(tmp_path)

    def test_all_null_columns_keep_their_type(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        frame["carrier"] = pd.Series([None] * 3, dtype=object)
        (first, *_) = write(frame, tmp_path).rglob("*.parquet")
        assert str(pq.read_schema(first).field("carrier").type) == "string"


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"flight_id": [1.5, 2.5, 3.5]}, "to hold numbers, or strings"),
            ({"flight_id": [1, None, 3]}, "Expected a key in every row"),
            ({"cutoff_time": ["a", "b", "c"]}, "Expected naive UTC timestamps"),
            ({"cutoff_time": pd.to_datetime(["2013", None, "2013"])}, "a time in every row"),
            (
                {"cutoff_time": pd.to_datetime(["2013", "2013", "2013"], utc=True)},
                "Expected naive UTC timestamps",
            ),
            ({"carrier": ["AA", 1, 2.5]}, "'carrier' to hold numbers, or strings and nulls"),
            ({"carrier": pd.to_datetime(["2013"] * 3)}, "got dtype datetime64"),
        ],
    )
    def test_values(
        self, frame: pd.DataFrame, tmp_path: Path, change: dict[str, object], message: str
    ) -> None:
        with pytest.raises(StoreError, match=message):
            write(frame.assign(**change), tmp_path)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "values", "message"),
        [
            ("k", pa.array([1.0, 2.0]), "the key whole ones.* got double"),
            ("k", pa.array([1, None]), "a value in every row, got nulls in column 'k'"),
            ("cutoff_time", pa.array([1, 2]), "naive times, got int64"),
            ("cutoff_time", pa.array([1, 2], pa.timestamp("us", tz="UTC")), "got timestamp"),
            ("x", pa.array([1, 2], pa.timestamp("us")), "'x' to hold numbers.* got timestamp"),
        ],
    )
    def test_values_of_parts(
        self, tmp_path: Path, name: str, values: pa.Array, message: str
    ) -> None:
        columns = {"k": pa.array([1, 2]), "cutoff_time": pa.array([1, 2], pa.timestamp("us"))}
        batch = pa.record_batch(columns | {"x": pa.array([True, None]), name: values})
        with pytest.raises(StoreError, match=message):
            write_batches([batch], directory=tmp_path, key="k", created_at=CREATED)
        assert list(tmp_path.iterdir()) == []

    def test_columns_and_rows(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="Expected columns 'cutoff_time'"):
            write(frame.drop(columns="cutoff_time"), tmp_path)
        with pytest.raises(StoreError, match=r"got twice: \['carrier'\]"):
            write(pd.concat([frame, frame[["carrier"]]], axis=1), tmp_path)
        with pytest.raises(StoreError, match="got none"):
            write(frame.iloc[:0], tmp_path)


class TestListFiles:
    def test_only_days_in_question(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        write(frame, tmp_path)
        noon = datetime(2013, 1, 2, 12)
        (file,) = list_files(tmp_path, partition="cutoff_day", first=noon)
        assert "cutoff_day=2013-01-02" in file
        assert len(list_files(tmp_path, partition="cutoff_day", last=noon)) == 2

    def test_no_day_in_question_gives_a_file_for_its_columns(
        self, frame: pd.DataFrame, tmp_path: Path
    ) -> None:
        write(frame, tmp_path)
        late = datetime(2020, 1, 1)
        assert len(list_files(tmp_path, partition="cutoff_day", first=late)) == 1

    @settings(max_examples=25, deadline=None)
    @given(st.datetimes(datetime(2012, 12, 30), datetime(2013, 1, 5)))
    def test_files_without_a_day_are_always_listed(self, moment: datetime) -> None:
        file = str(Path(__file__))
        assert list_files(Path(file), partition="day", first=moment, last=moment) == (file,)
