"""What a primitive with a kernel of its own declares: what it takes, what it gives, and how.

Arguments are those that the definition gives to the primitive, completed with the defaults of
featuretools. A primitive whose `fits` says no to them is computed by featuretools' own function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from features.engine.calls import Form
from features.engine.graph import ValueType
from features.engine.views import View

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Arguments = Mapping[str, Any]
Types = tuple[ValueType, ...]

NUMBERS: Types = (ValueType.NUMBER, ValueType.BOOLEAN)
CATEGORIES: Types = (ValueType.CODE, ValueType.NUMBER, ValueType.BOOLEAN)
ALL: Types = tuple(ValueType)

SECONDS: Mapping[str, float] = MappingProxyType(
    {
        "years": 31540000,
        "months": 2628000,
        "days": 86400,
        "hours": 3600,
        "minutes": 60,
        "seconds": 1,
        "milliseconds": 0.001,
        "nanoseconds": 0.000000001,
    }
)
"""Length of each unit of time that featuretools knows; its year has 365.05 days."""


def anything(arguments: Arguments) -> bool:
    """Accept all arguments."""
    return True


def knows_unit(arguments: Arguments) -> bool:
    """Accept units of time that are known."""
    return arguments["unit"] in SECONDS


def or_zero(values: Array) -> Array:
    """Return values with 0 for null: what featuretools says where rows do not tell."""
    return np.where(np.isnan(values), 0.0, values)


def _one(arguments: Arguments) -> int:
    return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Primitive:
    """What all kinds of primitives declare.

    Attributes
    ----------
    defaults
        Arguments that the primitive has, with the values they have where a definition is silent.
    accepts
        Whether the kernel can do what complete arguments ask for; None accepts the defaults only.
    forms
        In which forms featuretools may have the bases; None is any.
    """

    defaults: Arguments = field(default_factory=dict)
    accepts: Callable[[Arguments], bool] | None = None
    forms: frozenset[Form] | None = None

    def complete(self, arguments: Arguments) -> dict[str, Any]:
        """Return arguments with the defaults where they are silent."""
        return {**self.defaults, **arguments}

    def fits(self, arguments: Arguments) -> bool:
        """Tell whether the kernel gives what these arguments ask for."""
        if not arguments.keys() <= self.defaults.keys():
            return False
        complete = self.complete(arguments)
        return complete == self.defaults if self.accepts is None else self.accepts(complete)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation(_Primitive):
    """How a summary of child rows is computed.

    Attributes
    ----------
    compute
        Values of all queries of a view, in one array for each output (a list where a primitive
        may have several); what it says of empty ranges is replaced by `default`.
    takes
        Types of values that each base may have; bases beyond them are not read.
    gives
        Type of the results; None means that of the first base.
    default
        Result where no row is in range; None is null.
    n_outputs
        How many results there are.
    """

    compute: Callable[[View, Arguments], Array | list[Array]]
    takes: tuple[Types, ...]
    gives: ValueType | None = ValueType.NUMBER
    default: float | None = None
    n_outputs: Callable[[Arguments], int] = _one


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPrimitive(_Primitive):
    """How a function of values of the same row is computed.

    Attributes
    ----------
    compute
        One array from the arrays of the bases and, last, the arguments.
    takes
        Alternatives, each naming the type of every base.
    gives
        Type of the result; None means that of the first base. CODE is returned as text (None is
        null).
    uses_cutoff
        Whether the cutoffs, microseconds since 1970, follow the bases.
    per_category
        Whether `compute` is given the categories of its one base instead (text, shape
        (n_categories,)), so that it runs once for each of them and not for each row; the result
        of a null is null, or `of_null`. Other bases than text are given as ever.
    null_of_null
        Types of the first base of which a null gives null, whatever `compute` says.
    """

    compute: Callable[..., Array]
    takes: tuple[Types, ...] = ((ValueType.TIME,),)
    gives: ValueType | None = ValueType.NUMBER
    uses_cutoff: bool = False
    per_category: bool = False
    of_null: float | None = None
    null_of_null: Types = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(_Primitive):
    """How a function of a row and of those before it is computed.

    Attributes
    ----------
    compute
        One array from the arrays of the bases, in which the rows of one group stand side by side
        in the order in which they became visible, then the offsets of the groups, shape
        (n_groups + 1,), then the arguments.
    takes
        Alternatives, each naming the type of every base.
    gives
        Type of the result; None means that of the first base.
    """

    compute: Callable[..., Array]
    takes: tuple[Types, ...]
    gives: ValueType | None = ValueType.NUMBER
