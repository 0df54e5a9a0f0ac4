"""The primitives that the engine computes itself, under the class names of featuretools.

What is not here, or does not fit, is computed by featuretools' own function.
"""

from collections.abc import Mapping
from types import MappingProxyType

from features.engine.primitives.arithmetic import ARITHMETIC
from features.engine.primitives.categories import KINDS
from features.engine.primitives.comparisons import COMPARISONS
from features.engine.primitives.dates import DATES
from features.engine.primitives.extremes import EXTREMES
from features.engine.primitives.kinds import Aggregation, MapPrimitive, Running
from features.engine.primitives.orders import ORDERS
from features.engine.primitives.positions import POSITIONS
from features.engine.primitives.rolling import ROLLING
from features.engine.primitives.running import RUNNINGS
from features.engine.primitives.sequences import SEQUENCES
from features.engine.primitives.summaries import SUMMARIES
from features.engine.primitives.text import TEXTS

__all__ = ["AGGREGATIONS", "MAPS", "RUNNING", "Aggregation", "MapPrimitive", "Running"]

AGGREGATIONS: Mapping[str, Aggregation] = MappingProxyType(
    {**SUMMARIES, **EXTREMES, **POSITIONS, **ORDERS, **KINDS, **SEQUENCES}
)

MAPS: Mapping[str, MapPrimitive] = MappingProxyType({**DATES, **ARITHMETIC, **COMPARISONS, **TEXTS})

RUNNING: Mapping[str, Running] = MappingProxyType({**RUNNINGS, **ROLLING})
