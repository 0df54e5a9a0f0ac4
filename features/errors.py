"""What may go wrong between a source and a matrix, each with one clear message."""

from collections.abc import Sequence

from features.wording import hint, listed


class FeatureError(Exception):
    """Base of everything `features` refuses: says what was expected, what came, what to do."""


class DamageError(FeatureError):
    """A file that something stands on is not as it was written."""

    @classmethod
    def of(cls, path: object, what: str) -> "DamageError":
        """Name the file."""
        return cls(
            f"Expected {path} as it was written, but it {what}. Nothing was taken from it; bring "
            "it back from a backup, or remove what it belongs to and have it made again."
        )


class SchemaError(FeatureError):
    """Tables, columns and relationships do not fit together."""

    @classmethod
    def unknown_table(cls, name: str, known: Sequence[str]) -> "SchemaError":
        """A table is named that does not exist."""
        return cls(f"Expected one of the tables {listed(known)}, got {name!r}{hint(name, known)}")

    @classmethod
    def unknown_column(
        cls, table: str, column: str, use: str, known: Sequence[str]
    ) -> "SchemaError":
        """A column is named that the table does not have."""
        return cls(
            f"Table {table!r}, {use}: expected one of its columns ({listed(known)}), "
            f"got {column!r}{hint(column, known)}"
        )

    @classmethod
    def wrong_type(
        cls, table: str, column: str, use: str, expected: str, got: str
    ) -> "SchemaError":
        """A column's type does not fit what it is used for."""
        return cls(
            f"Table {table!r}, {use}: expected a column of type {expected}, "
            f"got {column!r} of type {got}. Name another column or override its type in `types`."
        )

    @classmethod
    def hides_anchor(cls, table: str, column: str) -> "SchemaError":
        """The key or the time of a table is hidden by known_at."""
        return cls(
            f"Table {table!r}, known_at: expected columns other than the table's key and time, "
            f"got {column!r}; a row's name and moment are known as soon as the row is. "
            "Leave it out of known_at."
        )

    @classmethod
    def hides_moment(cls, table: str, column: str) -> "SchemaError":
        """A known_at time column is itself listed under known_at."""
        return cls(
            f"Table {table!r}, known_at: expected value columns, got {column!r}, which is itself "
            "a known_at time and is visible from its own moment on. Leave it out of the lists."
        )

    @classmethod
    def repeated(cls, what: str) -> "SchemaError":
        """Something that must be unique comes twice."""
        return cls(f"Expected every name once, got twice: {what}. Remove one of them.")

    @classmethod
    def reserved_table(cls, name: str) -> "SchemaError":
        """A project's table is called like the one that is made of past labels."""
        return cls(
            f"Expected no table called {name!r}, which is the name of the table of past labels. "
            "Rename yours, or set features.target_history: false."
        )

    @classmethod
    def malformed_relationship(cls, text: str) -> "SchemaError":
        """The text of a relationship cannot be read."""
        return cls(
            "Expected a relationship like 'planes.tailnum <- flights.tailnum' "
            f"(parent.key <- child.column), got {text!r}."
        )

    @classmethod
    def not_the_key(cls, relationship: str, parent: str, key: str) -> "SchemaError":
        """A relationship points at a column that is not the parent's key."""
        return cls(
            f"Relationship {relationship!r}: expected the key of {parent!r}, which is {key!r}, "
            "on the left. Point it at the key, or make that column the key."
        )

    @classmethod
    def own_parent(cls, relationship: str) -> "SchemaError":
        """A relationship leads from a table to itself."""
        return cls(
            f"Relationship {relationship!r}: expected two different tables, got the same twice. "
            "Give the parent side as a second table with `sql: SELECT … FROM` the first."
        )


class StoreError(FeatureError):
    """The matrix on disk, or Feast, cannot give or take what was asked."""

    @classmethod
    def missing_columns(cls, missing: Sequence[str], available: Sequence[str]) -> "StoreError":
        """Columns that must be there are not."""
        return cls(
            f"Expected columns {listed(missing)}, got only {listed(available)}. "
            "Compute the matrix of the same plan that is registered."
        )

    @classmethod
    def no_rows(cls, directory: object) -> "StoreError":
        """A matrix directory holds no batch."""
        return cls(
            f"Expected a matrix in {directory}, found no Parquet file there. "
            "Name the directory that was given to write_matrix, after writing a batch."
        )

    @classmethod
    def unknown_service(cls, name: str, known: Sequence[str]) -> "StoreError":
        """A feature service was never registered."""
        return cls(
            f"Expected a registered feature service, got {name!r}; "
            f"known: {listed(known) or 'none'}. Register the plan first."
        )

    @classmethod
    def online_unreachable(cls, address: str, reason: object) -> "StoreError":
        """The online store's server does not answer, or refuses."""
        return cls(
            f"Expected the online store at {address} to answer, got: {reason}. "
            "Start the server or correct the setting of the online store; "
            "training and batch scoring do not need it."
        )
