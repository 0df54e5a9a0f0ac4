"""Primitives of our own, defined and stored as featuretools does; the engine has their kernels."""

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

with warnings.catch_warnings():
    # NOTE: woodwork 0.31 imports pkg_resources, which warns of its own removal.
    warnings.simplefilter("ignore")
    from featuretools.primitives import AggregationPrimitive
    from woodwork.column_schema import ColumnSchema
    from woodwork.logical_types import Double


class Quantile(AggregationPrimitive):  # type: ignore[misc]
    """The value below which a share of the values lies; between two values, on the line.

    Parameters
    ----------
    q
        The share, from 0 (the smallest value) to 1 (the greatest).

    Raises
    ------
    ValueError
        When `q` is not a share.

    Examples
    --------
    >>> import pandas as pd
    >>> float(Quantile(0.9).get_function()(pd.Series([1.0, None, 3.0])))
    2.8
    """

    name = "quantile"
    input_types: ClassVar[list[Any]] = [ColumnSchema(semantic_tags={"numeric"})]
    return_type = ColumnSchema(logical_type=Double, semantic_tags={"numeric"})
    stack_on_self = False

    def __init__(self, q: float = 0.5) -> None:
        if not 0 <= q <= 1:
            raise ValueError(f"Expected a share between 0 and 1, got q={q!r}. Use 0.9 for 90 %.")
        self.q = q
        self.description_template = f"the {q} quantile of {{}}"

    def get_function(self) -> Callable[[Any], float]:
        """Return the function of one range of values."""

        def quantile(values: Any) -> float:
            return float(values.quantile(self.q))

        return quantile
