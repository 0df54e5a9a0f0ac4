"""Comparisons of the values of a row; with null they are false, and NOT_EQUAL is true.

NOTE: that is featuretools' answer for numbers, times and categories. Of null booleans it says null.
Free text, of which it says so too, and booleans beside each other are left to its own function.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.calls import Form
from features.engine.graph import NAT, ValueType
from features.engine.primitives.arithmetic import is_number
from features.engine.primitives.kinds import ALL, Arguments, Array, MapPrimitive

_NUMBER, _TIME = ValueType.NUMBER, ValueType.TIME
_BOOLEAN = ValueType.BOOLEAN
_SAME = ((_NUMBER, _NUMBER), (_TIME, _TIME))


def _is_null(values: Array) -> Array:
    """Tell which values are null, in whichever form they are held."""
    null: Array
    if values.dtype == object:
        null = np.asarray([value is None for value in values], dtype=bool)
    elif np.issubdtype(values.dtype, np.floating):
        null = np.isnan(values)
    else:
        null = values == (NAT if values.dtype == np.int64 else -1)
    return null


def _of_two(compare: Callable[[Array, Array], Any], *, of_null: bool = False) -> MapPrimitive:
    def compute(x: Array, y: Array, arguments: Arguments) -> Array:
        null = _is_null(x) | _is_null(y)
        return np.where(null, of_null, compare(x, y)).astype(np.float64)

    return MapPrimitive(compute=compute, takes=_SAME, gives=_BOOLEAN)


def _with_value(compare: Callable[[Array, float], Any], value: float) -> MapPrimitive:
    # NOTE: NaN compares as false all by itself.
    return MapPrimitive(
        compute=lambda x, arguments: np.asarray(compare(x, arguments["value"]), np.float64),
        takes=((_NUMBER,),),
        gives=_BOOLEAN,
        defaults={"value": value},
        accepts=is_number,
    )


def _with_any_value(*, unlike: bool) -> MapPrimitive:
    def compute(x: Array, arguments: Arguments) -> Array:
        return np.asarray(_equals(x, arguments["value"]) != unlike, np.float64)

    return MapPrimitive(
        compute=compute,
        takes=((_NUMBER,), (_BOOLEAN,), (ValueType.CODE,)),
        gives=_BOOLEAN,
        defaults={"value": None},
        accepts=lambda arguments: isinstance(arguments["value"], str | int | float | None),
        forms=frozenset({Form.NUMBER, Form.BOOLEAN, Form.CATEGORY}),
        per_category=True,
        of_null=float(unlike),
        null_of_null=(_BOOLEAN,),
    )


def _equals(values: Array, value: Any) -> Array:
    """Tell which numbers, or which categories, are a value; text is no number."""
    if values.dtype == object:
        return np.array([_is(category, value) for category in values], dtype=bool)
    if isinstance(value, int | float):
        return np.equal(values, value)
    return np.zeros(len(values), dtype=bool)


def _is(category: Any, value: Any) -> bool:
    """Tell whether a category is a value.

    NOTE: a key that is a whole number is also its text, which is how a matrix shows it. Truth is no
    number: Python's own 1 == True.
    """
    if isinstance(category, bool) or isinstance(value, bool):
        return category is value
    if isinstance(category, int) and isinstance(value, str):
        return str(category) == value
    return bool(category == value)


def _is_in(x: Array, arguments: Arguments) -> Array:
    return np.isin(x, arguments["list_of_outputs"] or []).astype(np.float64)


def _are_numbers(arguments: Arguments) -> bool:
    wanted = arguments["list_of_outputs"] or []
    return all(isinstance(v, int | float) and v == v for v in wanted)


COMPARISONS: Mapping[str, MapPrimitive] = MappingProxyType(
    {
        "Equal": _of_two(np.equal),
        "NotEqual": _of_two(np.not_equal, of_null=True),
        "GreaterThan": _of_two(np.greater),
        "GreaterThanEqualTo": _of_two(np.greater_equal),
        "LessThan": _of_two(np.less),
        "LessThanEqualTo": _of_two(np.less_equal),
        "EqualScalar": _with_any_value(unlike=False),
        "NotEqualScalar": _with_any_value(unlike=True),
        "GreaterThanScalar": _with_value(np.greater, 0),
        "GreaterThanEqualToScalar": _with_value(np.greater_equal, 0),
        "LessThanScalar": _with_value(np.less, 0),
        "LessThanEqualToScalar": _with_value(np.less_equal, 0),
        "IsNull": MapPrimitive(
            compute=lambda values, _: _is_null(values).astype(np.float64),
            takes=tuple((kind,) for kind in ALL),
            gives=_BOOLEAN,
        ),
        "IsIn": MapPrimitive(
            compute=_is_in,
            takes=((_NUMBER,),),
            gives=_BOOLEAN,
            defaults={"list_of_outputs": None},
            accepts=_are_numbers,
        ),
    }
)
