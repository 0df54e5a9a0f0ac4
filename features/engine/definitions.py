"""What is read from the JSON of `featuretools.save_features`, before it becomes a graph."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from features.engine.calls import Form, write_arguments
from features.engine.fallback import load_primitive
from features.engine.graph import ValueType
from features.errors import FeatureError
from features.schema import ColumnType, Relationship, Schema


class UnsupportedDefinitionError(FeatureError):
    """A definition says what the engine has no way to compute."""

    @classmethod
    def of(cls, feature: str, what: str, known: str) -> "UnsupportedDefinitionError":
        """Name the feature, what in it is not supported, and what is."""
        return cls(f"The engine cannot compute {feature!r}: {what}. It knows {known}.")


_FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "Boolean": Form.BOOLEAN,
        "BooleanNullable": Form.BOOLEAN,
        "Datetime": Form.DATETIME,
        "Timedelta": Form.TIMEDELTA,
        "LatLong": Form.LATLONG,
        "Age": Form.NUMBER,
        "AgeFractional": Form.NUMBER,
        "AgeNullable": Form.NUMBER,
        "Double": Form.NUMBER,
        "Integer": Form.NUMBER,
        "IntegerNullable": Form.NUMBER,
        "Categorical": Form.CATEGORY,
        "CountryCode": Form.CATEGORY,
        "Ordinal": Form.CATEGORY,
        "PostalCode": Form.CATEGORY,
        "SubRegionCode": Form.CATEGORY,
    }
)
"""By woodwork's logical type; all others are text."""

_COLUMN_FORMS = MappingProxyType(
    {
        ColumnType.NUMERIC: Form.NUMBER,
        ColumnType.BOOLEAN: Form.BOOLEAN,
        ColumnType.DATETIME: Form.DATETIME,
        ColumnType.CATEGORICAL: Form.CATEGORY,
        ColumnType.TEXT: Form.TEXT,
        ColumnType.KEY: Form.CATEGORY,
    }
)
_TYPES = MappingProxyType(
    {
        Form.NUMBER: ValueType.NUMBER,
        Form.BOOLEAN: ValueType.BOOLEAN,
        Form.DATETIME: ValueType.TIME,
        Form.TIMEDELTA: ValueType.NUMBER,
        Form.CATEGORY: ValueType.OBJECT,
        Form.TEXT: ValueType.OBJECT,
        Form.LATLONG: ValueType.OBJECT,
    }
)


class Definitions:
    """Features by full name, their primitives and the forms of their values.

    Parameters
    ----------
    definitions
        JSON of `featuretools.save_features`.
    schema
        What the definitions are about.
    """

    def __init__(self, definitions: str, schema: Schema) -> None:
        content = json.loads(definitions)
        self.listed: list[str] = content["feature_list"]
        self._features = content["feature_definitions"]
        self._primitives = content["primitive_definitions"]
        self._entityset = content["entityset"]
        self._schema = schema

    def kind(self, full_name: str) -> str:
        """Return the class name of a feature."""
        kind: str = self._features[full_name]["type"]
        return kind

    def arguments(self, full_name: str) -> dict[str, Any]:
        """Return what a feature was made with."""
        arguments: dict[str, Any] = self._features[full_name]["arguments"]
        return arguments

    def primitive(self, arguments: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Return class name, module and own arguments of a feature's primitive."""
        definition = self._primitives[arguments["primitive"]]
        return definition["type"], definition["module"], definition["arguments"]

    def load(self, arguments: Mapping[str, Any]) -> Any:
        """Return featuretools' object for a feature's primitive."""
        name, module, own = self.primitive(arguments)
        return load_primitive(name, module, write_arguments(own))

    def columns(self, full_name: str) -> tuple[str, ...]:
        """Name the columns that a feature fills in a matrix."""
        arguments = self.arguments(full_name)
        names: list[str] = arguments.get("feature_names", [arguments["name"]])
        if self.kind(full_name) == "DirectFeature":
            base = self.columns(arguments["base_feature"])
            if len(base) > 1:
                prefix = self._prefix(self.relationship(arguments["relationship"]))
                names = [f"{prefix}.{name}" for name in base]
        return tuple(names)

    def _prefix(self, relationship: Relationship) -> str:
        """Name a parent as featuretools does: with the foreign key where there are several."""
        same = [
            r
            for r in self._schema.relationships
            if (r.parent, r.child) == (relationship.parent, relationship.child)
        ]
        several = f"{relationship.parent}[{relationship.child_column}]"
        return several if len(same) > 1 else relationship.parent

    def relationship(self, arguments: Mapping[str, str]) -> Relationship:
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

    def form(self, full_name: str) -> Form:
        """Return the form that featuretools gives the values of a feature."""
        arguments = self.arguments(full_name)
        match self.kind(full_name):
            case "IdentityFeature":
                return self._column_form(arguments["dataframe_name"], arguments["column_name"])
            case "DirectFeature" | "FeatureOutputSlice":
                return self.form(arguments["base_feature"])
        returned = self.load(arguments).return_type
        if returned is None:
            return self.form(arguments["base_features"][0])
        return _form_of(returned)

    def type(self, full_name: str) -> ValueType:
        """Return how the engine holds the values that featuretools' own function gives."""
        return _TYPES[self.form(full_name)]

    def _column_form(self, table: str, column: str) -> Form:
        described = self._entityset["dataframes"].get(table, {}).get("column_typing_info", ())
        form = _COLUMN_FORMS[self._schema.table(table).columns[column]]
        for typing in described:
            if typing["name"] == column and form in (Form.CATEGORY, Form.TEXT):
                return _FORMS.get(typing["logical_type"]["type"], Form.TEXT)
        return form


def _form_of(returned: Any) -> Form:
    """Return the form of a primitive's results by what it declares."""
    logical = returned.logical_type
    name = getattr(logical, "__name__", type(logical).__name__)
    if name == "Ordinal" and _is_number(getattr(logical, "order", None)):
        return Form.NUMBER
    if logical is not None:
        return _FORMS.get(name, Form.TEXT)
    return Form.NUMBER if "numeric" in returned.semantic_tags else Form.TEXT


def _is_number(order: Any) -> bool:
    return bool(order) and all(isinstance(v, int | float) for v in order)


def default_of(primitive: Any, type_: ValueType) -> float | None:
    """Return what stands where a primitive finds nothing; None is null.

    NOTE: featuretools says 0 of two dates that are not there; a null date is null here.
    """
    value = primitive.default_value
    if type_ not in (ValueType.NUMBER, ValueType.BOOLEAN) or pd.isna(value):
        return None
    return float(value)
