"""Search spaces, declared as data: what may vary, and in what range."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.candidate import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A number between `low` and `high`, both included; `log` spreads it over magnitudes."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number between `low` and `high`, both included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few values."""

    options: tuple[Parameter, ...]


Space = Mapping[str, Real | Whole | Choice]
