"""Aggregations: each group of rows is ordered, ranged and read once.

Aggregations of static values read ranges of the child table; aggregations of dynamic values, or
under a dynamic condition, write their ranges out as a frame of the child table.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.calls import Way
from features.engine.fallback import summarise_ranges
from features.engine.graph import (
    NO_CLOCK,
    Aggregate,
    Clock,
    Node,
    ValueType,
    absent,
    absent_values,
    dtype_of,
    inputs_of,
    joint_clock,
)
from features.engine.layout import Layout
from features.engine.moments import Blocks
from features.engine.pairs import Pairs, expand
from features.engine.primitives import AGGREGATIONS
from features.engine.ranges import Frame, Index
from features.engine.reach import find_reach, last_rows, newest_of, only, orderly
from features.engine.statics import Statics, filled
from features.engine.tables import Path, Tables
from features.engine.views import View
from features.engine.windows import LastRows, Window

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Results = dict[Node, Array]


@dataclass(frozen=True, slots=True)
class _Reach:
    """What aggregations that read the same ranges have in common."""

    clock: Clock
    window: Window | None
    where: Node | None
    stacked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Aggregations of the same bases over the same ranges, computed together.

    Attributes
    ----------
    view
        Makes what kernels read.
    labels
        Makes what the fallback reads: one array for each base.
    """

    nodes: tuple[Aggregate, ...]
    view: Callable[[], View]
    labels: Callable[[], Sequence[Array]]


class Aggregator:
    """Computes aggregations of a frame.

    Parameters
    ----------
    evaluate
        Gives dynamic values at (row, cutoff) pairs.
    lead
        Microseconds from a pair's cutoff to the moment it asks about.
    """

    def __init__(
        self,
        tables: Tables,
        statics: Statics,
        executor: Executor,
        *,
        evaluate: Callable[[Frame, Iterable[Node]], Results],
        lead: int,
    ) -> None:
        self._tables = tables
        self._statics = statics
        self._executor = executor
        self._evaluate = evaluate
        self._lead = lead

    def aggregate(self, frame: Frame, path: Path, nodes: Sequence[Aggregate]) -> Results:
        """Compute aggregations along one path at the pairs of `frame`."""
        results: Results = {}
        layouts: dict[Clock, Layout] = {}
        for reach, group in _grouped(nodes):
            index = self._tables.index(path, reach.clock)
            for part, queries in orderly(frame, reach.window, self._lead):
                if part is not None:
                    layout = Layout(index, queries, self._statics)
                elif reach.clock in layouts:
                    layout = layouts[reach.clock]
                else:
                    layout = layouts[reach.clock] = Layout(index, queries, self._statics)
                values = self._reach(layout, reach, group)
                if part is None:
                    results.update(values)
                    continue
                for node in group:
                    whole = results.setdefault(node, absent_values(node, len(frame)))
                    whole[part] = values[node]
        return results

    def _reach(self, layout: Layout, reach: _Reach, nodes: Sequence[Aggregate]) -> Results:
        index, frame = layout.index, layout.frame
        ranges = find_reach(index, frame, reach.window, self._lead)
        if reach.stacked:
            if isinstance(reach.window, LastRows) and reach.where is None:
                ranges = ranges._replace(
                    low=np.maximum(ranges.low, ranges.high - reach.window.count)
                )
            return self._stack(frame, index, ranges, reach, nodes)
        chosen = None
        if reach.where is not None:
            chosen = layout.values(reach.where) == 1.0
            ranges = only(ranges, chosen)
        if isinstance(reach.window, LastRows):
            ranges = last_rows(ranges, reach.window)
        asked = frame.cutoffs + self._lead
        jobs = [self._static_job(layout, chosen, ranges, asked, same) for same in _by_bases(nodes)]
        return self._run(jobs, ranges, asked)

    def _static_job(
        self,
        layout: Layout,
        chosen: Mask | None,
        ranges: Blocks,
        asked: Ints,
        nodes: tuple[Aggregate, ...],
    ) -> _Job:
        """Say how to order static values: when the job begins, so that few live at a time."""
        bases = nodes[0].bases
        for base in bases:
            # NOTE: computed here, since a job must not wait for jobs of its own.
            layout.prepare(base)

        def only_chosen(array: Array) -> Array:
            return array if chosen is None else array[chosen]

        def dense() -> tuple[Array, Array]:
            codes, values = layout.codes(bases[0])
            return only_chosen(codes), values

        def view() -> View:
            arrays = tuple(only_chosen(layout.values(base)) for base in bases)
            return View(arrays, dense, ranges, asked)

        def labels() -> Sequence[Array]:
            statics, rows = self._statics, only_chosen(layout.index.order)
            return [statics.labels(base, statics.values(base)[rows]) for base in bases]

        return _Job(nodes=nodes, view=view, labels=labels)

    def _stack(
        self,
        frame: Frame,
        index: Index,
        ranges: Blocks,
        reach: _Reach,
        nodes: Sequence[Aggregate],
    ) -> Results:
        """Aggregate dynamic values: evaluate them at every (child row, cutoff) in range."""
        inputs = [base for node in nodes for base in inputs_of(node)]
        results: Results = {node: absent_values(node, len(frame)) for node in nodes}
        for pairs in expand(index, frame, ranges):
            values = self._evaluate(pairs.frame, inputs)
            place, segments = _narrowed(pairs, reach, values)
            asked = frame.cutoffs[pairs.first : pairs.last] + self._lead
            jobs = [
                self._dynamic_job(
                    [values[base][place] for base in same[0].bases], segments, asked, same
                )
                for same in _by_bases(nodes)
            ]
            for node, part in self._run(jobs, segments, asked).items():
                results[node][pairs.first : pairs.last] = part
        return results

    def _dynamic_job(
        self, arrays: Sequence[Array], ranges: Blocks, asked: Ints, nodes: tuple[Aggregate, ...]
    ) -> _Job:
        bases, statics = nodes[0].bases, self._statics

        def view() -> View:
            coded = tuple(
                statics.densify(base, array)[0] if base.type is ValueType.OBJECT else array
                for base, array in zip(bases, arrays, strict=True)
            )
            return View(coded, lambda: statics.densify(bases[0], arrays[0]), ranges, asked)

        def labels() -> Sequence[Array]:
            return [statics.labels(b, array) for b, array in zip(bases, arrays, strict=True)]

        return _Job(nodes=nodes, view=view, labels=labels)

    def _run(self, jobs: Sequence[_Job], ranges: Blocks, asked: Ints) -> Results:
        """Run kernels side by side, then the fallback: functions of others, one at a time."""
        empty = np.equal(ranges.low, ranges.high)

        def run(job: _Job) -> Results:
            nodes = [node for node in job.nodes if node.call.way is Way.KERNEL]
            if not nodes:
                return {}
            view = job.view()
            return {node: _finish(node, _by_kernel(node, view), empty) for node in nodes}

        results: Results = {}
        for part in self._executor.map(run, jobs):
            results.update(part)
        for job in jobs:
            others = [node for node in job.nodes if node.call.way is Way.FALLBACK]
            arrays = job.labels() if others else ()
            for node in others:
                values = summarise_ranges(node.call, node.type, arrays, ranges, asked)
                results[node] = _finish(node, values, empty)
        return results


def _narrowed(pairs: Pairs, reach: _Reach, values: Results) -> tuple[Ints, Blocks]:
    """Keep of written out ranges what the condition lets through, and of that the newest."""
    place, segments = pairs.place, pairs.ranges
    if reach.where is not None:
        chosen = values[reach.where][place] == 1.0
        place, segments = place[chosen], only(segments, chosen)
    if isinstance(reach.window, LastRows):
        chosen = newest_of(segments, reach.window.count)
        place, segments = place[chosen], only(segments, chosen)
    return place, segments


def _by_kernel(node: Aggregate, view: View) -> Array:
    kernel = AGGREGATIONS[node.call.name]
    computed = kernel.compute(view, node.call.own_arguments)
    values: Array = np.stack(computed, axis=1) if isinstance(computed, list) else computed
    if node.type is ValueType.OBJECT:
        names: Array = np.array([*view.codes[1], None], dtype=object)
        return names[values.astype(np.int32)]
    return values.astype(dtype_of(node))


def _finish(node: Aggregate, values: Array, empty: Array) -> Array:
    values[empty] = absent(node)
    return filled(node, values)


def _grouped(nodes: Sequence[Aggregate]) -> list[tuple[_Reach, list[Aggregate]]]:
    """Group aggregations that share their ranges."""
    groups: dict[_Reach, list[Aggregate]] = {}
    for node in nodes:
        stacked = any(base.dynamic for base in inputs_of(node))
        clock = NO_CLOCK if stacked else joint_clock(inputs_of(node))
        groups.setdefault(_Reach(clock, node.window, node.where, stacked), []).append(node)
    return list(groups.items())


def _by_bases(nodes: Sequence[Aggregate]) -> list[tuple[Aggregate, ...]]:
    """Group aggregations of the same values."""
    groups: dict[tuple[Node, ...], list[Aggregate]] = {}
    for node in nodes:
        groups.setdefault(node.bases, []).append(node)
    return [tuple(members) for members in groups.values()]
