"""Where a table's rows come from: a file or glob, DuckDB SQL, or a PostgreSQL table.

What is read here is raw: names and types are the source's. `snapshot` makes a table of it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from features.postgres import SCHEMES, DatabaseTable, read_database_table
from features.query import Query, absolute_path, connect, literal, quote
from features.reach import Reach
from features.schema import ColumnType
from features.source_errors import DataError, SourceError

MISSING_NUMBER = "NA"
"""R's mark for a missing value, as most public CSV files write it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CSV = re.compile(r"\.(csv|tsv|txt)(\.(gz|zst))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSource:
    """One table as it is declared.

    Parameters
    ----------
    name
        Name of the table: letters, digits and `_`.
    source
        A file or glob that DuckDB reads without extensions (CSV, Parquet, JSON, also
        compressed), relative to the project's folder. In CSV files an empty field is null, and
        so is `NA` in columns of numbers, booleans and times, but not in strings, where it may
        be a value; `sql: FROM read_csv('…', nullstr = 'NA')` takes it as null there too. Or
        `postgresql://user@host/db?table=schema.table` (or `?query=SELECT…`).
    sql
        DuckDB SQL instead of a source: one SELECT over files, or over other tables by name, of
        which it sees what is visible as of now.
    key
        Column that names a row; None when nothing refers to the table.
    time
        Column from which on a row is visible.
    known_at
        Per time column, the columns whose values are visible only from then on.
    types
        Types that are not to be inferred. For a key or relationship column, `categorical` means
        strings and `numeric` whole numbers.

    Raises
    ------
    SourceError
        When the name is none, or not exactly one of `source` and `sql` is given.
    """

    name: str
    source: str | None = None
    sql: str | None = None
    key: str | None = None
    time: str | None = None
    known_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    types: Mapping[str, ColumnType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise SourceError.bad_name(self.name)
        given = [name for name in ("source", "sql") if getattr(self, name) is not None]
        if len(given) != 1:
            raise SourceError.not_one_origin(self.name, given)

    @property
    def description(self) -> str:
        """The source's text for the manifest, without credentials."""
        database = self.database_table
        return database.address if database else str(self.sql or self.source)

    @property
    def database_table(self) -> DatabaseTable | None:
        """What to read from PostgreSQL, if that is the source."""
        if self.source is None or not self.source.startswith(SCHEMES):
            return None
        return DatabaseTable.parse(self.name, self.source)

    @property
    def query(self) -> Query | None:
        """The SQL, parsed, if that is the source."""
        return None if self.sql is None else Query.parse(self.sql, what=f"Table {self.name!r}, sql")


def in_reading_order(sources: Sequence[TableSource]) -> tuple[TableSource, ...]:
    """Order tables so that each comes after those its SQL selects from.

    Raises
    ------
    SourceError
        When tables are made from one another in a circle.
    """
    by_name = {source.name.lower(): source for source in sources}
    needs = {name: _needed(source, by_name) for name, source in by_name.items()}
    ordered: dict[str, TableSource] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = [by_name[step].name for step in (*path[path.index(name) :], name)]
            raise SourceError.circular(circle)
        if name not in ordered:
            for needed in needs[name]:
                visit(needed, (*path, name))
            ordered[name] = by_name[name]

    for name in by_name:
        visit(name, ())
    return tuple(ordered.values())


def read_source(
    source: TableSource,
    *,
    base_directory: Path,
    tables: Mapping[str, pa.Table],
    roots: tuple[Path, ...] | None = None,
) -> pa.Table:
    """Read all rows of one source.

    Parameters
    ----------
    roots
        Folders besides `base_directory` to which files are held; None: those written out.
    tables
        Tables that `sql` may select from by name.

    Returns
    -------
    pyarrow.Table
        Columns as the source types them. Files and SQL keep their order; rows of a database
        table have none.

    Raises
    ------
    SourceError, DataError
        When the source is missing, unreadable, out of reach, or would need a DuckDB extension; the
        SQL fails; the table is empty, or two of its columns differ by case only.
    """
    table = _read(source, Reach(base_directory=base_directory, roots=roots), tables)
    folded = [name.lower() for name in table.column_names]
    if len(set(folded)) < len(folded):
        twice = [name for name in table.column_names if folded.count(name.lower()) > 1]
        raise DataError.repeated_columns(source.name, twice)
    if table.num_rows == 0:
        raise DataError.empty(source.name)
    return table


def _needed(source: TableSource, known: Mapping[str, TableSource]) -> list[str]:
    query = source.query
    return [name for name in known if query is not None and name in query.tables]


def _read(source: TableSource, reach: Reach, tables: Mapping[str, pa.Table]) -> pa.Table:
    database = source.database_table
    if database is not None:
        return read_database_table(database)
    query = source.query
    if query is not None:
        return _read_sql(source, query, reach, tables)
    path = absolute_path(str(source.source), reach.base_directory)
    try:
        return _read_csv(source, path, reach) if _CSV.search(path) else _read_file(path, reach)
    except duckdb.Error as error:
        raise _refusal(source, error, reach) from error


def _read_sql(
    source: TableSource, query: Query, reach: Reach, tables: Mapping[str, pa.Table]
) -> pa.Table:
    # NOTE: one thread, because with more of them GROUP BY, DISTINCT and joins give rows, and
    # sums of floats, in an order that changes from run to run, and with it the snapshot's hash.
    with connect(n_threads=1) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        reach.confine(connection, query.files)
        try:
            return connection.sql(query.reading_from(reach.base_directory)).to_arrow_table()
        except duckdb.Error as error:
            raise _refusal(source, error, reach) from error


def _read_csv(source: TableSource, path: str, reach: Reach) -> pa.Table:
    """Read CSV files; types come from the first rows, or, where those mislead, from all rows."""
    with connect() as connection:
        reach.confine(connection, [path])
        try:
            return _read_csv_typed(connection, source, path, "")
        except (duckdb.ConversionException, duckdb.InvalidInputException):
            return _read_csv_typed(connection, source, path, ", sample_size = -1")


def _read_csv_typed(
    connection: duckdb.DuckDBPyConnection, source: TableSource, path: str, options: str
) -> pa.Table:
    """Read with `NA` as null in numbers, booleans and times, and as itself in strings.

    NOTE: a column is read twice only if `NA` decides its type. To take `NA` as null everywhere
    would lose real values (a species code, Namibia's country code); to take it nowhere would
    turn every number with a gap into a string.
    """
    options += _declared(connection, source, path)
    plain = connection.sql(f"FROM read_csv({literal(path)}, nullstr = ['']{options})")
    marks = f"['', {literal(MISSING_NUMBER)}]"
    lenient = connection.sql(f"FROM read_csv({literal(path)}, nullstr = {marks}{options})")
    kinds, lenient_kinds = _types(plain), _types(lenient)
    table = plain.to_arrow_table()
    if kinds == lenient_kinds or list(kinds) != list(lenient_kinds):
        return table
    changed = [name for name, kind in kinds.items() if lenient_kinds[name] != kind]
    typed = lenient.select(*map(quote, changed)).to_arrow_table()
    for name in changed:
        table = table.set_column(table.column_names.index(name), name, typed[name])
    return table


def _declared(connection: duckdb.DuckDBPyConnection, source: TableSource, path: str) -> str:
    """Have declared strings read as such, so that leading zeros stay."""
    strings = (ColumnType.CATEGORICAL, ColumnType.TEXT)
    names = [name for name, kind in source.types.items() if kind in strings]
    if names:
        existing = connection.sql(f"FROM read_csv({literal(path)})").columns
        names = [name for name in names if name in existing]
    pairs = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return f", types = {{{pairs}}}" if names else ""


def _types(relation: duckdb.DuckDBPyRelation) -> dict[str, str]:
    return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}


def _read_file(path: str, reach: Reach) -> pa.Table:
    with connect() as connection:
        reach.confine(connection, [path])
        return connection.sql(f"FROM {literal(path)}").to_arrow_table()


def _refusal(source: TableSource, error: duckdb.Error, reach: Reach) -> SourceError:
    if isinstance(error, duckdb.PermissionException):
        return SourceError.out_of_reach(source.name, error, reach.wording)
    if "extension" in str(error) and "INSTALL" in str(error):
        return SourceError.needs_extension(source.name, source.description)
    if source.sql is not None:
        return SourceError.failed_sql(f"Table {source.name!r}, sql", error)
    return SourceError.unreadable(
        source.name,
        str(source.source),
        error,
        "Name a file or glob relative to the folder of the spec, in a format DuckDB reads.",
    )
