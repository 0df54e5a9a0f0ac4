"""Charts: small SVG pictures for pages that load nothing, legible from 360 pixels on."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from models.evaluation import Bin, Interval
from models.figures import interval

WIDTH = 360
_LEFT, _RIGHT = 4, 356
_FRAME_RIGHT = 340


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
    low, high = _padded(min(finite), max(finite))
    row, top = 38, 6
    bottom = top + row * len(marks) + 4
    parts = [_grid(tick, _x(tick, low, high), top, bottom) for tick in _ticks(low, high)]
    for number, mark in enumerate(marks):
        parts.append(_interval_mark(mark, top + row * number, low, high))
    return _svg(parts, bottom + 20, title)


def calibration_chart(bins: Sequence[Bin], *, title: str, percent: bool) -> str:
    """Draw mean outcome against mean prediction, with the diagonal of perfect calibration."""
    values = [v for b in bins for v in (b.predicted, b.observed, b.low, b.high) if np.isfinite(v)]
    if not values:
        return ""
    low, high = _padded(min(values), max(values))
    if percent:
        low, high = max(0.0, low), min(1.0, high)
    left, right, top, bottom = 46, _FRAME_RIGHT, 10, 300

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    parts = [_frame_tick(tick, x(tick), y(tick), percent) for tick in _ticks(low, high)]
    parts.append(
        f'<line class="diagonal" x1="{x(low):.1f}" y1="{y(low):.1f}" '
        f'x2="{x(high):.1f}" y2="{y(high):.1f}"/>'
    )
    points = " ".join(f"{x(b.predicted):.1f},{y(b.observed):.1f}" for b in bins)
    parts.append(f'<polyline class="curve" points="{points}"/>')
    for each in bins:
        at = x(each.predicted)
        if np.isfinite(each.low):
            parts.append(
                f'<line class="spread" x1="{at:.1f}" y1="{y(each.low):.1f}" '
                f'x2="{at:.1f}" y2="{y(each.high):.1f}"/>'
            )
        parts.append(f'<circle class="point" cx="{at:.1f}" cy="{y(each.observed):.1f}" r="4"/>')
    parts.append(f'<text x="{(left + right) / 2}" y="336" class="axis middle">predicted</text>')
    parts.append(
        '<text class="axis middle" transform="translate(11 155) rotate(-90)">happened</text>'
    )
    return _svg(parts, 342, title)


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
        f'<text class="axis middle" x="{x:.1f}" y="{bottom + 14}">{_tick_text(tick)}</text>'
    )


def _frame_tick(tick: float, x: float, y: float, percent: bool) -> str:
    text = f"{tick:.0%}" if percent else _tick_text(tick)
    return (
        f'<line class="grid" x1="46" y1="{y:.1f}" x2="{_FRAME_RIGHT}" y2="{y:.1f}"/>'
        f'<text class="axis end" x="41" y="{y + 4:.1f}">{text}</text>'
        f'<text class="axis middle" x="{x:.1f}" y="316">{text}</text>'
    )


def _ticks(low: float, high: float, n: int = 5) -> list[float]:
    rough = (high - low) / n
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(m for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.999)
    first = int(np.ceil(low / step))
    return [float(k * step) for k in range(first, int(np.floor(high / step)) + 1)]


def _padded(low: float, high: float) -> tuple[float, float]:
    spread = (high - low) or abs(high) or 1.0
    return low - 0.05 * spread, high + 0.05 * spread


def _tick_text(tick: float) -> str:
    return f"{round(tick, 10):,g}" if abs(tick) < 1e6 else f"{tick:.1e}"


def _svg(parts: Sequence[str], height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
