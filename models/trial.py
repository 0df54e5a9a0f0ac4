"""Trials: one candidate fitted on every fold, and fitted for good when it is chosen.

Everything learned from data, encoders included (`models.preparation`), is fitted on a fold's
training rows.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.durable import replacing
from models.candidate import Candidate
from models.errors import TrialError
from models.families.family import Family, Fit, FitTask, Parameters, Shape, binning_seconds
from models.halving import Bars, is_behind
from models.latency import BATCH_ROWS, milliseconds_per_row
from models.persistence import save_model
from models.preparation import EVERY_ROW, Encoded, Preparation, rows_of, weights_of
from models.recency import HISTORY, history_of
from models.serving import EnsembleModel, FittedMember, columns_of
from models.sharing import SearchRows
from models.splits import Fold

LEAST_SHARE = 0.5
"""Of its time a fit has so much, even if encoding the rows has taken longer than the rest."""

PREPARATION = "seconds of preparation"
"""Key in a fold's cache: encoding, which later trials on the fold save, a final fit does not."""


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
    rounds
        Boosting rounds of each fold, where they are on record: so many are run then, neither the
        validation rows nor the time having a say.
    """

    candidate: Candidate
    seed: int
    n_threads: int
    seconds: float
    oof: Path
    model: Path
    bars: Bars = ()
    rounds: tuple[int, ...] = ()


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


class Bench:
    """Where candidates are evaluated: the rows, as encodings have them, and the families."""

    def __init__(self, rows: SearchRows, families: Mapping[str, Family]) -> None:
        self.rows = rows
        self.families = families
        self._columns = columns_of(rows.X)
        self._preparation = Preparation(rows)

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
        member = self._fit(request, EVERY_ROW, float("inf"))[0]
        self._save([member], request.model)

    def _fit(
        self, request: TrialRequest | RefitRequest, number: int, seconds: float
    ) -> tuple[FittedMember, Fit, Encoded, float]:
        """Fit on a fold, or on every row; the time given back is that of doing all of it."""
        start = time.monotonic()
        family, parameters = self._family(request.candidate)
        history = history_of(request.candidate)
        encoded = self._preparation.encoded(number, family.encoding(parameters), history)
        prepared = encoded.cache.get(PREPARATION, 0.0)
        prepared += binning_seconds(encoded.cache, family.name)
        rows, y = rows_of(self.rows, number, history), self.rows.y
        n_rounds = _rounds(request, number)
        judged = number != EVERY_ROW and n_rounds is None
        left = seconds if judged else float("inf")
        fit = family.fit(
            FitTask(
                problem=self.rows.problem,
                parameters=parameters,
                X=encoded.train,
                y=y[rows.train],
                categorical=encoded.categorical,
                X_valid=encoded.valid if judged else None,
                y_valid=y[rows.valid] if judged else None,
                weight=weights_of(self.rows, rows.train, history),
                weight_valid=self.rows.weight_of(rows.valid) if judged else None,
                n_rounds=n_rounds,
                seconds=max(LEAST_SHARE * left, left - (time.monotonic() - start)),
                n_threads=request.n_threads,
                seed=request.seed,
                cache=encoded.cache,
            )
        )
        taken = time.monotonic() - start + prepared
        encoded.cache[PREPARATION] = encoded.seconds
        return self._member(request.candidate, encoded, fit), fit, encoded, taken

    def _family(self, candidate: Candidate) -> tuple[Family, Parameters]:
        known = {name: v for name, v in candidate.parameters.items() if name != HISTORY}
        return self.families[candidate.family], known

    def _member(self, candidate: Candidate, encoded: Encoded, fit: Fit) -> FittedMember:
        return FittedMember(
            family=candidate.family,
            encoder=encoded.encoder,
            estimator=fit.estimator,
            output=self.rows.problem.scoring.needs,
            columns=encoded.columns,
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


def _rounds(request: TrialRequest | RefitRequest, number: int) -> int | None:
    """Give the boosting rounds that are known already; None where the fold decides."""
    if isinstance(request, RefitRequest):
        return request.n_rounds
    return (request.rounds[number] or None) if request.rounds else None


def _save_array(array: np.ndarray, path: Path) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
