"""featuretools' own values for a plan, where we mean to be equal to them."""

import json
import uuid
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from features.plan import FeaturePlan
from features.schema import ColumnType, Table
from features.synthesis import ft
from tests.features.strategies import World

NEVER = pd.Timestamp("2200-01-01")
_LOGICAL = {
    ColumnType.NUMERIC: "Double",
    ColumnType.BOOLEAN: "BooleanNullable",
    ColumnType.DATETIME: "Datetime",
    ColumnType.CATEGORICAL: "Categorical",
    ColumnType.KEY: "Categorical",
}


def featuretools_matrix(plan: FeaturePlan, names: list[str], world: World) -> pd.DataFrame:
    """Values of the features called `names`, in the order of the world's rows."""
    return matrix_of(load(plan.keep(names, {}).definitions), world)


def load(definitions: str) -> list:
    """featuretools' features of definitions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ft.load_features(definitions)


def matrix_of(features: list, world: World, **options: Any) -> pd.DataFrame:
    """Values of features, in the order of the world's rows.

    NOTE: featuretools refuses repeated (key, cutoff) rows; they are asked once and repeated here.
    """
    key = world.schema.table(world.target).key
    cutoffs = world.rows.rename(columns={key: "instance_id", "cutoff_time": "time"})
    cutoffs["time"] = cutoffs["time"].astype("datetime64[ns]")
    cutoffs["instance_id"] = as_text(cutoffs["instance_id"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = ft.calculate_feature_matrix(
            features,
            entityset=filled_entityset(world),
            cutoff_time=cutoffs.drop_duplicates(),
            cutoff_time_in_index=True,
            **options,
        )
    asked = pd.MultiIndex.from_frame(cutoffs[["instance_id", "time"]])
    matrix.index = pd.MultiIndex.from_arrays(
        [
            matrix.index.get_level_values(0).astype(object),
            matrix.index.get_level_values(1),
        ]
    )
    matrix = matrix.astype(object).reindex(asked).reset_index(drop=True)
    for name in matrix:
        if "TREND" in name:  # NOTE: per second from our epoch on; ours are per day
            matrix[name] = [np.nan if pd.isna(v) else float(v) * 86_400 for v in matrix[name]]
    return matrix


def as_text(keys: pd.Series) -> pd.Series:
    """Keys as strings: whole numbers become floats, or fail, where featuretools meets nulls."""
    return keys.astype("string").astype(object).where(keys.notna(), None)


def filled_entityset(world: World) -> ft.EntitySet:
    """The world as an EntitySet."""
    entityset = ft.EntitySet(uuid.uuid4().hex)
    for table in world.schema.tables:
        _add(entityset, table, world.frames[table.name].copy())
    for r in world.schema.relationships:
        entityset.add_relationship(r.parent, r.parent_column, r.child, r.child_column)
    return entityset


def _add(entityset: ft.EntitySet, table: Table, frame: pd.DataFrame) -> None:
    for name, kind in table.columns.items():
        if kind is ColumnType.DATETIME:
            frame[name] = frame[name].astype("datetime64[ns]")
        if kind is ColumnType.KEY:
            frame[name] = as_text(frame[name])
    entityset.add_dataframe(
        dataframe=frame,
        dataframe_name=table.name,
        index=table.key,
        time_index=table.time,
        secondary_time_index={m: list(c) for m, c in table.known_at.items()}
        if table.time
        else None,
        logical_types={name: _LOGICAL[kind] for name, kind in table.columns.items()},
    )


def comparable(plan: FeaturePlan, world: World) -> list[str]:
    """Names of features whose values we mean to be featuretools' in this world.

    What is left out is listed, with reasons and tests of its own, in docs/features.md.
    """
    content = json.loads(plan.definitions)
    return [
        content["feature_definitions"][f]["arguments"]["name"]
        for f in comparable_features(plan.definitions, world)
    ]


def comparable_features(definitions: str, world: World) -> list[str]:
    """Full names of such features."""
    content = json.loads(definitions)
    reading = _Reading(content["feature_definitions"], content["primitive_definitions"], world)
    return [f for f in content["feature_list"] if not reading.differs(f)]


_OF_DATES = {
    "Year",
    "Month",
    "Day",
    "Weekday",
    "Hour",
    "Minute",
    "PartOfDay",
    "TimeSince",
    "GreaterThan",
}
_OF_FLAGS = {"Not", "And", "MultiplyBoolean"}
_IN_ORDER = {"First", "Last", "TimeSinceFirst", "TimeSinceLast", "NumPeaks", "AvgTimeBetween"}
_SCALED = {"Sum", "Mean", "Std", "Min", "Max", "MaxMinDelta", "Median", "First", "Last"}
_NULL_OF_NULL = {"Absolute", "AddNumeric", "Year", "Weekday", "Hour", "TimeSince", "EqualScalar"}
"""Transforms to which a value that is not known yet is as null. (EqualScalar as a condition.)"""
_APPLIED = {"Trend", "TimeSinceFirst", "TimeSinceLast", "SpreadBetween"}
"""Aggregations that featuretools calls once for each group, with all of its columns."""
_BLIND_TO_NULLS = {
    "Count",
    "Sum",
    "Mean",
    "Std",
    "Variance",
    "Min",
    "Max",
    "MaxMinDelta",
    "Median",
    "Mode",
    "Trend",
}
"""Aggregations to which a row with a null is as none, in whatever order."""


class _Reading:
    """Looks through definitions for what differs on purpose."""

    def __init__(self, features: dict, primitives: dict, world: World) -> None:
        self.features, self.primitives, self.world = features, primitives, world

    def kind(self, f: str) -> str:
        return self.features[f]["type"]

    def arguments(self, f: str) -> dict:
        return self.features[f]["arguments"]

    def primitive(self, f: str) -> str:
        return self.primitives[self.arguments(f)["primitive"]]["type"]

    def differs(self, f: str, whole: bool = False) -> bool:
        """Whether values differ; `whole`: featuretools computes it for all rows of its table."""
        own = False
        if self.kind(f) in ("TransformFeature", "GroupByTransformFeature"):
            own = self.transforms_differently(f)
            whole |= self.uses_full_dataframe(f)
        if self.kind(f) == "AggregationFeature":
            own = self.summarises_differently(f) or (whole and self.groups_nothing(f))
        if self.has_unit(f):
            own = True
        return own or any(self.differs(below, whole) for below in self.features[f]["dependencies"])

    def has_unit(self, f: str) -> bool:
        """Whether a trend is beneath, and the value not simply one per unit of time."""
        if self.kind(f) in ("DirectFeature", "IdentityFeature", "FeatureOutputSlice"):
            return False
        beneath = any(map(self.trends, self.features[f]["dependencies"]))
        return beneath and self.primitive(f) not in _SCALED

    def trends(self, f: str) -> bool:
        own = "primitive" in self.arguments(f) and self.primitive(f) == "Trend"
        return own or any(map(self.trends, self.features[f]["dependencies"]))

    def transforms_differently(self, f: str) -> bool:
        """featuretools crashes on dates and flags that an aggregation does not find, and says
        that an unknown date is no weekend."""
        inputs = self.features[f]["dependencies"]
        fragile = self.primitive(f) in _OF_DATES | _OF_FLAGS and any(map(self.aggregates, inputs))
        # where a window has no row of the batch, its share of true rows is a boolean
        fragile |= self.primitive(f) == "DivideNumeric" and any(map(self.counts_true, inputs))
        other = self.primitive(f) not in _NULL_OF_NULL
        known_later = other and any(map(self.waits, inputs))
        return fragile or known_later or self.primitive(f) == "IsWeekend"

    def counts_true(self, f: str) -> bool:
        """Whether it is a share of true rows, perhaps read through parents."""
        if self.kind(f) == "DirectFeature":
            return any(map(self.counts_true, self.features[f]["dependencies"]))
        return "primitive" in self.arguments(f) and self.primitive(f) == "PercentTrue"

    def uses_full_dataframe(self, f: str) -> bool:
        primitive = self.primitives[self.arguments(f)["primitive"]]
        module = import_module(primitive["module"])
        return bool(getattr(module, primitive["type"]).uses_full_dataframe)

    def groups_nothing(self, f: str) -> bool:
        """Whether featuretools calls the primitive for no group, and has no column of answers.

        Of a whole table it groups all rows that are visible, those that belong to nobody too.
        """
        if self.primitive(f) not in _APPLIED:
            return False
        visible, grouped = self.arrivals(self.arguments(f)["relationship_path"])
        cutoffs = self.world.rows["cutoff_time"]
        return any((visible <= t).any() and not (grouped <= t).any() for t in cutoffs)

    def arrivals(self, path: list[dict]) -> tuple[pd.Series, pd.Series]:
        """When rows at a path's end become visible, and when they have a key at its beginning."""
        above = None
        for link in path:
            table = self.world.schema.table(link["child_dataframe_name"])
            links = self.moments(table.name, link["child_column_name"])
            grouped = links["moment"].where(links["key"].notna(), NEVER)
            if above is not None:
                grouped = np.maximum(grouped, links["key"].map(above).fillna(NEVER))
            above = pd.Series(grouped.to_numpy(), index=self.world.frames[table.name][table.key])
        return links["moment"], grouped

    def summarises_differently(self, f: str) -> bool:
        arguments, primitive = self.arguments(f), self.primitive(f)
        window = bool(arguments["use_previous"])
        waits = any(map(self.waits, self.features[f]["dependencies"]))
        late = any(map(self.is_late, arguments["relationship_path"][1:]))
        return (
            (waits and (window or primitive not in _BLIND_TO_NULLS))
            or (late and (window or primitive in _IN_ORDER))
            # featuretools fails where no visible row at all is in their window
            or (window and primitive in _APPLIED)
        )

    def aggregates(self, f: str) -> bool:
        deeper = any(map(self.aggregates, self.features[f]["dependencies"]))
        return self.kind(f) == "AggregationFeature" or deeper

    def waits(self, f: str) -> bool:
        """Whether a value may become known after its row."""
        arguments = self.arguments(f)
        if self.kind(f) == "IdentityFeature":
            table = self.world.schema.table(arguments["dataframe_name"])
            return table.known_from(arguments["column_name"]) != table.time
        if self.kind(f) == "DirectFeature":
            link = arguments["relationship"]
            if self.is_late(link) or self.leads_nowhere(link):
                return True
        if self.kind(f) == "AggregationFeature":
            return False
        return any(map(self.waits, self.features[f]["dependencies"]))

    def leads_nowhere(self, link: dict) -> bool:
        """Whether a foreign key waits for a row that is not there."""
        parent = self.moments(link["parent_dataframe_name"], link["parent_column_name"])
        child = self.moments(link["child_dataframe_name"], link["child_column_name"])
        table = self.world.schema.table(link["parent_dataframe_name"])
        return bool(
            (table.time is not None or table.known_at)
            and not child["key"].dropna().isin(parent["key"]).all()
        )

    def is_late(self, link: dict) -> bool:
        """Whether a row becomes visible after a child of it."""
        parent = self.moments(link["parent_dataframe_name"], link["parent_column_name"])
        child = self.moments(link["child_dataframe_name"], link["child_column_name"])
        both = child.merge(parent, on="key", suffixes=("_child", "_parent"))
        return bool((both["moment_parent"] > both["moment_child"]).any())

    def moments(self, table: str, key: str) -> pd.DataFrame:
        frame, time = self.world.frames[table], self.world.schema.table(table).time
        always = pd.Series(pd.Timestamp("1900-01-01"), index=frame.index)
        moments = always if time is None else frame[time].fillna(NEVER)
        return pd.DataFrame({"key": frame[key].astype(object), "moment": moments})
