"""Search: from rows and a problem to an ensemble, inside a time limit, resumable at any point."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from features.fingerprint import fingerprint
from models.agenda import make_agenda
from models.budget import Clock, SearchBudget
from models.candidate import Candidate
from models.course import Course
from models.dataset import Dataset
from models.ensemble import EnsembleModel
from models.errors import OptionError, SearchError
from models.executor import open_executor
from models.families.family import Family, Shape
from models.finishing import Finish
from models.interruption import hearing
from models.leaderboard import Leaderboard, TrialRecord, rank
from models.ledger import TrialLedger
from models.options import SearchOptions
from models.pool import plan_workforce
from models.progress import Listener, SearchEvent
from models.serving.blocks import count_cores
from models.session import Session
from models.setting import Setting
from models.sharing import SearchRows, share
from models.splits import is_bagged, make_folds, sealed_split
from models.task import Problem

FORMAT = 3
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
    course
        What the clock had its say in.
    corrected_score
        Of ensembles on folds that did not choose them (see `models.estimate`); NaN where there
        was no time to know.
    predict_ms
        Milliseconds per row, in batches of 1,000, that the model took here.
    member_values
        By how much the members' mean scores worse without each trial (see `models.influence`).
    finish
        How the members' mean becomes an answer.
    turned
        Whether the past misleads (see `models.turning`): then the newest validation block alone
        chose the ensemble, and `ensemble_score`, `corrected_score` and `member_values` are of it.
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
    member_values: Mapping[int, float]
    course: Course
    turned: bool = False


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
        Candidates to try right after the first default, best first.
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
        When the directory holds another search, is in use, no worker can be started, or the
        ledger cannot be reached.
    """
    clock = Clock(budget=budget)
    options = options or SearchOptions()
    families = _families(options, warm)
    directory.mkdir(parents=True, exist_ok=True)
    workforce = plan_workforce(Shape.of(data.X), options.n_jobs or count_cores())
    n_workers = min(workforce.n_workers, budget.max_trials or workforce.n_workers)
    found = _fingerprint(data, problem, seed, warm, families, options)
    rows, holdout = _split(data, problem, seed, options.holdout_share)
    with _alone(directory), hearing(enabled=options.finish_on_interrupt) as stop:
        ledger = TrialLedger(directory, fingerprint=found, url=options.ledger)
        with open_executor(directory, options, n_workers) as executor:
            share(rows, directory / "data")
            setting = Setting(
                directory=directory,
                rows=rows,
                families=families,
                strategies=make_agenda(rows, families, warm, seed, options),
                ledger=ledger,
                clock=clock,
                seed=seed,
                n_threads=workforce.n_threads,
                n_sealed=len(holdout),
                on_event=on_event or (lambda event: None),
                max_latency_ms=options.max_latency_ms or float("inf"),
                stop=stop,
                course=options.course,
            )
            return _found(Session(setting, executor), setting, data, holdout, found)


def search_name(
    data: Dataset,
    problem: Problem,
    *,
    seed: int,
    warm: Sequence[Candidate] = (),
    options: SearchOptions | None = None,
) -> str:
    """Name a search before it is begun: by everything that its leaderboard follows from."""
    options = options or SearchOptions()
    return _fingerprint(data, problem, seed, warm, _families(options, warm), options)


def _families(options: SearchOptions, warm: Sequence[Candidate]) -> Mapping[str, Family]:
    known: Mapping[str, Family] = importlib.import_module(options.families).FAMILIES
    for candidate in warm:
        if candidate.family not in known:
            raise OptionError.unknown_family(candidate.family, known)
    return known


def _found(
    session: Session, setting: Setting, data: Dataset, holdout: np.ndarray, name: str
) -> SearchResult:
    """Run the session to its end and gather what it found."""
    session.run()
    model = session.finish()
    sealed = data.take(holdout)
    predictions = _predict(model, sealed)
    chooser = session.chooser
    selection = chooser.selection
    session.tell_done()
    return SearchResult(
        leaderboard=rank(session.records, setting.rows.problem.scoring),
        weights=selection.weights,
        ensemble_score=selection.score,
        model=model,
        holdout=Holdout(indices=holdout, predictions=predictions, y=sealed.y, weight=sealed.weight),
        search_fingerprint=name,
        resumed_trials=session.n_resumed,
        seconds=setting.clock.elapsed,
        course=session.course,
        finish=chooser.ending,
        corrected_score=chooser.corrected,
        predict_ms=session.predict_ms,
        member_values=chooser.member_values,
        turned=chooser.turned,
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
        moments=seen.cutoff_time if seen.has_time else None,
    )
    return rows, holdout


def _fingerprint(
    data: Dataset,
    problem: Problem,
    seed: int,
    warm: Sequence[Candidate],
    families: Mapping[str, Family],
    options: SearchOptions,
) -> str:
    """Name a search by everything its leaderboard follows from, save the budget."""
    return fingerprint(
        {
            "format": FORMAT,
            "data": data.fingerprint,
            "problem": problem.to_dict(),
            "seed": seed,
            "warm": [candidate.fingerprint for candidate in warm],
            "families": list(families),
            "holdout_share": options.holdout_share,
            "strategy": options.strategy,
            "halving": options.halving,
        }
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
