"""Bands: by how much a regression misses, from low to high predictions."""

from collections.abc import Sequence

from models.charts.axes import Axes, padded, svg
from models.evaluation import Band


def band_chart(bands: Sequence[Band], *, title: str) -> str:
    """Draw label minus prediction against the prediction: the middle, and four in five rows."""
    predicted = [band.predicted for band in bands]
    lows, highs = [band.low for band in bands], [band.high for band in bands]
    if len(bands) < 2 or not predicted[0] < predicted[-1]:
        return ""
    axes = Axes(
        x=padded(predicted[0], predicted[-1]),
        y=padded(min(0.0, *lows), max(0.0, *highs)),
        height=250,
    )
    outline = [*zip(predicted, highs, strict=True), *zip(predicted[::-1], lows[::-1], strict=True)]
    area = " ".join(f"{axes.across(a):.1f},{axes.up(b):.1f}" for a, b in outline)
    parts = [*axes.grid(), f'<polygon class="area" points="{area}"/>']
    parts.append(axes.line(axes.x, (0.0, 0.0), "diagonal"))
    parts.append(axes.line(predicted, [band.middle for band in bands]))
    return svg([*parts, *axes.names("predicted", "label minus it")], axes.bottom + 42, title)
