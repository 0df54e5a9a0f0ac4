"""Calibration: what happened against what was predicted."""

from collections.abc import Sequence

import numpy as np

from models.charts.axes import Axes, padded, svg
from models.evaluation import Bin


def calibration_chart(bins: Sequence[Bin], *, title: str, percent: bool) -> str:
    """Draw mean outcome against mean prediction, with the diagonal of perfect calibration."""
    values = [v for b in bins for v in (b.predicted, b.observed, b.low, b.high) if np.isfinite(v)]
    if not values:
        return ""
    low, high = padded(min(values), max(values))
    if percent:
        low, high = max(0.0, low), min(1.0, high)
    axes = Axes(x=(low, high), y=(low, high), percents=(percent, percent))
    parts = [*axes.grid(), axes.line((low, high), (low, high), "diagonal")]
    parts.append(axes.line([b.predicted for b in bins], [b.observed for b in bins]))
    for each in bins:
        at = axes.across(each.predicted)
        if np.isfinite(each.low):
            parts.append(
                f'<line class="spread" x1="{at:.1f}" y1="{axes.up(each.low):.1f}" '
                f'x2="{at:.1f}" y2="{axes.up(each.high):.1f}"/>'
            )
        parts.append(
            f'<circle class="point" cx="{at:.1f}" cy="{axes.up(each.observed):.1f}" r="4"/>'
        )
    return svg([*parts, *axes.names("predicted", "happened")], 342, title)
