"""Roll-up: what features are worth, added up over the tables and columns they come from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Sources = Mapping[str, Sequence[tuple[str, str]]]
"""Table and column of everything that a feature is computed from, by feature."""


class SourceShare(NamedTuple):
    """A column of a source table, and its share of what all features are worth."""

    table: str
    column: str
    share: float


def roll_up(strength: Mapping[str, float], sources: Sources) -> tuple[SourceShare, ...]:
    """Share every feature's strength equally among the columns it comes from, largest first.

    Examples
    --------
    >>> sources = {"a": [("t", "x")], "b": [("t", "x"), ("u", "y")]}
    >>> for each in roll_up({"a": 3.0, "b": 1.0}, sources):
    ...     print(*each)
    t x 0.875
    u y 0.125
    """
    total = sum(strength.values())
    shares: dict[tuple[str, str], float] = {}
    for feature, worth in strength.items():
        found = list(sources.get(feature, ())) or [("", feature)]
        for source in found:
            shares[source] = shares.get(source, 0.0) + worth / len(found)
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SourceShare(*source, worth / total) for source, worth in ranked if worth > 0)
