"""The matrix on disk: Parquet batches partitioned by cutoff day, appended whole or not at all.

    directory/batch-<content fingerprint>/cutoff_day=2013-06-01/rows.parquet
    directory/batch-<content fingerprint>/_seal.json

A batch is written under a hidden name and becomes visible by one rename, so whoever lists
`directory` sees complete batches only and no manifest is needed. The name is the content: the
same rows written again (a run repeated after a crash) are the batch that is already there.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.digests import Digest
from features.durable import creating_directory
from features.errors import StoreError
from features.fingerprint import fingerprint
from features.seals import seal

CUTOFF_TIME = "cutoff_time"
CREATED_AT = "created_at"
PARTITION = "cutoff_day"

_PLAIN_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_RESERVED_NAMES = frozenset({CUTOFF_TIME, CREATED_AT, PARTITION, "event_timestamp"})
_SLUG_LENGTH = 48


def column_name(name: str) -> str:
    """Name the column that holds feature (or key) `name`, in files and in Feast.

    NOTE: Feast parses `view:feature` references and joins names by `__`, DuckDB's columns
    ignore case, and Spark refuses ` ,;{}()=` in Parquet; hence a plain name stays and any other
    becomes a readable slug with eight digits of its fingerprint. The way back is kept beside
    the column (Parquet field metadata and Feast field tag `name`), never parsed from the slug.

    Examples
    --------
    >>> column_name("distance")
    'distance'
    >>> column_name("planes.MEAN(flights.arr_delay, Last 7 Days)")
    'planes_mean_flights_arr_delay_last_7_days_78fb69ff'
    """
    if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED_NAMES:
        return name
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower())[:_SLUG_LENGTH].strip("_")
    return f"{slug or 'feature'}_{fingerprint(name)[:8]}"


def write_matrix(
    frame: pd.DataFrame, *, directory: Path, key: str, created_at: pd.Timestamp
) -> Path:
    """Append `frame` to the matrix in `directory` as one batch.

    Parameters
    ----------
    frame
        Columns `key` (integers or strings), `cutoff_time` (naive UTC), and one column per
        feature: numbers and booleans are stored as float64, everything else must be strings or
        null. Row order and index carry no meaning.
    directory
        The matrix of one plan; every batch in it has the same columns.
    key
        Name of the entity's key.
    created_at
        When the rows were computed, naive UTC: of two rows with the same key and cutoff the
        later created one counts. It is no part of the content, so writing the same rows again
        at another time changes nothing.

    Returns
    -------
    Path
        The batch, a directory inside `directory`.

    Raises
    ------
    StoreError
        When a column is missing, twice there, or of a type that no feature has, or there is no
        row.
    """
    batch = _to_batch(frame, key)
    return write_batches([batch], directory=directory, key=key, created_at=created_at)


def write_batches(
    batches: Iterable[pa.RecordBatch],
    *,
    directory: Path,
    key: str,
    created_at: pd.Timestamp,
    origin: str = "",
) -> Path:
    """Append parts that come one after the other, in the order of `cutoff_time`, as one batch.

    Only one part is held at a time; see `write_matrix` for their columns.

    Parameters
    ----------
    origin
        What the values were computed from; it is part of the batch's name, so that rows that
        change back to what they were are written once more.

    Raises
    ------
    StoreError
        As `write_matrix`, or when a part's cutoffs begin before those of the part before it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".writing-", dir=directory) as temporary:
        days = _Days(Path(temporary), created_at)
        with closing(days):
            for batch in batches:
                days.append(_to_table(batch, key))
        if not days.digests:
            raise StoreError(
                "Expected rows to write to the matrix, got none; skip the empty batch."
            )
        content = [[name, digest.hexdigest()] for name, digest in days.digests.items()]
        path = directory / f"batch-{fingerprint([content, origin] if origin else content)}"
        if not path.exists():
            with creating_directory(path) as whole:
                for day in sorted(Path(temporary).iterdir()):
                    os.rename(day, whole / day.name)
                seal(whole)
    return path


def matrix_columns(directory: Path) -> Sequence[str]:
    """Give the column names of the matrix in `directory` (see `column_name`).

    Raises
    ------
    StoreError
        When no batch has been written there.
    """
    first = min(directory.glob(f"batch-*/{PARTITION}=*/*.parquet"), default=None)
    if first is None:
        raise StoreError.no_rows(directory)
    return list(pq.read_schema(first).names)


def _to_batch(frame: pd.DataFrame, key: str) -> pa.RecordBatch:
    _check_names(list(frame.columns), key)
    as_array = {key: to_key_array, CUTOFF_TIME: to_time_array}
    arrays = [as_array.get(name, _to_feature_array)(values) for name, values in frame.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(frame.columns))


def _check_names(names: Sequence[str], key: str) -> None:
    missing = [name for name in (key, CUTOFF_TIME) if name not in names]
    if missing:
        raise StoreError.missing_columns(missing, names)
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    if twice:
        raise StoreError(f"Expected every column of the matrix once, got twice: {twice[:5]}.")


def _to_table(batch: pa.RecordBatch, key: str) -> pa.Table:
    """Give columns the names and types that they have on disk, and rows their order."""
    _check_names(batch.schema.names, key)
    if not batch.num_rows:
        raise StoreError("Expected rows to write to the matrix, got none; skip the empty batch.")
    names = list(dict.fromkeys([key, CUTOFF_TIME, *batch.schema.names]))
    arrays = [_stored(batch.column(name), name, key) for name in names]
    fields = [_field(name, array) for name, array in zip(names, arrays, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    sort_keys = [(CUTOFF_TIME, "ascending"), (column_name(key), "ascending")]
    order = pc.sort_indices(table, sort_keys=sort_keys)
    return table if np.array_equal(order, np.arange(len(order))) else table.take(order)


def _stored(array: pa.Array, name: str, key: str) -> pa.Array:
    """Give a column the type that it has on disk."""
    if name in (key, CUTOFF_TIME) and array.null_count:
        raise StoreError(f"Expected a value in every row, got nulls in column {name!r}.")
    type_ = _type_on_disk(array.type, name, key)
    if type_ is None:
        raise StoreError(
            f"Expected column {name!r} to hold numbers (the key whole ones), or strings and nulls "
            f"only, and {CUTOFF_TIME!r} naive times, got {array.type}. Convert it before writing "
            "the matrix."
        )
    return array if array.type == type_ else array.cast(type_, safe=False)


def _type_on_disk(type_: pa.DataType, name: str, key: str) -> pa.DataType | None:
    if name == CUTOFF_TIME:
        naive = pa.types.is_timestamp(type_) and type_.tz is None
        return pa.timestamp("us") if naive else None
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_null(type_):
        return pa.string()
    if name == key:
        return pa.int64() if pa.types.is_integer(type_) else None
    number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return pa.float64() if number or pa.types.is_boolean(type_) else None


def _field(name: str, array: pa.Array) -> pa.Field:
    column = name if name == CUTOFF_TIME else column_name(name)
    return pa.field(column, array.type, metadata={"name": name})


def to_key_array(values: pd.Series) -> pa.Array:
    """Give keys as int64 or string; refuse nulls and any other type."""
    if values.isna().any():
        raise StoreError(f"Expected a key in every row, got nulls in column {values.name!r}.")
    if pd.api.types.is_integer_dtype(values.dtype):
        return pa.array(values.to_numpy(dtype=np.int64))
    return _to_string_array(values)


def to_time_array(values: pd.Series) -> pa.Array:
    """Give naive UTC times at microseconds; refuse nulls, time zones and any other type."""
    if values.dtype.kind != "M" or isinstance(values.dtype, pd.DatetimeTZDtype):
        raise StoreError(
            f"Expected naive UTC timestamps in column {values.name!r}, got {values.dtype}."
        )
    if values.isna().any():
        raise StoreError(f"Expected a time in every row, got nulls in column {values.name!r}.")
    return pa.array(values.to_numpy().astype("datetime64[us]"))


def _to_feature_array(values: pd.Series) -> pa.Array:
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return pa.array(numbers, from_pandas=True)
    return _to_string_array(values)


def _to_string_array(values: pd.Series) -> pa.Array:
    try:
        return pa.array(values.to_numpy(dtype=object), type=pa.string(), from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise StoreError(
            f"Expected column {values.name!r} to hold numbers, or strings and nulls only, "
            f"got dtype {values.dtype} ({error}). Convert it before writing the matrix."
        ) from error


class _Days:
    """A batch while it is written: one file for each day, and a digest for each column."""

    def __init__(self, directory: Path, created_at: pd.Timestamp) -> None:
        self._directory = directory
        self._created_at = pa.scalar(created_at.to_pydatetime(), pa.timestamp("us"))
        self._last: Any = np.datetime64("NaT")
        self._day: Any = np.datetime64("NaT")
        self._writer: pq.ParquetWriter | None = None
        self.digests: dict[str, Digest] = {}

    def append(self, table: pa.Table) -> None:
        """Write rows that are in the order of their cutoffs."""
        times = table[CUTOFF_TIME].to_numpy()
        if times[0] < self._last:
            raise StoreError(
                f"Expected frames in the order of {CUTOFF_TIME!r}, got {times[0]} after "
                f"{self._last}. Sort the rows before they are computed."
            )
        self._last = times[-1]
        for name, column in zip(table.column_names, table.itercolumns(), strict=True):
            if name not in self.digests:
                self.digests[name] = Digest(str(column.type))
            for chunk in column.chunks:
                self.digests[name].update(chunk)
        created = pa.repeat(self._created_at, len(table))
        table = table.append_column(pa.field(CREATED_AT, pa.timestamp("us")), created)
        days = times.astype("datetime64[D]")
        starts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
        for start, stop in zip(starts, np.r_[starts[1:], len(days)], strict=True):
            self._write(days[start], table.slice(start, stop - start))

    def close(self) -> None:
        """Finish the file that is open."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, day: Any, rows: pa.Table) -> None:
        if self._writer is None or day != self._day:
            self.close()
            folder = self._directory / f"{PARTITION}={day}"
            folder.mkdir()
            # NOTE: a day holds few rows of many columns, where dictionaries, statistics and a
            # thorough codec cost more than they save. 110,000 rows x 150 in 365 days take 1.9 s
            # and 143 MB; with the defaults and zstd, 4.8 s and 164 MB.
            self._writer = pq.ParquetWriter(
                folder / "rows.parquet",
                rows.schema,
                compression="snappy",
                use_dictionary=False,
                write_statistics=[CUTOFF_TIME],
            )
            self._day = day
        self._writer.write_table(rows)
