"""Points of a space: drawn, changed a little, and encoded as rows of the unit cube.

Notation: a space of p parameters has rows of d >= p numbers between 0 and 1: one for a number,
one per option for a choice.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from models.candidate import Parameter
from models.families.family import Parameters
from models.space import Choice, Range, Real, Space, Whole, is_active

STEP = 0.2
"""Deviation of a small change, in shares of the range."""

_DORMANT = 0.5
"""Where a number stands that is not part of a point: the middle, as in SMAC."""


def draw(space: Space, rng: np.random.Generator) -> Parameters:
    """Draw a point uniformly."""
    return completed(space, {}, rng)


def changed(space: Space, point: Parameters, rng: np.random.Generator) -> Parameters:
    """Give the point with one of its parameters changed."""
    names = [name for name in space if name in point and _varies(space[name])]
    if not names:
        return draw(space, rng)
    name = names[rng.integers(len(names))]
    return completed(space, point | {name: _other(space[name], point[name], rng)}, rng)


def completed(space: Space, partly: Parameters, rng: np.random.Generator) -> Parameters:
    """Give a point of the space: drop what is dormant, draw what is missing or outside."""
    point: Parameters = {}
    for name, allowed in space.items():
        if is_active(allowed, point):
            given = name in partly and _holds(allowed, partly[name])
            point[name] = partly[name] if given else value_at(allowed, rng.random())
    return point


def settled(space: Space, partly: Parameters) -> Parameters:
    """Give every parameter of the space a value: what is dormant or missing the middle one."""
    middle = {name: value_at(allowed, _DORMANT) for name, allowed in space.items()}
    return middle | partly


def encode(space: Space, points: Iterable[Mapping[str, Parameter]]) -> np.ndarray:
    """Encode points as rows, shape `(n, d)`; a number outside its range is put at its end."""
    listed = list(points)
    columns = [_columns(allowed, [p.get(name) for p in listed]) for name, allowed in space.items()]
    return np.column_stack(columns) if columns else np.empty((len(listed), 0))


def key_of(point: Mapping[str, Parameter]) -> frozenset[tuple[str, Parameter]]:
    """Give what tells points apart, whatever the order of their parameters."""
    return frozenset(point.items())


def _varies(allowed: Range) -> bool:
    return len(allowed.options) > 1 if isinstance(allowed, Choice) else allowed.low < allowed.high


def _holds(allowed: Range, value: Parameter) -> bool:
    if isinstance(allowed, Choice):
        return value in allowed.options
    return isinstance(value, int | float) and allowed.low <= value <= allowed.high


def _other(allowed: Range, value: Parameter, rng: np.random.Generator) -> Parameter:
    """Change a value: another option, or a number not far away."""
    if isinstance(allowed, Choice):
        others = [option for option in allowed.options if option != value]
        return others[rng.integers(len(others))]
    before = _place(allowed, float(value))
    for _ in range(10):
        found = value_at(allowed, float(np.clip(before + STEP * rng.normal(), 0, 1)))
        if found != value:
            return found
    return value_at(allowed, rng.random())


def value_at(allowed: Range, place: float) -> Parameter:
    """Give the value at a place between 0 and 1."""
    if isinstance(allowed, Choice):
        return allowed.options[min(int(place * len(allowed.options)), len(allowed.options) - 1)]
    low, high = _ends(allowed)
    value = low + place * (high - low)
    value = min(max(math.exp(value) if allowed.log else value, allowed.low), allowed.high)
    return (
        min(max(round(value), allowed.low), allowed.high) if isinstance(allowed, Whole) else value
    )


def _place(allowed: Real | Whole, value: float) -> float:
    low, high = _ends(allowed)
    if high <= low:
        return _DORMANT
    inside = min(max(value, allowed.low), allowed.high)
    return ((math.log(inside) if allowed.log else inside) - low) / (high - low)


def _ends(allowed: Real | Whole) -> tuple[float, float]:
    """Give the ends of the scale; every whole number has a stretch of its own around it."""
    margin = 0.5 if isinstance(allowed, Whole) else 0.0
    low, high = allowed.low - margin, allowed.high + margin
    return (math.log(low), math.log(high)) if allowed.log else (low, high)


def _columns(allowed: Range, values: list[Parameter | None]) -> np.ndarray:
    if isinstance(allowed, Choice):
        return np.array([[v == option for option in allowed.options] for v in values], dtype=float)
    return np.array(
        [_place(allowed, float(v)) if isinstance(v, int | float) else _DORMANT for v in values]
    )
