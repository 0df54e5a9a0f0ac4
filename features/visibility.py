"""One table as of a moment: rows and values that come later are not in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.checks import check_key, check_uses, check_values, key_columns, made_key
from features.columns import TypedColumn, is_text, type_column
from features.query import connect, quote
from features.schema import ColumnType, Relationship, Table
from features.source_errors import DataError
from features.sources import TableSource

_RAW = "raw_rows"
_TYPED = "typed_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleTable:
    """A typed and checked table as of a moment.

    Attributes
    ----------
    rows
        Columns as `declaration` types them, in order.
    n_future
        Rows set aside because their time is later.
    time_min, time_max
        First and last time of the visible rows; None without a time.
    """

    rows: pa.Table
    declaration: Table
    n_future: int
    time_min: pd.Timestamp | None
    time_max: pd.Timestamp | None


def as_of(
    source: TableSource,
    raw: pa.Table,
    relationships: Sequence[Relationship],
    *,
    now: pd.Timestamp,
) -> VisibleTable:
    """Type a raw table and hide what `now` cannot know.

    Rows with `time` later than `now` are set aside. Columns under `known_at` are null where
    their moment is later, and also where it is null: a value whose moment nobody knows can
    never be used without the risk of looking ahead. Moments later than `now` become null too.

    Raises
    ------
    SchemaError, DataError
        When the declaration names columns that are not there, or the content breaks one of the
        rules in `checks`.
    """
    check_uses(source, relationships, raw.column_names)
    with connect() as connection:
        connection.register(_RAW, raw)
        columns = _typed_columns(source, relationships, connection)
        check_values(source.name, columns, connection, _RAW)
        values = ", ".join(f"{column.value} AS {quote(column.name)}" for column in columns)
        # NOTE: names of our own are quoted, values are ours; nothing here is a user's SQL.
        connection.execute(f"CREATE TEMP VIEW {_TYPED} AS SELECT {values} FROM {_RAW}")  # noqa: S608
        _check_times(source, connection, now)
        rows = connection.sql(_visible(source, columns, now)).to_arrow_table()
    n_future = raw.num_rows - rows.num_rows
    rows = _with_key(source, rows.combine_chunks())
    return VisibleTable(
        rows=rows,
        declaration=_declare(source, columns, rows),
        n_future=n_future,
        time_min=_extreme(source, rows, pc.min),
        time_max=_extreme(source, rows, pc.max),
    )


def _typed_columns(
    source: TableSource,
    relationships: Sequence[Relationship],
    connection: duckdb.DuckDBPyConnection,
) -> list[TypedColumn]:
    keys = key_columns(source, relationships)
    declared = dict(source.types)
    for time in (source.time, *source.known_at):
        if time is not None:
            declared[time] = ColumnType.DATETIME
    raw = connection.table(_RAW)
    return [
        type_column(source.name, name, kind.id, declared=declared.get(name), is_key=name in keys)
        for name, kind in zip(raw.columns, raw.types, strict=True)
    ]


def _check_times(
    source: TableSource, connection: duckdb.DuckDBPyConnection, now: pd.Timestamp
) -> None:
    if source.time is None:
        return
    time = quote(source.time)
    [(nulls, first)] = connection.execute(
        f"SELECT count(*) - count({time}), min({time}) FROM {_TYPED}"  # noqa: S608
    ).fetchall()
    if nulls:
        raise DataError.null_times(source.name, source.time, nulls)
    if first > now:
        raise DataError.empty_as_of_now(source.name, source.time, now, first)


def _visible(source: TableSource, columns: Sequence[TypedColumn], now: pd.Timestamp) -> str:
    moment = f"TIMESTAMP '{now.isoformat(sep=' ', timespec='microseconds')}'"
    hidden = {moment: moment for moment in source.known_at}
    hidden |= {name: time for time, names in source.known_at.items() for name in names}
    values = ", ".join(
        f"CASE WHEN {quote(hidden[column.name])} <= {moment} THEN {quote(column.name)} END "
        f"AS {quote(column.name)}"
        if column.name in hidden
        else quote(column.name)
        for column in columns
    )
    visible = f" WHERE {quote(source.time)} <= {moment}" if source.time is not None else ""
    return f"SELECT {values} FROM {_TYPED}{visible}{_order(source)}"  # noqa: S608


def _order(source: TableSource) -> str:
    """Keep the source's order; a database table has none, so its rows are put in one."""
    if source.database_table is None:
        return ""
    return f" ORDER BY {quote(source.key)}" if source.key is not None else " ORDER BY ALL"


def _with_key(source: TableSource, rows: pa.Table) -> pa.Table:
    if source.key is None:
        numbers = pa.array(np.arange(rows.num_rows, dtype=np.int64))
        return rows.add_column(0, made_key(source), pa.chunked_array([numbers]))
    check_key(source.name, source.key, rows[source.key])
    return rows


def _declare(source: TableSource, columns: Sequence[TypedColumn], rows: pa.Table) -> Table:
    kinds = {column.name: column.kind for column in columns}
    for name, kind in kinds.items():
        inferred = kind is ColumnType.CATEGORICAL and name not in source.types
        if inferred and is_text(rows[name]):
            kinds[name] = ColumnType.TEXT
    key = source.key or made_key(source)
    return Table(
        name=source.name,
        key=key,
        columns=kinds if source.key is not None else {key: ColumnType.KEY, **kinds},
        time=source.time,
        known_at=source.known_at,
    )


def _extreme(
    source: TableSource, rows: pa.Table, choose: Callable[[pa.ChunkedArray], pa.Scalar]
) -> pd.Timestamp | None:
    if source.time is None:
        return None
    return pd.Timestamp(choose(rows[source.time]).as_py())
