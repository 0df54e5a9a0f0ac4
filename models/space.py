"""Search spaces, declared as data: what may vary, in what range, and under which condition."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.candidate import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A condition: another parameter, declared earlier in the space, has one of these values.

    A parameter whose condition does not hold is not part of the candidate.
    """

    name: str
    values: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A number between `low` and `high`, both included; `log` spreads it over magnitudes."""

    low: float
    high: float
    log: bool = False
    when: When | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number between `low` and `high`, both included."""

    low: int
    high: int
    log: bool = False
    when: When | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few values."""

    options: tuple[Parameter, ...]
    when: When | None = None


Range = Real | Whole | Choice
Space = Mapping[str, Range]


def is_active(allowed: Range, earlier: Mapping[str, Parameter]) -> bool:
    """Whether a parameter exists, given those declared before it.

    Examples
    --------
    >>> rate = Real(low=0, high=1, when=When(name="booster", values=("dart",)))
    >>> is_active(rate, {"booster": "dart"}), is_active(rate, {"booster": "gbdt"})
    (True, False)
    >>> is_active(rate, {})
    False
    """
    when = allowed.when
    return when is None or (when.name in earlier and earlier[when.name] in when.values)
