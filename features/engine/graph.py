"""Feature definitions as a graph of small typed nodes that share what they have in common.

A node belongs to one table. It is *static* when its value for a row never changes once it is
known; the moments from which it is known make up its *clock*. A static node is computed once
per row. A *dynamic* node (an aggregation of rows that come with time, and all that stands on
one) has a value for each (row, cutoff).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from features.engine.calls import Call
from features.engine.windows import Window
from features.schema import Relationship, Schema

NAT = np.iinfo(np.int64).min
"""How a null time is stored."""


class ValueType(StrEnum):
    """What a node's values are, and so how they are held.

    NUMBER and BOOLEAN are float64 (null NaN), TIME is int64 microseconds since 1970 (null the
    smallest), CODE is int32 numbers of ordered categories (null -1), OBJECT is text that a
    primitive made, or anything else (null None).
    """

    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    CODE = "code"
    OBJECT = "object"


_FORMS: Mapping[ValueType, tuple[Any, Any]] = MappingProxyType(
    {
        ValueType.NUMBER: (np.float64, np.nan),
        ValueType.BOOLEAN: (np.float64, np.nan),
        ValueType.TIME: (np.int64, NAT),
        ValueType.CODE: (np.int32, -1),
        ValueType.OBJECT: (object, None),
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


class _Hashed:
    """Keeps its hash, which is that of all that stands beneath a node.

    NOTE: not for pickles, since text has another hash in another process.
    """

    __slots__ = ("_hash",)
    _hash: int

    def _hash_once(self) -> int:
        try:
            return self._hash
        except AttributeError:
            own = hash(tuple(getattr(self, field.name) for field in fields(cast(Any, self))))
            object.__setattr__(self, "_hash", own)
            return own


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(_Hashed):
    """A column as it stands in its table."""

    table: str
    type: ValueType
    clock: Clock
    column: str

    __hash__ = _Hashed._hash_once

    @property
    def dynamic(self) -> bool:
        """Never: a cell has one value."""
        return False

    @property
    def default(self) -> float | None:
        """Null where the row is not visible."""
        return None

    @property
    def n_outputs(self) -> int:
        """A cell has one value."""
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(_Hashed):
    """A function of values of the same row, and perhaps of the cutoff.

    Attributes
    ----------
    default
        What stands for it where the row is not visible; None is null.
    """

    table: str
    type: ValueType
    clock: Clock
    call: Call
    bases: tuple["Node", ...]
    dynamic: bool
    default: float | None
    n_outputs: int

    __hash__ = _Hashed._hash_once


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(_Hashed):
    """A function of the rows of a group in the order they became visible, a value for each.

    Attributes
    ----------
    groups
        What rows of one group have in common; None makes the whole table one group.
    dynamic
        False where a row's value depends only on rows that became visible before it.
    default
        Of rows without a group.
    """

    table: str
    type: ValueType
    clock: Clock
    call: Call
    bases: tuple["Node", ...]
    groups: "Node | None"
    dynamic: bool
    default: float | None
    n_outputs: int

    __hash__ = _Hashed._hash_once


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct(_Hashed):
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

    __hash__ = _Hashed._hash_once

    @property
    def default(self) -> float | None:
        """As the base has it, where no parent is visible."""
        return self.base.default

    @property
    def n_outputs(self) -> int:
        """As many as the base has."""
        return self.base.n_outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(_Hashed):
    """A summary of the visible child rows.

    Attributes
    ----------
    path
        Relationships from the node's table down to the table of the bases.
    where
        Only child rows of which this is true count; None lets all of them.
    window
        How far back it looks; None is all the past.
    dynamic
        False where neither the rows nor the bases come with time.
    """

    table: str
    type: ValueType
    clock: Clock
    call: Call
    path: tuple[Relationship, ...]
    bases: tuple["Node", ...]
    where: "Node | None"
    window: Window | None
    dynamic: bool
    default: float | None
    n_outputs: int

    __hash__ = _Hashed._hash_once


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(_Hashed):
    """One of several outputs of a node."""

    table: str
    type: ValueType
    clock: Clock
    base: "Node"
    output: int

    __hash__ = _Hashed._hash_once

    @property
    def dynamic(self) -> bool:
        """As its base."""
        return self.base.dynamic

    @property
    def default(self) -> float | None:
        """As its base."""
        return self.base.default

    @property
    def n_outputs(self) -> int:
        """The one."""
        return 1


Node = Column | Map | Scan | Direct | Aggregate | Slice


def joint_clock(nodes: Iterable[Node]) -> Clock:
    """Join the clocks of nodes that are used together."""
    return NO_CLOCK.union(*(node.clock for node in nodes))


def inputs_of(node: Node) -> tuple[Node, ...]:
    """Name the nodes that `node` is computed from; the bases come first."""
    match node:
        case Column():
            return ()
        case Direct() | Slice():
            return (node.base,)
        case Map():
            return node.bases
        case Scan():
            return node.bases if node.groups is None else (*node.bases, node.groups)
        case Aggregate():
            return node.bases if node.where is None else (*node.bases, node.where)


def dtype_of(node: Node) -> npt.DTypeLike:
    """Tell in which form the values of `node` are held."""
    form: npt.DTypeLike = _FORMS[node.type][0]
    return form


def null_of(node: Node) -> Any:
    """Return how a null of `node` is held."""
    return _FORMS[node.type][1]


def absent(node: Node) -> Any:
    """Return what stands for `node` where there is nothing to see: its default, or null."""
    return null_of(node) if node.default is None else node.default


def absent_values(node: Node, n: int) -> npt.NDArray[Any]:
    """Return `n` values of `node` where there is nothing to see; a row each, if it has several."""
    shape = n if node.n_outputs == 1 else (n, node.n_outputs)
    return np.full(shape, absent(node), dtype=dtype_of(node))


def is_null(node: Node, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which values of `node` are null."""
    null = null_of(node)
    missing: npt.NDArray[np.bool_]
    match node.type:
        case ValueType.NUMBER | ValueType.BOOLEAN:
            missing = np.isnan(values)
        case ValueType.OBJECT:
            missing = np.array([value is None for value in values], dtype=np.bool_)
        case _:
            missing = values == null
    return missing


def column_clock(schema: Schema, table: str, column: str) -> Clock:
    """Return the moment, if any, before which a column is hidden although its row is visible."""
    moment = schema.table(table).known_from(column)
    if moment is None or moment == schema.table(table).time:
        return NO_CLOCK
    return frozenset({Moment(path=(), table=table, column=moment)})


def link_clock(schema: Schema, relationship: Relationship) -> Clock:
    """Return the moment before which the foreign key of a relationship is hidden."""
    return column_clock(schema, relationship.child, relationship.child_column)
