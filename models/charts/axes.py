"""Axes: from values to places in a picture, and the lines and figures that say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH = 360
RIGHT = 344
LEFT = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """A frame of two axes.

    Attributes
    ----------
    x, y
        Lowest and highest value of each.
    height
        Of the frame in units of the picture, of which it is 360 wide.
    percents
        Whether figures of x and of y are written as percentages.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    height: int = 290
    percents: tuple[bool, bool] = (False, False)
    top: int = 10

    @property
    def bottom(self) -> int:
        """Give the height of the lower edge."""
        return self.top + self.height

    def across(self, value: float) -> float:
        """Give the place of a value of x."""
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (RIGHT - LEFT)

    def up(self, value: float) -> float:
        """Give the place of a value of y."""
        low, high = self.y
        return self.bottom - (value - low) / (high - low) * self.height

    def grid(self, *, below: bool = True, n: int = 5) -> list[str]:
        """Draw lines and figures of y, and figures of x below them."""
        parts = [
            f'<line class="grid" x1="{LEFT}" y1="{self.up(tick):.1f}" x2="{RIGHT}" '
            f'y2="{self.up(tick):.1f}"/><text class="axis end" x="{LEFT - 5}" '
            f'y="{self.up(tick) + 4:.1f}">{tick_text(tick, percent=self.percents[1])}</text>'
            for tick in ticks(*self.y, n)
        ]
        if below:
            parts += [
                f'<text class="axis middle" x="{self.across(tick):.1f}" y="{self.bottom + 16}">'
                f"{tick_text(tick, percent=self.percents[0])}</text>"
                for tick in ticks(*self.x)
            ]
        return parts

    def line(self, x: Sequence[float], y: Sequence[float], kind: str = "curve") -> str:
        """Draw a line through points."""
        points = " ".join(
            f"{self.across(a):.1f},{self.up(b):.1f}" for a, b in zip(x, y, strict=True)
        )
        return f'<polyline class="{kind}" points="{points}"/>'

    def names(self, x: str, y: str) -> list[str]:
        """Write what the axes are, below and beside them."""
        middle = self.top + self.height / 2
        return [
            f'<text x="{(LEFT + RIGHT) / 2}" y="{self.bottom + 36}" class="axis middle">'
            f"{escape(x)}</text>",
            f'<text class="axis middle" transform="translate(11 {middle:.0f}) rotate(-90)">'
            f"{escape(y)}</text>",
        ]


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Choose round values between two, about `n`."""
    rough = (high - low) / n
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(m for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.999)
    first = int(np.ceil(low / step - 1e-9))
    return [float(k * step) for k in range(first, int(np.floor(high / step + 1e-9)) + 1)]


def padded(low: float, high: float) -> tuple[float, float]:
    """Leave a little room beyond the lowest and highest value."""
    spread = (high - low) or abs(high) or 1.0
    return low - 0.05 * spread, high + 0.05 * spread


def tick_text(tick: float, *, percent: bool = False) -> str:
    """Write a round value."""
    if percent:
        share = round(100 * tick, 6)
        return f"{share:g}%"
    return f"{round(tick, 10):,g}" if abs(tick) < 1e6 else f"{tick:.1e}"


def svg(parts: Sequence[str], height: float, title: str) -> str:
    """Make a picture of its parts; the title is what is read aloud."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
