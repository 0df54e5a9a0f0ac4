"""Values of named nodes for asked rows, over tables in memory."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.cancellation import Threads
from features.engine.evaluate import Evaluator
from features.engine.graph import Node, ValueType
from features.engine.questions import Asked
from features.engine.tables import Tables

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

MAX_CELLS = 1 << 25
"""Values taken at a time, rows by features: about 270 MB, and as much again on the way."""


def values_by_part(
    nodes: Mapping[str, Node], store: Tables, asked: Asked, *, pool: Threads
) -> Iterator[tuple[Ints, dict[str, Array]]]:
    """Compute nodes for asked rows, a part of them at a time.

    Yields
    ------
    tuple of Ints and dict
        Which of the rows, and their values by name.
    """
    table = next(iter(nodes.values())).table
    # NOTE: parts follow entities, so that no group of rows is read for two parts of one entity.
    order = np.lexsort((asked.cutoffs, asked.places))
    evaluator = Evaluator(store, pool, inclusive=asked.inclusive)
    n_part = max(MAX_CELLS // len(nodes), 1)
    try:
        for first in range(0, len(order), n_part):
            pool.check()
            part = order[first : first + n_part]
            values = evaluator.at(
                table, asked.places[part], asked.cutoffs[part], tuple(nodes.values())
            )
            yield (
                part,
                {name: _finish(evaluator, node, values[node]) for name, node in nodes.items()},
            )
    finally:
        evaluator.release()


def _finish(evaluator: Evaluator, node: Node, values: Array) -> Array:
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
