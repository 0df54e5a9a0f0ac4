"""The manifest of a snapshot: what its tables are, in a file that vouches for itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.durable import write_text
from features.schema import Schema
from features.seals import parse, render
from features.source_errors import SnapshotError

MANIFEST = "manifest.json"

_UNSEALED = {"snapshot_id", "created_for", "schema", "tables"}
"""Keys of a manifest that was written before manifests had a hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTable:
    """What a snapshot says about one of its tables.

    Attributes
    ----------
    n_future
        Rows of the source that were set aside because they are later than `created_for`.
    sha256
        Of the Parquet file's bytes.
    source
        Text of the source: path, SQL, or address without credentials.
    has_own_key
        False when the key is the row number, which means nothing to another snapshot.
    """

    name: str
    n_rows: int
    n_future: int
    time_min: pd.Timestamp | None
    time_max: pd.Timestamp | None
    sha256: str
    source: str
    has_own_key: bool = True

    def to_json(self) -> dict[str, Any]:
        """Give the table as the manifest has it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        times = {name: fields[name] and fields[name].isoformat() for name in _TIMES}
        return fields | times

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "SnapshotTable":
        """Read what `to_json` gave."""
        times = {name: content[name] and pd.Timestamp(content[name]) for name in _TIMES}
        return cls(**(content | times))


_TIMES = ("time_min", "time_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is known of a snapshot, apart from where it is."""

    snapshot_id: str
    created_for: pd.Timestamp
    schema: Schema
    tables: tuple[SnapshotTable, ...]

    def write(self, directory: Path) -> None:
        """Write it beside the tables."""
        content = {
            "snapshot_id": self.snapshot_id,
            "created_for": self.created_for.isoformat(),
            "schema": self.schema.to_json(),
            "tables": [table.to_json() for table in self.tables],
        }
        write_text(directory / MANIFEST, render(content))

    @classmethod
    def read(cls, directory: Path) -> "Manifest":
        """Read the manifest of a snapshot.

        Raises
        ------
        SnapshotError
            When there is none, or it is not what was written.
        """
        try:
            content = _content(directory / MANIFEST)
            return cls(
                snapshot_id=content["snapshot_id"],
                created_for=pd.Timestamp(content["created_for"]),
                schema=Schema.from_json(content["schema"]),
                tables=tuple(SnapshotTable.from_json(table) for table in content["tables"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SnapshotError.missing(directory) from error


def _content(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    if set(content) == _UNSEALED:
        return content
    try:
        return parse(text)
    except ValueError as error:
        if "sha256" not in content:
            raise
        raise SnapshotError.changed(path) from error
