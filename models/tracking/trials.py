"""Trials: one nested run each, written by a background thread that never stops a search."""

import math
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from models.leaderboard import TrialRecord
from models.tracking.runs import TrackedRun, find_runs, log_batches

SEARCH = "perennial.search"
NUMBER = "perennial.trial"
MAX_FAILURES = 3
MAX_ERRORS_KEPT = 5
_END = None

_STATUSES = {"done": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """What became of the trials that were handed over.

    Attributes
    ----------
    n_repeated
        Trials that an earlier start of the same search had logged already.
    n_lost
        Trials that could not be logged; `errors` says why (the first few).
    """

    n_logged: int
    n_repeated: int
    n_lost: int
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A trial, and what the search had reached when it ended."""

    trial: TrialRecord
    progress: Mapping[str, float]
    place: int
    at_ms: int


class TrialLog:
    """Writes trials to MLflow behind the back of a search.

    Use it as a context manager, or `close` it: the report is final then.

    Parameters
    ----------
    run
        The retrain's run; trials become its children.
    search
        Fingerprint of the search: a resumed search logs no trial twice.
    metric
        Name under which scores are shown.
    """

    def __init__(self, run: TrackedRun, *, search: str, metric: str) -> None:
        self._run = run
        self._search = search
        self._metric = metric
        self._waiting: queue.SimpleQueue[_Given | None] = queue.SimpleQueue()
        self._known: dict[str, Any] | None = None
        self._logged = self._repeated = self._given = self._failures = 0
        self._errors: list[str] = []
        self._thread = threading.Thread(target=self._work, name="trial-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> "TrialLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, trial: TrialRecord, progress: Mapping[str, float] | None = None) -> None:
        """Hand over a finished or failed trial; returns at once and never raises.

        Parameters
        ----------
        progress
            What the search has reached by then; it becomes curves of the retrain's run, over the
            trials in the order they ended in and over time.
        """
        if trial.state == "running":
            return
        given = _Given(
            trial=trial,
            progress=progress or {},
            place=self._given,
            at_ms=int(time.time() * 1000),
        )
        self._given += 1
        self._waiting.put(given)

    def close(self, *, max_seconds: float = 60.0) -> TrialReport:
        """Wait until everything is written, or for so long, and say how it went."""
        if self._thread.is_alive():
            self._waiting.put(_END)
            self._thread.join(max_seconds)
        return TrialReport(
            n_logged=self._logged,
            n_repeated=self._repeated,
            n_lost=self._given - self._logged - self._repeated,
            errors=tuple(self._errors),
        )

    def _work(self) -> None:
        while (given := self._waiting.get()) is not _END:
            trial = given.trial
            if self._failures >= MAX_FAILURES:
                continue
            try:
                self._write(given)
                self._failures = 0
            # Whatever logging raises must not reach the search: it is reported at the end.
            except Exception as error:
                self._failures += 1
                if len(self._errors) < MAX_ERRORS_KEPT:
                    text = " ".join(str(error).split())[:300]
                    self._errors.append(f"trial {trial.number}: {type(error).__name__}: {text}")

    def _write(self, given: "_Given") -> None:
        trial = given.trial
        if self._known is None:
            self._known = self._already_logged()
        known = self._known.get(str(trial.number))
        if known is not None and known.info.status in set(_STATUSES.values()):
            self._repeated += 1
            return
        client = self._run.client
        run_id = known.info.run_id if known is not None else self._create(client, trial)
        log_batches(
            client,
            run_id,
            metrics=_metrics(trial, self._metric),
            params=_parameters(trial),
            step=trial.number,
        )
        log_batches(
            client,
            self._run.run_id,
            metrics={f"search/{name}": value for name, value in given.progress.items()},
            step=given.place,
            at_ms=given.at_ms,
        )
        if trial.error:
            client.set_tag(run_id, "error", trial.error[:1_000])
        client.set_terminated(run_id, _STATUSES[trial.state])
        self._logged += 1

    def _create(self, client: MlflowClient, trial: TrialRecord) -> str:
        ended = int(time.time() * 1000)
        run = client.create_run(
            self._run.experiment_id,
            start_time=ended - int(1000 * trial.seconds),
            run_name=f"trial {trial.number:03d} {trial.candidate.family}",
            tags={
                MLFLOW_PARENT_RUN_ID: self._run.run_id,
                SEARCH: self._search,
                NUMBER: str(trial.number),
                "perennial.origin": trial.origin,
            },
        )
        return str(run.info.run_id)

    def _already_logged(self) -> dict[str, Any]:
        runs = find_runs(self._run.client, self._run.experiment_id, SEARCH, self._search)
        return {run.data.tags[NUMBER]: run for run in runs if NUMBER in run.data.tags}


def _metrics(trial: TrialRecord, metric: str) -> dict[str, float]:
    metrics = {"seconds": float(trial.seconds)}
    if trial.score is not None and math.isfinite(trial.score):
        metrics[metric] = float(trial.score)
    for number, score in enumerate(trial.fold_scores):
        metrics[f"{metric}_fold_{number}"] = float(score)
    return metrics


def _parameters(trial: TrialRecord) -> dict[str, Any]:
    return {"family": trial.candidate.family, **trial.candidate.parameters}
