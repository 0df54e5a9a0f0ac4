"""Snapshots: immutable, content-named copies of all tables as of one moment.

    directory/<snapshot id>/<table>.parquet
    directory/<snapshot id>/manifest.json

The name is the content: schema and bytes of every table. The moment a snapshot was taken for is
part of it only through what it hides, so taking it again later changes nothing until something
new has become visible.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.checks import check_declarations, check_moment
from features.durable import creating_directory
from features.errors import SchemaError
from features.fingerprint import fingerprint, fingerprint_file
from features.manifest import MANIFEST, Manifest, SnapshotTable
from features.parquet import write_rows
from features.reading import read_tables
from features.schema import ColumnType, Relationship, Schema
from features.seals import hash_file
from features.source_errors import SnapshotError
from features.sources import TableSource
from features.visibility import VisibleTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All tables as of `created_for`, on disk."""

    snapshot_id: str
    directory: Path
    schema: Schema
    tables: tuple[SnapshotTable, ...]
    created_for: pd.Timestamp

    def path(self, table: str) -> Path:
        """Give the Parquet file of a table.

        Raises
        ------
        SchemaError
            When there is no such table; the nearest name is suggested.
        """
        return self.directory / f"{self.schema.table(table).name}.parquet"

    def check(self) -> None:
        """Refuse tables that are not as they were written.

        NOTE: one to two seconds per gigabyte, once in a process.

        Raises
        ------
        SnapshotError
            Names the file.
        """
        for table in self.tables:
            path = self.path(table.name)
            if not path.is_file():
                raise SnapshotError.missing_file(path)
            found = hash_file(path)
            if found != table.sha256:
                raise SnapshotError.damaged(path, table.sha256, found)

    def write_manifest(self, directory: Path) -> None:
        """Write what the snapshot is beside its tables."""
        Manifest(
            snapshot_id=self.snapshot_id,
            created_for=self.created_for,
            schema=self.schema,
            tables=self.tables,
        ).write(directory)

    def read(
        self, table: str, columns: Sequence[str] | None = None, *, encoded: bool = False
    ) -> pa.Table:
        """Read a table, or some of its columns in the order asked for.

        Parameters
        ----------
        encoded
            Whether categories come as Arrow dictionaries, which spares making a string of each.

        Raises
        ------
        SchemaError
            When the table or a column does not exist.
        SnapshotError
            When the file is gone.
        """
        known = list(self.schema.table(table).columns)
        for column in columns or ():
            if column not in known:
                raise SchemaError.unknown_column(table, column, "read", known)
        try:
            # NOTE: a file is read into one chunk for each column, a dataset into many.
            categories = self._categories(table, columns or known) if encoded else None
            with pq.ParquetFile(self.path(table), read_dictionary=categories) as file:
                rows = file.read(columns=columns if columns is None else list(columns))
        except FileNotFoundError as error:
            raise SnapshotError.missing_file(self.path(table)) from error
        return rows if columns is None else rows.select(list(columns))

    def _categories(self, table: str, columns: Sequence[str]) -> list[str]:
        kinds = self.schema.table(table).columns
        return [column for column in columns if kinds[column] is ColumnType.CATEGORICAL]


def take_snapshot(
    sources: Sequence[TableSource],
    relationships: Sequence[Relationship],
    *,
    base_directory: Path,
    directory: Path,
    now: pd.Timestamp,
    roots: tuple[Path, ...] | None = None,
) -> Snapshot:
    """Copy all tables as of `now`, typed and checked.

    Parameters
    ----------
    base_directory
        Where relative file names start.
    roots
        Folders besides it from which files are read, and from nowhere else; None trusts every
        file that the sources write out (`reach.Reach`).
    directory
        Holds all snapshots; a content that is there already is not written again, and the
        snapshot that is there is returned.
    now
        Naive UTC; see `visibility.as_of` for what it hides.

    Raises
    ------
    SourceError, SchemaError, DataError
        When anything is refused; nothing is left behind in `directory`.
    """
    check_moment(now)
    check_declarations(sources, relationships)
    visible = read_tables(sources, relationships, base_directory.resolve(), now, roots)
    schema = Schema(
        tables=tuple(visible[source.name].declaration for source in sources),
        relationships=tuple(relationships),
    )
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".taking-", dir=directory) as temporary:
        tables = tuple(_write(source, visible[source.name], Path(temporary)) for source in sources)
        taken = Snapshot(
            snapshot_id=_name(schema, tables),
            directory=directory / _name(schema, tables),
            schema=schema,
            tables=tables,
            created_for=now,
        )
        if taken.directory.exists():
            return open_snapshot(taken.directory, verify=True)
        _publish(taken, Path(temporary))
    return taken


def extend_snapshot(snapshot: Snapshot, schema: Schema, rows: pa.Table, *, source: str) -> Snapshot:
    """Give a snapshot with one more table, the last of `schema`, beside the one it is made of.

    It is named by its content, too; the other tables' files are shared.
    """
    added = schema.tables[-1]
    times = pc.min_max(rows[added.time]).as_py() if added.time else {"min": None, "max": None}
    with TemporaryDirectory(prefix=".taking-", dir=snapshot.directory.parent) as temporary:
        path = Path(temporary) / f"{added.name}.parquet"
        write_rows(rows, path)
        table = SnapshotTable(
            name=added.name,
            n_rows=rows.num_rows,
            n_future=0,
            time_min=None if times["min"] is None else pd.Timestamp(times["min"]),
            time_max=None if times["max"] is None else pd.Timestamp(times["max"]),
            sha256=fingerprint_file(path),
            source=source,
        )
        name = _name(schema, (*snapshot.tables, table))
        extended = Snapshot(
            snapshot_id=name,
            directory=snapshot.directory.parent / name,
            schema=schema,
            tables=(*snapshot.tables, table),
            created_for=snapshot.created_for,
        )
        if extended.directory.exists():
            _verify(extended)
        else:
            for known in snapshot.tables:
                _share(snapshot.path(known.name), path.with_name(f"{known.name}.parquet"))
            _publish(extended, Path(temporary))
    return extended


def open_snapshot(directory: Path, *, verify: bool = False) -> Snapshot:
    """Open the snapshot in `directory`.

    Parameters
    ----------
    verify
        Whether to hash every file and compare; see `Snapshot.check`.

    Raises
    ------
    SnapshotError
        When there is none, or it is not what was written.
    """
    manifest = Manifest.read(directory)
    snapshot = Snapshot(
        snapshot_id=manifest.snapshot_id,
        directory=directory,
        schema=manifest.schema,
        tables=manifest.tables,
        created_for=manifest.created_for,
    )
    if verify:
        _verify(snapshot)
    return snapshot


def _write(source: TableSource, table: VisibleTable, directory: Path) -> SnapshotTable:
    path = directory / f"{source.name}.parquet"
    write_rows(table.rows, path)
    return SnapshotTable(
        name=source.name,
        n_rows=table.rows.num_rows,
        n_future=table.n_future,
        time_min=table.time_min,
        time_max=table.time_max,
        sha256=fingerprint_file(path),
        source=source.description,
        has_own_key=source.key is not None,
    )


def _share(file: Path, name: Path) -> None:
    """Give a file, which nobody changes, one more name; where that cannot be, a copy."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


def _name(schema: Schema, tables: Sequence[SnapshotTable]) -> str:
    return fingerprint([schema.to_json(), {table.name: table.sha256 for table in tables}])


def _publish(snapshot: Snapshot, written: Path) -> None:
    with creating_directory(snapshot.directory) as temporary:
        for file in written.iterdir():
            os.rename(file, temporary / file.name)
        snapshot.write_manifest(temporary)


def _verify(snapshot: Snapshot) -> None:
    snapshot.check()
    name = _name(snapshot.schema, snapshot.tables)
    if name != snapshot.snapshot_id:
        raise SnapshotError.damaged(snapshot.directory / MANIFEST, snapshot.snapshot_id, name)
