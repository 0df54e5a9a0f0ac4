"""Point-in-time joins over Parquet files, in DuckDB: the newest row of a key as of a moment.

Rows are found by their narrow columns first (keys, event time, creation time) as *places*
(file, row number); only then are the wanted columns of those rows read, and only from the files
that hold one. So memory follows what is asked, not what is stored, and a store of many batches
with corrected rows costs no window over wide rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import StoreError

_IN_UTC = " AT TIME ZONE 'UTC'"
_NEVER = "TIMESTAMP '0001-01-01'"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTable:
    """Parquet files whose rows say what was true of a key from a moment on.

    Attributes
    ----------
    files
        At least one path.
    keys
        Key columns, at least one.
    time, created
        Event time and, if there is one, creation time: naive UTC, or with a zone.
    """

    files: tuple[str, ...]
    keys: tuple[str, ...]
    time: str
    created: str | None = None

    def __post_init__(self) -> None:
        if not self.files or not self.keys:
            raise StoreError(f"Expected at least one file and one key column, got {self}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose values are asked for, and as of when; both in the order of the answer.

    Attributes
    ----------
    keys
        One array of shape (n_rows,) per key column of the event table, in its order.
    times
        Naive UTC at microseconds, shape (n_rows,); a null time finds nothing.
    """

    keys: tuple[pa.Array, ...]
    times: pa.Array


@contextmanager
def connect(
    temporary: Path | None = None, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that never fetches an extension and counts time in UTC.

    Parameters
    ----------
    temporary
        Where joins larger than memory spill; without it they fail rather than write into the
        working directory.
    threads
        Upper bound; by default one per core.
    """
    config: dict[str, str | bool | int] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(temporary) if temporary else "",
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def naive_utc(moment: datetime) -> datetime:
    """Give a moment as naive UTC; a naive one is taken to be UTC already.

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta, timezone
    >>> naive_utc(datetime(2013, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    datetime.datetime(2013, 1, 1, 0, 0)
    """
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def join_asof(
    connection: duckdb.DuckDBPyConnection,
    asked: Asked,
    table: EventTable,
    *,
    columns: Mapping[str, str],
    ttl: timedelta | None = None,
) -> pa.Table:
    """Give, for every asked row, the newest values known at its time.

    Parameters
    ----------
    asked
        Keys and times; duplicates are answered each.
    columns
        Column of the files -> name in the answer.
    ttl
        Values older than this count as unknown (an age of exactly `ttl` still counts); by
        default values never age.

    Returns
    -------
    pyarrow.Table
        One row per asked row, in its order; null where nothing was known. The newest row has
        the greatest event time not after the asked one, then the latest creation time, then
        the greatest place.
    """
    keys = [f"k{i}" for i in range(len(table.keys))]
    rows = pa.array(np.arange(len(asked.times)))
    relation = pa.table([*asked.keys, asked.times, rows], names=[*keys, "moment", "answer_row"])
    connection.register("asked", relation)
    alive = "asked.moment <= event_time + $ttl" if ttl else "true"
    equal = " AND ".join(f"asked.{key} = newest.{key}" for key in keys)
    query = f"""
        CREATE OR REPLACE TEMP TABLE found AS
        WITH known AS ({_known(table)}), newest AS (
            SELECT {_list(keys)}, event_time, arg_max(place, (created, place)) AS place
            FROM known WHERE event_time <= (SELECT max(moment) FROM asked) GROUP BY ALL
        )
        SELECT answer_row, CASE WHEN {alive} THEN place END AS place
        FROM asked ASOF LEFT JOIN newest ON {equal} AND asked.moment >= newest.event_time
    """  # noqa: S608
    connection.execute(query, {"files": list(table.files), **({"ttl": ttl} if ttl else {})})
    connection.unregister("asked")
    return _read_found(connection, table, columns)


def pull_newest(
    connection: duckdb.DuckDBPyConnection,
    table: EventTable,
    *,
    columns: Sequence[str],
    start: datetime,
    end: datetime,
    limit: int | None = None,
) -> pa.Table:
    """Give the newest row of every key with event time in [start, end], newest first.

    Parameters
    ----------
    columns
        What to read; keys and times are read when they are named.
    start, end
        Naive UTC, both inclusive.
    limit
        Keep only so many keys, those with the newest rows (equal times in key order).
    """
    keys = [f"k{i}" for i in range(len(table.keys))]
    query = f"""
        CREATE OR REPLACE TEMP TABLE found AS
        WITH known AS ({_known(table)}), newest AS (
            SELECT {_list(keys)}, max(event_time) AS event_time,
                   arg_max(place, (event_time, created, place)) AS place
            FROM known WHERE event_time BETWEEN $start AND $end GROUP BY {_list(keys)}
        )
        SELECT row_number() OVER (ORDER BY event_time DESC, {_list(keys)}) AS answer_row, place
        FROM newest QUALIFY answer_row <= $limit
    """  # noqa: S608
    bound = np.iinfo(np.int64).max if limit is None else limit
    parameters = {"files": list(table.files), "start": start, "end": end, "limit": int(bound)}
    connection.execute(query, parameters)
    return _read_found(connection, table, dict(zip(columns, columns, strict=True)))


def pull_all(
    connection: duckdb.DuckDBPyConnection,
    table: EventTable,
    *,
    columns: Sequence[str],
    start: datetime | None,
    end: datetime | None,
) -> pa.Table:
    """Give every row with event time in [start, end] (naive UTC, inclusive; None is open)."""
    time = _naive(table, table.time)
    bounds = {">= $start": start, "<= $end": end}
    tests = [f"{time} {test}" for test, bound in bounds.items() if bound is not None]
    query = f"""
        SELECT {_list(_quote(column) for column in columns)}
        FROM read_parquet($files, hive_partitioning = false) WHERE {" AND ".join(tests) or "true"}
    """  # noqa: S608
    given = {"start": start, "end": end}
    parameters = {name: bound for name, bound in given.items() if bound is not None}
    return connection.sql(query, params={"files": list(table.files), **parameters}).to_arrow_table()


def _known(table: EventTable) -> str:
    keys = [f"{_quote(key)} AS k{i}" for i, key in enumerate(table.keys)]
    created = _naive(table, table.created) if table.created else _NEVER
    return f"""
        SELECT {_list(keys)}, {_naive(table, table.time)} AS event_time,
               coalesce({created}, {_NEVER}) AS created,
               {{'file': filename, 'row': file_row_number}} AS place
        FROM read_parquet($files, hive_partitioning = false)
    """  # noqa: S608


def _naive(table: EventTable, column: str) -> str:
    """Give the expression of a time column as naive UTC at microseconds.

    NOTE: DuckDB 2.0 has no cast from zoned nanoseconds, which is what pandas writes by default.
    """
    field = pq.read_schema(table.files[0]).field(column)
    zoned = pa.types.is_timestamp(field.type) and field.type.tz is not None
    return f"CAST({_quote(column)}{_IN_UTC if zoned else ''} AS TIMESTAMP)"


def _read_found(
    connection: duckdb.DuckDBPyConnection, table: EventTable, columns: Mapping[str, str]
) -> pa.Table:
    """Read the wanted columns of the places in `found`, ordered by `answer_row`."""
    places = connection.execute("SELECT DISTINCT place.file FROM found WHERE place IS NOT NULL")
    files = sorted(row[0] for row in places.fetchall())
    wanted = [f"data.{_quote(column)} AS {_quote(name)}" for column, name in columns.items()]
    query = f"""
        SELECT {_list(wanted)}
        FROM found LEFT JOIN read_parquet($files, hive_partitioning = false) AS data
        ON data.filename = found.place.file AND data.file_row_number = found.place.row
        ORDER BY found.answer_row
    """  # noqa: S608
    parameters = {"files": files or list(table.files[:1])}
    return connection.sql(query, params=parameters).to_arrow_table()


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _list(parts: Sequence[str] | Iterator[str]) -> str:
    return ", ".join(parts)
