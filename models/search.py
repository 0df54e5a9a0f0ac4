"""Search: from rows and a problem to an ensemble, inside a time limit, resumable at any point."""

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from features.fingerprint import fingerprint
from models.budget import Clock, SearchBudget
from models.candidate import Candidate
from models.dataset import Dataset
from models.ensemble import EnsembleModel
from models.errors import OptionError, SearchError
from models.families.family import Family, Shape
from models.finishing import Finish
from models.halving import Halving
from models.inline import Inline
from models.interruption import hearing
from models.leaderboard import Leaderboard, TrialRecord, rank
from models.ledger import TrialLedger
from models.options import SearchOptions
from models.pool import Pool, open_pool, plan_workforce
from models.portfolio import make_portfolio
from models.progress import Listener, SearchEvent
from models.session import Session
from models.setting import Setting
from models.sharing import SearchRows, share
from models.splits import is_bagged, make_folds, sealed_split
from models.strategies import SAMPLERS, Listed, Strategy, Tuner, Tuning
from models.task import Problem

if TYPE_CHECKING:
    from models.cluster import Cluster

FORMAT = 2
"""Raised when searches of before cannot be continued: part of the fingerprint."""

__all__ = [
    "Holdout",
    "Leaderboard",
    "SearchBudget",
    "SearchEvent",
    "SearchOptions",
    "SearchResult",
    "TrialRecord",
    "search",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holdout:
    """The sealed rows and what the shipped model predicts for them.

    Attributes
    ----------
    indices
        Positions in the dataset given, ascending.
    predictions
        In the metric's shape.
    weight
        Of the rows; None when all count the same.
    """

    indices: np.ndarray
    predictions: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    weights
        Ensemble weight by trial number, largest first.
    ensemble_score
        On out-of-fold rows, in the metric's own sign.
    resumed_trials
        Trials taken from an earlier start of the same search, the baseline included.
    stand_ins
        Numbers of chosen trials whose final fit failed or had no time: their last fold's model
        serves instead.
    corrected_score
        Of ensembles on folds that did not choose them (see `models.estimate`); NaN where there
        was no time to know.
    predict_ms
        Milliseconds per row, in batches of 1,000, that the model took here.
    finish
        How the members' mean becomes an answer.
    """

    leaderboard: Leaderboard
    weights: Mapping[int, float]
    ensemble_score: float
    model: EnsembleModel
    holdout: Holdout
    search_fingerprint: str
    resumed_trials: int
    seconds: float
    finish: Finish
    corrected_score: float
    predict_ms: float
    stand_ins: tuple[int, ...] = ()


def search(
    data: Dataset,
    problem: Problem,
    *,
    budget: SearchBudget,
    seed: int,
    directory: Path,
    warm: Sequence[Candidate] = (),
    on_event: Listener | None = None,
    options: SearchOptions | None = None,
) -> SearchResult:
    """Find an ensemble, and predict the sealed holdout with the very model that ships.

    Parameters
    ----------
    data
        All labelled rows; the newest slice is sealed and only predicted at the end, unless
        `options.holdout_share` is 0.
    budget
        `max_seconds` holds for the whole call.
    seed
        With `max_trials`, data and seed decide the leaderboard.
    directory
        Holds the ledger, out-of-fold predictions and models. The same search in the same
        directory continues: finished trials are not computed again.
    warm
        Candidates to try right after the first defaults, best first.
    on_event
        Told of every trial, in the caller's thread.
    options
        How candidates are found and tried; by default as usual.

    Raises
    ------
    ProblemError
        When rows, classes or moments are too few.
    OptionError
        When a warm candidate names a family that does not exist.
    SearchError
        When the directory holds another search, is in use, or no worker can be started.
    """
    clock = Clock(budget=budget)
    options = options or SearchOptions()
    known: Mapping[str, Family] = importlib.import_module(options.families).FAMILIES
    for candidate in warm:
        if candidate.family not in known:
            raise OptionError.unknown_family(candidate.family, known)
    directory.mkdir(parents=True, exist_ok=True)
    cores = options.n_jobs or _count_cores()
    workforce = plan_workforce(Shape.of(data.X), cores)
    n_workers = min(workforce.n_workers, budget.max_trials or workforce.n_workers)
    with (
        _alone(directory),
        hearing(enabled=options.finish_on_interrupt) as stop,
        _open_pool(directory, options, n_workers) as pool,
    ):
        how = {
            "families": list(known),
            "holdout_share": options.holdout_share,
            "strategy": options.strategy,
            "halving": options.halving,
        }
        found = _fingerprint(data, problem, seed, warm, how)
        rows, holdout = _split(data, problem, seed, options.holdout_share)
        ledger = TrialLedger(directory, fingerprint=found)
        share(rows, directory / "data")
        session = Session(
            Setting(
                directory=directory,
                rows=rows,
                families=known,
                strategies=_strategies(rows, known, warm, seed, options),
                ledger=ledger,
                clock=clock,
                seed=seed,
                n_threads=workforce.n_threads,
                n_sealed=len(holdout),
                on_event=on_event or (lambda event: None),
                max_latency_ms=options.max_latency_ms or float("inf"),
                stop=stop,
            ),
            pool,
        )
        session.run()
        model = session.finish()
        sealed = data.take(holdout)
        predictions = _predict(model, sealed)
        session.tell_done()
    return SearchResult(
        leaderboard=rank(session.records, problem.scoring),
        weights=session.chooser.selection.weights,
        ensemble_score=session.chooser.selection.score,
        model=model,
        holdout=Holdout(indices=holdout, predictions=predictions, y=sealed.y, weight=sealed.weight),
        search_fingerprint=found,
        resumed_trials=session.n_resumed,
        seconds=clock.elapsed,
        stand_ins=session.stand_ins,
        finish=session.chooser.ending,
        corrected_score=session.chooser.corrected,
        predict_ms=session.predict_ms,
    )


def _predict(model: EnsembleModel, rows: Dataset) -> np.ndarray:
    if len(rows):
        return model.predict(rows.X)
    n_outputs = model.problem.n_outputs
    return np.empty(0 if n_outputs == 1 else (0, n_outputs))


def _split(
    data: Dataset, problem: Problem, seed: int, holdout_share: float
) -> tuple[SearchRows, np.ndarray]:
    searched, holdout = sealed_split(data, holdout_share=holdout_share, seed=seed)
    seen = data.take(searched)
    rows = SearchRows(
        X=seen.X,
        y=seen.y,
        folds=make_folds(seen, seed=seed),
        problem=problem,
        bagged=is_bagged(seen),
        weight=seen.weight,
    )
    return rows, holdout


def _strategies(
    rows: SearchRows,
    families: Mapping[str, Family],
    warm: Sequence[Candidate],
    seed: int,
    options: SearchOptions,
) -> tuple[Strategy, ...]:
    shape = Shape.of(rows.X)
    portfolios = {name: f.portfolio(rows.problem, shape) for name, f in families.items()}
    tuning = Tuning(
        spaces={name: family.space(rows.problem, shape) for name, family in families.items()},
        fixed={name: first[0] for name, first in portfolios.items() if first},
        metric=rows.problem.scoring,
        halving=Halving(
            kind=options.halving if rows.bagged and rows.problem.own is None else "none",
            n_folds=len(rows.folds),
            metric=rows.problem.scoring,
        ),
    )
    return (
        Listed(make_portfolio(families, rows.problem, shape, warm)),
        Tuner(SAMPLERS[options.strategy], tuning, seed=seed),
    )


def _fingerprint(
    data: Dataset,
    problem: Problem,
    seed: int,
    warm: Sequence[Candidate],
    how: Mapping[str, object],
) -> str:
    """Name a search by everything its leaderboard follows from, save the budget."""
    return fingerprint(
        {
            "format": FORMAT,
            "data": data.fingerprint,
            "problem": problem.to_dict(),
            "seed": seed,
            "warm": [candidate.fingerprint for candidate in warm],
            **how,
        }
    )


def _count_cores() -> int:
    """Count the cores this process may use; not every system says more than how many exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open_pool(
    directory: Path, options: SearchOptions, n_workers: int
) -> AbstractContextManager["Pool | Inline | Cluster"]:
    if options.executor != "local":
        try:
            from models.cluster import open_cluster  # distributed is a heavy import
        except ImportError as error:
            raise SearchError(
                f"Expected the package 'distributed' for the executor {options.executor!r}, got: "
                f"{error}. Install it with: pip install 'perennial[dask]'"
            ) from error
        return open_cluster(
            options.executor.removeprefix("dask://"),
            directory,
            families=options.families,
            max_worker_bytes=options.max_worker_bytes,
        )
    if not options.isolated:
        return nullcontext(Inline(directory / "data", options.families))
    return open_pool(
        directory,
        families=options.families,
        n_workers=n_workers,
        max_worker_bytes=options.max_worker_bytes,
    )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    lock = FileLock(directory / "search.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise SearchError.in_use(directory) from error
    try:
        yield
    finally:
        lock.release()
