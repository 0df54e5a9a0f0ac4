"""The greatest and the smallest values in range, and how often they are there."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from features.engine.extremes import extremes
from features.engine.primitives.kinds import (
    NUMBERS,
    Aggregation,
    Arguments,
    Array,
    anything,
    or_zero,
)
from features.engine.primitives.summaries import where_all_known
from features.engine.views import View

_SKIPNA: Arguments = {"skipna": True}


def _max_min_delta(view: View, arguments: Arguments) -> Array:
    with np.errstate(invalid="ignore"):
        delta = view.greatest(1.0) + view.greatest(-1.0)
    return or_zero(delta if arguments["skipna"] else where_all_known(view, delta))


def _how_often(sign: float) -> Callable[[View, Arguments], Array]:
    """Count the rows that have the greatest of `sign` times the values."""

    def compute(view: View, arguments: Arguments) -> Array:
        counts, _ = extremes(view.values[0], view.ranges, sign)
        found = np.where(counts > 0, counts, np.nan)
        return found if arguments["skipna"] else where_all_known(view, found)

    return compute


EXTREMES: Mapping[str, Aggregation] = MappingProxyType(
    {
        "Min": Aggregation(compute=lambda view, _: -view.greatest(-1.0), takes=(NUMBERS,)),
        "Max": Aggregation(compute=lambda view, _: view.greatest(1.0), takes=(NUMBERS,)),
        "MaxMinDelta": Aggregation(
            compute=_max_min_delta,
            takes=(NUMBERS,),
            default=0.0,
            defaults=_SKIPNA,
            accepts=anything,
        ),
        "MaxCount": Aggregation(
            compute=_how_often(1.0), takes=(NUMBERS,), defaults=_SKIPNA, accepts=anything
        ),
        "MinCount": Aggregation(
            compute=_how_often(-1.0), takes=(NUMBERS,), defaults=_SKIPNA, accepts=anything
        ),
    }
)
