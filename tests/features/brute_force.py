"""The engine's semantics written a second time: one row, one cutoff, one feature at a time.

Reads featuretools' JSON of definitions. Knows nothing of graphs, ranges or kernels.
"""

import json
import math
import statistics
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from features.engine.calls import write_arguments
from features.engine.definitions import Definitions
from features.engine.fallback import load_primitive
from features.engine.series import to_series
from tests.features.strategies import World

ALWAYS, NEVER = pd.Timestamp.min, pd.Timestamp.max
_UNITS = {"h": "h", "d": "D", "m": "min", "w": "W", "s": "s"}
_PREFIXES = {"CumSum", "CumMean", "CumMax", "CumCount", "Diff"}
"""Transforms of the rows up to and with their own."""


class Oracle:
    """Answers for every feature of some definitions over a world."""

    def __init__(self, definitions: str, world: World) -> None:
        content = json.loads(definitions)
        self.features = content["feature_definitions"]
        self.primitives = content["primitive_definitions"]
        self.listed = content["feature_list"]
        self.world = world
        self.forms = Definitions(definitions, world.schema)
        self.records = {name: f.to_dict("records") for name, f in world.frames.items()}

    def matrix(self) -> pd.DataFrame:
        """Values of all listed features for all asked rows, in their order."""
        key = self.world.schema.table(self.world.target).key
        rows = self.records[self.world.target]
        place = {row[key]: i for i, row in enumerate(rows)}
        answers: dict[str, list] = {name: [] for f in self.listed for name in self.forms.columns(f)}
        for asked in self.world.rows.to_dict("records"):
            i, cutoff = place[asked[key]], asked["cutoff_time"]
            there = self.visible(self.world.target, i) <= cutoff
            for f in self.listed:
                value = self.value(f, i, cutoff) if there else self.default(f)
                names = self.forms.columns(f)
                values = value if isinstance(value, list) else [value] * len(names)
                for name, part in zip(names, values, strict=True):
                    answers[name].append(part)
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

    def loaded(self, f: str) -> Any:
        """featuretools' own primitive."""
        definition = self.primitives[self.features[f]["arguments"]["primitive"]]
        arguments = write_arguments(definition["arguments"])
        return load_primitive(definition["type"], definition["module"], arguments)

    def is_scan(self, f: str) -> bool:
        """Whether a transform reads other rows."""
        kind, _ = self.arguments(f)
        if kind == "GroupByTransformFeature":
            return True
        return kind == "TransformFeature" and self.loaded(f).uses_full_dataframe

    def is_dynamic(self, f: str) -> bool:
        kind, arguments = self.arguments(f)
        if kind == "IdentityFeature":
            return False
        if kind == "FeatureOutputSlice":
            return self.is_dynamic(arguments["base_feature"])
        if kind == "DirectFeature":
            stands_in = self.default(f) is not None and self.waits(f)
            return self.is_dynamic(arguments["base_feature"]) or stands_in
        if any(map(self.is_dynamic, self.inputs(f))):
            return True
        if kind == "AggregationFeature":
            return any(map(self.waits, self.inputs(f))) or any(
                self.world.schema.table(link["child_dataframe_name"]).time is not None
                or self.hides(link["child_dataframe_name"], link["child_column_name"])
                for link in arguments["relationship_path"]
            )
        if self.is_scan(f):
            timed = self.world.schema.table(self.table(f)).time is not None
            later = timed or any(map(self.waits, self.inputs(f)))
            return later and self.primitive(f) not in _PREFIXES
        return self.loaded(f).uses_calc_time

    def table(self, f: str) -> str:
        """The table whose rows a feature belongs to."""
        return f.split(": ")[0]

    def bases(self, f: str) -> list[str]:
        arguments = self.arguments(f)[1]
        if self.primitive(f) == "Count":
            return []
        return arguments["base_features"] or [arguments["groupby"]]

    def inputs(self, f: str) -> list[str]:
        """Bases, condition and group."""
        arguments = self.arguments(f)[1]
        others = [arguments.get("where"), arguments.get("groupby")]
        return [*self.bases(f), *(other for other in others if other is not None)]

    def hides(self, table: str, column: str) -> bool:
        spec = self.world.schema.table(table)
        return spec.known_from(column) != spec.time

    def waits(self, f: str) -> bool:
        """Whether values of a static feature may become known after their row."""
        kind, arguments = self.arguments(f)
        if kind != "DirectFeature" and self.is_dynamic(f):
            return False
        if kind == "IdentityFeature":
            return self.hides(arguments["dataframe_name"], arguments["column_name"])
        if kind in ("TransformFeature", "GroupByTransformFeature"):
            return any(map(self.waits, self.inputs(f)))
        if kind == "FeatureOutputSlice":
            return self.waits(arguments["base_feature"])
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
        if kind in ("TransformFeature", "GroupByTransformFeature"):
            return max(self.since(base, i) for base in self.inputs(f))
        if kind == "FeatureOutputSlice":
            return self.since(arguments["base_feature"], i)
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
        if kind == "IdentityFeature":
            return None
        if kind in ("DirectFeature", "FeatureOutputSlice"):
            return self.default(arguments["base_feature"])
        value = self.loaded(f).default_value
        return None if pd.isna(value) or self.forms.form(f) == "datetime" else float(value)

    def value(self, f: str, i: int, cutoff: pd.Timestamp) -> Any:
        """The value of a feature for row i of its table, as known at the cutoff."""
        kind, arguments = self.arguments(f)
        if not self.is_dynamic(f) and self.since(f, i) > cutoff:
            return None
        if kind == "IdentityFeature":
            value = self.cell(arguments["dataframe_name"], i, arguments["column_name"])
            return float(value) if isinstance(value, bool | np.bool_) else value
        if kind == "FeatureOutputSlice":
            whole = self.value(arguments["base_feature"], i, cutoff)
            return whole[arguments["n"]] if isinstance(whole, list) else whole
        if self.is_scan(f):
            return self.scan(f, i, cutoff)
        if kind == "TransformFeature":
            values = [[self.value(base, i, cutoff)] for base in self.bases(f)]
            if self.primitive(f) == "DivideNumeric":
                return quotient(*(of_row[0] for of_row in values))
            if self.primitive(f) in _PARTS:
                return part_of(self.primitive(f), values[0][0])
            return self.call(f, values, cutoff)[0]
        if kind == "AggregationFeature":
            return self.filled(f, self.aggregate(f, i, cutoff))
        link = arguments["relationship"]
        j = self.parent(link, i)
        if (
            j is None
            or max(self.linked(link, i), self.visible(link["parent_dataframe_name"], j)) > cutoff
        ):
            return self.default(f)
        return self.filled(f, self.value(arguments["base_feature"], j, cutoff))

    def filled(self, f: str, value: Any) -> Any:
        missing = not isinstance(value, list) and (value is None or value != value)
        return self.default(f) if missing else value

    def scan(self, f: str, i: int, cutoff: pd.Timestamp) -> Any:
        """A transform over the rows of i's group, in the order they became visible."""
        inputs, groupby = self.inputs(f), self.arguments(f)[1].get("groupby")
        stays = not any(map(self.is_dynamic, inputs))
        moments = [
            (
                max(
                    [
                        self.visible(self.table(f), r),
                        *(self.since(base, r) for base in inputs if stays),
                    ]
                ),
                r,
            )
            for r in range(len(self.records[self.table(f)]))
        ]
        until = (cutoff, math.inf) if self.is_dynamic(f) else moments[i]
        if not self.is_dynamic(f) and self.primitive(f) not in _PREFIXES:
            until = (NEVER, -1)  # a table without time: all rows
        rows = [r for moment, r in sorted(moments) if (moment, r) <= until and moment != NEVER]
        if groupby is not None:
            group = self.value(groupby, i, cutoff)
            own = {r: self.value(groupby, r, cutoff) for r in rows}
            if not stays:
                rows = [r for r in rows if own[r] == group]
            else:
                rows = [r for r in rows if self.ever(groupby, r) == group]
            if group is None or group != group:
                return self.default(f)
        if i not in rows:
            return None
        values = [
            [self.value(base, r, NEVER if stays else cutoff) for r in rows]
            for base in self.bases(f)
        ]
        return self.filled(f, self.call(f, values, cutoff)[rows.index(i)])

    def ever(self, f: str, r: int) -> Any:
        """The value of a static feature once it is known."""
        return self.value(f, r, NEVER)

    def call(self, f: str, bases: list[list], cutoff: pd.Timestamp) -> list:
        """The function of featuretools over rows, one value for each."""
        primitive = self.loaded(f)
        columns = [self.column(base, v) for base, v in zip(self.bases(f), bases, strict=True)]
        time = {"time": cutoff} if primitive.uses_calc_time else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = primitive.get_function()(*columns, **time)
        values = list(pd.Series(result).astype(object))
        return [None if pd.isna(v) else float(v) if isinstance(v, bool) else v for v in values]

    def column(self, base: str, values: list) -> pd.Series:
        form = self.forms.form(base)
        if form == "datetime":
            return pd.Series(values, dtype="datetime64[ns]")
        text = form in ("category", "text")
        array = np.array([None if text and v != v else v for v in values], dtype=object)
        return to_series(array if text else array.astype(np.float64), form)

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
            for base in self.inputs(f):
                if not any(map(self.is_dynamic, self.inputs(f))):
                    moment = max(moment, self.since(base, r))
            found.append((moment, r))
        return sorted(m for m in found if m[0] != NEVER)

    def aggregate(self, f: str, i: int, cutoff: pd.Timestamp) -> Any:
        where, window = (self.arguments(f)[1][name] for name in ("where", "use_previous"))
        first, last = ALWAYS, 0
        if window is not None and window["unit"] == "mo":
            first = cutoff - pd.DateOffset(months=window["value"])
        elif window is not None and window["unit"] == "o":
            last = window["value"]
        elif window is not None:
            first = cutoff - pd.Timedelta(window["value"], _UNITS[window["unit"]])
        rows = [r for moment, r in self.history(f, i) if first <= moment <= cutoff]
        if where is not None:
            rows = [r for r in rows if self.value(where, r, cutoff) == 1.0]
        rows = rows[-last:]
        if not rows:
            return self.default(f)
        values = [[self.value(base, r, cutoff) for r in rows] for base in self.bases(f)]
        if self.primitive(f) in _SUMMARIES:
            return summarise(self.primitive(f), values, cutoff, len(rows))
        result = self.summary(f, values, cutoff)
        several = self.loaded(f).number_output_features > 1
        return list(result) if several else result

    def summary(self, f: str, bases: list[list], cutoff: pd.Timestamp) -> Any:
        """The function of featuretools over rows."""
        primitive = self.loaded(f)
        columns = [self.column(base, v) for base, v in zip(self.bases(f), bases, strict=True)]
        time = {"time": cutoff} if primitive.uses_calc_time else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function = primitive.get_function()
            if function is np.var:
                return columns[0].var()
            result = function(*columns, **time)
        return None if not isinstance(result, list) and pd.isna(result) else result


_SUMMARIES = {
    "Count",
    "Last",
    "PercentTrue",
    "TimeSinceLast",
    "NumUnique",
    "Sum",
    "Trend",
    "Mean",
    "Std",
    "Min",
    "Max",
    "Mode",
}
_PARTS = {"IsWeekend", "Weekday", "Year", "Month", "Day", "Hour", "Minute"}


def part_of(primitive: str, time: pd.Timestamp | None) -> float | None:
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
