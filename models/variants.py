"""Variants: a family's defaults with some parameters changed, and the learned list of them.

The list is data, `portfolio.json` beside this file, because it is learned: see
`benchmarks/search/PORTFOLIO.md` for the command and what it is worth.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from models.candidate import Candidate, Parameter
from models.families.family import Parameters
from models.space import Range, Real, Space, Whole
from models.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A candidate of a family, whatever the data's size.

    Attributes
    ----------
    changes
        Parameters in place of the family's defaults; what these do not name, because it makes no
        difference to such data, is left out.
    factors
        Parameters that are multiples of the family's defaults, which follow the data's size; the
        products are kept within the family's space.

    Examples
    --------
    >>> slow = Variant(family="lightgbm", changes={"leaves": 7}, factors={"rate": 0.5})
    >>> space = {"rate": Real(low=0.03, high=0.2)}
    >>> dict(slow.candidate({"leaves": 31, "rate": 0.1}, space).parameters)
    {'leaves': 7, 'rate': 0.05}
    >>> dict(slow.candidate({"leaves": 31, "rate": 0.04}, space).parameters)
    {'leaves': 7, 'rate': 0.03}
    """

    family: str
    changes: Mapping[str, Parameter] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)

    def candidate(self, defaults: Parameters, space: Space) -> Candidate:
        """Give the candidate that this is beside a family's defaults for some data."""
        scaled = {
            name: _within(space.get(name), float(defaults[name]) * factor)
            for name, factor in self.factors.items()
        }
        changes = {name: value for name, value in self.changes.items() if name in defaults}
        return Candidate(family=self.family, parameters={**defaults, **changes, **scaled})

    def to_dict(self) -> dict[str, Any]:
        """Give the variant as JSON."""
        content: dict[str, Any] = {"family": self.family}
        if self.changes:
            content["changes"] = dict(self.changes)
        if self.factors:
            content["factors"] = dict(self.factors)
        return content


def learned_variants(task: Task) -> tuple[Variant, ...]:
    """Give the learned list for a task, best first."""
    table = json.loads((files("models") / "portfolio.json").read_text(encoding="utf-8"))
    return tuple(Variant(**entry) for entry in table["order"][task])


def _within(allowed: Range | None, value: float) -> float | int:
    if isinstance(allowed, Real | Whole):
        value = min(max(value, allowed.low), allowed.high)
    return round(value) if isinstance(allowed, Whole) else round(value, 4)
