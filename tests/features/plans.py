"""Definitions for Hypothesis: all kinds that featuretools makes, over any world."""

import os
import warnings

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from features.schema import ColumnType
from features.synthesis import build_entityset, ft
from tests.features.custom_primitives import Initial, ShareOfTotal, SpreadBetween
from tests.features.strategies import World

CASES = int(os.environ.get("PERENNIAL_CASES", "0"))
"""How many cases an exhaustive run takes; 0 leaves the numbers of an ordinary run."""

MAX_FEATURES = 24

AGGREGATIONS = (
    "count",
    "sum",
    "mean",
    "std",
    "min",
    "max",
    "first",
    "last",
    "num_unique",
    "mode",
    "median",
    "num_true",
    "percent_true",
    "any",
    "all",
    "time_since_first",
    "time_since_last",
    "avg_time_between",
    "count_above_mean",
    "max_min_delta",
    "n_unique_days",
    "num_peaks",
    "variance",
    "trend",
    SpreadBetween,
)
TRANSFORMS = (
    "year",
    "weekday",
    "hour",
    "is_null",
    "absolute",
    "not",
    "and",
    "add_numeric",
    "greater_than",
    "multiply_boolean",
    "time_since",
    "part_of_day",
    "cum_sum",
    "cum_mean",
    "diff",
    "percentile",
    Initial,
    ShareOfTotal,
)
GROUPED = ("cum_sum", "cum_count", "cum_max", "diff", "percentile", ShareOfTotal)
WHERE = ("count", "sum", "mode", "last", "mean", "num_peaks")
WINDOWS = ("6 hours", "2 days", "1 months", "2 observations")


class Question:
    """A plan and the world it is asked of."""

    def __init__(self, world: World, features: list) -> None:
        self.world, self.features = world, features
        self.definitions = ft.save_features(features)

    def __repr__(self) -> str:
        return f"<{len(self.features)} features of {self.world.target}: {self.features[:3]}>"


def cases(n: int) -> settings:
    """So many cases; nothing is shrunk.

    NOTE: featuretools takes up to a second for one world; shrinking would take many minutes.
    """
    return settings(
        max_examples=n,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def many_cases(usual: int) -> settings:
    """As many cases as usual, or as `PERENNIAL_CASES` says."""
    return cases(CASES or usual)


def _some(draw: st.DrawFn, names: tuple, least: int, most: int) -> list:
    chosen = draw(st.lists(st.sampled_from(names), min_size=least, max_size=most, unique=True))
    return list(chosen)


@st.composite
def plans(draw: st.DrawFn, world: World) -> list:
    """Draw up to `MAX_FEATURES` features of the world's target."""
    entityset = build_entityset(world.schema)
    single = len(world.schema.tables) == 1
    depth = 1 if single else draw(st.integers(1, 3 if len(world.schema.tables) < 4 else 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in world.schema.tables:
            wanted = {
                name: ["x", "é"]
                for name, kind in table.columns.items()
                if kind is ColumnType.CATEGORICAL
            }
            entityset.add_interesting_values(dataframe_name=table.name, values=wanted)
        features = ft.dfs(
            entityset=entityset,
            target_dataframe_name=world.target,
            agg_primitives=_some(draw, AGGREGATIONS, 2, 5),
            trans_primitives=_some(draw, TRANSFORMS, 0, 3),
            groupby_trans_primitives=_some(draw, GROUPED, 0, 2),
            where_primitives=_some(draw, WHERE, 0, 2),
            max_depth=depth,
            max_features=3000,
            features_only=True,
            return_types="all",
        )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.array([0.1 if _is_plain(feature) else 1.0 for feature in features])
    order = np.argsort(rng.exponential(size=len(features)) / weights)
    chosen = order[:MAX_FEATURES]
    windowed = [_windowed(features[i], rng) for i in sorted(chosen)]
    return list({feature.unique_name(): feature for feature in windowed}.values())


def _is_plain(feature) -> bool:
    """Whether it is a column, of the row itself or of a parent."""
    while feature.base_features and feature.primitive.name is None:
        feature = feature.base_features[0]
    return not feature.base_features


def _windowed(feature, rng: np.random.Generator):
    """The same, perhaps with a window, where that can be."""
    if not isinstance(feature, ft.feature_base.AggregationFeature) or rng.random() < 0.5:
        return feature
    if feature.base_features[0].dataframe.ww.time_index is None:
        return feature
    return ft.feature_base.AggregationFeature(
        feature.base_features,
        feature.parent_dataframe_name,
        feature.primitive,
        relationship_path=feature.relationship_path,
        use_previous=WINDOWS[rng.integers(len(WINDOWS))],
        where=feature.where,
    )


@st.composite
def questions(draw: st.DrawFn, worlds: st.SearchStrategy[World]) -> Question:
    """Draw a world and a plan for it."""
    world = draw(worlds)
    return Question(world, draw(plans(world)))
