"""Asked rows computed partition by partition, from tables sorted on disk by root."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.engine.cells import Cells
from features.engine.demand import Demand, group_demands
from features.engine.effort import Effort
from features.engine.executors import Executor, open_executor
from features.engine.graph import Node
from features.engine.memory import give_back
from features.engine.partition import Partition
from features.engine.partitions import cut, width_of
from features.engine.questions import Asked
from features.engine.spill import Sorting, sort_tables
from features.engine.tables import required_columns
from features.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Spilling:
    """What is spilled, and how.

    Attributes
    ----------
    budget
        Bytes that one partition may take.
    """

    snapshot: Snapshot
    sorting: Sorting
    budget: int


def fill_by_partition(
    cells: Cells, nodes: Mapping[str, Node], asked: Asked, spilling: Spilling, effort: Effort
) -> None:
    """Compute all cells; features of one root are sorted, cut and computed together."""
    n_done, n_cells = 0, len(asked) * len(nodes)
    with open_executor(effort) as executor:
        for i, demand in enumerate(group_demands(nodes)):
            own = replace(spilling.sorting, directory=spilling.sorting.directory / str(i))
            partitions = _partitions(demand, asked, replace(spilling, sorting=own), executor)
            for partition, values in executor.run(partitions):
                cells.put(partition.rows, values)
                del values
                give_back()
                n_done += partition.n_cells
                if effort.on_progress is not None:
                    effort.on_progress(n_done, n_cells)
            shutil.rmtree(own.directory)


def columns_of(
    nodes: Mapping[str, Node], snapshot: Snapshot, target: str
) -> dict[str, Sequence[str]]:
    """Name the columns that nodes are computed from, by table; the target's key is one."""
    needed = required_columns(nodes, snapshot.schema)
    needed.setdefault(target, set()).add(snapshot.schema.table(target).key)
    return {name: sorted(columns) for name, columns in needed.items()}


def _partitions(
    demand: Demand, asked: Asked, spilling: Spilling, executor: Executor
) -> list[Partition]:
    snapshot, target = spilling.snapshot, next(iter(demand.nodes.values())).table
    columns = columns_of(demand.nodes, snapshot, target)
    spill = sort_tables(
        snapshot, demand, places=asked.places, columns=columns, sorting=spilling.sorting
    )
    whole = Partition(
        snapshot=snapshot,
        demand=demand,
        sorted_tables=spill.tables,
        columns=columns,
        first=-1,
        last=-1,
        asked=asked,
        rows=np.arange(len(asked)),
    )
    give_back()
    width = width_of(snapshot, demand.nodes, columns)
    return cut(spill, whole, width, budget=spilling.budget, at_least=executor.n_partitions)
