"""The matrix of a plan: one row for each (entity, cutoff), one column for each feature."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa

from features.engine.cancellation import Question, never, threads
from features.engine.cells import Cells, CellsInMemory, CellsOnDisk, spans
from features.engine.collector import collector_paused
from features.engine.columns import find_rows
from features.engine.effort import Effort, Progress
from features.engine.executors import LOCAL
from features.engine.graph import Node
from features.engine.lower import lower
from features.engine.memory import free_budget
from features.engine.partitions import whole_size, width_of
from features.engine.questions import Asked, asked_cutoffs, asked_keys, check_found
from features.engine.reduced import read_reduced
from features.engine.spill import Sorting, find_places
from features.engine.spilled import Spilling, columns_of, fill_by_partition
from features.engine.tables import Tables
from features.engine.values import values_by_part
from features.errors import FeatureError
from features.plan import CUTOFF_TIME, FeaturePlan
from features.snapshot import Snapshot

BATCH_CELLS = 1 << 22
"""Cells of one batch: about 32 MB."""

_FEW = 0.25
"""Share of the entities up to which only the rows that belong to them are read."""

_BLOCK_CELLS = 1 << 26
"""Cells of a matrix that pandas is let copy into blocks."""

_SAFE = 0.6
"""Share of the free memory that a partition may take by estimate; some take more than that."""

_SORT_SHARE = 0.5
"""Of the free memory that DuckDB is told it may sort in; it holds some more."""


def compute_matrix(
    plan: FeaturePlan,
    snapshot: Snapshot,
    rows: pd.DataFrame,
    *,
    inclusive: bool = True,
    n_threads: int = 2,
    memory_limit: int | str | None = None,
    executor: str = LOCAL,
    on_progress: Progress | None = None,
    cancelled: Question = never,
) -> pd.DataFrame:
    """Compute the features of a plan for every (key, cutoff), as they were known at the cutoff.

    Only the columns that the plan needs are read from the snapshot.

    Parameters
    ----------
    plan
        What to compute.
    snapshot
        The tables; their schema must have what the plan names.
    rows
        Columns: the target's key, and `cutoff_time`; others are ignored. Keys and cutoffs may
        repeat and stand in any order.
    inclusive
        Whether what becomes visible at the cutoff itself is seen. Where it is not, windows are
        [cutoff - window, cutoff), and a time since is still counted to the cutoff.
    n_threads, memory_limit, executor, on_progress, cancelled
        See `Effort`; none of them changes a value.

    Returns
    -------
    pandas.DataFrame
        In the order of `rows`: key, `cutoff_time`, then the features, numeric ones as float64
        (booleans 0.0 and 1.0, null NaN), categorical ones as str or None, dates as
        datetime64.

    Raises
    ------
    FeatureError
        Where the plan asks for what the engine or the snapshot does not have, a key is unknown,
        a cutoff is null, or the matrix itself does not fit under the limit (see
        `compute_batches`).
    CancelledError
        When `cancelled` says so.
    """
    effort = Effort(
        n_threads=n_threads,
        memory_limit=memory_limit,
        executor=executor,
        on_progress=on_progress,
        cancelled=cancelled,
    )
    _check_frame(len(rows) * len(plan.features), effort)
    nodes = _lowered(plan, snapshot)
    with _computed(nodes, snapshot, rows, inclusive=inclusive, effort=effort) as cells:
        return _frame(snapshot.schema.table(plan.target).key, rows, cells)


def compute_batches(
    plan: FeaturePlan,
    snapshot: Snapshot,
    rows: pd.DataFrame,
    *,
    inclusive: bool = True,
    effort: Effort | None = None,
    nodes: Mapping[str, Node] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Compute the features of a plan, and yield them in the order of `rows`, batch by batch.

    As `compute_matrix`, for matrices that do not fit in memory: cells are kept on disk beside the
    snapshot until their batch has been taken.

    Parameters
    ----------
    nodes
        What the plan's definitions are lowered to, where the caller has that already.
    """
    key = snapshot.schema.table(plan.target).key
    effort = effort or Effort()
    nodes = nodes or _lowered(plan, snapshot)
    with _computed(nodes, snapshot, rows, inclusive=inclusive, effort=effort) as cells:
        for first, last in spans(len(rows), max(BATCH_CELLS // len(plan.features), 1)):
            part = rows.iloc[first:last]
            columns = {key: part[key], CUTOFF_TIME: asked_cutoffs(part).view("datetime64[us]")}
            columns |= cells.columns(first, last)
            arrays = [pa.array(values, from_pandas=True) for values in columns.values()]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


def compute_nodes(
    nodes: Mapping[str, Node],
    store: Tables,
    rows: pd.DataFrame,
    *,
    inclusive: bool = True,
    n_threads: int = 2,
    on_progress: Progress | None = None,
) -> pd.DataFrame:
    """Compute named nodes of one table over tables in memory; see `compute_matrix`."""
    cells = CellsInMemory(list(nodes), len(rows))
    effort = Effort(n_threads=n_threads, on_progress=on_progress)
    _fill(cells, nodes, store, rows, inclusive=inclusive, effort=effort)
    key = store.schema.table(next(iter(nodes.values())).table).key
    return _frame(key, rows, cells)


def _lowered(plan: FeaturePlan, snapshot: Snapshot) -> dict[str, Node]:
    with collector_paused():
        return lower(plan.definitions, snapshot.schema)


@contextmanager
def _computed(
    nodes: Mapping[str, Node],
    snapshot: Snapshot,
    rows: pd.DataFrame,
    *,
    inclusive: bool,
    effort: Effort,
) -> Iterator[Cells]:
    """Yield the cells of all rows: computed in one piece where that fits, else by partition."""
    target = next(iter(nodes.values())).table
    with collector_paused():
        columns = columns_of(nodes, snapshot, target)
    budget = free_budget(effort.memory_limit)
    width = width_of(snapshot, nodes, columns)
    if effort.executor == LOCAL and whole_size(snapshot, width, len(rows)) <= budget:
        cells = CellsInMemory(list(nodes), len(rows))
        with collector_paused():
            tables = _read(target, nodes, snapshot, columns, rows)
            store = Tables(snapshot.schema, tables)
            _fill(cells, nodes, store, rows, inclusive=inclusive, effort=effort)
            del tables, store
        yield cells
        return
    # NOTE: beside the snapshot, since /tmp may be small or in memory, and workers of a cluster
    # that read the snapshot read what lies beside it.
    with TemporaryDirectory(prefix=".sorting-", dir=snapshot.directory.parent) as scratch:
        sorting = Sorting(
            directory=Path(scratch),
            memory=int(budget * _SORT_SHARE),
            n_threads=effort.n_threads,
            cancelled=effort.cancelled,
        )
        keys = asked_keys(rows, target, snapshot.schema.table(target).key)
        places = check_found(find_places(snapshot, target, keys, sorting), keys, target)
        asked = Asked(places=places, cutoffs=asked_cutoffs(rows), inclusive=inclusive)
        on_disk = CellsOnDisk(list(nodes), len(rows), Path(scratch) / "cells")
        spilling = Spilling(snapshot=snapshot, sorting=sorting, budget=int(budget * _SAFE))
        fill_by_partition(on_disk, nodes, asked, spilling, effort)
        yield on_disk


def _read(
    target: str,
    nodes: Mapping[str, Node],
    snapshot: Snapshot,
    columns: Mapping[str, Sequence[str]],
    rows: pd.DataFrame,
) -> dict[str, pa.Table]:
    """Read the tables, or only what few asked rows are computed from."""
    key = snapshot.schema.table(target).key
    keys = asked_keys(rows, target, key)
    known = snapshot.read(target, columns=[key])[key]
    if keys.nunique() > _FEW * len(known):
        return {name: snapshot.read(name, columns=columns[name], encoded=True) for name in columns}
    places = check_found(find_rows(known, keys).astype("int64"), keys, target)
    return read_reduced(snapshot, nodes, columns, places)


def _fill(
    cells: Cells,
    nodes: Mapping[str, Node],
    store: Tables,
    rows: pd.DataFrame,
    *,
    inclusive: bool,
    effort: Effort,
) -> None:
    """Compute all cells over tables in memory."""
    target = next(iter(nodes.values())).table
    keys = asked_keys(rows, target, store.schema.table(target).key)
    places = check_found(store.find(target, keys), keys, target)
    asked = Asked(places=places, cutoffs=asked_cutoffs(rows), inclusive=inclusive)
    n_done = 0
    with threads(effort.n_threads, effort.cancelled) as pool:
        for part, values in values_by_part(nodes, store, asked, pool=pool):
            cells.put(part, values)
            n_done += len(part) * len(nodes)
            if effort.on_progress is not None:
                effort.on_progress(n_done, len(rows) * len(nodes))


def _frame(key: str, rows: pd.DataFrame, cells: Cells) -> pd.DataFrame:
    head = {key: rows[key].to_numpy(), CUTOFF_TIME: asked_cutoffs(rows).view("datetime64[us]")}
    # NOTE: pandas copies columns into blocks, so that a further column costs nothing. Of 1.2
    # million rows that is a third of the time and two thirds of the memory.
    columns = head | cells.columns(0, len(rows))
    return pd.DataFrame(columns, copy=len(rows) * len(columns) <= _BLOCK_CELLS)


def _check_frame(n_cells: int, effort: Effort) -> None:
    """Refuse a matrix that does not fit as a pandas frame."""
    needed, budget = 24 * n_cells, free_budget(effort.memory_limit)
    if needed > budget:
        raise FeatureError(
            f"Expected about {needed // 10**6} MB for a matrix of {n_cells:,} cells as one frame, "
            f"got {budget // 10**6} MB. Raise memory_limit, or take compute_batches, which hands "
            "the rows on as they come."
        )
