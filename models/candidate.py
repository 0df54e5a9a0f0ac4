"""Candidates: a model family with its hyper-parameters, before anything is fitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.fingerprint import fingerprint

Parameter = int | float | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one trial evaluates: preprocessing and estimator follow from family and parameters.

    Parameters
    ----------
    family
        Name in `models.families.FAMILIES`.
    parameters
        Hyper-parameters by name; what is not named has the family's default.

    Examples
    --------
    >>> a = Candidate(family="linear", parameters={"c": 1.0})
    >>> a.fingerprint == Candidate(family="linear", parameters={"c": 1.0}).fingerprint
    True
    """

    family: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Name family and parameters, whatever the parameters' order."""
        return fingerprint({"family": self.family, "parameters": dict(self.parameters)})

    def to_dict(self) -> dict[str, object]:
        """Give the candidate as JSON."""
        return {"family": self.family, "parameters": dict(self.parameters)}
