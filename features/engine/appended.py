"""Incremental computation: of the rows that were computed before, only what a change touches.

A record says which (key, cutoff) rows a matrix has, and as of which snapshot they are right.
Against a newer snapshot, a row is computed again when something that it could have seen was added,
changed or removed at or before its cutoff; every other row is reused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import normpath, relpath
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.digests import Digest
from features.durable import replacing
from features.engine.changes import changes_of
from features.engine.graph import Node
from features.engine.questions import asked_cutoffs, asked_keys
from features.engine.spilled import columns_of
from features.engine.touched import Touched, Tracing
from features.fingerprint import fingerprint
from features.parquet import write_rows
from features.plan import CUTOFF_TIME
from features.snapshot import Snapshot, open_snapshot

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_ABOUT = b"computed_as_of"

_SPARSEST = 16
"""Whole numbers there may be for each key that is numbered by its distance to the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """The rows that a matrix has.

    Attributes
    ----------
    rows
        Key and `cutoff_time`, each pair once.
    snapshot
        Directory of the snapshot as of which they are right.
    """

    rows: pd.DataFrame
    snapshot: Path

    def save(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        table = pa.Table.from_pandas(self.rows, preserve_index=False)
        # As seen from the record, so that both may be moved together.
        noted = {"snapshot": relpath(self.snapshot, path.parent), "digest": _digest(table)}
        about = {_ABOUT: json.dumps(noted).encode()}
        with replacing(path) as temporary:
            write_rows(table.replace_schema_metadata(about), temporary)

    @classmethod
    def load(cls, path: Path) -> "Computed | None":
        """Read a record, None where there is none, or where it is not as it was written.

        Then every row is computed again, which costs time and no more.
        """
        if not path.exists():
            return None
        try:
            with pq.ParquetFile(path) as file:
                table = file.read(use_threads=False)
            noted = json.loads(table.schema.metadata[_ABOUT])
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return None
        if not isinstance(noted, dict) or noted.get("digest") != _digest(table):
            return None
        return cls(rows=table.to_pandas(), snapshot=Path(normpath(path.parent / noted["snapshot"])))


def _digest(table: pa.Table) -> str:
    digests = []
    for name, column in zip(table.column_names, table.itercolumns(), strict=True):
        is_plain = pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type)
        digest = Digest(name)
        for chunk in (column if is_plain else column.cast(pa.string())).chunks:
            digest.update(chunk)
        digests.append(digest.hexdigest())
    return fingerprint(digests)


def still_right(
    nodes: Mapping[str, Node], computed: Computed, before: Snapshot | None, after: Snapshot
) -> Computed:
    """Keep the computed rows whose features are the same as of a newer snapshot.

    Parameters
    ----------
    nodes
        The features.
    before
        The snapshot as of which they are right; where it is gone (None), or has another schema,
        no row is kept.
    """
    target = next(iter(nodes.values())).table
    key = after.schema.table(target).key
    if computed.snapshot == after.directory:
        return computed
    if before is None or before.schema != after.schema or computed.rows.empty:
        return Computed(rows=computed.rows.iloc[:0], snapshot=after.directory)
    cutoffs = asked_cutoffs(computed.rows)
    touched = _touched(nodes, before, after, until=cutoffs.max())
    if touched is None:
        return Computed(rows=computed.rows, snapshot=after.directory)
    place, keys = pd.factorize(computed.rows[key])
    type_ = pq.read_schema(after.path(target)).field(key).type
    since = touched.moments(pa.chunked_array([pa.array(keys).cast(type_)]))[place]
    kept = computed.rows[cutoffs < since]
    return Computed(rows=kept, snapshot=after.directory)


def missing(rows: pd.DataFrame, computed: Computed, key: str) -> Flags:
    """Tell which asked rows are not among the computed ones."""
    keys, known_keys = asked_keys(rows, "the target", key), computed.rows[key]
    times, known_times = asked_cutoffs(rows), asked_cutoffs(computed.rows)
    n = len(known_keys)
    # NOTE: mostly what was asked before is asked again in its order, and some more after it.
    if not (np.array_equal(times[:n], known_times) and np.array_equal(keys.iloc[:n], known_keys)):
        n = 0
    flags = np.zeros(len(rows), dtype=np.bool_)
    there = np.isin(known_times, np.unique(times[n:]))
    known = known_keys[there], known_times[there]
    flags[n:] = ~_among(keys.iloc[n:], times[n:], known)
    return flags


def _among(keys: pd.Series, times: Ints, known: tuple[pd.Series, Ints]) -> Flags:
    """Tell which (key, time) pairs are known."""
    number = _numbers(pd.concat([keys, known[0]]))
    moment, moments = pd.factorize(np.concatenate([times, known[1]]))
    number *= len(moments)
    number += moment
    flags: Flags = np.isin(number[: len(keys)], number[len(keys) :])
    return flags


def _numbers(keys: pd.Series) -> Ints:
    """Give equal keys one number, 0 or more, and others another."""
    values = keys.to_numpy()
    numbers: Ints
    if values.dtype.kind == "i" and len(values):
        least, greatest = int(values.min()), int(values.max())
        # NOTE: keys that lie close together, as a database counts them up, need no hash table.
        if greatest - least < _SPARSEST * len(values):
            numbers = values.astype(np.int64) - least
            return numbers
    numbers = pd.factorize(values)[0].astype(np.int64)
    return numbers


def joined(computed: Computed, rows: pd.DataFrame, key: str) -> Computed:
    """Add rows that were missing and have been computed."""
    times = np.concatenate([asked_cutoffs(computed.rows), asked_cutoffs(rows)])
    keys = pd.concat([computed.rows[key], rows[key]], ignore_index=True)
    both = pd.DataFrame({key: keys, CUTOFF_TIME: times.view("datetime64[us]")}, copy=False)
    return Computed(rows=both, snapshot=computed.snapshot)


def _touched(
    nodes: Mapping[str, Node], before: Snapshot, after: Snapshot, *, until: int
) -> Touched | None:
    """Say which rows were touched by what shows up to a moment, None where nothing does."""
    columns = columns_of(nodes, after, next(iter(nodes.values())).table)
    changes = {
        name: changes_of(before, after, name, names).until(until) for name, names in columns.items()
    }
    if not any(change.everything or len(change.since) for change in changes.values()):
        return None
    return Tracing(after, changes).touched(nodes.values())


def snapshot_before(computed: Computed) -> Snapshot | None:
    """Open the snapshot that rows were computed as of, None where it is gone.

    Raises
    ------
    SnapshotError
        When it was changed since: what is compared with it would look right or wrong by mistake.
    """
    if not computed.snapshot.exists():
        return None
    before = open_snapshot(computed.snapshot)
    before.check()
    return before
