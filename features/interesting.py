"""Interesting values: those of a column for which child rows are also summarized apart."""

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from features.errors import SchemaError
from features.query import connect, literal, quote
from features.schema import ColumnType, Schema
from features.snapshot import Snapshot

Value = str | bool
Wanted = Mapping[str, Mapping[str, int | Sequence[Value]]]
"""Table to column to values, or how many of the most frequent ones are to be found."""

Interesting = Mapping[str, Mapping[str, tuple[Value, ...]]]

_KINDS = (ColumnType.CATEGORICAL, ColumnType.BOOLEAN)


def find_interesting(snapshot: Snapshot, wanted: Wanted, *, until: pd.Timestamp) -> Interesting:
    """Give the values that are wanted; the most frequent are counted in what `until` could see.

    Of equally frequent values the smaller comes first.

    Raises
    ------
    SchemaError
        When a table or column does not exist, or is neither categorical nor boolean.
    """
    check_interesting(snapshot.schema, wanted)
    with connect() as connection:
        return {
            table: {
                column: _most_frequent(connection, snapshot, table, column, what, until)
                if isinstance(what, int)
                else tuple(what)
                for column, what in columns.items()
            }
            for table, columns in wanted.items()
        }


def check_interesting(schema: Schema, wanted: Wanted) -> None:
    """Refuse what is no category of a table."""
    for name, columns in wanted.items():
        table = schema.table(name)
        for column in columns:
            use = "features.interesting"
            if column not in table.columns:
                raise SchemaError.unknown_column(name, column, use, list(table.columns))
            if table.columns[column] not in _KINDS:
                kind = table.columns[column]
                raise SchemaError.wrong_type(name, column, use, ColumnType.CATEGORICAL, kind)


def _most_frequent(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    table: str,
    column: str,
    n: int,
    until: pd.Timestamp,
) -> tuple[Value, ...]:
    described, value = snapshot.schema.table(table), quote(column)
    moments = {described.time, described.known_from(column)} - {None}
    moment = f"TIMESTAMP '{until.isoformat(sep=' ', timespec='microseconds')}'"
    seen = [f"{quote(str(name))} <= {moment}" for name in sorted(map(str, moments))]
    conditions = " AND ".join([f"{value} IS NOT NULL", *seen])
    path = literal(str(snapshot.path(table)))
    rows = connection.execute(
        f"SELECT {value} FROM read_parquet({path}) WHERE {conditions} "  # noqa: S608
        f"GROUP BY ALL ORDER BY count(*) DESC, {value} LIMIT {int(n)}"
    ).fetchall()
    return tuple(found for (found,) in rows)
