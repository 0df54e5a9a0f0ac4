"""Transforms of values of the same row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.calls import Way
from features.engine.fallback import map_rows, primitive_of
from features.engine.graph import Map, Node, ValueType, dtype_of, is_null, null_of
from features.engine.primitives import MAPS
from features.engine.primitives.kinds import MapPrimitive
from features.engine.series import Labels, from_result

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


def apply_map(node: Map, arrays: Sequence[Array], asked: Ints, labels: Labels) -> Array:
    """Compute a transform from the values of its bases.

    Parameters
    ----------
    arrays
        Values of each base, shape (n,).
    asked
        The moment each row is asked about, shape (n,).
    labels
        What the codes of a base stand for.
    """
    if node.call.way is Way.KERNEL:
        return _by_kernel(node, MAPS[node.call.name], arrays, asked, labels)
    if len(arrays) == 1 and _is_text(node) and not primitive_of(node.call).uses_calc_time:
        distinct, place = _distinct(node.bases[0], arrays[0], labels)
        return map_rows(node.call, node.type, [distinct], asked[: len(distinct)])[place]
    texts = [labels(base, array) for base, array in zip(node.bases, arrays, strict=True)]
    return map_rows(node.call, node.type, texts, asked)


def _by_kernel(
    node: Map, kernel: MapPrimitive, arrays: Sequence[Array], asked: Ints, labels: Labels
) -> Array:
    arguments = node.call.own_arguments
    if kernel.per_category and _is_text(node):
        distinct, place = _distinct(node.bases[0], arrays[0], labels)
        return _of_categories(node, kernel, distinct[:-1])[place]
    texts = [labels(base, array) for base, array in zip(node.bases, arrays, strict=True)]
    inputs = [*texts, asked] if kernel.uses_cutoff else texts
    values = _as_held(node, kernel.compute(*inputs, arguments))
    if node.bases[0].type in kernel.null_of_null:
        values[is_null(node.bases[0], arrays[0])] = null_of(node)
    return values


def _of_categories(node: Map, kernel: MapPrimitive, categories: Array) -> Array:
    """Return the value of each category and, last, that of null."""
    values = kernel.compute(categories, node.call.own_arguments)
    null = null_of(node) if kernel.of_null is None else kernel.of_null
    out = np.full(len(categories) + 1, null, dtype=dtype_of(node))
    out[:-1] = _as_held(node, values)
    return out


def _as_held(node: Map, values: Array) -> Array:
    if node.type is ValueType.OBJECT:
        return from_result(values, node.type)
    return values.astype(dtype_of(node), copy=False)


def _is_text(node: Map) -> bool:
    return node.bases[0].type in (ValueType.CODE, ValueType.OBJECT)


def _distinct(base: Node, values: Array, labels: Labels) -> tuple[Array, Ints]:
    """Return the distinct values, null last whether it occurs or not, and where each row's is."""
    if base.type is ValueType.CODE:
        n_used = int(values.max(initial=-1)) + 1
        return labels(base, np.append(np.arange(n_used), -1)), values
    place_by_value: dict[Any, int] = {}
    place = np.empty(len(values), np.int64)
    for i, text in enumerate(values):
        place[i] = -1 if text is None else place_by_value.setdefault(text, len(place_by_value))
    distinct = np.empty(len(place_by_value) + 1, dtype=object)
    for value, k in place_by_value.items():
        distinct[k] = value
    return distinct, place
