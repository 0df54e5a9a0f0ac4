"""Windows: copies of definitions that look back only so far, and how short and long compare."""

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

from features.errors import FeatureError

with warnings.catch_warnings():
    # NOTE: woodwork 0.31 imports pkg_resources, which warns of its own removal.
    warnings.simplefilter("ignore")
    import featuretools as ft
    from featuretools.feature_base import (
        AggregationFeature,
        DirectFeature,
        FeatureBase,
        TransformFeature,
    )
    from featuretools.primitives import DivideNumeric

ALL = "all"
"""Name of the window that ends nowhere; it is always among the windows."""

_OVER_ALL_TIME = ("last", "time_since_last")
"""Aggregations without windowed copies: in a window they say the same, or nothing."""

_COMPARED = ("count", "mean", "percent_true")
"""Aggregations whose short windows are compared with longer ones: a pace, a level, a share."""

_WINDOW = re.compile(r"([1-9][0-9]*)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

Spans = dict[str, ft.Timedelta]


def read_windows(windows: Sequence[str]) -> Spans:
    """Read windows, short ones first; "all" goes without saying.

    Raises
    ------
    FeatureError
        When a window is not like "7d".
    """
    seconds = {window: _seconds(window) for window in windows if window != ALL}
    return {window: _span(window) for window in sorted(seconds, key=seconds.__getitem__)}


def in_windows(feature: FeatureBase, spans: Spans) -> Iterator[tuple[FeatureBase, str | None]]:
    """Give a definition, its copies with a window, and their ratios, each with its window."""
    yield feature, None
    copies = {name: copy for name, span in spans.items() if (copy := _copy(feature, span))}
    for name, copy in copies.items():
        yield copy, name
    if not copies or _aggregation(feature).primitive.name not in _COMPARED:
        return
    for (name, short), (_, long) in pairwise([*copies.items(), (ALL, feature)]):
        yield TransformFeature([short, long], DivideNumeric()), name


def _seconds(window: str) -> int:
    match = _WINDOW.fullmatch(window)
    if match is None:
        raise FeatureError(
            f"Expected a window like '3h', '7d' or '4w' (s, m, h, d, w), or 'all', got {window!r}."
        )
    return int(match[1]) * _SECONDS[match[2]]


def _span(window: str) -> ft.Timedelta:
    return ft.Timedelta(int(window[:-1]), window[-1])


def _copy(feature: FeatureBase, span: ft.Timedelta) -> FeatureBase | None:
    """Copy an aggregation (or what leads to one) with a window; None where there is none."""
    if isinstance(feature, DirectFeature):
        base = _copy(feature.base_features[0], span)
        relationship = feature.relationship_path[0][1]
        return base and DirectFeature(base, feature.dataframe_name, relationship=relationship)
    if not isinstance(feature, AggregationFeature) or feature.primitive.name in _OVER_ALL_TIME:
        return None
    if feature.base_features[0].dataframe.ww.time_index is None:
        return None
    return AggregationFeature(
        feature.base_features,
        feature.parent_dataframe_name,
        feature.primitive,
        relationship_path=feature.relationship_path,
        use_previous=span,
        where=feature.where,
    )


def _aggregation(feature: FeatureBase) -> AggregationFeature:
    while isinstance(feature, DirectFeature):
        feature = feature.base_features[0]
    return feature
