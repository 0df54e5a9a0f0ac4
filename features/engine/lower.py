"""From definitions (the JSON of `featuretools.save_features`) to the graph of nodes."""

import json
from collections.abc import Mapping
from typing import Any

from features.engine.graph import (
    NO_CLOCK,
    Aggregate,
    Clock,
    Column,
    Direct,
    Map,
    Moment,
    Node,
    ValueType,
    column_clock,
    joint_clock,
    link_clock,
)
from features.engine.primitives import AGGREGATIONS, MAPS, Aggregation
from features.errors import FeatureError
from features.schema import ColumnType, Relationship, Schema

_VALUE_TYPES = {
    ColumnType.NUMERIC: ValueType.NUMBER,
    ColumnType.BOOLEAN: ValueType.BOOLEAN,
    ColumnType.DATETIME: ValueType.TIME,
    ColumnType.CATEGORICAL: ValueType.CODE,
    ColumnType.TEXT: ValueType.CODE,
    ColumnType.KEY: ValueType.CODE,
}
_MICROSECONDS = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}


class UnsupportedDefinitionError(FeatureError):
    """A definition says what the engine has no way to compute."""

    @classmethod
    def of(cls, feature: str, what: str, known: str) -> "UnsupportedDefinitionError":
        """Name the feature, what in it is not supported, and what is."""
        return cls(f"The engine cannot compute {feature!r}: {what}. It knows {known}.")


def lower(definitions: str, schema: Schema) -> dict[str, Node]:
    """Lower definitions to nodes, by feature name, in the order of the definitions.

    Equal sub-definitions become one node.

    Raises
    ------
    UnsupportedDefinitionError
        Where a primitive, an argument or a kind of feature is not known to the engine.
    FeatureError
        Where a definition names a table, column or relationship that `schema` does not have.
    """
    content = json.loads(definitions)
    lowering = _Lowering(content, schema)
    nodes = {}
    for full_name in content["feature_list"]:
        name = content["feature_definitions"][full_name]["arguments"]["name"]
        nodes[name] = lowering.node(full_name)
    return nodes


class _Lowering:
    """The nodes made so far, by full feature name and by content."""

    def __init__(self, content: Mapping[str, Any], schema: Schema) -> None:
        self._features = content["feature_definitions"]
        self._primitives = content["primitive_definitions"]
        self._schema = schema
        self._by_name: dict[str, Node] = {}
        self._by_content: dict[Node, Node] = {}

    def node(self, full_name: str) -> Node:
        """Return the one node of a feature."""
        if full_name not in self._by_name:
            node = self._make(full_name)
            self._by_name[full_name] = self._by_content.setdefault(node, node)
        return self._by_name[full_name]

    def _make(self, full_name: str) -> Node:
        feature = self._features[full_name]
        arguments = feature["arguments"]
        match feature["type"]:
            case "IdentityFeature":
                return self.column(arguments["dataframe_name"], arguments["column_name"])
            case "DirectFeature":
                return self._direct(arguments)
            case "TransformFeature":
                return self._map(arguments)
            case "AggregationFeature":
                return self._aggregate(arguments)
            case other:
                known = "identity, direct, transform and aggregation features"
                raise UnsupportedDefinitionError.of(full_name, f"it is a {other}", known)

    def column(self, table_name: str, column: str) -> Column:
        table = self._schema.table(table_name)
        if column not in table.columns:
            raise FeatureError(
                f"The plan needs column {column!r} of table {table_name!r}; the table has "
                f"{sorted(table.columns)}. Make a new plan, or bring the column back."
            )
        return Column(
            table=table_name,
            column=column,
            type=_VALUE_TYPES[table.columns[column]],
            clock=column_clock(self._schema, table_name, column),
        )

    def _direct(self, arguments: Mapping[str, Any]) -> Direct:
        relationship = self._relationship(arguments["relationship"])
        base = self.node(arguments["base_feature"])
        clock = self._clock_through(relationship, base.clock)
        dynamic = base.dynamic or (base.default is not None and bool(clock))
        return Direct(
            table=relationship.child,
            relationship=relationship,
            base=base,
            type=base.type,
            clock=NO_CLOCK if dynamic else clock,
            dynamic=dynamic,
        )

    def _clock_through(self, relationship: Relationship, clock: Clock) -> Clock:
        """Clock of a parent's value, seen from the child: link and parent must be visible."""
        parent = self._schema.table(relationship.parent)
        moments = [
            Moment(path=(relationship, *moment.path), table=moment.table, column=moment.column)
            for moment in clock
        ]
        if parent.time is not None:
            moments.append(Moment(path=(relationship,), table=parent.name, column=parent.time))
        return frozenset(moments) | link_clock(self._schema, relationship)

    def _map(self, arguments: Mapping[str, Any]) -> Map:
        name, own = self._primitive(arguments, MAPS)
        base = self.node(arguments["base_features"][0])
        if len(arguments["base_features"]) != 1 or (base.type,) not in MAPS[name].takes:
            raise UnsupportedDefinitionError.of(
                arguments["name"], f"{name} of {base.type} values", f"{name} of one date"
            )
        return Map(
            table=base.table,
            function=name,
            arguments=own,
            base=base,
            type=MAPS[name].gives or base.type,
            clock=base.clock,
        )

    def _aggregate(self, arguments: Mapping[str, Any]) -> Aggregate:
        name, own = self._primitive(arguments, AGGREGATIONS)
        if arguments["where"] is not None:
            known = "aggregations of all rows"
            raise UnsupportedDefinitionError.of(arguments["name"], "it has a `where`", known)
        primitive = AGGREGATIONS[name]
        path = tuple(self._relationship(step) for step in arguments["relationship_path"])
        bases = self._bases(arguments, primitive)
        return Aggregate(
            table=path[0].parent,
            type=primitive.gives or bases[0].type,
            clock=NO_CLOCK,
            primitive=name,
            arguments=own,
            path=path,
            bases=bases,
            window=self._window(arguments),
            dynamic=bool(joint_clock(bases))
            or any(base.dynamic for base in bases)
            or any(self._comes_with_time(step) for step in path),
            default=primitive.default,
        )

    def _bases(self, arguments: Mapping[str, Any], primitive: Aggregation) -> tuple[Node, ...]:
        """Return as many bases as the primitive reads, once their types fit."""
        bases = tuple(self.node(base) for base in arguments["base_features"])
        fitting = [base.type in takes for base, takes in zip(bases, primitive.takes, strict=False)]
        if len(fitting) != len(primitive.takes) or not all(fitting):
            raise UnsupportedDefinitionError.of(
                arguments["name"],
                f"its values are of the types {[str(base.type) for base in bases]}",
                f"this primitive of {[[str(t) for t in takes] for takes in primitive.takes]}",
            )
        return bases[: len(primitive.takes)]

    def _comes_with_time(self, step: Relationship) -> bool:
        timed = self._schema.table(step.child).time is not None
        return timed or bool(link_clock(self._schema, step))

    def _primitive(
        self, arguments: Mapping[str, Any], known: Mapping[str, Any]
    ) -> tuple[str, tuple[tuple[str, Any], ...]]:
        """Return the primitive's class name and arguments, once a kernel fits them."""
        primitive = self._primitives[arguments["primitive"]]
        name: str = primitive["type"]
        if name not in known:
            raise UnsupportedDefinitionError.of(
                arguments["name"], f"primitive {name!r} has no kernel", ", ".join(known)
            )
        if not known[name].fits(primitive["arguments"]):
            given = ", ".join(f"{key}={value!r}" for key, value in primitive["arguments"].items())
            raise UnsupportedDefinitionError.of(
                arguments["name"], f"{name}({given})", f"{name} with its defaults"
            )
        complete = known[name].complete(primitive["arguments"])
        return name, tuple(sorted(complete.items()))

    def _window(self, arguments: Mapping[str, Any]) -> int | None:
        """Return the window of an aggregation in microseconds."""
        window = arguments["use_previous"]
        if window is None:
            return None
        if window["unit"] not in _MICROSECONDS or window["value"] <= 0:
            raise UnsupportedDefinitionError.of(
                arguments["name"],
                f"a window of {window['value']} {window['unit']!r}",
                f"positive windows in {', '.join(_MICROSECONDS)}",
            )
        microseconds: int = round(window["value"] * _MICROSECONDS[window["unit"]])
        return microseconds

    def _relationship(self, arguments: Mapping[str, str]) -> Relationship:
        """Find the schema's own relationship."""
        wanted = Relationship(
            parent=arguments["parent_dataframe_name"],
            parent_column=arguments["parent_column_name"],
            child=arguments["child_dataframe_name"],
            child_column=arguments["child_column_name"],
        )
        if wanted not in self._schema.relationships:
            raise FeatureError(
                f"The plan needs the relationship {wanted.parent}.{wanted.parent_column} <- "
                f"{wanted.child}.{wanted.child_column}, which the schema does not have. "
                "Make a new plan, or bring the relationship back."
            )
        return wanted
