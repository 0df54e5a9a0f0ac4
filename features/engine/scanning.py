"""Transforms that read other rows of the same table: in one order, group by group."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.calls import Way
from features.engine.fallback import primitive_of, scan_rows
from features.engine.graph import Node, Scan, ValueType, absent_values, dtype_of, inputs_of
from features.engine.primitives import RUNNING
from features.engine.ranges import Frame, Index, distinct_frame, find_ranges
from features.engine.series import Labels

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Evaluate = Callable[[Frame, Iterable[Node]], dict[Node, Array]]
Densify = Callable[[Node, Array], tuple[Array, Array]]


def scan_ordered(
    node: Scan, arrays: Sequence[Array], offsets: Ints, asked: int | None, labels: Labels
) -> Array:
    """Compute a scan of rows that lie in order, group after group.

    Parameters
    ----------
    arrays
        Values of each base, shape (n,).
    offsets
        Bounds of the groups, shape (n_groups + 1,).
    asked
        The moment asked about, for functions that read it.
    """
    if node.call.way is Way.KERNEL:
        coded = [encode_texts(base, array) for base, array in zip(node.bases, arrays, strict=True)]
        kernel = RUNNING[node.call.name]
        codes = [array for array, _ in coded]
        values: Array = kernel.compute(*codes, offsets, node.call.own_arguments)
        if node.type is ValueType.OBJECT:
            return coded[0][1][values]
        return values.astype(dtype_of(node), copy=False)
    texts = [labels(base, array) for base, array in zip(node.bases, arrays, strict=True)]
    return scan_rows(node.call, node.type, texts, offsets, asked)


def encode_texts(node: Node, array: Array) -> tuple[Array, Array]:
    """Turn text that a primitive made into codes, and say what they stand for, None last."""
    if node.type is not ValueType.OBJECT:
        return array, np.empty(0, dtype=object)
    there = np.array([value is not None for value in array], dtype=bool)
    names, found = np.unique(array[there], return_inverse=True)
    codes = np.full(len(array), -1, dtype=np.int32)
    codes[there] = found
    return codes, np.array([*names, None], dtype=object)


def scan_versions(
    node: Scan, frame: Frame, index: Index, arrays: Sequence[Array], *, lead: int, labels: Labels
) -> Array:
    """Compute a scan of static values to which later rows contribute.

    Pairs that see the same rows of a group are one version, computed once (where the function
    reads the moment asked about, once for each).

    Parameters
    ----------
    index
        Order of the table by group.
    arrays
        Values of the bases for each row of the table.
    lead
        Microseconds from a pair's cutoff to the moment it asks about.
    """
    values = absent_values(node, len(frame))
    groups, positions = _places(index, len(arrays[0]))
    members = np.flatnonzero(groups[frame.rows] >= 0)
    group, position = groups[frame.rows[members]], positions[frame.rows[members]]
    queries, place = distinct_frame(group, frame.cutoffs[members])
    high = find_ranges(index, queries, None).high[place]
    known = position < high
    members, group, position, high = (a[known] for a in (members, group, position, high))
    ordered = [array[index.order] for array in arrays]
    reads_moment = node.call.way is Way.FALLBACK and primitive_of(node.call).uses_calc_time
    cutoffs = frame.cutoffs[members] if reads_moment else np.zeros(len(members), np.int64)
    for part in _runs(high, cutoffs):
        low, end = index.offsets[group[part[0]]], high[part[0]]
        asked = int(frame.cutoffs[members[part[0]]]) + lead
        slices = [array[low:end] for array in ordered]
        whole = scan_ordered(node, slices, np.array([0, end - low]), asked, labels)
        values[members[part]] = whole[position[part] - low]
    return values


def _places(index: Index, n_rows: int) -> tuple[Ints, Ints]:
    """Return the group and the position of each row, -1 where it has none."""
    groups, positions = np.full(n_rows, -1), np.full(n_rows, -1)
    groups[index.order] = np.repeat(np.arange(len(index.offsets) - 1), np.diff(index.offsets))
    positions[index.order] = np.arange(len(index.order))
    return groups, positions


def _runs(high: Ints, cutoffs: Ints) -> Iterator[Ints]:
    """Yield the numbers of pairs that have both in common."""
    order = np.lexsort((cutoffs, high))
    new = (np.diff(high[order]) != 0) | (np.diff(cutoffs[order]) != 0)
    parts = np.split(order, np.flatnonzero(new) + 1)
    return (part for part in parts if len(part))


def scan_moments(
    node: Scan,
    frame: Frame,
    index: Index,
    *,
    lead: int,
    evaluate: Evaluate,
    densify: Densify,
    labels: Labels,
) -> Array:
    """Compute a scan of dynamic values: anew at every cutoff, over all rows visible then.

    Parameters
    ----------
    index
        Order of all rows of the table by the moment they became visible, as one group.
    evaluate
        Gives the inputs at (row, cutoff) pairs.
    """
    values = absent_values(node, len(frame))
    n_rows = int(index.order.max(initial=-1)) + 1
    for cutoff in np.unique(frame.cutoffs):
        members = np.flatnonzero(frame.cutoffs == cutoff)
        seen = np.searchsorted(index.visible, cutoff, side="right")
        rows = index.order[:seen].astype(np.int64)
        found = evaluate(Frame(rows=rows, cutoffs=np.full(len(rows), cutoff)), inputs_of(node))
        codes = np.zeros(len(rows), np.int64)
        if node.groups is not None:
            codes = densify(node.groups, found[node.groups])[0].astype(np.int64)
        order = np.argsort(codes, kind="stable")
        order = order[codes[order] >= 0]
        offsets = np.append(0, np.cumsum(np.bincount(codes[order]))).astype(np.int64)
        whole = absent_values(node, n_rows)
        ordered = [found[base][order] for base in node.bases]
        whole[rows[order]] = scan_ordered(node, ordered, offsets, int(cutoff) + lead, labels)
        values[members] = whole[frame.rows[members]]
    return values
