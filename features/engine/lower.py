"""From definitions (the JSON of `featuretools.save_features`) to the graph of nodes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from features.engine.calls import Call, Form, Way, write_arguments
from features.engine.definitions import Definitions, UnsupportedDefinitionError, default_of
from features.engine.fallback import reads_earlier_rows_only, reads_other_rows
from features.engine.graph import (
    NO_CLOCK,
    Aggregate,
    Clock,
    Column,
    Direct,
    Map,
    Moment,
    Node,
    Scan,
    Slice,
    ValueType,
    column_clock,
    joint_clock,
    link_clock,
)
from features.engine.primitives import AGGREGATIONS, MAPS, RUNNING
from features.engine.windows import Window, read_window
from features.errors import FeatureError
from features.primitives import Quantile
from features.schema import ColumnType, Relationship, Schema

_VALUE_TYPES = {
    ColumnType.NUMERIC: ValueType.NUMBER,
    ColumnType.BOOLEAN: ValueType.BOOLEAN,
    ColumnType.DATETIME: ValueType.TIME,
    ColumnType.CATEGORICAL: ValueType.CODE,
    ColumnType.TEXT: ValueType.CODE,
    ColumnType.KEY: ValueType.CODE,
}

Arguments = Mapping[str, Any]


def lower(definitions: str, schema: Schema) -> dict[str, Node]:
    """Lower definitions to nodes, by column name, in the order of the definitions.

    Equal sub-definitions become one node; a feature of several outputs has a node for each.

    Raises
    ------
    UnsupportedDefinitionError
        Where a kind of feature, a window or a type of values is not known to the engine.
    FeatureError
        Where a definition names a table, column, relationship or primitive that is not there.
    """
    lowering = _Lowering(Definitions(definitions, schema), schema)
    nodes: dict[str, Node] = {}
    for full_name in lowering.definitions.listed:
        node = lowering.node(full_name)
        columns = lowering.definitions.columns(full_name)
        for i, column in enumerate(columns):
            nodes[column] = node if len(columns) == 1 else lowering.share(_slice(node, i))
    return nodes


_OURS = ("featuretools.", Quantile.__module__)
"""Modules whose primitives kernels speak for; a user's of the same name is the user's own."""


class _Lowering:
    """The nodes made so far, by full feature name and by content."""

    def __init__(self, definitions: Definitions, schema: Schema) -> None:
        self.definitions = definitions
        self._schema = schema
        self._by_name: dict[str, Node] = {}
        self._by_content: dict[Node, Node] = {}

    def node(self, full_name: str) -> Node:
        """Return the one node of a feature."""
        if full_name not in self._by_name:
            self._by_name[full_name] = self.share(self._make(full_name))
        return self._by_name[full_name]

    def share(self, node: Node) -> Node:
        """Return the first node that equals `node`."""
        return self._by_content.setdefault(node, node)

    def _make(self, full_name: str) -> Node:
        arguments = self.definitions.arguments(full_name)
        match self.definitions.kind(full_name):
            case "IdentityFeature":
                return self.column(arguments["dataframe_name"], arguments["column_name"])
            case "DirectFeature":
                return self._direct(arguments)
            case "TransformFeature":
                return self._transform(full_name, arguments)
            case "GroupByTransformFeature":
                return self._scan(full_name, arguments, arguments["groupby"])
            case "AggregationFeature":
                return self._aggregate(full_name, arguments)
            case "FeatureOutputSlice":
                return _slice(self.node(arguments["base_feature"]), arguments["n"])
            case other:
                known = "identity, direct, transform, group-by, aggregation and slice features"
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

    def _direct(self, arguments: Arguments) -> Direct:
        relationship = self.definitions.relationship(arguments["relationship"])
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

    def _transform(self, full_name: str, arguments: Arguments) -> Map | Scan:
        primitive = self.definitions.load(arguments)
        if reads_other_rows(primitive):
            return self._scan(full_name, arguments, None)
        bases = self._nodes(arguments["base_features"])
        call, type_ = self._call(full_name, arguments["base_features"], MAPS, _alternatives)
        dynamic = bool(primitive.uses_calc_time) or any(base.dynamic for base in bases)
        return Map(
            table=bases[0].table,
            type=type_,
            clock=NO_CLOCK if dynamic else joint_clock(bases),
            call=call,
            bases=bases,
            dynamic=dynamic,
            default=default_of(primitive, type_),
            n_outputs=primitive.number_output_features,
        )

    def _scan(self, full_name: str, arguments: Arguments, groupby: str | None) -> Scan:
        """Make a transform of other rows; within a group even one that stays in its row."""
        primitive = self.definitions.load(arguments)
        names = _bases_with_group(arguments["base_features"], groupby, primitive)
        bases = self._nodes(names)
        groups = None if groupby is None else self.node(groupby)
        inputs = bases if groups is None else (*bases, groups)
        call, type_ = self._call(full_name, names, RUNNING, _alternatives)
        table = self._schema.table(bases[0].table)
        timeless = table.time is None and not joint_clock(inputs)
        stays = timeless or reads_earlier_rows_only(primitive) or not reads_other_rows(primitive)
        moving = any(node.dynamic for node in inputs) or primitive.uses_calc_time
        dynamic = bool(moving or not stays)
        return Scan(
            table=table.name,
            type=type_,
            clock=NO_CLOCK if dynamic else joint_clock(inputs),
            call=call,
            bases=bases,
            groups=groups,
            dynamic=dynamic,
            default=default_of(primitive, type_),
            n_outputs=primitive.number_output_features,
        )

    def _aggregate(self, full_name: str, arguments: Arguments) -> Aggregate:
        primitive = self.definitions.load(arguments)
        call, type_ = self._call(full_name, arguments["base_features"], AGGREGATIONS, _positions)
        n_read = len(call.forms)
        if call.way is Way.KERNEL:
            n_read = len(AGGREGATIONS[call.name].takes)
        bases = self._nodes(arguments["base_features"][:n_read])
        where = None if arguments["where"] is None else self._where(full_name, arguments["where"])
        inputs = bases if where is None else (*bases, where)
        path = tuple(map(self.definitions.relationship, arguments["relationship_path"]))
        return Aggregate(
            table=path[0].parent,
            type=type_,
            clock=NO_CLOCK,
            call=call,
            path=path,
            bases=bases,
            where=where,
            window=_window(full_name, arguments["use_previous"]),
            dynamic=bool(joint_clock(inputs))
            or any(node.dynamic for node in inputs)
            or any(self._comes_with_time(step) for step in path),
            default=default_of(primitive, type_),
            n_outputs=primitive.number_output_features,
        )

    def _where(self, full_name: str, where: str) -> Node:
        node = self.node(where)
        if node.type is not ValueType.BOOLEAN or node.n_outputs > 1:
            what = f"its `where` {where!r} is of type {node.type}"
            raise UnsupportedDefinitionError.of(full_name, what, "conditions that are true or not")
        return node

    def _call(
        self,
        full_name: str,
        base_names: Sequence[str],
        kernels: Mapping[str, Any],
        fits: Callable[[Any, Sequence[ValueType]], bool],
    ) -> tuple[Call, ValueType]:
        """Choose the way of a primitive, and say of which type its results are."""
        name, module, own = self.definitions.primitive(self.definitions.arguments(full_name))
        types = [_seen(node.type) for node in self._nodes(base_names)]
        kernel = kernels.get(name) if module.startswith(_OURS) else None
        if (
            kernel is not None
            and kernel.fits(own)
            and fits(kernel, types)
            and self._in_form(kernel, base_names)
        ):
            complete = write_arguments(kernel.complete(own))
            call = Call(name=name, module=module, arguments=complete, way=Way.KERNEL)
            given = kernel.gives or self.node(base_names[0]).type
            made = given is ValueType.CODE and kernels is MAPS
            return call, ValueType.OBJECT if made else given
        forms: tuple[Form, ...] = tuple(map(self.definitions.form, base_names))
        arguments = write_arguments(own)
        call = Call(name=name, module=module, arguments=arguments, way=Way.FALLBACK, forms=forms)
        return call, self.definitions.type(full_name)

    def _in_form(self, kernel: Any, base_names: Sequence[str]) -> bool:
        return kernel.forms is None or kernel.forms.issuperset(
            map(self.definitions.form, base_names)
        )

    def _nodes(self, full_names: Sequence[str]) -> tuple[Node, ...]:
        return tuple(map(self.node, full_names))

    def _comes_with_time(self, step: Relationship) -> bool:
        timed = self._schema.table(step.child).time is not None
        return timed or bool(link_clock(self._schema, step))


def _slice(node: Node, output: int) -> Slice:
    return Slice(table=node.table, type=node.type, clock=node.clock, base=node, output=output)


def _seen(type_: ValueType) -> ValueType:
    """Text that a primitive made is given to kernels as codes."""
    return ValueType.CODE if type_ is ValueType.OBJECT else type_


def _alternatives(kernel: Any, types: Sequence[ValueType]) -> bool:
    return tuple(types) in kernel.takes


def _positions(kernel: Any, types: Sequence[ValueType]) -> bool:
    fitting = [type_ in takes for type_, takes in zip(types, kernel.takes, strict=False)]
    return len(fitting) == len(kernel.takes) and all(fitting)


def _bases_with_group(bases: Sequence[str], groupby: str | None, primitive: Any) -> Sequence[str]:
    """Put the group back among the bases: featuretools leaves it out where it is one of them."""
    alternatives = primitive.input_types
    wanted = len(alternatives[0] if isinstance(alternatives[0], list) else alternatives)
    missing = wanted - len(bases)
    return [*bases, *[groupby] * missing] if groupby is not None and missing > 0 else bases


def _window(full_name: str, arguments: Arguments | None) -> Window | None:
    try:
        return read_window(arguments)
    except ValueError as error:
        known = "positive spans in ms, s, m, h, d, w, whole months in mo, Y, and rows in o"
        raise UnsupportedDefinitionError.of(full_name, str(error), known) from error
