"""Trials: one candidate fitted on every fold, and fitted for good when it is chosen.

Everything learned from data, encoders included, is fitted on a fold's training rows. Encodings
do not depend on what is tuned, so they are kept from trial to trial.
"""

import shutil
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.durable import replacing
from models.candidate import Candidate
from models.construction import find_formulas
from models.errors import TrialError
from models.families.family import Family, Fit, FitTask, Parameters, Shape, binning_seconds
from models.halving import Bars, is_behind
from models.latency import BATCH_ROWS, milliseconds_per_row
from models.persistence import save_model
from models.preprocessing import Encoding, make_encoder, split_columns
from models.serving import EnsembleModel, FittedMember, columns_of
from models.serving.formulas import Formula, with_formulas
from models.sharing import SearchRows
from models.splits import Fold

MAX_KEPT_BYTES = 1_500_000_000
"""Encoded matrices kept from trial to trial; the least recently used go first."""

LEAST_SHARE = 0.5
"""Of its time a fit has so much, even if encoding the rows has taken longer than the rest."""

PREPARATION = "seconds of preparation"
"""Key in a fold's cache: encoding, which later trials on the fold save, a final fit does not."""

_EVERY_ROW = -1
"""In place of a fold's number: learn from all search rows, judge on none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """A candidate to evaluate.

    Attributes
    ----------
    seconds
        Time after which families that can stop early do.
    oof, model
        Where out-of-fold predictions and fold models go.
    bars
        Mean gains to reach on the first folds (`models.halving`); a trial that does not is stopped.
    """

    candidate: Candidate
    seed: int
    n_threads: int
    seconds: float
    oof: Path
    model: Path
    bars: Bars = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitRequest:
    """A candidate to fit on all search rows.

    Attributes
    ----------
    n_rounds
        Boosting rounds; 0 where there are none.
    """

    candidate: Candidate
    seed: int
    n_threads: int
    n_rounds: int
    model: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a trial measured, fold by fold; the scores follow from its predictions.

    Attributes
    ----------
    predict_ms
        Milliseconds per row, in batches, of what the trial would bring into an ensemble.
    model_mb
        Megabytes of that on disk.
    stopped
        Scores of the folds done before the trial was stopped, which leaves nothing on disk; empty
        for a whole one.
    """

    fit_seconds: tuple[float, ...]
    n_rounds: tuple[int, ...]
    predict_ms: float = 0.0
    model_mb: float = 0.0
    stopped: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Rows of one fold in one encoding.

    Attributes
    ----------
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
    categorical: tuple[int, ...] = ()
    formulas: tuple[Formula, ...] = ()
    seconds: float = 0.0
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """Memory the matrices take."""
        return int(self.train.nbytes + self.valid.nbytes)


class Bench:
    """Where candidates are evaluated: the rows, the families, and encodings kept meanwhile."""

    def __init__(self, rows: SearchRows, families: Mapping[str, Family]) -> None:
        self.rows = rows
        self.families = families
        self._columns = columns_of(rows.X)
        self._kept: OrderedDict[tuple[int, Encoding | None], Encoded] = OrderedDict()
        self._found: dict[int, tuple[Formula, ...]] = {}

    @property
    def shape(self) -> Shape:
        """How large the search rows are."""
        return Shape.of(self.rows.X)

    def evaluate(self, request: TrialRequest) -> TrialResult:
        """Fit a candidate on every fold; predictions and models are on disk then.

        Raises
        ------
        TrialError
            When a prediction is not a number.
        """
        fits: list[tuple[FittedMember, Fit, float]] = []
        predictions: list[np.ndarray] = []
        n_fitted = sum(len(fold.train) for fold in self.rows.folds)
        for number, fold in enumerate(self.rows.folds):
            share = request.seconds * len(fold.train) / n_fitted
            member, fit, encoded, seconds = self._fit(request, number, share)
            fits.append((member, fit, seconds))
            predictions.append(self._predict(member, encoded, fold))
            if scores := self._behind(request, predictions):
                return TrialResult(fit_seconds=(), n_rounds=(), stopped=scores)
        _save_array(np.concatenate(predictions), request.oof)
        # A forward chain's last model is the stand-in if there is no time to fit a newer one.
        kept = fits if self.rows.bagged else fits[-1:]
        self._save([member for member, _, _ in kept], request.model)
        batch = self.rows.X.iloc[np.resize(self.rows.folds[-1].valid, BATCH_ROWS)]
        per_member = milliseconds_per_row(fits[-1][0], batch)
        return TrialResult(
            predict_ms=round(per_member * len(kept), 6),
            model_mb=sum(f.stat().st_size for f in request.model.rglob("*") if f.is_file()) / 1e6,
            fit_seconds=tuple(round(seconds, 4) for _, _, seconds in fits),
            n_rounds=tuple(fit.n_rounds for _, fit, _ in fits),
        )

    def _behind(
        self, request: TrialRequest, predictions: Sequence[np.ndarray]
    ) -> tuple[float, ...]:
        """Give the scores of the folds done when they are below the request's bars."""
        if not any(bar is not None for bar in request.bars):
            return ()
        metric, rows = self.rows.problem.scoring, self.rows
        scores = tuple(
            metric.score(rows.y[fold.valid], prediction, rows.weight_of(fold.valid))
            for fold, prediction in zip(rows.folds, predictions, strict=False)
        )
        return scores if is_behind([metric.gain(s) for s in scores], request.bars) else ()

    def refit(self, request: RefitRequest) -> None:
        """Fit a candidate on all search rows; the model is on disk then."""
        member = self._fit(request, _EVERY_ROW, float("inf"))[0]
        self._save([member], request.model)

    def _fit(
        self, request: TrialRequest | RefitRequest, number: int, seconds: float
    ) -> tuple[FittedMember, Fit, Encoded, float]:
        """Fit on a fold, or on every row; the time given back is that of doing all of it."""
        start = time.monotonic()
        family, parameters = self._family(request.candidate)
        encoded = self._encoded(number, family.encoding(parameters))
        prepared = encoded.cache.get(PREPARATION, 0.0)
        prepared += binning_seconds(encoded.cache, family.name)
        rows, y, judged = self._rows_of(number), self.rows.y, number != _EVERY_ROW
        fit = family.fit(
            FitTask(
                problem=self.rows.problem,
                parameters=parameters,
                X=encoded.train,
                y=y[rows.train],
                categorical=encoded.categorical,
                X_valid=encoded.valid if judged else None,
                y_valid=y[rows.valid] if judged else None,
                weight=self.rows.weight_of(rows.train),
                weight_valid=self.rows.weight_of(rows.valid) if judged else None,
                n_rounds=request.n_rounds if isinstance(request, RefitRequest) else None,
                seconds=max(LEAST_SHARE * seconds, seconds - (time.monotonic() - start)),
                n_threads=request.n_threads,
                seed=request.seed,
                cache=encoded.cache,
            )
        )
        taken = time.monotonic() - start + prepared
        encoded.cache[PREPARATION] = encoded.seconds
        return self._member(request.candidate, encoded, fit), fit, encoded, taken

    def _family(self, candidate: Candidate) -> tuple[Family, Parameters]:
        return self.families[candidate.family], dict(candidate.parameters)

    def _encoded(self, number: int, encoding: Encoding | None) -> Encoded:
        key = (number, encoding)
        if key not in self._kept:
            self._kept[key] = self._encode(encoding, number)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(e.n_bytes for e in self._kept.values()) > MAX_KEPT_BYTES:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _rows_of(self, number: int) -> Fold:
        if number != _EVERY_ROW:
            return self.rows.folds[number]
        every = np.arange(len(self.rows.y))
        return Fold(train=every, valid=every[:0])

    def _encode(self, encoding: Encoding | None, number: int) -> Encoded:
        fold = self._rows_of(number)
        if encoding is None:
            empty = np.empty((len(fold.train), 0)), np.empty((len(fold.valid), 0))
            return Encoded(encoder=None, train=empty[0], valid=empty[1])
        start = time.monotonic()
        train, valid = self.rows.X.iloc[fold.train], self.rows.X.iloc[fold.valid]
        formulas: tuple[Formula, ...] = ()
        if encoding.constructed:
            formulas = self._formulas(number, train)[: encoding.constructed]
        train, valid = with_formulas(train, formulas), with_formulas(valid, formulas)
        encoder = make_encoder(encoding, train, self.rows.problem)
        encoded = encoder.fit_transform(train, self.rows.y[fold.train])
        asked = encoder.transformer.transform(valid) if len(valid) else encoded[:0]
        return Encoded(
            encoder=encoder.transformer,
            train=encoded,
            valid=asked,
            categorical=encoder.categorical,
            formulas=formulas,
            seconds=time.monotonic() - start,
        )

    def _formulas(self, number: int, train: pd.DataFrame) -> tuple[Formula, ...]:
        """Find once per fold what is worth constructing, on its training rows."""
        if number not in self._found:
            numeric = split_columns(train)[0]
            y = self.rows.y[self._rows_of(number).train]
            self._found[number] = find_formulas(train[numeric], y, ordered=not self.rows.bagged)
        return self._found[number]

    def _member(self, candidate: Candidate, encoded: Encoded, fit: Fit) -> FittedMember:
        encoder = encoded.encoder
        return FittedMember(
            family=candidate.family,
            encoder=encoder,
            estimator=fit.estimator,
            output=self.rows.problem.scoring.needs,
            columns=() if encoder is None else tuple(self.rows.X.columns),
            formulas=encoded.formulas,
        )

    def _predict(self, member: FittedMember, encoded: Encoded, fold: Fold) -> np.ndarray:
        prediction = member.predict_encoded(encoded.valid, self.rows.problem.n_outputs)
        if len(prediction) != len(fold.valid) or not np.isfinite(prediction).all():
            raise TrialError("Expected finite predictions for every row, got others.")
        return prediction

    def _save(self, members: list[FittedMember], path: Path) -> None:
        shutil.rmtree(path, ignore_errors=True)  # an attempt that was killed may have left one
        model = EnsembleModel(
            members=tuple(members),
            weights=(1 / len(members),) * len(members),
            problem=self.rows.problem,
            columns=self._columns,
        )
        save_model(model, path)


def _save_array(array: np.ndarray, path: Path) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
