"""Figures: how numbers are written in sentences, tables and charts that people read."""

from collections.abc import Sequence

import numpy as np

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def figure(value: float | None, digits: int = 4) -> str:
    """Write a number with so many significant digits; a dash when there is none.

    Examples
    --------
    >>> figure(0.76212), figure(127.249), figure(15312.4), figure(float("nan"))
    ('0.7621', '127.2', '15,312', '–')
    """
    if value is None or not np.isfinite(value):
        return NOTHING
    return _signs(f"{value:,.{_decimals([value], digits)}f}")


def interval(value: float, low: float, high: float, digits: int = 4) -> tuple[str, str]:
    """Write a score and its interval with the same decimals; dashes where undefined.

    Examples
    --------
    >>> interval(92.301, 75.42, 107.38)
    ('92.3', '75.4 to 107.4')
    """
    if not np.isfinite([value, low, high]).all():
        return figure(value, digits), NOTHING
    decimals = _decimals([value, low, high], digits)
    shown = [f"{each:,.{decimals}f}" for each in (value, low, high)]
    return _signs(shown[0]), _signs(f"{shown[1]} to {shown[2]}")


def difference(value: float, low: float, high: float, level: float = 0.95) -> str:
    """Write a difference and its interval with signs and the same decimals.

    Examples
    --------
    >>> difference(0.0214, 0.0161, 0.0269).replace(MINUS, "-")
    '+0.0214, 95 % interval [+0.0161, +0.0269]'
    """
    if not np.isfinite([value, low, high]).all():
        return "undefined on these rows"
    decimals = _decimals([value, low, high], 3)
    shown = [f"{each:+,.{decimals}f}" for each in (value, low, high)]
    return _signs(f"{shown[0]}, {percent(level)} interval [{shown[1]}, {shown[2]}]")


def signed(value: float, digits: int = 3) -> str:
    """Write a difference with its sign."""
    if not np.isfinite(value):
        return NOTHING
    return _signs(f"{value:+,.{_decimals([value], digits)}f}")


def percent(level: float) -> str:
    """Write a level, with as many digits as tell it from a certainty.

    Examples
    --------
    >>> percent(0.95), percent(0.96960), percent(0.999962)
    ('95 %', '97.0 %', '99.996 %')
    """
    digits = 0 if round(100 * level) / 100 == level else max(1, round(-np.log10(1 - level)) - 1)
    return f"{100 * level:.{digits}f} %"


def _decimals(values: Sequence[float], digits: int) -> int:
    largest = max(abs(value) for value in values)
    if largest == 0:
        return digits - 1
    return int(max(0, min(12, digits - 1 - np.floor(np.log10(largest)))))


def _signs(text: str) -> str:
    return text.replace("-", MINUS)
