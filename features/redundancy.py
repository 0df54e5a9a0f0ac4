"""Redundancy: definitions that say nothing, or what a plainer one says, by construction.

Definitions (the JSON of `featuretools.save_features`) are judged with a census of the tables,
before anything is computed. First come the rules that find one silent (`_SILENCES`); what is left
is reduced to a form in which definitions with the same values are equal (`_reduced`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from features.census import Census
from features.schema import HISTORY, Relationship

_OF_ONE = frozenset({"Min", "Max", "Mean", "Sum", "Median", "Mode", "First", "Last", "PercentTrue"})
"""Summaries that give the value itself where there is one."""

_NEEDED = {"Std": 2, "Variance": 2, "Trend": 3, "Skew": 3, "Kurtosis": 4, "AvgTimeBetween": 2}
"""Rows without which a summary is null."""

Definition = Mapping[str, Any]
Path = tuple[Relationship, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules know.

    Attributes
    ----------
    until
        The latest cutoff that is asked.
    """

    census: Census
    until: pd.Timestamp

    def most(self, path: Path) -> int:
        """Give the most rows at the end of `path` that one row at its beginning can have."""
        most = 1
        for link in path:
            most *= self.census.links[link].most
        return most


def find_redundant(definitions: str, facts: Facts) -> dict[str, str]:
    """Say which definitions one can do without, and why.

    Of two with the same values the first stays.
    """
    content = json.loads(definitions)
    judge = _Judge(features=content["feature_definitions"], content=content, facts=facts)
    reasons: dict[str, str] = {}
    first: dict[object, str] = {}
    for full_name in content["feature_list"]:
        name = judge.features[full_name]["arguments"]["name"]
        silence = judge.silence(full_name)
        if silence is not None:
            reasons[name] = silence
            continue
        holder = first.setdefault(judge.reduced(full_name), name)
        if holder != name:
            reasons[name] = f"same values as {holder}, by construction"
    return reasons


@dataclass(slots=True, kw_only=True)
class _Judge:
    """Definitions by their full names, and the forms they were reduced to."""

    features: Mapping[str, Definition]
    content: Mapping[str, Any]
    facts: Facts
    known: dict[str, object] = field(default_factory=dict)

    def silence(self, full_name: str, *, of_asked: bool = True) -> str | None:
        """Say why a definition has nothing to tell, looking down its first bases.

        Parameters
        ----------
        of_asked
            Whether its row is the very one that is asked about, or a parent of it.
        """
        feature = self.features[full_name]
        for rule in _SILENCES if of_asked else _SILENCES_BELOW:
            reason = rule(self, feature)
            if reason is not None:
                return reason
        bases = self.bases(feature)
        of_asked = of_asked and feature["type"] != "AggregationFeature"
        return self.silence(bases[0], of_asked=of_asked) if bases else None

    def reduced(self, full_name: str) -> object:
        """Give the form that all definitions with the same values have in common."""
        if full_name not in self.known:
            self.known[full_name] = _reduced(self, self.features[full_name])
        return self.known[full_name]

    def bases(self, feature: Definition) -> list[str]:
        arguments = feature["arguments"]
        if feature["type"] in ("DirectFeature", "FeatureOutputSlice"):
            return [arguments["base_feature"]]
        return list(arguments.get("base_features", ()))

    def primitive(self, feature: Definition) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.content["primitive_definitions"][
            feature["arguments"]["primitive"]
        ]
        return found


def _silent_column(judge: _Judge, feature: Definition) -> str | None:
    if feature["type"] != "IdentityFeature":
        return None
    arguments = feature["arguments"]
    return judge.facts.census.tables[arguments["dataframe_name"]].silent.get(
        arguments["column_name"]
    )


def _no_rows(judge: _Judge, feature: Definition) -> str | None:
    path = _path(feature)
    if path is None or judge.facts.most(path) > 0:
        return None
    return f"no row of {path[-1].child} belongs to one of {path[0].parent}"


def _asked_once(judge: _Judge, feature: Definition) -> str | None:
    path = _path(feature)
    if path is None or path[0].child != HISTORY or judge.facts.most(path) > 1:
        return None
    return f"each of {path[0].parent} is asked once"


def _too_few_rows(judge: _Judge, feature: Definition) -> str | None:
    path = _path(feature)
    if path is None:
        return None
    most, primitive = judge.facts.most(path), judge.primitive(feature)["type"]
    parent, child = path[0].parent, path[-1].child
    if most < _NEEDED.get(primitive, 1):
        return f"never has a value: one of {parent} has at most {most} of {child}"
    if most == 1 and primitive == "NumUnique":
        return f"says what COUNT says: one of {parent} has at most 1 of {child}"
    return None


def _own_key(judge: _Judge, feature: Definition) -> str | None:
    """Find the key by which the summarized rows belong to the very row that summarizes them."""
    path = _path(feature)
    bases = judge.bases(feature)
    if path is None or not bases:
        return None
    left, base = list(path), judge.features[bases[0]]
    while base["type"] == "DirectFeature" and len(left) > 1 and _link(base) == left[-1]:
        left.pop()
        base = judge.features[base["arguments"]["base_feature"]]
    if base["type"] != "IdentityFeature" or len(left) > 1:
        return None
    found = (base["arguments"]["dataframe_name"], base["arguments"]["column_name"])
    own = found == (left[0].child, left[0].child_column)
    return f"the key of {left[0].parent} itself, by which rows belong to it" if own else None


def _ratio_to_itself(judge: _Judge, feature: Definition) -> str | None:
    if "primitive" not in feature["arguments"]:
        return None
    forms = [judge.reduced(base) for base in judge.bases(feature)]
    divides = judge.primitive(feature)["type"] == "DivideNumeric"
    return "a value divided by itself" if divides and forms[0] == forms[1] else None


def _reduced(judge: _Judge, feature: Definition) -> object:
    arguments = feature["arguments"]
    bases = tuple(judge.reduced(base) for base in judge.bases(feature))
    path = _path(feature)
    if path is None:
        others = {
            name: value
            for name, value in arguments.items()
            if name not in ("name", "base_feature", "base_features", "primitive", "groupby")
        }
        primitive = judge.primitive(feature) if "primitive" in arguments else None
        groups = judge.reduced(arguments["groupby"]) if arguments.get("groupby") else None
        return feature["type"], _text(others), _text(primitive), bases, groups
    window = _window(judge, feature, path)
    where = judge.reduced(arguments["where"]) if arguments["where"] else None
    if judge.facts.most(path) == 1 and judge.primitive(feature)["type"] in _OF_ONE:
        return "the one value", path, bases[:1], where, window
    return "summary", _text(judge.primitive(feature)), path, bases, where, window


def _window(judge: _Judge, feature: Definition, path: Path) -> str | None:
    """Give a window, unless it reaches back before the first row whatever the cutoff."""
    window = feature["arguments"]["use_previous"]
    first = judge.facts.census.tables[path[-1].child].first
    if window is None or first is None or window["unit"] not in ("s", "m", "h", "d", "w"):
        return None if window is None else _text(window)
    reach = judge.facts.until - pd.Timedelta(window["value"], window["unit"])
    return None if reach <= first else _text(window)


def _path(feature: Definition) -> Path | None:
    """Give the relationships that an aggregation goes down, None for anything else."""
    steps = feature["arguments"].get("relationship_path")
    if feature["type"] != "AggregationFeature" or steps is None:
        return None
    return tuple(_relationship(step) for step in steps)


def _link(feature: Definition) -> Relationship:
    return _relationship(feature["arguments"]["relationship"])


def _relationship(step: Mapping[str, str]) -> Relationship:
    return Relationship(
        parent=step["parent_dataframe_name"],
        parent_column=step["parent_column_name"],
        child=step["child_dataframe_name"],
        child_column=step["child_column_name"],
    )


def _text(content: object) -> str:
    return json.dumps(content, sort_keys=True)


_SILENCES_BELOW: tuple[Callable[[_Judge, Definition], str | None], ...] = (
    _silent_column,
    _no_rows,
    _too_few_rows,
    _own_key,
    _ratio_to_itself,
)
_SILENCES = (_asked_once, *_SILENCES_BELOW)
