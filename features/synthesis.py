"""The door to featuretools: feature definitions from a schema, without data.

Primitives, names and the JSON of definitions are featuretools' own. Values come from
`features.engine`.
"""

import json
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from features.interesting import Interesting
from features.schema import HISTORY, ColumnType, Schema, Table
from features.windows import in_windows, read_windows

with warnings.catch_warnings():
    # NOTE: woodwork 0.31 imports pkg_resources, which warns of its own removal.
    warnings.simplefilter("ignore")
    import featuretools as ft
    from featuretools.feature_base import (
        FeatureBase,
        IdentityFeature,
        TransformFeature,
    )
    from woodwork.logical_types import Categorical, Datetime, NaturalLanguage

AGGREGATIONS = (
    "count",
    "sum",
    "mean",
    "std",
    "min",
    "max",
    "last",
    "num_unique",
    "mode",
    "percent_true",
    "time_since_last",
    "trend",
)
WHERE_AGGREGATIONS = ("count", "mean", "percent_true", "time_since_last")
"""Aggregations that are also made of the rows with an interesting value alone."""

TRANSFORMS = ("year", "month", "day", "weekday", "hour", "minute", "is_weekend")

_FORMS = {
    ColumnType.NUMERIC: ("Double", "float64"),
    ColumnType.BOOLEAN: ("BooleanNullable", "boolean"),
    ColumnType.DATETIME: ("Datetime", "datetime64[ns]"),
    ColumnType.CATEGORICAL: ("Categorical", "category"),
    ColumnType.TEXT: ("NaturalLanguage", "string"),
    ColumnType.KEY: ("Categorical", "category"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A definition that deep feature synthesis found.

    Attributes
    ----------
    table
        Table that the feature's first column comes from.
    depth
        Number of primitives and relationships one upon the other.
    window
        Name of its window, or None.
    objection
        Why it cannot be a feature, or None.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    table: str
    depth: int
    window: str | None
    objection: str | None
    definition: FeatureBase

    def describe(self) -> str:
        """Say in a sentence what the feature is."""
        sentence: str = ft.describe_feature(self.definition)
        return sentence


def propose(
    schema: Schema,
    target: str,
    *,
    depth: int,
    windows: Sequence[str],
    interesting: Interesting | None = None,
) -> tuple[Proposal, ...]:
    """Find every definition up to `depth`, with copies of aggregations for each window.

    The order is featuretools' (shallow first), copies after their original.

    Raises
    ------
    FeatureError
        When a window is not like "7d", or nothing can be defined.
    """
    spans = read_windows(windows)
    entityset = build_entityset(schema, None if depth > 0 else target)
    for table, values in (interesting or {}).items() if depth > 0 else ():
        listed = {column: list(found) for column, found in values.items()}
        entityset.add_interesting_values(dataframe_name=table, values=listed)
    with _hushed():
        originals = ft.dfs(
            entityset=entityset,
            target_dataframe_name=target,
            agg_primitives=list(AGGREGATIONS),
            trans_primitives=list(TRANSFORMS),
            where_primitives=list(WHERE_AGGREGATIONS) if interesting else [],
            max_depth=depth if len(entityset.dataframes) > 1 else 1,
            features_only=True,
            return_types="all",
        )
    return tuple(
        _propose(feature, schema, window)
        for original in originals
        for feature, window in in_windows(original, spans)
    )


def save(proposals: Iterable[Proposal]) -> str:
    """Return the definitions as canonical JSON, which `featuretools.load_features` reads."""
    content = json.loads(ft.save_features([proposal.definition for proposal in proposals]))
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def build_entityset(schema: Schema, only: str | None = None) -> ft.EntitySet:
    """Make an EntitySet of empty tables, typed as the schema says.

    Parameters
    ----------
    only
        The one table to take; None takes all.
    """
    # NOTE: featuretools keeps every EntitySet in a process-wide register under its id.
    entityset = ft.EntitySet(f"perennial_{schema.fingerprint}" + (f"_{only}" if only else ""))
    for table in schema.tables:
        if only in (None, table.name):
            _add(entityset, table)
    for relationship in schema.relationships if only is None else ():
        entityset.add_relationship(
            relationship.parent,
            relationship.parent_column,
            relationship.child,
            relationship.child_column,
        )
    return entityset


def _add(entityset: ft.EntitySet, table: Table) -> None:
    forms = {name: _FORMS[kind] for name, kind in table.columns.items()}
    known_at = {moment: list(columns) for moment, columns in table.known_at.items()}
    entityset.add_dataframe(
        dataframe=pd.DataFrame({name: pd.Series([], dtype=d) for name, (_, d) in forms.items()}),
        dataframe_name=table.name,
        index=table.key,
        time_index=table.time,
        # NOTE: featuretools has secondary times only beside a primary one; the engine both ways.
        secondary_time_index=known_at if known_at and table.time else None,
        logical_types={name: logical for name, (logical, _) in forms.items()},
    )


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep featuretools quiet about what is no news to anybody.

    It warns of primitives without a fitting column and of pandas' future, and logs that it found
    the same definition twice where two foreign keys lead to one table.
    """
    logger = logging.getLogger("featuretools")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _propose(feature: FeatureBase, schema: Schema, window: str | None) -> Proposal:
    logical = feature.column_schema.logical_type
    root = _first_column(feature)
    return Proposal(
        name=feature.get_name(),
        kind="categorical" if isinstance(logical, Categorical) else "numeric",
        table=root.dataframe_name,
        depth=feature.get_depth(),
        window=window,
        objection=_objection(feature, schema),
        definition=feature,
    )


def _objection(feature: FeatureBase, schema: Schema) -> str | None:
    """Say why a definition cannot be a feature."""
    logical = feature.column_schema.logical_type
    root = _first_column(feature)
    table = schema.table(root.dataframe_name)
    if isinstance(logical, Datetime):
        return "a date is not a quantity; its parts are features"
    if isinstance(logical, NaturalLanguage):
        return "free text is neither a number nor a category"
    if isinstance(logical, Categorical) and root.column_name == table.key:
        return f"{root.column_name!r} names single rows of {table.name!r}"
    if root.dataframe_name == HISTORY and root.column_name == table.time and _is_part(feature):
        return "the date of a past label says little beside how long ago it was"
    moment = table.known_from(root.column_name)
    if _stays_in_row(feature) and moment not in (None, table.time):
        return f"{root.column_name!r} of the row itself is known only from {moment!r} on"
    return None


def _stays_in_row(feature: FeatureBase) -> bool:
    """Tell whether a feature is a column of its own table, or a transform of one."""
    if isinstance(feature, TransformFeature):
        return all(_stays_in_row(base) for base in feature.base_features)
    return isinstance(feature, IdentityFeature)


def _is_part(feature: Any) -> bool:
    """Tell whether a transform stands between a feature and its first column."""
    while feature.base_features and not isinstance(feature, TransformFeature):
        feature = feature.base_features[0]
    return isinstance(feature, TransformFeature)


def _first_column(feature: Any) -> IdentityFeature:
    """Follow first bases down to a column."""
    while feature.base_features:
        feature = feature.base_features[0]
    return feature
