"""What may go wrong between a source and a snapshot, each with one clear message."""

from collections.abc import Sequence

from features.errors import FeatureError
from features.wording import listed, shortened


class SourceError(FeatureError):
    """A source cannot be read."""

    @classmethod
    def not_one_origin(cls, table: str, given: Sequence[str]) -> "SourceError":
        """A table has no origin, or two."""
        return cls(
            f"Table {table!r}: expected exactly one of `source` (a file, glob or URL) and `sql`, "
            f"got {' and '.join(given) or 'neither'}."
        )

    @classmethod
    def bad_name(cls, table: str) -> "SourceError":
        """A table's name cannot be used in SQL and as a file name."""
        return cls(
            "Expected a table name of letters, digits and `_` that does not start with a digit, "
            f"got {table!r}. Rename the table."
        )

    @classmethod
    def unreadable(cls, table: str, source: str, reason: object, advice: str) -> "SourceError":
        """A file is missing, or is not what its name says."""
        return cls(
            f"Table {table!r}: expected to read {source!r}, got: {shortened(reason)}. {advice}"
        )

    @classmethod
    def needs_extension(cls, table: str, source: str) -> "SourceError":
        """DuckDB would have to load code from the network."""
        return cls(
            f"Table {table!r}: expected a source that DuckDB reads without extensions, got "
            f"{shortened(source)!r}. Perennial never downloads extensions: copy the files to "
            "a local path (CSV, Parquet or JSON), or read a database by postgresql://."
        )

    @classmethod
    def out_of_reach(cls, table: str, reason: object, allowed: str) -> "SourceError":
        """A file lies where this project may not read."""
        return cls(
            f"Table {table!r}: expected to read {allowed} alone, got: {shortened(reason)}. "
            "Write the file's name out in the spec (a computed one begins with "
            "getvariable('project') || '/'), or have its folder added to PERENNIAL_SOURCES."
        )

    @classmethod
    def failed_sql(cls, what: str, reason: object) -> "SourceError":
        """SQL is refused by DuckDB, or fails while it runs."""
        return cls(
            f"{what}: expected DuckDB SQL that runs, got: {shortened(reason)}. "
            "Correct it; names in it are the tables of the spec."
        )

    @classmethod
    def not_a_select(cls, what: str, got: str) -> "SourceError":
        """SQL does something else than reading."""
        return cls(
            f"{what}: expected one reading statement, got {shortened(got)}. "  # noqa: S608
            "Write it as a single SELECT (a pivot as SELECT … FROM (PIVOT … ON … IN (…)))."
        )

    @classmethod
    def circular(cls, tables: Sequence[str]) -> "SourceError":
        """Tables are each made from the other."""
        return cls(
            "Expected tables whose SQL can be run one after the other, got a circle: "
            f"{' -> '.join(tables)}. Read one of them from its file."
        )

    @classmethod
    def bad_address(cls, table: str, problem: str) -> "SourceError":
        """A postgresql:// address does not say what to read."""
        return cls(
            f"Table {table!r}: expected postgresql://user@host:5432/database?table=schema.table "
            f"(or ?query=SELECT…), got {problem}."
        )

    @classmethod
    def database_failed(cls, table: str, address: str, reason: object) -> "SourceError":
        """The database does not answer, or refuses."""
        return cls(
            f"Table {table!r}: expected {address} to give rows, got: {shortened(reason)}. "
            "Check that the server runs, that the user may read, and the table's name."
        )


class DataError(FeatureError):
    """A table's content is not what its declaration says."""

    @classmethod
    def empty(cls, table: str) -> "DataError":
        """A source gives no row."""
        return cls(
            f"Table {table!r}: expected rows, got an empty table. "
            "Correct the source, or remove the table from the spec."
        )

    @classmethod
    def empty_as_of_now(cls, table: str, time: str, now: object, first: object) -> "DataError":
        """Every row is later than now."""
        return cls(
            f"Table {table!r}: expected rows with {time} up to now ({now}), got an empty table as "
            f"of now: the first row is of {first}. Check the time zone (times are UTC) and "
            "that `now` is meant."
        )

    @classmethod
    def repeated_columns(cls, table: str, columns: Sequence[str]) -> "DataError":
        """Column names that differ by case only, or not at all."""
        return cls(
            f"Table {table!r}: expected column names that differ by more than case, got "
            f"{listed(columns)}. Rename one in `sql`: SELECT … AS other_name."
        )

    @classmethod
    def unsupported_type(
        cls, table: str, column: str, got: str, kind: str | None = None
    ) -> "DataError":
        """A column's type has no meaning to feature synthesis, or not the one asked for."""
        wanted = kind or "numbers, booleans, times or strings"
        return cls(
            f"Table {table!r}, column {column!r}: expected {wanted}, got {got}. "
            "Convert it in `sql` (for example CAST, or leave it out of the SELECT)."
        )

    @classmethod
    def unparsable(
        cls, table: str, column: str, kind: str, values: Sequence[object]
    ) -> "DataError":
        """Values cannot be read as the type that is asked for."""
        wanted = {
            "datetime": "ISO timestamps (2013-06-01T14:30:00, naive ones are UTC)",
            "numeric": "numbers",
            "boolean": "booleans (true/false, yes/no, 1/0)",
            "key": "whole numbers or strings as keys",
        }[kind]
        return cls(
            f"Table {table!r}, column {column!r}: expected {wanted}, got {listed(values)}. "
            "Convert it in `sql` (for example strptime), or make the values null."
        )

    @classmethod
    def null_times(cls, table: str, time: str, count: int) -> "DataError":
        """Rows have no moment of becoming visible."""
        return cls(
            f"Table {table!r}, time: expected a time in every row, got {count:,} nulls in "
            f"{time!r}. Fill or leave out these rows in `sql`; a row without a time would never "
            "be visible."
        )

    @classmethod
    def null_keys(cls, table: str, key: str, count: int) -> "DataError":
        """Rows have no name."""
        return cls(
            f"Table {table!r}, key: expected a value in every row, got {count:,} nulls in "
            f"{key!r}. Leave these rows out in `sql`, or name another key."
        )

    @classmethod
    def duplicate_keys(
        cls, table: str, key: str, count: int, examples: Sequence[object]
    ) -> "DataError":
        """Rows share a name."""
        return cls(
            f"Table {table!r}, key: expected one row per {key!r}, got {count:,} keys that repeat: "
            f"{listed(examples)}. Make rows unique in `sql` (DISTINCT, GROUP BY), name another "
            "key, or set `key: null` if nothing refers to the table."
        )

    @classmethod
    def key_and_time(cls, table: str, column: str) -> "DataError":
        """One column is asked to be a key and a time."""
        return cls(
            f"Table {table!r}: expected different columns for keys and times, got {column!r} for "
            "both. Select it twice in `sql`, under two names."
        )

    @classmethod
    def key_type_mismatch(cls, relationship: str, parent: str, child: str) -> "DataError":
        """Parent and child hold keys of different types, so nothing would match."""
        return cls(
            f"Relationship {relationship!r}: expected keys of one type on both sides, got {parent} "
            f"in the parent and {child} in the child. Set `types` of one side to `categorical` "
            "(strings) or `numeric` (whole numbers), or CAST it in `sql`."
        )

    @classmethod
    def no_key(cls, table: str, relationship: str) -> "DataError":
        """A parent has no key."""
        return cls(
            f"Table {table!r}: expected a key, because relationship {relationship!r} refers to it, "
            "got none. Set `key` to the column that names its rows."
        )

    @classmethod
    def key_taken(cls, table: str, column: str) -> "DataError":
        """The name for a made key is in use."""
        return cls(
            f"Table {table!r}: expected the name {column!r} to be free for the key that is made "
            "for a table without one, got a column of that name. Rename it in `sql`, or set "
            "`key` to it."
        )


class SnapshotError(FeatureError):
    """A stored snapshot is missing, damaged, or asked for what it does not hold."""

    @classmethod
    def missing(cls, directory: object) -> "SnapshotError":
        """There is no snapshot."""
        return cls(
            f"Expected a snapshot in {directory}, found no readable manifest.json there. "
            "Take the snapshot (again)."
        )

    @classmethod
    def missing_file(cls, path: object) -> "SnapshotError":
        """A table's file is gone."""
        return cls(
            f"Expected the snapshot's file {path}, found none. Remove the snapshot's directory "
            "and take it again."
        )

    @classmethod
    def damaged(cls, path: object, expected: str, got: str) -> "SnapshotError":
        """A file's bytes are not those that were written."""
        return cls(
            f"Expected {path} to have fingerprint {expected[:16]}, got {got[:16]}: "
            "the snapshot was changed after it was taken. Remove its directory and take it again."
        )

    @classmethod
    def changed(cls, path: object) -> "SnapshotError":
        """The manifest is not the one that was written."""
        return cls(
            f"Expected {path} as it was written, but its hash differs: the snapshot was changed "
            "after it was taken. Remove its directory and take it again."
        )
