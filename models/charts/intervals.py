"""Intervals: scores under one another on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from models.charts.axes import padded, svg, tick_text, ticks
from models.evaluation import Interval
from models.figures import interval

_LEFT, _RIGHT = 4, 356


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One line of an interval chart; a mark without width is drawn as a point only."""

    label: str
    score: Interval
    strong: bool = False


def interval_chart(marks: Sequence[Mark], *, title: str) -> str:
    """Draw scores with their 95 % intervals under one another, on one axis."""
    finite = [v for mark in marks for v in mark.score if np.isfinite(v)]
    if not finite:
        return ""
    low, high = padded(min(finite), max(finite))
    row, top = 38, 6
    bottom = top + row * len(marks) + 4
    parts = [_grid(tick, _x(tick, low, high), top, bottom) for tick in ticks(low, high)]
    for number, mark in enumerate(marks):
        parts.append(_interval_mark(mark, top + row * number, low, high))
    return svg(parts, bottom + 20, title)


def _interval_mark(mark: Mark, top: int, low: float, high: float) -> str:
    kind = "strong" if mark.strong else "plain"
    value, lower, upper = mark.score
    y = top + 26
    text, between = interval(value, lower, upper)
    if np.isfinite(lower):
        text += f" ({between})"
    parts = [
        f'<text x="{_LEFT}" y="{top + 14}" class="label {kind}">{escape(mark.label)}</text>',
        f'<text x="{_RIGHT}" y="{top + 14}" class="value {kind}">{text}</text>',
    ]
    if np.isfinite(lower) and lower < upper:
        parts.append(
            f'<line class="range {kind}" x1="{_x(lower, low, high):.1f}" y1="{y}" '
            f'x2="{_x(upper, low, high):.1f}" y2="{y}"/>'
        )
    if np.isfinite(value):
        parts.append(f'<circle class="dot {kind}" cx="{_x(value, low, high):.1f}" cy="{y}" r="5"/>')
    return "".join(parts)


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + 8 + (value - low) / (high - low) * (_RIGHT - _LEFT - 16)


def _grid(tick: float, x: float, top: int, bottom: int) -> str:
    return (
        f'<line class="grid" x1="{x:.1f}" y1="{top + 18}" x2="{x:.1f}" y2="{bottom}"/>'
        f'<text class="axis middle" x="{x:.1f}" y="{bottom + 14}">{tick_text(tick)}</text>'
    )
