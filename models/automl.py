"""AutoML: what classifier and regressor share, from rows as people have them to a search."""

import re
import tempfile
import time
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from features.fingerprint import fingerprint
from models.checks import check_data
from models.columns import LearnedColumns, learn_columns
from models.dataset import Dataset
from models.errors import EstimatorError
from models.evaluation import constant_prediction
from models.explanation import Judge, Leftover, explain, make_judges
from models.export import Described, export
from models.findings import DataWarning, refuse
from models.frames import FramedModel, convert
from models.influence import explain_search
from models.leaderboard import Leaderboard
from models.metrics import METRICS
from models.roles import find_column, read_groups, read_times
from models.rows import MIN_ROWS, counted_rows, has_text_names, read_again, read_rows
from models.scorers import check_labels, read_metric
from models.search import SearchBudget, SearchOptions, SearchResult, search
from models.splits import make_folds
from models.task import Problem, Task

USUAL_METRICS: dict[Task, str] = {
    "binary": "roc_auc",
    "multiclass": "log_loss",
    "regression": "rmse",
}
LONG = 1e6
"""Seconds that a search without a time limit may take: eleven days."""

MIN_SECONDS = 0.1
SEEDS = 2**31
"""Seeds go from 0 to below this."""

CHECK_SHARE = 0.03
"""Of `max_seconds`, what looking for leaks may take."""


class AutoML(BaseEstimator):  # type: ignore[misc]
    """What both estimators share; see `models.estimators.AutoMLClassifier`."""

    def __init__(
        self,
        max_seconds: float | None = 60.0,
        max_trials: int | None = None,
        metric: Any = None,
        strategy: str | None = None,
        seed: int = 0,
        time_column: Any = None,
        group_column: Any = None,
        max_latency_ms: float | None = None,
        n_jobs: int | None = None,
        state_dir: str | Path | None = None,
        strict: bool = False,
        greater_is_better: bool | None = None,
        ledger: str | None = None,
        executor: str = "local",
    ) -> None:
        self.max_seconds = max_seconds
        self.max_trials = max_trials
        self.metric = metric
        self.strategy = strategy
        self.seed = seed
        self.time_column = time_column
        self.group_column = group_column
        self.max_latency_ms = max_latency_ms
        self.n_jobs = n_jobs
        self.state_dir = state_dir
        self.strict = strict
        self.greater_is_better = greater_is_better
        self.ledger = ledger
        self.executor = executor

    def explain(self, X: Any = None, y: Any = None, *, max_seconds: float = 30.0) -> pd.DataFrame:
        """Say what each column is worth: the metric's loss when its values are shuffled.

        Parameters
        ----------
        X, y
            Rows to measure on; by default rows of the validation blocks, each judged by members
            that did not learn from it.
        max_seconds
            Columns that are not measured by then have NaN.

        Returns
        -------
        pandas.DataFrame
            `column` and `importance`, largest first; see `models.explanation.explain`.
        """
        check_is_fitted(self)
        judges = self._judges
        if X is not None:
            rows = read_again(X, self)
            judges = (Judge(model=self._model, X=rows[self._names], y=self._code(y)),)
        return explain(judges, seed=self.seed, max_seconds=max_seconds)

    def explain_search(self) -> pd.DataFrame:
        """Say which families, parameters and members the search's result came from.

        Returns
        -------
        pandas.DataFrame
            `about`, `family`, `name`, `worth`, `n_trials` and `note`; see
            `models.influence.explain_search`.
        """
        check_is_fitted(self)
        return explain_search(self._leaderboard, self._member_values, seed=self.seed)

    def export(self, path: str | Path) -> None:
        """Write a directory whose `predict.py` predicts the same without Perennial.

        Raises
        ------
        ValueError
            When the directory exists.
        """
        check_is_fitted(self)
        described = Described(
            names=self._names,
            chosen=self._chosen,
            score=float(self.ensemble_score_),
            corrected=float(self.corrected_score_),
        )
        export(self._model, described, Path(path))

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        begun = time.monotonic()
        frame, y, weight = counted_rows(read_rows(X, min_rows=MIN_ROWS), y, sample_weight)
        labels, classes = self._learn_labels(y)
        self._remember(X, frame)
        described, cutoff_time, key = self._by_role(X, frame)
        learned = learn_columns(described, ageless=self._role_names(X, "time_column"))
        data = Dataset(
            X=convert(described, learned.columns),
            y=labels,
            cutoff_time=cutoff_time,
            key=key,
            weight=weight,
            is_grouped=key is not None and cutoff_time is not None,
        )
        problem = self._problem(classes)
        options = self._options()
        check_labels(problem.scoring, data.y, constant_prediction(data.y, problem), data.weight)
        self._check(data, problem, learned)
        with self._directory(data, problem) as directory:
            result = search(
                data,
                problem,
                budget=self._budget(time.monotonic() - begun),
                seed=self.seed,
                directory=directory,
                options=options,
            )
            model = FramedModel(columns=learned.columns, ensemble=result.model)
            left = Leftover(
                model=model, weights=result.weights, directory=directory, seed=self.seed
            )
            self._judges = make_judges(left, frame, data)
        self._model = model
        self.problem_ = problem
        self.notes_ = learned.notes
        self._publish(result)
        self._warn_of_latency()
        return self

    def _warn_of_latency(self) -> None:
        """Say when the limit leaves nothing that has learned, or was not reached at all."""
        limit = self.max_latency_ms
        if limit is None:
            return
        if self.predict_ms_ > limit:
            message = f"The fastest ensemble found takes {self.predict_ms_:.3g} ms per row"
        elif all(trial.origin == "baseline" for _, trial in self._chosen):
            message = "Only the constant model is as fast"
        else:
            return
        warnings.warn(
            f"{message}, with max_latency_ms={limit}; `leaderboard_` has the latencies of all "
            "trials. Allow more, or search longer.",
            UserWarning,
            stacklevel=3,
        )

    def _check(self, data: Dataset, problem: Problem, learned: LearnedColumns) -> None:
        """Tell what is strange about the data, or refuse it."""
        seconds = CHECK_SHARE * (LONG if self.max_seconds is None else self.max_seconds)
        folds = make_folds(data, seed=self.seed)
        found = check_data(data, problem, learned.columns, folds, max_seconds=seconds)
        findings = (*learned.findings, *found)
        if self.strict:
            refuse(findings)
        for finding in findings:
            warnings.warn(finding.message, DataWarning, stacklevel=4)

    def _publish(self, result: SearchResult) -> None:
        self.ensemble_ = dict(result.weights)
        self.ensemble_score_ = result.ensemble_score
        self.corrected_score_ = result.corrected_score
        self.predict_ms_ = result.predict_ms
        trials = {entry.number: entry for entry in result.leaderboard.entries}
        self._chosen = tuple((weight, trials[n]) for n, weight in result.weights.items())
        self._leaderboard, self._member_values = result.leaderboard, result.member_values
        self.leaderboard_ = tabulate(result.leaderboard, self.ensemble_)
        self.resumed_trials_ = result.resumed_trials
        self.calibration_ = result.finish.sentence
        decision = result.finish.decision
        self.threshold_ = decision.threshold if self.problem_.task == "binary" else None
        self.factors_ = dict(zip(self.problem_.classes, decision.factors, strict=False)) or None

    def _remember(self, X: Any, frame: pd.DataFrame) -> None:
        self._names = list(frame.columns)
        self._is_named = isinstance(X, pd.DataFrame)
        self.n_features_in_ = frame.shape[1]
        if has_text_names(X):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _by_role(
        self, X: Any, frame: pd.DataFrame
    ) -> tuple[pd.DataFrame, np.ndarray | None, np.ndarray | None]:
        """Part the columns that describe a row from its time and its group."""
        times, groups = (self._role_names(X, name) for name in ("time_column", "group_column"))
        cutoff_time = read_times(frame[times[0]]) if times else None
        key = read_groups(frame[groups[0]]) if groups else None
        dropped = [name for name in times if pd.api.types.is_numeric_dtype(frame[name])]
        described = frame.drop(columns=[*dropped, *groups])
        if described.shape[1] == 0:
            raise EstimatorError(
                "Expected a column besides those of time and group, got none: nothing describes "
                "the rows."
            )
        return described, cutoff_time, key

    def _role_names(self, X: Any, role: str) -> list[str]:
        label = getattr(self, role)
        return [] if label is None else [find_column(X, self._names, label, role)]

    def _problem(self, classes: tuple[Any, ...]) -> Problem:
        task: Task = "regression"
        if classes:
            task = "binary" if len(classes) == 2 else "multiclass"
        metric = read_metric(
            USUAL_METRICS[task] if self.metric is None else self.metric,
            task,
            classes,
            greater_is_better=self.greater_is_better,
        )
        own = None if METRICS.get(metric.name) is metric else metric
        return Problem(task=task, metric=metric.name, classes=classes, own=own)

    def _options(self) -> SearchOptions:
        """Pass on what was set."""
        if not isinstance(self.seed, (int, np.integer)) or not 0 <= self.seed < SEEDS:
            raise EstimatorError(f"Expected seed as a whole number from 0, got {self.seed!r}.")
        self._check_ledger()
        given: dict[str, Any] = {
            "max_latency_ms": self.max_latency_ms,
            "ledger": self.ledger,
            "executor": self.executor,
        }
        if self.strategy is not None:
            given["strategy"] = self.strategy
        n_jobs = None if self.n_jobs == -1 else self.n_jobs
        return SearchOptions(holdout_share=0.0, finish_on_interrupt=True, n_jobs=n_jobs, **given)

    def _check_ledger(self) -> None:
        """Refuse a ledger whose trials would never be found again, or that shows a password."""
        if self.ledger is None:
            return
        if self.state_dir is None:
            raise EstimatorError(
                "Expected state_dir with ledger, got None: trials are found again by the "
                "directory that holds their models."
            )
        if re.search(r"://[^/@]*:[^/@]*@|[?&]password=", self.ledger):
            raise EstimatorError(
                "Expected ledger without a password, got one: parameters are shown and stored as "
                "they are. Give it by PGPASSWORD or a .pgpass file."
            )

    def _budget(self, spent: float) -> SearchBudget:
        if self.max_seconds is None and self.max_trials is None:
            raise EstimatorError("Expected max_seconds or max_trials, got None for both.")
        seconds = LONG if self.max_seconds is None else self.max_seconds
        left = max(seconds - spent, MIN_SECONDS) if seconds > 0 else seconds
        return SearchBudget(max_seconds=left, max_trials=self.max_trials)

    @contextmanager
    def _directory(self, data: Dataset, problem: Problem) -> Iterator[Path]:
        """Give the directory of this very search, which goes away unless `state_dir` is set."""
        if self.state_dir is None:
            with tempfile.TemporaryDirectory(prefix="perennial-") as directory:
                yield Path(directory)
            return
        asked = (data.fingerprint, problem.to_dict(), self.seed, self.strategy)
        yield Path(self.state_dir) / fingerprint(list(asked))

    def _predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._model.predict(read_again(X, self))

    @abstractmethod
    def _learn_labels(self, y: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
        """Give labels as the search takes them, and the classes if there are any."""

    @abstractmethod
    def _code(self, y: Any) -> np.ndarray:
        """Give labels to judge predictions by, as the search has them."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def tabulate(leaderboard: Leaderboard, weights: dict[int, float]) -> pd.DataFrame:
    """Give a leaderboard as a frame, best trial first."""
    front = leaderboard.front
    return pd.DataFrame(
        [
            {
                "trial": entry.number,
                "family": entry.candidate.family,
                "score": np.nan if entry.score is None else entry.score,
                "weight": weights.get(entry.number, 0.0),
                "seconds": entry.seconds,
                "predict_ms": np.nan if entry.predict_ms is None else entry.predict_ms,
                "model_mb": np.nan if entry.model_mb is None else entry.model_mb,
                "on_front": entry.number in front,
                "state": entry.state,
                "origin": entry.origin,
                "parameters": dict(entry.candidate.parameters),
                "fold_scores": list(entry.fold_scores),
                "error": entry.error,
            }
            for entry in leaderboard.entries
        ]
    )
