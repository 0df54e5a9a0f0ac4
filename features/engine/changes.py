"""What is not as it was in a table, between two snapshots, and from which moment that shows.

Files are compared row group by row group, as bytes; only groups that differ are read. Rows are
matched by key. A row that stands elsewhere among its neighbours counts as changed, since places
decide between rows of one moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.engine.columns import find_rows, to_microseconds
from features.engine.graph import NAT
from features.engine.ranges import ALWAYS, NEVER
from features.schema import Table
from features.snapshot import Snapshot

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Rows that were changed, added or removed, one version of a row after the other.

    Attributes
    ----------
    rows
        The table's needed columns, of old versions and new ones.
    since
        From when each version shows, or fails to show, a difference; shape (n_versions,).
    everything
        Whether all rows must be taken for changed: the file cannot be compared.
    """

    rows: pa.Table
    since: Ints
    everything: bool = False

    def until(self, moment: int) -> "Changes":
        """Return those that show at a moment or before it."""
        shown = self.since <= moment
        return replace(self, rows=self.rows.filter(shown), since=self.since[shown])


def changes_of(before: Snapshot, after: Snapshot, table: str, columns: Sequence[str]) -> Changes:
    """Compare a table's columns in two snapshots of one schema."""
    declared = after.schema.table(table)
    names = list(dict.fromkeys([declared.key, *columns]))
    files = [pq.ParquetFile(s.path(table), memory_map=True) for s in (before, after)]
    with files[0] as old, files[1] as new:
        empty = new.schema_arrow.empty_table().select(names)
        if any(old.schema_arrow.field(n).type != new.schema_arrow.field(n).type for n in names):
            return Changes(rows=empty, since=np.empty(0, np.int64), everything=True)
        rows, since = [empty], [np.empty(0, np.int64)]
        for was, now in _differing(before, after, table, old, new, names):
            for version, moments in _compared(declared, was, now):
                rows.append(version)
                since.append(moments)
    shown = np.concatenate(since)
    return Changes(rows=pa.concat_tables(rows).filter(shown != NEVER), since=shown[shown != NEVER])


def _differing(
    before: Snapshot,
    after: Snapshot,
    table: str,
    old: pq.ParquetFile,
    new: pq.ParquetFile,
    names: Sequence[str],
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield runs of row groups that are not the same bytes in both files."""
    places = [i for i, name in enumerate(new.schema_arrow.names) if name in names]
    same_order = list(old.schema_arrow.names) == list(new.schema_arrow.names)
    bytes_of = (_bytes(before.path(table)), _bytes(after.path(table)))
    n_groups = (old.metadata.num_row_groups, new.metadata.num_row_groups)
    run: list[int] = []
    aligned = same_order
    for group in range(max(n_groups)):
        equal = (
            aligned
            and group < min(n_groups)
            and all(
                _same_bytes(bytes_of, old.metadata, new.metadata, group, place) for place in places
            )
        )
        aligned = (
            aligned
            and group < min(n_groups)
            and (old.metadata.row_group(group).num_rows == new.metadata.row_group(group).num_rows)
        )
        if equal:
            if run:
                yield _read(old, run, names), _read(new, run, names)
            run = []
        else:
            run.append(group)
    if run:
        yield _read(old, run, names), _read(new, run, names)


def _bytes(path: Path) -> pa.Buffer:
    with pa.memory_map(str(path)) as file:
        return file.read_buffer()


def _same_bytes(
    bytes_of: tuple[pa.Buffer, pa.Buffer],
    old: pq.FileMetaData,
    new: pq.FileMetaData,
    group: int,
    place: int,
) -> bool:
    spans = []
    for metadata in (old, new):
        column = metadata.row_group(group).column(place)
        start = column.data_page_offset
        if column.dictionary_page_offset is not None:
            start = min(start, column.dictionary_page_offset)
        spans.append((start, column.total_compressed_size, column.num_values))
    (first, n, values), (other, m, others) = spans
    if (n, values) != (m, others):
        return False
    return bool(bytes_of[0].slice(first, n).equals(bytes_of[1].slice(other, m)))


def _read(file: pq.ParquetFile, groups: Sequence[int], names: Sequence[str]) -> pa.Table:
    there = [group for group in groups if group < file.metadata.num_row_groups]
    return file.read_row_groups(there, columns=list(names)).select(list(names))


def _compared(declared: Table, was: pa.Table, now: pa.Table) -> Iterator[tuple[pa.Table, Ints]]:
    """Yield old versions and new ones of rows that are not the same, with their moments."""
    if was.num_rows < now.num_rows and was.equals(now.slice(0, was.num_rows)):
        added = now.slice(was.num_rows)
        yield added, _moments(declared, added)[declared.key]
        return
    place = find_rows(was[declared.key], now[declared.key])
    known = np.where(place < 0, -1, np.maximum.accumulate(place))
    moved = (place >= 0) & (place != known)
    since_old, since_new = _moments(declared, was), _moments(declared, now)
    matched = np.flatnonzero((place >= 0) & ~moved)
    shows_old, shows_new = since_old[declared.key].copy(), since_new[declared.key].copy()
    shows_old[place[matched]] = NEVER
    shows_new[matched] = NEVER
    for name in now.column_names:
        differs = _differs(
            was[name].take(pa.array(place[matched])), now[name].take(pa.array(matched))
        )
        rows = matched[differs]
        moment = np.minimum(since_old[name][place[rows]], since_new[name][rows])
        shows_old[place[rows]] = np.minimum(shows_old[place[rows]], moment)
        shows_new[rows] = np.minimum(shows_new[rows], moment)
    for version, shows in ((was, shows_old), (now, shows_new)):
        changed = np.flatnonzero(shows != NEVER)
        yield version.take(pa.array(changed)), shows[changed]


def _moments(declared: Table, rows: pa.Table) -> Mapping[str, Ints]:
    """Return from when each cell is visible, by column; the key stands for the row itself."""

    def times(name: str) -> Ints:
        values = to_microseconds(rows[name])
        moments: Ints = np.where(values == NAT, NEVER, values)
        return moments

    own = np.full(rows.num_rows, ALWAYS) if declared.time is None else times(declared.time)
    moments = {}
    for name in rows.column_names:
        known = declared.known_from(name)
        hidden = known is not None and known != declared.time and known in rows.column_names
        moments[name] = np.maximum(own, times(known)) if hidden and known else own
    return moments


def _differs(was: pa.ChunkedArray, now: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    if was.equals(now) and not pa.types.is_floating(now.type):
        return np.zeros(len(now), dtype=bool)
    null_was, null_now = (np.asarray(pc.is_null(column)) for column in (was, now))
    if pa.types.is_floating(now.type):
        bits = [
            pc.fill_null(c.cast(pa.float64()), 0.0).to_numpy().view(np.int64) for c in (was, now)
        ]
        equal = bits[0] == bits[1]
    else:
        if pa.types.is_dictionary(now.type):
            was, now = (column.cast(column.type.value_type) for column in (was, now))
        equal = np.asarray(pc.fill_null(pc.equal(was, now), True))
    differs: npt.NDArray[np.bool_] = (null_was != null_now) | (~null_now & ~equal)
    return differs
