"""What a node calls: a primitive with its arguments, and which way it is computed."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Way(StrEnum):
    """How the values of a primitive come about."""

    KERNEL = "kernel"
    """By a function of the engine, over whole columns."""
    FALLBACK = "fallback"
    """By featuretools' own function (or the user's), called once for each range."""


class Form(StrEnum):
    """How values are handed to a function of featuretools."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TIMEDELTA = "timedelta"
    CATEGORY = "category"
    TEXT = "text"
    LATLONG = "latlong"
    """Pairs of latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A primitive with its arguments.

    Attributes
    ----------
    name, module
        Of its class.
    arguments
        Canonical JSON; for a kernel with the defaults, for the fallback as the definition has it.
    forms
        Form of each base, for the fallback.
    """

    name: str
    module: str
    arguments: str
    way: Way = Way.FALLBACK
    forms: tuple[Form, ...] = ()

    @property
    def own_arguments(self) -> dict[str, Any]:
        """The arguments, to be read and not to be changed."""
        return _read(self.arguments)


@lru_cache(maxsize=1024)
def _read(arguments: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(arguments)
    return content


def write_arguments(arguments: Any) -> str:
    """Return arguments as canonical JSON; sets become sorted lists."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=sorted)
