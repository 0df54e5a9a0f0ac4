"""Feature definitions as a graph of small typed nodes that share what they have in common.

A node belongs to one table. It is *static* when its value for a row never changes once it is
known; the moments from which it is known make up its *clock*. A static node is computed once
per row. A *dynamic* node (an aggregation of rows that come with time, and all that stands on
one) has a value for each (row, cutoff).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from features.schema import Relationship, Schema

NAT = np.iinfo(np.int64).min
"""How a null time is stored."""


class ValueType(StrEnum):
    """What a node's values are, and so how they are held.

    NUMBER and BOOLEAN are float64 (null NaN), TIME is int64 microseconds since 1970 (null the
    smallest), CODE is int32 numbers of ordered categories (null -1).
    """

    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    CODE = "code"


_FORMS: Mapping[ValueType, tuple[Any, Any]] = MappingProxyType(
    {
        ValueType.NUMBER: (np.float64, np.nan),
        ValueType.BOOLEAN: (np.float64, np.nan),
        ValueType.TIME: (np.int64, NAT),
        ValueType.CODE: (np.int32, -1),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The moment held in `column` of the row that `path` leads to, from child to parent."""

    path: tuple[Relationship, ...]
    table: str
    column: str


Clock = frozenset[Moment]
"""All moments that must have come before a value is known, apart from its row's own time."""

NO_CLOCK: Clock = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as it stands in its table."""

    table: str
    type: ValueType
    clock: Clock
    column: str

    @property
    def dynamic(self) -> bool:
        """Never: a cell has one value."""
        return False

    @property
    def default(self) -> float | None:
        """Null where the row is not visible."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A function of one value of the same row; null of null."""

    table: str
    type: ValueType
    clock: Clock
    function: str
    base: "Node"
    arguments: tuple[tuple[str, Any], ...] = ()

    @property
    def dynamic(self) -> bool:
        """As its base."""
        return self.base.dynamic

    @property
    def default(self) -> float | None:
        """Null where the row is not visible."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """A value of the parent row.

    Attributes
    ----------
    dynamic
        True where the base is, and where a default stands in until the parent is visible.
    """

    table: str
    type: ValueType
    clock: Clock
    relationship: Relationship
    base: "Node"
    dynamic: bool

    @property
    def default(self) -> float | None:
        """As the base has it, where no parent is visible."""
        return self.base.default


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A summary of the visible child rows.

    Attributes
    ----------
    path
        Relationships from the node's table down to the table of the bases.
    window
        Microseconds, or None for all the past.
    dynamic
        False where neither the rows nor the bases come with time.
    """

    table: str
    type: ValueType
    clock: Clock
    primitive: str
    arguments: tuple[tuple[str, Any], ...] = ()
    path: tuple[Relationship, ...]
    bases: tuple["Node", ...]
    window: int | None
    dynamic: bool
    default: float | None


Node = Column | Map | Direct | Aggregate


def joint_clock(nodes: tuple[Node, ...]) -> Clock:
    """Join the clocks of nodes that are used together."""
    return NO_CLOCK.union(*(node.clock for node in nodes))


def inputs_of(node: Node) -> tuple[Node, ...]:
    """Name the nodes that `node` is computed from."""
    match node:
        case Column():
            return ()
        case Map() | Direct():
            return (node.base,)
        case Aggregate():
            return node.bases


def dtype_of(node: Node) -> npt.DTypeLike:
    """Tell in which form the values of `node` are held."""
    form: npt.DTypeLike = _FORMS[node.type][0]
    return form


def absent(node: Node) -> Any:
    """Return what stands for `node` where there is nothing to see: its default, or null."""
    return _FORMS[node.type][1] if node.default is None else node.default


def absent_values(node: Node, n: int) -> npt.NDArray[Any]:
    """Return `n` values of `node` where there is nothing to see."""
    return np.full(n, absent(node), dtype=dtype_of(node))


def column_clock(schema: Schema, table: str, column: str) -> Clock:
    """Return the moment, if any, before which a column is hidden although its row is visible."""
    moment = schema.table(table).known_from(column)
    if moment is None or moment == schema.table(table).time:
        return NO_CLOCK
    return frozenset({Moment(path=(), table=table, column=moment)})


def link_clock(schema: Schema, relationship: Relationship) -> Clock:
    """Return the moment before which the foreign key of a relationship is hidden."""
    return column_clock(schema, relationship.child, relationship.child_column)
