"""Arithmetic and logic of the values of a row, as pandas has it for float64; null of null."""

from collections.abc import Callable, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.graph import ValueType
from features.engine.primitives.kinds import NUMBERS, Arguments, Array, MapPrimitive, anything

_ONE = tuple((kind,) for kind in NUMBERS)
_TWO = tuple(product(NUMBERS, NUMBERS))
_BOOLEAN = ValueType.BOOLEAN


def _quiet(compute: Callable[..., Array]) -> Callable[..., Array]:
    """Give inf and NaN without a word, as for division by zero."""

    def quiet(*given: Any) -> Array:
        with np.errstate(all="ignore"):
            return compute(*given)

    return quiet


def _of_one(compute: Callable[[Array], Array]) -> MapPrimitive:
    return MapPrimitive(compute=_quiet(lambda x, _: compute(x)), takes=_ONE)


def _of_two(compute: Callable[[Array, Array], Array], defaults: Arguments) -> MapPrimitive:
    return MapPrimitive(
        compute=_quiet(lambda x, y, _: compute(x, y)),
        takes=_TWO,
        defaults=defaults,
        accepts=anything,
    )


def is_number(arguments: Arguments) -> bool:
    """Accept a value that is a number."""
    return isinstance(arguments["value"], int | float)


def _with_value(compute: Callable[[Array, float], Array], value: float) -> MapPrimitive:
    return MapPrimitive(
        compute=_quiet(lambda x, arguments: compute(x, arguments["value"])),
        takes=_ONE,
        defaults={"value": value},
        accepts=is_number,
    )


def _not(x: Array, arguments: Arguments) -> Array:
    opposite: Array = 1.0 - x
    return opposite


def _both(x: Array, y: Array, arguments: Arguments) -> Array:
    """Null where either is null."""
    return np.where(np.isnan(x) | np.isnan(y), np.nan, x * y)


def _either(x: Array, y: Array, arguments: Arguments) -> Array:
    """Null where either is null."""
    return np.where(np.isnan(x) | np.isnan(y), np.nan, np.fmax(x, y))


def _product(x: Array, y: Array, arguments: Arguments) -> Array:
    """False where either is false, else null where either is null."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


def _logic(compute: Callable[[Array, Array, Arguments], Array]) -> MapPrimitive:
    return MapPrimitive(compute=compute, takes=((_BOOLEAN, _BOOLEAN),), gives=_BOOLEAN)


ARITHMETIC: Mapping[str, MapPrimitive] = MappingProxyType(
    {
        "Absolute": _of_one(np.absolute),
        "Negate": _of_one(np.negative),
        "NaturalLogarithm": _of_one(np.log),
        "SquareRoot": _of_one(np.sqrt),
        "Sine": _of_one(np.sin),
        "Cosine": _of_one(np.cos),
        "Tangent": _of_one(np.tan),
        "AddNumeric": _of_two(np.add, {}),
        "SubtractNumeric": _of_two(np.subtract, {"commutative": True}),
        "MultiplyNumeric": _of_two(np.multiply, {}),
        "DivideNumeric": _of_two(np.divide, {"commutative": False}),
        "ModuloNumeric": _of_two(np.mod, {}),
        "MultiplyNumericBoolean": MapPrimitive(
            compute=_quiet(lambda x, y, _: x * y), takes=_TWO[1:3]
        ),
        "AddNumericScalar": _with_value(np.add, 0),
        "SubtractNumericScalar": _with_value(np.subtract, 0),
        "ScalarSubtractNumericFeature": _with_value(lambda x, value: value - x, 0),
        "MultiplyNumericScalar": _with_value(np.multiply, 1),
        "DivideNumericScalar": _with_value(lambda x, value: x / np.float64(value), 1),
        "DivideByFeature": _with_value(lambda x, value: value / x, 1),
        "ModuloNumericScalar": _with_value(np.mod, 1),
        "ModuloByFeature": _with_value(lambda x, value: np.mod(value, x), 1),
        "Not": MapPrimitive(compute=_not, takes=((_BOOLEAN,),), gives=_BOOLEAN),
        "And": _logic(_both),
        "Or": _logic(_either),
        "MultiplyBoolean": _logic(_product),
    }
)
