"""Preparation: the rows of each fold as encodings have them, everything fitted on training rows.

Encodings do not depend on what else is tuned, so they are kept from trial to trial.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.construction import find_formulas
from models.preprocessing import (
    Encoding,
    Selection,
    make_encoder,
    split_columns,
    words_of,
)
from models.recency import EVERYTHING, RECENCIES
from models.selection import keep_best, rank_columns
from models.serving.formulas import Formula, with_formulas
from models.sharing import SearchRows
from models.splits import Fold

MAX_KEPT_BYTES = 1_500_000_000
"""Encoded matrices kept from trial to trial; the least recently used go first."""

EVERY_ROW = -1
"""In place of a fold's number: learn from all search rows, judge on none."""

Part = tuple[int, str]
"""A fold's number (or `EVERY_ROW`), and how much history is learned from."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Rows of one fold in one encoding.

    Attributes
    ----------
    columns
        Those the encoder takes, before what is constructed of them.
    categorical
        Positions of the columns that hold codes of levels.
    formulas
        What was constructed before.
    seconds
        Time it took.
    """

    encoder: Any
    train: np.ndarray
    valid: np.ndarray
    columns: tuple[str, ...] = ()
    categorical: tuple[int, ...] = ()
    formulas: tuple[Formula, ...] = ()
    seconds: float = 0.0
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """Memory the matrices take."""
        return int(self.train.nbytes + self.valid.nbytes)


class Preparation:
    """Encodes the rows of folds, once for all trials that ask for the same."""

    def __init__(self, rows: SearchRows) -> None:
        self.rows = rows
        self._kept: OrderedDict[tuple[Part, Encoding | None], Encoded] = OrderedDict()
        self._found: dict[Part, tuple[Formula, ...]] = {}
        self._ranked: dict[tuple[Part, Selection], tuple[str, ...]] = {}

    def encoded(self, number: int, encoding: Encoding | None, history: str = EVERYTHING) -> Encoded:
        """Give a fold's rows in an encoding; None is one without columns.

        What is learned for it is learned from so much history.
        """
        key = ((number, history), encoding)
        if key not in self._kept:
            self._kept[key] = self._encode(encoding, (number, history))
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(e.n_bytes for e in self._kept.values()) > MAX_KEPT_BYTES:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _encode(self, encoding: Encoding | None, part: Part) -> Encoded:
        fold, y = rows_of(self.rows, *part), self.rows.y
        if encoding is None:
            empty = np.empty((len(fold.train), 0)), np.empty((len(fold.valid), 0))
            return Encoded(encoder=None, train=empty[0], valid=empty[1])
        start = time.monotonic()
        columns = self._selected(encoding, part)
        train, valid = (self.rows.X[columns].iloc[rows] for rows in (fold.train, fold.valid))
        texts, formulas = words_of(train), self._constructed(encoding, part, columns)
        train, valid = with_formulas(train, formulas), with_formulas(valid, formulas)
        encoder = make_encoder(encoding, train, self.rows.problem, texts=texts)
        encoded = encoder.fit_transform(train, y[fold.train])
        asked = encoder.transformer.transform(valid) if len(valid) else encoded[:0]
        return Encoded(
            encoder=encoder.transformer,
            train=encoded,
            valid=asked,
            columns=tuple(columns),
            categorical=encoder.categorical,
            formulas=formulas,
            seconds=time.monotonic() - start,
        )

    def _selected(self, encoding: Encoding, part: Part) -> list[str]:
        """Choose columns; they are ranked once per fold, on its training rows."""
        X, by = self.rows.X, encoding.selection
        if by == "none":
            return list(X.columns)
        if (part, by) not in self._ranked:
            train = rows_of(self.rows, *part).train
            self._ranked[part, by] = rank_columns(
                X.iloc[train],
                self.rows.y[train],
                self.rows.problem,
                by=by,
                ordered=not self.rows.bagged,
            )
        return keep_best(self._ranked[part, by], X, encoding.selected)

    def _constructed(
        self, encoding: Encoding, part: Part, columns: list[str]
    ) -> tuple[Formula, ...]:
        """Give what is worth constructing, found once per fold, of columns that are there."""
        if not encoding.constructed:
            return ()
        if part not in self._found:
            train = rows_of(self.rows, *part).train
            numbers = self.rows.X[split_columns(self.rows.X)[0]].iloc[train]
            ordered = not self.rows.bagged
            self._found[part] = find_formulas(numbers, self.rows.y[train], ordered=ordered)
        there = frozenset(columns)
        possible = [f for f in self._found[part] if there >= {f.left, f.right}]
        return tuple(possible[: encoding.constructed])


def rows_of(rows: SearchRows, number: int, history: str = EVERYTHING) -> Fold:
    """Give the rows of a fold, or every row to learn from and none to judge on.

    Of those to learn from only what the history names; all where rows have no time.
    """
    every = np.arange(len(rows.y))
    fold = Fold(train=every, valid=every[:0]) if number == EVERY_ROW else rows.folds[number]
    if rows.moments is None or history == EVERYTHING:
        return fold
    kept = RECENCIES[history].keep(rows.moments[fold.train])
    return Fold(train=fold.train[kept], valid=fold.valid)


def weights_of(rows: SearchRows, train: np.ndarray, history: str) -> np.ndarray | None:
    """Say how much rows to learn from count, with a mean of about one; None when all the same."""
    own = rows.weight_of(train)
    if rows.moments is None:
        return own
    recent = RECENCIES[history].weigh(rows.moments[train])
    if own is None or recent is None:
        return own if recent is None else recent
    return np.asarray(own * recent / (own * recent).mean())
