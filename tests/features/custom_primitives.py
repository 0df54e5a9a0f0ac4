"""Primitives as a user writes them."""

from typing import ClassVar

import pandas as pd

from features.synthesis import ft

# isort: split
# featuretools warns when it is imported, unless our door to it was opened first.
from woodwork.column_schema import ColumnSchema
from woodwork.logical_types import Categorical, Double

AggregationPrimitive, TransformPrimitive = (
    ft.primitives.AggregationPrimitive,
    ft.primitives.TransformPrimitive,
)


class SpreadBetween(AggregationPrimitive):
    """The spread between two quantiles, and their middle."""

    name = "spread_between"
    input_types: ClassVar = [ColumnSchema(semantic_tags={"numeric"})]
    return_type = ColumnSchema(logical_type=Double, semantic_tags={"numeric"})
    number_output_features = 2

    def __init__(self, low=0.25, high=0.75):
        self.low, self.high = low, high

    def get_function(self):
        def spread(values):
            low, high = values.quantile(self.low), values.quantile(self.high)
            return [high - low, (high + low) / 2]

        return spread


class HoursSinceLast(AggregationPrimitive):
    """Hours between the newest row and the moment that is asked about."""

    name = "hours_since_last"
    input_types: ClassVar = [ColumnSchema(semantic_tags={"time_index"})]
    return_type = ColumnSchema(logical_type=Double, semantic_tags={"numeric"})
    uses_calc_time = True

    def get_function(self):
        def hours(times, time=None):
            return (time - times.iloc[-1]) / pd.Timedelta("1h")

        return hours


class Initial(TransformPrimitive):
    """The first letter."""

    name = "initial"
    input_types: ClassVar = [ColumnSchema(semantic_tags={"category"})]
    return_type = ColumnSchema(logical_type=Categorical, semantic_tags={"category"})

    def get_function(self):
        return lambda texts: texts.astype("string").str[:1]


class ShareOfTotal(TransformPrimitive):
    """The share of a row in the sum of all."""

    name = "share_of_total"
    input_types: ClassVar = [ColumnSchema(semantic_tags={"numeric"})]
    return_type = ColumnSchema(logical_type=Double, semantic_tags={"numeric"})
    uses_full_dataframe = True

    def get_function(self):
        return lambda values: values / values.sum()
