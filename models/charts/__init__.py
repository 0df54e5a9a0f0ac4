"""Charts: small SVG pictures for pages that load nothing, legible from 360 pixels on."""

from models.charts.bands import band_chart
from models.charts.calibration import calibration_chart
from models.charts.curves import curve_chart
from models.charts.dependence import dependence_chart
from models.charts.intervals import Mark, interval_chart

__all__ = [
    "Mark",
    "band_chart",
    "calibration_chart",
    "curve_chart",
    "dependence_chart",
    "interval_chart",
]
