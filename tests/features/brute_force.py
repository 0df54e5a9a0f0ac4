"""The engine's semantics written a second time: one row, one cutoff, one feature at a time.

Reads featuretools' JSON of definitions. Knows nothing of graphs, ranges or kernels.
"""

import json
import math
import statistics
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from tests.features.strategies import World

ALWAYS, NEVER = pd.Timestamp.min, pd.Timestamp.max
_DEFAULTS = {"Count": 0.0, "Sum": 0.0}
_UNITS = {"h": "h", "d": "D", "m": "min", "w": "W", "s": "s"}


class Oracle:
    """Answers for every feature of some definitions over a world."""

    def __init__(self, definitions: str, world: World) -> None:
        content = json.loads(definitions)
        self.features = content["feature_definitions"]
        self.primitives = content["primitive_definitions"]
        self.listed = content["feature_list"]
        self.world = world
        self.records = {name: f.to_dict("records") for name, f in world.frames.items()}

    def matrix(self) -> pd.DataFrame:
        """Values of all listed features for all asked rows, in their order."""
        key = self.world.schema.table(self.world.target).key
        rows = self.records[self.world.target]
        place = {row[key]: i for i, row in enumerate(rows)}
        answers: dict[str, list] = {self.name(f): [] for f in self.listed}
        for asked in self.world.rows.to_dict("records"):
            i, cutoff = place[asked[key]], asked["cutoff_time"]
            there = self.visible(self.world.target, i) <= cutoff
            for f in self.listed:
                value = self.value(f, i, cutoff) if there else self.default(f)
                answers[self.name(f)].append(value)
        return pd.DataFrame(answers, dtype=object)

    def name(self, f: str) -> str:
        return self.features[f]["arguments"]["name"]

    def arguments(self, f: str) -> tuple[str, dict]:
        return self.features[f]["type"], self.features[f]["arguments"]

    def primitive(self, f: str) -> str:
        return self.primitives[self.features[f]["arguments"]["primitive"]]["type"]

    def cell(self, table: str, i: int, column: str) -> Any:
        value = self.records[table][i][column]
        return None if pd.isna(value) else value

    def moment(self, table: str, i: int, column: str | None) -> pd.Timestamp:
        if column is None:
            return ALWAYS
        return self.cell(table, i, column) or NEVER

    def visible(self, table: str, i: int) -> pd.Timestamp:
        return self.moment(table, i, self.world.schema.table(table).time)

    def known(self, table: str, i: int, column: str) -> pd.Timestamp:
        spec = self.world.schema.table(table)
        moment = spec.known_from(column)
        return ALWAYS if moment == spec.time else self.moment(table, i, moment)

    def parent(self, link: dict, i: int) -> int | None:
        value = self.cell(link["child_dataframe_name"], i, link["child_column_name"])
        for j, row in enumerate(self.records[link["parent_dataframe_name"]]):
            if value is not None and row[link["parent_column_name"]] == value:
                return j
        return None

    def linked(self, link: dict, i: int) -> pd.Timestamp:
        return self.known(link["child_dataframe_name"], i, link["child_column_name"])

    def is_dynamic(self, f: str) -> bool:
        kind, arguments = self.arguments(f)
        if kind == "IdentityFeature":
            return False
        if kind == "DirectFeature":
            stands_in = self.default(f) is not None and self.waits(f)
            return self.is_dynamic(arguments["base_feature"]) or stands_in
        if kind == "TransformFeature":
            return any(map(self.is_dynamic, arguments["base_features"]))
        bases = self.bases(f)
        return (
            any(map(self.is_dynamic, bases))
            or any(map(self.waits, bases))
            or any(
                self.world.schema.table(link["child_dataframe_name"]).time is not None
                or self.hides(link["child_dataframe_name"], link["child_column_name"])
                for link in arguments["relationship_path"]
            )
        )

    def bases(self, f: str) -> list[str]:
        return [] if self.primitive(f) == "Count" else self.arguments(f)[1]["base_features"]

    def hides(self, table: str, column: str) -> bool:
        spec = self.world.schema.table(table)
        return spec.known_from(column) != spec.time

    def waits(self, f: str) -> bool:
        """Whether values of a static feature may become known after their row."""
        kind, arguments = self.arguments(f)
        if kind == "IdentityFeature":
            return self.hides(arguments["dataframe_name"], arguments["column_name"])
        if kind == "TransformFeature":
            return any(map(self.waits, arguments["base_features"]))
        if kind == "DirectFeature":
            link = arguments["relationship"]
            return (
                self.hides(link["child_dataframe_name"], link["child_column_name"])
                or self.world.schema.table(link["parent_dataframe_name"]).time is not None
                or self.waits(arguments["base_feature"])
            )
        return False

    def since(self, f: str, i: int) -> pd.Timestamp:
        """When the value of a static feature becomes known for row i."""
        kind, arguments = self.arguments(f)
        if kind == "IdentityFeature":
            return self.known(arguments["dataframe_name"], i, arguments["column_name"])
        if kind == "TransformFeature":
            return max(self.since(base, i) for base in arguments["base_features"])
        if kind == "AggregationFeature":
            return ALWAYS
        link = arguments["relationship"]
        j = self.parent(link, i)
        if j is None:
            lost = self.cell(link["child_dataframe_name"], i, link["child_column_name"])
            timed = self.world.schema.table(link["parent_dataframe_name"]).time is not None
            waits = timed or self.waits(arguments["base_feature"])
            return NEVER if lost is not None and waits else self.linked(link, i)
        there = self.visible(link["parent_dataframe_name"], j)
        return max(self.linked(link, i), there, self.since(arguments["base_feature"], j))

    def default(self, f: str) -> Any:
        kind, arguments = self.arguments(f)
        if kind == "DirectFeature":
            return self.default(arguments["base_feature"])
        return _DEFAULTS.get(self.primitive(f)) if kind == "AggregationFeature" else None

    def value(self, f: str, i: int, cutoff: pd.Timestamp) -> Any:
        """The value of a feature for row i of its table, as known at the cutoff."""
        kind, arguments = self.arguments(f)
        if not self.is_dynamic(f) and self.since(f, i) > cutoff:
            return self.default(f)
        if kind == "IdentityFeature":
            value = self.cell(arguments["dataframe_name"], i, arguments["column_name"])
            return float(value) if isinstance(value, bool | np.bool_) else value
        if kind == "TransformFeature":
            values = [self.value(base, i, cutoff) for base in self.bases(f)]
            return transform(self.primitive(f), *values)
        if kind == "AggregationFeature":
            return self.aggregate(f, i, cutoff)
        link = arguments["relationship"]
        j = self.parent(link, i)
        if (
            j is None
            or max(self.linked(link, i), self.visible(link["parent_dataframe_name"], j)) > cutoff
        ):
            return self.default(f)
        return self.value(arguments["base_feature"], j, cutoff)

    def history(self, f: str, i: int) -> list[tuple[pd.Timestamp, int]]:
        """All rows that ever count for an aggregation of row i, by the moment they do."""
        path = self.arguments(f)[1]["relationship_path"]
        found = []
        for r in range(len(self.records[path[-1]["child_dataframe_name"]])):
            j: int | None = r
            moment = ALWAYS
            for link in reversed(path):
                moment = max(
                    moment, self.visible(link["child_dataframe_name"], j), self.linked(link, j)
                )
                j = self.parent(link, j)
                if j is None:
                    break
            if j != i:
                continue
            for base in self.bases(f):
                if not any(map(self.is_dynamic, self.bases(f))):
                    moment = max(moment, self.since(base, r))
            found.append((moment, r))
        return sorted(m for m in found if m[0] != NEVER)

    def aggregate(self, f: str, i: int, cutoff: pd.Timestamp) -> Any:
        window = self.arguments(f)[1]["use_previous"]
        first = ALWAYS
        if window is not None:
            first = cutoff - pd.Timedelta(window["value"], _UNITS[window["unit"]])
        rows = [r for moment, r in self.history(f, i) if first <= moment <= cutoff]
        if not rows:
            return self.default(f)
        values = [[self.value(base, r, cutoff) for r in rows] for base in self.bases(f)]
        return summarise(self.primitive(f), values, cutoff, len(rows))


def transform(primitive: str, *values: Any) -> float | None:
    if primitive == "DivideNumeric":
        return quotient(*values)
    [time] = values
    if time is None:
        return None
    if primitive == "IsWeekend":
        return float(time.weekday() > 4)
    if primitive == "Weekday":
        return float(time.weekday())
    return float(getattr(time, primitive.lower()))


def quotient(x: float | None, y: float | None) -> float | None:
    if x is None or y is None or x != x or y != y:
        return None
    with np.errstate(all="ignore"):
        return float(np.float64(x) / np.float64(y))


def summarise(primitive: str, bases: list[list], cutoff: pd.Timestamp, n_rows: int) -> Any:
    if primitive == "Count":
        return float(n_rows)
    values = bases[0]
    known = [v for v in values if v is not None and v == v]
    match primitive:
        case "Last":
            return values[-1]
        case "PercentTrue":
            return sum(v == 1.0 for v in known) / n_rows
        case "TimeSinceLast":
            return None if values[-1] is None else (cutoff - values[-1]).total_seconds()
        case "NumUnique":
            return float(len(set(known)))
        case "Sum":
            return math.fsum(known)
    if primitive == "Trend":
        return trend(values, bases[1])
    if not known:
        return None
    match primitive:
        case "Mean":
            return math.fsum(known) / len(known)
        case "Std":
            return statistics.stdev(known) if len(known) > 1 else None
        case "Min":
            return min(known)
        case "Max":
            return max(known)
        case "Mode":
            counts = Counter(known)
            return min(v for v in counts if counts[v] == max(counts.values()))
    raise AssertionError(primitive)


def trend(values: list, times: list) -> float | None:
    pairs = zip(values, times, strict=True)
    points = [(t, v) for v, t in pairs if v is not None and v == v and t is not None]
    if len(points) <= 2:
        return None
    days = [(t - points[0][0]) / pd.Timedelta("1D") for t, _ in points]
    if len(set(days)) == 1:
        return 0.0
    return statistics.linear_regression(days, [v for _, v in points]).slope
