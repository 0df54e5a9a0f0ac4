"""The matrix of a plan: one row for each (entity, cutoff), one column for each feature."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.engine.evaluate import Evaluator
from features.engine.graph import Node, ValueType
from features.engine.lower import lower
from features.engine.ranges import ALWAYS
from features.engine.tables import Tables, required_columns
from features.errors import FeatureError
from features.plan import CUTOFF_TIME, FeaturePlan
from features.snapshot import Snapshot

Progress = Callable[[int, int], None]
Ints = npt.NDArray[np.int64]

MAX_CELLS = 1 << 25
"""Values taken at a time, rows by features: about 270 MB, and as much again on the way."""


def compute_matrix(
    plan: FeaturePlan,
    snapshot: Snapshot,
    rows: pd.DataFrame,
    *,
    inclusive: bool = True,
    n_threads: int = 2,
    on_progress: Progress | None = None,
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
    n_threads
        Threads that aggregate side by side, at least 1; they do not change a value.
    on_progress
        Called with (rows done, rows in all) after each part.

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
        or a cutoff is null.
    """
    nodes = lower(plan.definitions, snapshot.schema)
    needed = required_columns(nodes, snapshot.schema)
    needed.setdefault(plan.target, set()).add(snapshot.schema.table(plan.target).key)
    tables = {name: snapshot.read(name, columns=sorted(needed[name])) for name in needed}
    store = Tables(snapshot.schema, tables)
    return compute_nodes(
        nodes, store, rows, inclusive=inclusive, n_threads=n_threads, on_progress=on_progress
    )


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
    target = next(iter(nodes.values())).table
    entities = _entities(store, target, rows)
    cutoffs = _cutoffs(rows)
    # NOTE: parts follow entities, so that no group of rows is read for two parts of one entity.
    order = np.lexsort((cutoffs, entities))
    columns = {name: _empty_column(node, len(rows)) for name, node in nodes.items()}
    with ThreadPoolExecutor(max_workers=n_threads) as executor:
        evaluator = Evaluator(store, executor, inclusive=inclusive)
        n_part = max(MAX_CELLS // len(nodes), 1)
        for first in range(0, len(rows), n_part):
            part = order[first : first + n_part]
            values = evaluator.at(target, entities[part], cutoffs[part], tuple(nodes.values()))
            for name, node in nodes.items():
                columns[name][part] = _finish(evaluator, node, values[node])
            if on_progress is not None:
                on_progress(first + len(part), len(rows))
    key = store.schema.table(target).key
    head = {key: rows[key].to_numpy(), CUTOFF_TIME: cutoffs.view("datetime64[us]")}
    return pd.DataFrame(head | columns)


def _entities(store: Tables, target: str, rows: pd.DataFrame) -> Ints:
    """Return the row number of each asked entity."""
    key = store.schema.table(target).key
    for column in (key, CUTOFF_TIME):
        if column not in rows.columns:
            raise FeatureError(
                f"Expected rows with the columns {key!r} and {CUTOFF_TIME!r}, got "
                f"{list(map(str, rows.columns))}. Name the key of {target!r} as the schema does."
            )
    entities = store.find(target, rows[key])
    unknown = rows[key][entities < 0]
    if len(unknown):
        raise FeatureError(
            f"Expected keys of {target!r}, got {len(unknown)} that it does not have, such as "
            f"{list(unknown.unique()[:5])}. Take the snapshot that these rows come from."
        )
    return entities


def _cutoffs(rows: pd.DataFrame) -> Ints:
    """Return the cutoffs as microseconds since 1970."""
    times = rows[CUTOFF_TIME]
    if not pd.api.types.is_datetime64_dtype(times):
        raise FeatureError(
            f"Expected {CUTOFF_TIME!r} as naive UTC datetime64, got {times.dtype}. "
            "Convert it with pandas.to_datetime, and to UTC without a zone."
        )
    cutoffs: Ints = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    n_null = int((cutoffs == ALWAYS).sum())
    if n_null:
        raise FeatureError(
            f"Expected a {CUTOFF_TIME!r} in every row, got {n_null} null. Leave those rows out."
        )
    return cutoffs


def _empty_column(node: Node, n: int) -> npt.NDArray[Any]:
    match node.type:
        case ValueType.CODE | ValueType.OBJECT:
            return np.empty(n, dtype=object)
        case ValueType.TIME:
            return np.empty(n, dtype="datetime64[us]")
        case _:
            return np.empty(n, dtype=np.float64)


def _finish(evaluator: Evaluator, node: Node, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bring values into the form of a matrix: codes become text, null None."""
    match node.type:
        case ValueType.CODE:
            return evaluator.names(node, values)
        case ValueType.OBJECT:
            texts = [None if value is None else str(value) for value in values]
            return np.array([*texts, None], dtype=object)[:-1]
        case ValueType.TIME:
            return values.view("datetime64[us]")
        case ValueType.NUMBER | ValueType.BOOLEAN:
            return values
