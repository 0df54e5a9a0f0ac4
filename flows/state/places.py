"""Places: paths inside the state directory, kept so that the directory may be moved or copied."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

STATE = "${STATE}/"
"""Begins a kept path; no file, sentence or name of a column begins so by chance."""


class Places:
    """Tells what is kept from what is used, wherever in JSON a path is.

    Examples
    --------
    >>> here, there = Places(Path("/home/ann/.perennial")), Places(Path("/srv/state"))
    >>> here.keep({"card": "/home/ann/.perennial/versions/1/card.html", "n_rows": 3})
    {'card': '${STATE}/versions/1/card.html', 'n_rows': 3}
    >>> there.find({"card": "${STATE}/versions/1/card.html", "n_rows": 3})
    {'card': '/srv/state/versions/1/card.html', 'n_rows': 3}
    """

    def __init__(self, state: Path) -> None:
        self._root = f"{state}/"

    def keep(self, value: Any) -> Any:
        """Take the state directory out of every path inside it."""
        return _each(value, lambda text: _swapped(text, self._root, STATE))

    def find(self, value: Any) -> Any:
        """Put this machine's state directory into every kept path; others stay as they are."""
        return _each(value, lambda text: _swapped(text, STATE, self._root))


def _swapped(text: str, before: str, after: str) -> str:
    return after + text[len(before) :] if text.startswith(before) else text


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _each(one, change) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_each(one, change) for one in value]
    return value
