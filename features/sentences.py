"""Sentences: what each feature of a plan is in plain words, and which columns it comes from.

featuretools' own descriptions are exact and hard to read ("The average of the "dep_delay" of the
previous 3 hours of "flights" for each "carrier" in "carriers" for the instance of "carriers"
associated with this instance of "flights""); these say the same as a person would.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from features.plan import FeaturePlan

_OVER = MappingProxyType(
    {
        "Count": "number of {rows}",
        "Sum": "total {base} over {rows}",
        "Mean": "average {base} over {rows}",
        "Std": "spread of {base} over {rows}",
        "Min": "lowest {base} among {rows}",
        "Max": "highest {base} among {rows}",
        "Median": "median {base} over {rows}",
        "Last": "latest {base} among {rows}",
        "First": "first {base} among {rows}",
        "NumUnique": "number of different {base} among {rows}",
        "Mode": "most frequent {base} among {rows}",
        "PercentTrue": "share of {rows} where {base}",
        "Trend": "daily trend of {base} over {rows}",
        "TimeSinceLast": "time since the last of {rows}",
        "TimeSinceFirst": "time since the first of {rows}",
    }
)
"""Aggregations by the class of their primitive; others are called by their own name."""

_OF = MappingProxyType(
    {
        "Year": "year of {0}",
        "Month": "month of {0}",
        "Day": "day of the month of {0}",
        "Weekday": "day of the week of {0}",
        "Hour": "hour of {0}",
        "Minute": "minute of {0}",
        "IsWeekend": "whether {0} is on a weekend",
        "DivideNumeric": "{0}, divided by {1}",
        "MultiplyNumeric": "{0}, times {1}",
        "AddNumeric": "{0}, plus {1}",
        "SubtractNumeric": "{0}, minus {1}",
        "Absolute": "size of {0}",
    }
)
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_SAME = re.compile(r"(.*) in the ([^ ]+ [^ ]+|[^ ]+) before")
_DURATIONS = ("TimeSince", "TimeSinceLast", "TimeSinceFirst", "TimeSincePrevious", "AvgTimeBetween")
_LENGTHS = MappingProxyType({"day": 86_400.0, "hour": 3_600.0, "minute": 60.0, "second": 0.0})
_WITHOUT_BASE = ("Count", "TimeSinceLast", "TimeSinceFirst")
_ALWAYS_WHOLE = ("Last", "First", *_WITHOUT_BASE[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureWords:
    """A feature in words.

    Attributes
    ----------
    sentence
        Without a full stop: "average dep_delay over its carrier's flights in the 3 hours before".
    sources
        Table and column of everything it is computed from, each once.
    is_duration
        Whether its values are seconds.
    """

    sentence: str
    sources: tuple[tuple[str, str], ...]
    is_duration: bool = False

    def write(self, value: float | str | None) -> str:
        """Write one of its values for people.

        Examples
        --------
        >>> FeatureWords(sentence="age", sources=()).write(73_080.0)
        '73,080'
        >>> FeatureWords(sentence="time since …", sources=(), is_duration=True).write(73_080.0)
        '20.3 hours'
        """
        if value is None or isinstance(value, str):
            return value or "missing"
        if not self.is_duration:
            return f"{value:,.0f}" if value % 1 == 0 else f"{value:,.4g}"
        name, length = next(
            (name, length) for name, length in _LENGTHS.items() if abs(value) >= length
        )
        return f"{value / length:,.3g} {name}s"


def describe_features(plan: FeaturePlan) -> dict[str, FeatureWords]:
    """Say what each feature of a plan is, by name, in the plan's order."""
    content = json.loads(plan.definitions)
    links = content["entityset"]["relationships"]
    pairs = [(link["parent_dataframe_name"], link["child_dataframe_name"]) for link in links]
    words = _Words(
        content["feature_definitions"],
        content["primitive_definitions"],
        frozenset(pair for pair in pairs if pairs.count(pair) > 1),
    )
    listed: dict[str, FeatureWords] = {}
    for full_name in content["feature_list"]:
        told = FeatureWords(
            sentence=words.phrase(full_name, "its"),
            sources=tuple(dict.fromkeys(words.sources(full_name))),
            is_duration=words.is_duration(full_name),
        )
        for name in words.columns(full_name):
            listed[name] = told
    return {name: listed[name] for name in plan.names if name in listed}


@dataclass(frozen=True, slots=True)
class _Words:
    features: Mapping[str, Any]
    primitives: Mapping[str, Any]
    several: frozenset[tuple[str, str]]
    """Parents and children that more than one foreign key joins."""

    def columns(self, full_name: str) -> tuple[str, ...]:
        arguments = self.features[full_name]["arguments"]
        return tuple(arguments.get("feature_names") or (arguments["name"],))

    def sources(self, full_name: str) -> Iterator[tuple[str, str]]:
        feature = self.features[full_name]
        if feature["type"] == "IdentityFeature":
            arguments = feature["arguments"]
            yield arguments["dataframe_name"], arguments["column_name"]
        for base in feature["dependencies"]:
            yield from self.sources(base)

    def is_duration(self, full_name: str) -> bool:
        arguments = self.features[full_name]["arguments"]
        if "base_feature" in arguments:
            return self.is_duration(arguments["base_feature"])
        primitive = self.primitives.get(arguments.get("primitive"), {})
        return primitive.get("type") in _DURATIONS

    def phrase(self, full_name: str, owner: str) -> str:
        feature = self.features[full_name]
        arguments = feature["arguments"]
        match feature["type"]:
            case "IdentityFeature":
                column: str = arguments["column_name"]
                return column if owner == "its" else f"{owner} {column}"
            case "DirectFeature":
                link = arguments["relationship"]
                parent = f"{owner} {singular(link['parent_dataframe_name'])}{self._by(link)}'s"
                return self.phrase(arguments["base_feature"], parent)
            case "AggregationFeature":
                return self._over_rows(arguments, owner)
            case "FeatureOutputSlice":
                place = int(arguments["n"]) + 1
                return f"{place}. {self.phrase(arguments['base_feature'], owner)}"
            case _:
                return self._of_values(arguments, owner)

    def _over_rows(self, arguments: Mapping[str, Any], owner: str) -> str:
        kind = self.primitives[arguments["primitive"]]["type"]
        links = arguments["relationship_path"]
        child = links[-1]["child_dataframe_name"]
        base, *others = arguments["base_features"]
        words = [self._short(name, f"the {singular(child)}'s") for name in (base, *others)]
        rows = f"{owner} {child}{self._by(links[-1])}"
        if arguments["where"]:
            rows += f" with {self._short(arguments['where'], '')}".replace(" = ", " ", 1)
        form = _OVER.get(kind, f"{_spaced(kind)} of {{base}} over {{rows}}")
        told = form.format(base=" and ".join(words), rows=rows)
        return told + _past(arguments["use_previous"], whole=kind in _ALWAYS_WHOLE)

    def _by(self, link: Mapping[str, str]) -> str:
        """Say which foreign key is meant where there are several."""
        pair = (link["parent_dataframe_name"], link["child_dataframe_name"])
        return f" (by {link['child_column_name']})" if pair in self.several else ""

    def _short(self, full_name: str, owner: str) -> str:
        """Name a column of the rows without saying again whose it is."""
        feature = self.features[full_name]
        if feature["type"] == "IdentityFeature":
            column: str = feature["arguments"]["column_name"]
            return column
        if not owner:
            return str(feature["arguments"]["name"])
        bases = [self.features[base]["type"] for base in feature["dependencies"]]
        if feature["type"] == "TransformFeature" and set(bases) == {"IdentityFeature"}:
            owner = "its"
        return f"“{self.phrase(full_name, owner).removesuffix(' so far')}”"

    def _of_values(self, arguments: Mapping[str, Any], owner: str) -> str:
        kind = self.primitives[arguments["primitive"]]["type"]
        words = [self.phrase(name, owner) for name in arguments["base_features"]]
        if kind == "DivideNumeric" and (compared := _compared(*words)):
            return compared
        if kind in _OF:
            return _OF[kind].format(*words)
        return f"{_spaced(kind)} of {' and '.join(words)}"


def singular(table: str) -> str:
    """Name one row of a table.

    Examples
    --------
    >>> [singular(name) for name in ("flights", "categories", "boxes", "weather", "address")]
    ['flight', 'category', 'box', 'weather', 'address']
    """
    if table.endswith("ies") and len(table) > 4:
        return table[:-3] + "y"
    if table.endswith(("sses", "xes", "ches", "shes")):
        return table[:-2]
    if table.endswith("s") and not table.endswith(("ss", "us", "is")):
        return table[:-1]
    return table


def _past(span: Mapping[str, Any] | None, *, whole: bool) -> str:
    """Say how far back an aggregation looks."""
    if span is None:
        return "" if whole else " so far"
    value, unit = span["value"], _UNITS.get(span["unit"], span["unit"])
    return f" in the {unit if value == 1 else f'{value:g} {unit}s'} before"


def _compared(short: str, long: str) -> str:
    """Compare two windows of the same in one sentence; empty where they are not that."""
    told = _SAME.fullmatch(short)
    if told is None:
        return ""
    if (other := _SAME.fullmatch(long)) and other[1] == told[1]:
        return f"{short}, compared with the {other[2]} before"
    if long == f"{told[1]} so far":
        return f"{short}, compared with all time"
    return ""


def _spaced(kind: str) -> str:
    """Turn `NMostCommon` into `n most common`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", kind).lower()
