"""Curves: two shares against each other, each from 0 to 1."""

from models.charts.axes import LEFT, Axes, svg
from models.evaluation import Curve


def curve_chart(
    curve: Curve, *, title: str, names: tuple[str, str], level: float | None = None
) -> str:
    """Draw a curve; without `level` with the diagonal, else with a line at this height.

    Parameters
    ----------
    names
        Of what goes across and of what goes up.
    level
        What a guess would reach.
    """
    if not curve.x:
        return ""
    axes = Axes(x=(0.0, 1.0), y=(0.0, 1.0), height=250, percents=(True, True))
    floor = (0.0, 1.0) if level is None else (level, level)
    parts = [*axes.grid(), axes.line((0.0, 1.0), floor, "diagonal")]
    if level is None:
        points = [*zip(curve.x, curve.y, strict=True), (1.0, 0.0)]
        area = " ".join(f"{axes.across(a):.1f},{axes.up(b):.1f}" for a, b in points)
        parts.append(f'<polygon class="area" points="{area}"/>')
    else:
        parts.append(
            f'<text class="axis" x="{LEFT + 6}" y="{axes.up(level) - 5:.1f}">a guess</text>'
        )
    parts.append(axes.line(curve.x, curve.y))
    return svg([*parts, *axes.names(*names)], axes.bottom + 42, title)
