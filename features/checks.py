"""What a table must fulfil before it may enter a snapshot; each check returns or refuses."""

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import TypedColumn
from features.errors import FeatureError, SchemaError
from features.query import quote
from features.schema import Relationship
from features.source_errors import DataError
from features.sources import TableSource

_N_EXAMPLES = 3


def check_moment(now: pd.Timestamp, name: str = "now") -> None:
    """Refuse a moment that is not naive UTC."""
    if pd.isna(now) or now.tzinfo is not None:
        raise FeatureError(
            f"Expected {name} as a naive UTC timestamp, got {now!r}. "
            "Convert it with .tz_convert('UTC').tz_localize(None)."
        )


def check_declarations(
    sources: Sequence[TableSource], relationships: Sequence[Relationship]
) -> None:
    """Refuse what is wrong whatever the data: names, and relationships without a parent's key."""
    keys = {source.name: source.key for source in sources}
    folded = [source.name.lower() for source in sources]
    for source in sources:
        if folded.count(source.name.lower()) > 1:
            raise SchemaError.repeated(f"table {source.name!r} (case does not count)")
    for relationship in relationships:
        for name in (relationship.parent, relationship.child):
            if name not in keys:
                raise SchemaError.unknown_table(name, list(keys))
        key = keys[relationship.parent]
        if key is None:
            raise DataError.no_key(relationship.parent, str(relationship))
        if key != relationship.parent_column:
            raise SchemaError.not_the_key(str(relationship), relationship.parent, key)


def check_uses(
    source: TableSource, relationships: Sequence[Relationship], columns: Sequence[str]
) -> None:
    """Refuse declarations about columns that the table does not have."""
    for column, use in _uses(source, relationships):
        if column not in columns:
            raise SchemaError.unknown_column(source.name, column, use, columns)
    times = {source.time, *source.known_at}
    for column in key_columns(source, relationships):
        if column in times:
            raise DataError.key_and_time(source.name, column)
    made = made_key(source)
    if source.key is None and made.lower() in (name.lower() for name in columns):
        raise DataError.key_taken(source.name, made)


def key_columns(source: TableSource, relationships: Sequence[Relationship]) -> frozenset[str]:
    """Name the columns that hold keys: the table's own, and those of relationships."""
    foreign = [link.child_column for link in relationships if link.child == source.name]
    return frozenset([*foreign, *([source.key] if source.key is not None else [])])


def made_key(source: TableSource) -> str:
    """Name the key that is made for a table without one."""
    return f"{source.name}_row"


def check_values(
    table: str, columns: Sequence[TypedColumn], connection: duckdb.DuckDBPyConnection, raw: str
) -> None:
    """Refuse values that cannot be read as their column's type; the values are shown.

    Parameters
    ----------
    raw
        Name of the relation in `connection` that holds the source's rows.
    """
    fallible = [column for column in columns if column.value != column.given]
    if not fallible:
        return
    lost = ", ".join(f"count({column.given}) - count({column.value})" for column in fallible)
    [counts] = connection.execute(f"SELECT {lost} FROM {raw}").fetchall()  # noqa: S608
    for column, count in zip(fallible, counts, strict=True):
        if count:
            rows = connection.execute(
                f"SELECT DISTINCT CAST({quote(column.name)} AS VARCHAR) FROM {raw} "  # noqa: S608
                f"WHERE {column.given} IS NOT NULL AND {column.value} IS NULL "
                f"ORDER BY ALL LIMIT {_N_EXAMPLES}"
            ).fetchall()
            values = [value for (value,) in rows]
            raise DataError.unparsable(table, column.name, column.kind, values)


def check_key(table: str, key: str, values: pa.ChunkedArray) -> None:
    """Refuse null and repeated keys."""
    if values.null_count:
        raise DataError.null_keys(table, key, values.null_count)
    if pc.count_distinct(values).as_py() == len(values):
        return
    counts = pc.value_counts(values.combine_chunks())
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    examples = repeated[:_N_EXAMPLES].to_pylist()
    raise DataError.duplicate_keys(table, key, len(repeated), examples)


def check_key_types(relationships: Sequence[Relationship], tables: Mapping[str, pa.Table]) -> None:
    """Refuse relationships whose two sides hold keys of different types."""
    for relationship in relationships:
        parent = tables[relationship.parent].schema.field(relationship.parent_column).type
        child = tables[relationship.child].schema.field(relationship.child_column).type
        if parent != child:
            raise DataError.key_type_mismatch(str(relationship), str(parent), str(child))


def _uses(source: TableSource, relationships: Sequence[Relationship]) -> list[tuple[str, str]]:
    single = [(source.key, "key"), (source.time, "time")]
    uses = [(column, use) for column, use in single if column is not None]
    uses += [(column, "types") for column in source.types]
    for moment, hidden in source.known_at.items():
        uses += [(moment, "known_at"), *((column, f"known_at.{moment}") for column in hidden)]
    for link in relationships:
        if link.child == source.name:
            uses.append((link.child_column, f"relationship {link}"))
    return uses
