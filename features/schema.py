"""Tables, keys, times and relationships, without data: what every later step is typed by.

A `Schema` cannot be built inconsistent, so whoever receives one need not check it again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from features.errors import SchemaError
from features.fingerprint import fingerprint

HISTORY = "past_labels"
"""Name of the table that is made of the target's past labels; no other table may have it."""

_RELATIONSHIP = re.compile(r"\s*([^\s.]+)\.([^.<]+?)\s*<-\s*([^\s.]+)\.([^.<]+?)\s*")


class ColumnType(StrEnum):
    """What a column means to feature synthesis."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    """Naive UTC, microseconds."""
    CATEGORICAL = "categorical"
    """Strings from a limited set."""
    TEXT = "text"
    """Strings that hardly repeat."""
    KEY = "key"
    """The table's key, or a foreign key; int64 or string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: its columns in order, and when its rows and columns become visible.

    Parameters
    ----------
    name
        Unique in the schema.
    key
        Column that names a row; its type is KEY.
    columns
        Column to type, in the order of the source.
    time
        DATETIME column from which on a row is visible (inclusive); None: always visible.
    known_at
        Per DATETIME column, the columns whose values are visible only from then on. Neither
        `key` nor `time` may be hidden in this way, and a column at most once.

    Raises
    ------
    SchemaError
        When a name is unknown, used twice, or of a type that does not fit its use.
    """

    name: str
    key: str
    columns: Mapping[str, ColumnType]
    time: str | None = None
    known_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {name: ColumnType(kind) for name, kind in self.columns.items()}
        known_at = {moment: tuple(names) for moment, names in self.known_at.items()}
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "known_at", known_at)
        self._expect(self.key, "key", ColumnType.KEY)
        if self.time is not None:
            self._expect(self.time, "time", ColumnType.DATETIME)
        for moment, hidden in self.known_at.items():
            self._expect(moment, "known_at", ColumnType.DATETIME)
            for name in hidden:
                self._expect(name, f"known_at.{moment}")
        self._check_hidden()

    def __hash__(self) -> int:
        return hash((self.name, self.key, tuple(self.columns.items()), self.time))

    def known_from(self, column: str) -> str | None:
        """Name the column that says when `column` becomes visible.

        Returns
        -------
        str or None
            The `known_at` time column that governs it (a known_at time column governs itself),
            else the table's `time`.
        """
        for moment, hidden in self.known_at.items():
            if column == moment or column in hidden:
                return moment
        return self.time

    def _expect(self, column: str, use: str, kind: ColumnType | None = None) -> None:
        if column not in self.columns:
            raise SchemaError.unknown_column(self.name, column, use, list(self.columns))
        if kind is not None and self.columns[column] is not kind:
            raise SchemaError.wrong_type(self.name, column, use, kind, self.columns[column])

    def _check_hidden(self) -> None:
        hidden = [name for names in self.known_at.values() for name in names]
        for name in hidden:
            if name in (self.key, self.time):
                raise SchemaError.hides_anchor(self.name, name)
            if name in self.known_at:
                raise SchemaError.hides_moment(self.name, name)
        if self.time in self.known_at:
            raise SchemaError.hides_anchor(self.name, str(self.time))
        twice = _first_repeated(hidden)
        if twice is not None:
            raise SchemaError.repeated(f"column {twice!r} in known_at of table {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """One parent row has many child rows: `parent.parent_column <- child.child_column`."""

    parent: str
    parent_column: str
    child: str
    child_column: str

    @classmethod
    def parse(cls, text: str) -> "Relationship":
        """Read `parent.column <- child.column`.

        Raises
        ------
        SchemaError
            When the text has another form.

        Examples
        --------
        >>> Relationship.parse("planes.tailnum <- flights.tailnum").parent
        'planes'
        >>> Relationship.parse("planes = flights")
        Traceback (most recent call last):
        ...
        features.errors.SchemaError: Expected a relationship like 'planes.tailnum <- flights.tailnum' (parent.key <- child.column), got 'planes = flights'.
        """  # noqa: E501
        match = _RELATIONSHIP.fullmatch(text)
        if match is None:
            raise SchemaError.malformed_relationship(text)
        parent, parent_column, child, child_column = match.groups()
        return cls(
            parent=parent, parent_column=parent_column, child=child, child_column=child_column
        )

    def __str__(self) -> str:
        return f"{self.parent}.{self.parent_column} <- {self.child}.{self.child_column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All tables and how they hang together.

    Raises
    ------
    SchemaError
        When a table name or relationship comes twice, a relationship names an unknown table or
        column, its parent column is not the parent's key, its child column is not of type KEY,
        or a table would be its own parent.
    """

    tables: tuple[Table, ...]
    relationships: tuple[Relationship, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", tuple(self.tables))
        object.__setattr__(self, "relationships", tuple(self.relationships))
        twice = _first_repeated(table.name for table in self.tables)
        if twice is not None:
            raise SchemaError.repeated(f"table {twice!r}")
        twice = _first_repeated(str(relationship) for relationship in self.relationships)
        if twice is not None:
            raise SchemaError.repeated(f"relationship {twice!r}")
        for relationship in self.relationships:
            self._check(relationship)

    def table(self, name: str) -> Table:
        """Give the table called `name`.

        Raises
        ------
        SchemaError
            When there is none; the nearest name is suggested.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise SchemaError.unknown_table(name, [table.name for table in self.tables])

    @property
    def fingerprint(self) -> str:
        """Name of the content; the order of columns, tables and relationships counts."""
        return fingerprint(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Give the JSON-able content, which `from_json` takes back."""
        return {
            "tables": [_table_to_json(table) for table in self.tables],
            "relationships": [str(relationship) for relationship in self.relationships],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Schema":
        """Take back what `to_json` gave."""
        return cls(
            tables=tuple(_table_from_json(table) for table in content["tables"]),
            relationships=tuple(Relationship.parse(text) for text in content["relationships"]),
        )

    def _check(self, relationship: Relationship) -> None:
        parent, child = self.table(relationship.parent), self.table(relationship.child)
        for table, column in (
            (parent, relationship.parent_column),
            (child, relationship.child_column),
        ):
            table._expect(column, f"relationship {relationship}")
        if relationship.parent_column != parent.key:
            raise SchemaError.not_the_key(str(relationship), parent.name, parent.key)
        if parent.name == child.name:
            raise SchemaError.own_parent(str(relationship))
        child._expect(relationship.child_column, f"relationship {relationship}", ColumnType.KEY)


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _table_to_json(table: Table) -> dict[str, Any]:
    # NOTE: columns as pairs, because canonical JSON orders mappings and column order counts.
    return {
        "name": table.name,
        "key": table.key,
        "columns": [[name, str(kind)] for name, kind in table.columns.items()],
        "time": table.time,
        "known_at": [[time, list(names)] for time, names in table.known_at.items()],
    }


def _table_from_json(content: Mapping[str, Any]) -> Table:
    known_at: Sequence[Any] = content["known_at"]
    return Table(
        name=content["name"],
        key=content["key"],
        columns={name: ColumnType(kind) for name, kind in content["columns"]},
        time=content["time"],
        known_at={time: tuple(names) for time, names in known_at},
    )
