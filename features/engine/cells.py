"""The cells of a matrix while they are computed: in memory, or on disk where they are too many."""

import mmap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

_ROWS_AT_A_TIME = 8_192


class Cells(Protocol):
    """Columns of one length that are filled part by part, in any order."""

    def put(self, rows: Ints, columns: Mapping[str, Array]) -> None:
        """Fill some columns at some rows."""

    def columns(self, first: int, last: int) -> dict[str, Array]:
        """Return all columns of the rows `first` to `last`."""


class CellsInMemory:
    """Cells as one array for each column."""

    def __init__(self, names: Sequence[str], n_rows: int) -> None:
        self._names = tuple(names)
        self._n_rows = n_rows
        self._columns: dict[str, Array] = {}

    def put(self, rows: Ints, columns: Mapping[str, Array]) -> None:
        """Fill some columns at some rows."""
        for name, values in columns.items():
            if name not in self._columns:
                self._columns[name] = np.empty(self._n_rows, dtype=values.dtype)
            self._columns[name][rows] = values

    def columns(self, first: int, last: int) -> dict[str, Array]:
        """Return all columns of the rows `first` to `last`."""
        return {name: self._columns[name][first:last] for name in self._names}


class CellsOnDisk:
    """Cells as eight bytes each in one file, row after row; text is numbered as it comes.

    NOTE: written pages are given back after some thousand rows, since they count as the process's
    memory as long as they are mapped.
    """

    def __init__(self, names: Sequence[str], n_rows: int, path: Path) -> None:
        self._place = {name: i for i, name in enumerate(names)}
        self._cells = np.memmap(path, np.int64, mode="w+", shape=(n_rows, len(names)))
        self._types: dict[str, np.dtype[Any]] = {}
        self._numbers: dict[str, dict[str, int]] = {}

    def put(self, rows: Ints, columns: Mapping[str, Array]) -> None:
        """Fill some columns at some rows."""
        bits = np.empty((len(rows), len(columns)), np.int64)
        for i, (name, values) in enumerate(columns.items()):
            self._types[name] = values.dtype
            bits[:, i] = self._numbered(name, values) if values.dtype == object else _bits(values)
        places = np.array([self._place[name] for name in columns])
        order = np.argsort(rows, kind="stable")
        for first in range(0, len(rows), _ROWS_AT_A_TIME):
            part = order[first : first + _ROWS_AT_A_TIME]
            self._cells[rows[part][:, None], places] = bits[part]
            self._give_back()

    def columns(self, first: int, last: int) -> dict[str, Array]:
        """Return all columns of the rows `first` to `last`."""
        bits = np.array(self._cells[first:last])
        self._give_back()
        return {name: self._values(name, bits[:, i].copy()) for name, i in self._place.items()}

    def _numbered(self, name: str, texts: Array) -> Ints:
        codes, distinct = pd.factorize(texts)
        numbers = self._numbers.setdefault(name, {})
        number_of = [numbers.setdefault(text, len(numbers)) for text in distinct]
        taken: Ints = np.array([*number_of, -1], np.int64)[codes]
        return taken

    def _values(self, name: str, bits: Ints) -> Array:
        if self._types[name].hasobject:
            return np.array([*self._numbers[name], None], dtype=object)[bits]
        return bits.view(self._types[name])

    def _give_back(self) -> None:
        mapped: mmap.mmap = self._cells._mmap  # type: ignore[attr-defined]
        if hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def _bits(values: Array) -> Ints:
    bits: Ints = np.ascontiguousarray(values).view(np.int64)
    return bits


def spans(n_rows: int, n_at_a_time: int) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of parts of at most `n_at_a_time` rows."""
    for first in range(0, n_rows, n_at_a_time):
        yield first, min(first + n_at_a_time, n_rows)
