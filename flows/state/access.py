"""Access to the ledger's tables: small transactions that write a row or read records."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Select, Table, insert
from sqlalchemy.exc import IntegrityError

from flows.state.records import Batch, DecisionRow, OutboxRow, Promotion, RunRow

Row = TypeVar("Row", RunRow, Promotion, Batch, DecisionRow, OutboxRow)


class Access:
    """What every part of the ledger stands on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def _insert(self, table: Table, values: Mapping[str, Any], *, once: bool = False) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(table).values(dict(values)))
        except IntegrityError:
            if not once:
                raise

    def _rows(self, record: type[Row], query: Select[Any]) -> list[Row]:
        names = [field.name for field in fields(record)]
        with self._engine.connect() as connection:
            return [_record(record, names, row) for row in _mappings(connection, query)]


def _mappings(connection: Connection, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _record(record: type[Row], names: Sequence[str], row: Mapping[str, Any]) -> Row:
    return record(**{name: row[name] for name in names})
