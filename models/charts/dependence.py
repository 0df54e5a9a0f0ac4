"""Dependence: the mean answer as one column takes other values."""

from collections.abc import Sequence
from html import escape

from models.charts.axes import LEFT, RIGHT, Axes, padded, svg
from models.dependence import Dependence, Point

_HEIGHT = 150
_ROW = 26
_LONGEST = 22


def dependence_chart(
    dependence: Dependence, *, span: tuple[float, float], title: str, percent: bool
) -> str:
    """Draw the mean answer by value, with a strip below that shows where the rows are.

    Parameters
    ----------
    span
        Lowest and highest answer of the axis, the same for pictures that are to be compared.
    """
    known = [point for point in dependence.points if point.value is not None]
    if not known:
        return ""
    if dependence.kind == "categorical":
        return _bars(dependence.points, span=span, title=title, percent=percent)
    return _line(known, dependence.points[-1], span=span, title=title, percent=percent)


def _line(
    known: Sequence[Point], last: Point, *, span: tuple[float, float], title: str, percent: bool
) -> str:
    values = [float(point.value or 0.0) for point in known]
    axes = Axes(
        x=padded(min(values), max(values)), y=span, height=_HEIGHT, percents=(False, percent)
    )
    parts = axes.grid(n=4)
    largest = max(point.share for point in known) or 1.0
    for value, point in zip(values, known, strict=True):
        parts.append(
            f'<line class="rug" x1="{axes.across(value):.1f}" x2="{axes.across(value):.1f}" '
            f'y1="{axes.bottom}" y2="{axes.bottom - 14 * point.share / largest:.1f}"/>'
        )
    if last.value is None and last.share > 0:
        parts.append(axes.line(axes.x, (last.answer, last.answer), "missing"))
        parts.append(
            f'<text class="axis end" x="{RIGHT}" y="{axes.up(last.answer) - 4:.1f}">missing '
            f"({last.share:.0%})</text>"
        )
    parts.append(axes.line(values, [point.answer for point in known]))
    return svg(parts, axes.bottom + 22, title)


def _bars(points: Sequence[Point], *, span: tuple[float, float], title: str, percent: bool) -> str:
    low, high = span
    parts, left = [], LEFT + 90
    for number, point in enumerate(points):
        y = 8 + _ROW * number
        name = "missing" if point.value is None else str(point.value)
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        width = max(1.0, (point.answer - low) / (high - low) * (RIGHT - left - 46))
        shown = f"{point.answer:.1%}" if percent else f"{point.answer:,.4g}"
        parts.append(
            f'<text class="axis end" x="{left - 6}" y="{y + 12}">{escape(short)}</text>'
            f'<rect class="bar" x="{left}" y="{y}" width="{width:.1f}" height="16" rx="2"/>'
            f'<text class="axis" x="{left + width + 5:.1f}" y="{y + 12}">{shown}</text>'
        )
    return svg(parts, 8 + _ROW * len(points), title)
