"""Tables sorted by root on disk: DuckDB does it out of core, ranges of roots are read back.

    directory/<role>.parquet      columns of the role's table, by (_root, _place)

`_root` is the place of the root row that a row belongs to (-1 where there is none), `_place` the
row's own place in its table, which decides between rows of one moment.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.engine.cancellation import CancelledError, never
from features.engine.columns import to_keys
from features.engine.demand import Demand, Role, table_of
from features.snapshot import Snapshot

Ints = npt.NDArray[np.int64]

ROOT, PLACE = "_root", "_place"
ROW_GROUP = 65_536
_POLL_SECONDS = 0.2
_NO_LIMIT_BELOW = 128 * 1024**2
"""DuckDB does not sort in less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """How DuckDB may sort.

    Attributes
    ----------
    directory
        Where it writes what does not fit, and the sorted tables.
    memory
        Bytes.
    n_threads
        Of DuckDB's own.
    cancelled
        Asked every fifth of a second; true stops the sort.
    """

    directory: FilePath
    memory: int
    n_threads: int = 2
    cancelled: Callable[[], bool] = never


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedTable:
    """Rows of one role, by (root, place), on disk."""

    path: FilePath

    def read(self, first: int, last: int, columns: Sequence[str]) -> pa.Table:
        """Read the rows of the roots `first` to `last` (not included): root, place, columns."""
        # NOTE: one row group at a time; pyarrow's own filters keep several in flight.
        names = [ROOT, PLACE, *columns]
        with pq.ParquetFile(self.path) as file:
            parts = [file.schema_arrow.empty_table().select(names)]
            for group in _overlapping(file.metadata, first, last):
                parts.append(_within(file.read_row_group(group, names), first, last))
        # NOTE: DuckDB marks columns without nulls as such, so that the schemas of files differ.
        plain = pa.schema([field.with_nullable(True) for field in parts[0].schema])
        return pa.concat_tables(parts).cast(plain)

    def count(self) -> tuple[Ints, Ints]:
        """Return the roots that there are, ascending, and the rows of each."""
        roots, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(columns=[ROOT]):
                found, n = np.unique(batch.column(0).to_numpy(), return_counts=True)
                roots.append(found)
                counts.append(n)
        all_roots, inverse = np.unique(np.concatenate(roots), return_inverse=True)
        return all_roots, np.bincount(inverse, np.concatenate(counts)).astype(np.int64)


def _overlapping(metadata: pq.FileMetaData, first: int, last: int) -> list[int]:
    """List the row groups that may hold roots of a range."""
    groups = []
    for group in range(metadata.num_row_groups):
        bounds = metadata.row_group(group).column(0).statistics
        if bounds.max >= first and bounds.min < last:
            groups.append(group)
    return groups


def _within(table: pa.Table, first: int, last: int) -> pa.Table:
    roots = table[ROOT].to_numpy()
    low, high = np.searchsorted(roots, [first, last])
    return table.slice(low, high - low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spill:
    """The sorted tables of one group of features.

    Attributes
    ----------
    tables
        By role.
    roots
        Of each asked row, -1 where it has none, shape (n_rows,).
    """

    tables: Mapping[Role, SortedTable]
    roots: Ints


def find_places(snapshot: Snapshot, target: str, wanted: pd.Series, sorting: Sorting) -> Ints:
    """Return the row number of each key in the target table, -1 where it does not have it."""
    type_ = pq.read_schema(snapshot.path(target)).field(snapshot.schema.table(target).key).type
    keys = to_keys(wanted, type_)
    sorting.directory.mkdir(parents=True, exist_ok=True)
    key = _quoted(snapshot.schema.table(target).key)
    asked = pa.table({"asked": keys, "n": np.arange(len(keys))})
    with _connect(sorting) as run:
        found = run(
            f"SELECT coalesce(t.file_row_number, -1) AS place FROM wanted LEFT JOIN "  # noqa: S608
            f"{_scan(snapshot, target)} t ON t.{key} = wanted.asked ORDER BY wanted.n",
            {"wanted": asked},
        )
    places: Ints = found["place"].to_numpy().astype(np.int64)
    return places


def sort_tables(
    snapshot: Snapshot,
    demand: Demand,
    *,
    places: Ints,
    columns: Mapping[str, Sequence[str]],
    sorting: Sorting,
) -> Spill:
    """Sort what a group of features reads by its roots.

    Parameters
    ----------
    places
        Row number of each asked row in the target table, shape (n_rows,).
    columns
        What is kept, by table.

    Raises
    ------
    CancelledError
        When `sorting.cancelled` says so; nothing is left but the caller's directory.
    """
    target = _target(demand)
    sorting.directory.mkdir(parents=True, exist_ok=True)
    with _connect(sorting) as run:
        asked = pa.table({"p0": np.unique(places)})
        run(_chain_sql(snapshot, demand, target), {"asked": asked})
        tables = {}
        for i, role in enumerate(demand.roles):
            name = table_of(role, demand.chain, target)
            if name in demand.whole:
                continue
            path = sorting.directory / f"{i}-{name}.parquet"
            run(_role_sql(snapshot, demand, role, columns[name], path), {})
            tables[role] = SortedTable(path=path)
        found = run(f"SELECT p0, {ROOT} FROM chain ORDER BY p0", {})  # noqa: S608
    by_place = np.searchsorted(found["p0"].to_numpy(), places)
    return Spill(tables=tables, roots=found[ROOT].to_numpy()[by_place].astype(np.int64))


def _target(demand: Demand) -> str:
    return next(iter(demand.nodes.values())).table


def _chain_sql(snapshot: Snapshot, demand: Demand, target: str) -> str:
    """Make a table of the asked target rows and their ancestors on the way to the root."""
    n = len(demand.chain)
    key = snapshot.schema.table(target).key
    select = ["asked.p0", f"t0.{_quoted(key)} AS k0"]
    joins = [f"asked JOIN {_scan(snapshot, target)} t0 ON t0.file_row_number = asked.p0"]
    for i, step in enumerate(demand.chain, start=1):
        select += [f"t{i}.file_row_number AS p{i}", f"t{i}.{_quoted(step.parent_column)} AS k{i}"]
        joins.append(
            f"LEFT JOIN {_scan(snapshot, step.parent)} t{i} "
            f"ON t{i}.{_quoted(step.parent_column)} = t{i - 1}.{_quoted(step.child_column)}"
        )
    root = f"coalesce(t{n}.file_row_number, -1)" if n else "asked.p0"
    values = ", ".join([*select, f"{root} AS {ROOT}"])
    return f"CREATE TABLE chain AS SELECT {values} FROM {' '.join(joins)}"  # noqa: S608


def _role_sql(
    snapshot: Snapshot, demand: Demand, role: Role, columns: Sequence[str], path: FilePath
) -> str:
    """Write a role's rows in order."""
    i = role.anchor
    anchors = f"(SELECT DISTINCT p{i}, k{i}, {ROOT} FROM chain WHERE p{i} IS NOT NULL) a"  # noqa: S608
    table = table_of(role, demand.chain, _target(demand))
    joins = [anchors]
    if not role.path:
        joins.append(f"JOIN {_scan(snapshot, table)} c0 ON c0.file_row_number = a.p{i}")
    for n, step in enumerate(role.path):
        above = f"a.k{i}" if n == 0 else f"c{n - 1}.{_quoted(step.parent_column)}"
        link = f"c{n}.{_quoted(step.child_column)}"
        joins.append(f"JOIN {_scan(snapshot, step.child)} c{n} ON {link} = {above}")
    last = f"c{max(len(role.path) - 1, 0)}"
    select = ", ".join(f"{last}.{_quoted(column)}" for column in columns)
    return (
        f"COPY (SELECT a.{ROOT}, {last}.file_row_number AS {PLACE}, {select} FROM "  # noqa: S608
        f"{' '.join(joins)} ORDER BY a.{ROOT}, {last}.file_row_number) TO '{_escaped(path)}' "
        f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _scan(snapshot: Snapshot, table: str) -> str:
    return f"read_parquet('{_escaped(snapshot.path(table))}', file_row_number=true)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(path: FilePath) -> str:
    return str(path).replace("'", "''")


Run = Callable[[str, Mapping[str, pa.Table]], pa.Table]


@contextmanager
def _connect(sorting: Sorting) -> Iterator[Run]:
    """Yield how to run a statement that may be cancelled, on a database of its own."""
    database = sorting.directory / "sorting.duckdb"
    connection = duckdb.connect(
        str(database),
        config={
            "memory_limit": f"{max(sorting.memory, _NO_LIMIT_BELOW)}B",
            "temp_directory": str(sorting.directory / "temporary"),
            "threads": sorting.n_threads,
            "preserve_insertion_order": False,
        },
    )
    # NOTE: a setting of the session alone; DuckDB refuses it above.
    connection.execute("SET enable_progress_bar = false")

    def run(statement: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        for name, table in tables.items():
            connection.register(name, table)
        with _interrupting(connection, sorting.cancelled):
            try:
                relation = connection.sql(statement)
                return None if relation is None else relation.to_arrow_table()
            except duckdb.InterruptException as error:
                raise CancelledError.while_("sorting tables") from error

    try:
        yield run
    finally:
        connection.close()
        database.unlink(missing_ok=True)


@contextmanager
def _interrupting(
    connection: duckdb.DuckDBPyConnection, cancelled: Callable[[], bool]
) -> Iterator[None]:
    """Interrupt the connection as soon as `cancelled` says so."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_POLL_SECONDS):
            if cancelled():
                connection.interrupt()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
