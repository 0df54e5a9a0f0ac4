"""All 203 primitives of featuretools 1.31, each through the engine and against its own value."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest

from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.tables import Tables
from features.synthesis import ft
from tests.features import bazaar
from tests.features.comparing import differences

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    AGGREGATIONS = ft.primitives.utils.get_aggregation_primitives()
    TRANSFORMS = ft.primitives.utils.get_transform_primitives()

BY_TYPE = {
    "Integer": ["whole"],
    "Double": ["n"],
    "Boolean": ["b", "e"],
    "BooleanNullable": ["maybe", "b"],
    "Datetime": ["d", "t"],
    "NaturalLanguage": ["text"],
    "EmailAddress": ["email"],
    "URL": ["url"],
    "PostalCode": ["postal"],
    "PersonFullName": ["person"],
    "Filepath": ["file"],
    "LatLong": ["place", "other"],
    "Ordinal": ["hour", "weekday"],
}
BY_TAG = {
    "time_index": ["t"],
    "date_of_birth": ["birth"],
    "numeric": ["n", "m"],
    "category": ["c"],
    "foreign_key": ["customer"],
    "index": ["id"],
}


def bases_for(input_types: list, orders: pd.DataFrame) -> list:
    """Different columns (or parts of dates) that fit, in the order of the inputs."""
    chosen: list[str] = []
    for wanted in input_types:
        logical = type(wanted.logical_type).__name__ if wanted.logical_type else None
        tags = [BY_TAG[tag] for tag in sorted(wanted.semantic_tags) if tag in BY_TAG]
        fitting = BY_TYPE.get(logical) or (tags[0] if tags else ["c", "person"])
        if "date_of_birth" in wanted.semantic_tags or "time_index" in wanted.semantic_tags:
            fitting = tags[0]
        chosen.append(next(name for name in fitting if name not in chosen))
    return [_base(orders, name) for name in chosen]


def _base(orders: pd.DataFrame, name: str):
    if name in PARTS:
        return ft.Feature(ft.Feature(orders.ww["d"]), primitive=PARTS[name])
    return ft.Feature(orders.ww[name])


PARTS = {"hour": ft.primitives.Hour, "weekday": ft.primitives.Weekday}


def alternatives(primitive: type) -> list[list]:
    """The lists of inputs that a primitive takes."""
    types = primitive.input_types
    return types if isinstance(types[0], list) else [types]


def make(primitive: type, entityset: ft.EntitySet, **options) -> list:
    """A feature for each list of inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        orders = entityset["orders"]
        choices = [bases_for(types, orders) for types in alternatives(primitive)]
        if primitive.name == "savgol_filter":
            choices = [[ft.Feature(orders.ww["m"])]]  # it fails on nulls
        features = [ft.Feature(bases, primitive=primitive(), **options) for bases in choices]
    return list({feature.get_name(): feature for feature in features}.values())


def rows_of(table: str) -> pd.DataFrame:
    """All rows of a table that are visible, at each cutoff."""
    orders = bazaar.frame()
    asked = [
        (key, cutoff)
        for cutoff in bazaar.CUTOFFS
        for key in (
            bazaar.CUSTOMERS["id"] if table == "customers" else orders.loc[orders.t <= cutoff, "id"]
        )
    ]
    rows = pd.DataFrame(asked, columns=["id", "cutoff_time"])
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    return rows


CATEGORIES = "featuretools counts categories that no visible row has (a later one will)"
OF_VISIBLE_ROWS = {
    "average_count_per_unique": CATEGORIES,
    "n_most_common_frequency": CATEGORIES,
    "expanding_count": "featuretools crashes where rows have text for keys",
}
"""Values of featuretools' function over the visible rows, rather than of its matrix."""


@cache
def matrices(kind: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[str]]]:
    """Our values, featuretools' and the columns of each primitive of a kind."""
    entityset = bazaar.entityset()
    parent = {"parent_dataframe_name": "customers"} if kind == "aggregation" else {}
    primitives = AGGREGATIONS if kind == "aggregation" else TRANSFORMS
    features = {
        name: make(primitive, entityset, **parent) for name, primitive in primitives.items()
    }
    rows = rows_of("customers" if kind == "aggregation" else "orders")
    cutoffs = rows.rename(columns={"id": "instance_id", "cutoff_time": "time"})
    cutoffs["time"] = cutoffs["time"].astype("datetime64[ns]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        listed = [feature for several in features.values() for feature in several]
        nodes = lower(ft.save_features(listed), bazaar.schema())
        others = [name for name in features if name not in OF_VISIBLE_ROWS]
        theirs = ft.calculate_feature_matrix(
            [feature for name in others for feature in features[name]], entityset, cutoffs
        )
    ours = compute_nodes(nodes, Tables(bazaar.schema(), bazaar.tables()), rows)
    columns = {
        name: [column for feature in several for column in feature.get_feature_names()]
        for name, several in features.items()
    }
    return ours, theirs.astype(object).reset_index(drop=True), columns


@pytest.mark.parametrize("name", sorted((AGGREGATIONS | TRANSFORMS).keys() - OF_VISIBLE_ROWS))
def test_every_primitive_has_the_value_of_featuretools(name):
    ours, theirs, columns = matrices("aggregation" if name in AGGREGATIONS else "transform")
    if "trend" in name:  # ours is per day, featuretools' per second for these times
        theirs = theirs.assign(**{c: theirs[c] * 86_400 for c in columns[name]})
    assert differences(ours, theirs, columns[name]) == []
    assert ours[columns[name]].notna().any(axis=None) or name in ALL_NULL


ALL_NULL = {"date_to_time_zone"}
"""Our times have no zone."""


@pytest.mark.parametrize("name", OF_VISIBLE_ROWS)
def test_some_primitives_have_the_value_of_their_function_over_the_visible_rows(name):
    aggregated = name in AGGREGATIONS
    ours, _, columns = matrices("aggregation" if aggregated else "transform")
    function = (AGGREGATIONS | TRANSFORMS)[name]().get_function()
    orders = bazaar.frame().assign(c=lambda f: f["c"].astype("string"))
    orders = orders.set_index(pd.RangeIndex(len(orders)))
    expected = []
    for i, (key, cutoff) in enumerate(zip(ours["id"], ours["cutoff_time"], strict=True)):
        seen = orders[orders["t"] <= cutoff]
        if not aggregated:
            expected.append([function(seen["t"])[seen["id"].tolist().index(key)]])
            continue
        values = seen.loc[seen["customer"] == key, "c"]
        nothing = ours.loc[i, columns[name]].tolist()
        result = function(values) if len(values) else nothing
        expected.append(result if isinstance(result, list) else [*np.atleast_1d(result)])
    theirs = pd.DataFrame(expected, columns=columns[name])
    assert differences(ours, theirs, columns[name]) == []


def test_there_are_203_primitives():
    assert (len(AGGREGATIONS), len(TRANSFORMS)) == (65, 138)
