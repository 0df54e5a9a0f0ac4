"""Narration: what a flow says while it runs, apart from where it is said."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchProgress:
    """Where a search stands.

    Attributes
    ----------
    best, ensemble
        Scores so far in the metric's own sign; `None` before the first.
    elapsed, limit
        Seconds.
    """

    n_trials: int
    n_failed: int
    family: str
    metric: str
    best: float | None
    ensemble: float | None
    elapsed: float
    limit: float


class Narrator(Protocol):
    """Somebody who is told: a terminal, a log, a Prefect run."""

    def begin(self, stage: str) -> None:
        """A stage starts."""

    def end(self, stage: str, sentence: str, *, seconds: float, reused: bool) -> None:
        """A stage ended, or was found finished by an earlier run (`reused`)."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Part of a stage is done."""

    def search(self, progress: SearchProgress) -> None:
        """A trial of the search ended."""

    def say(self, sentence: str) -> None:
        """Something worth a line."""


class LogNarrator:
    """Tells a logger, one plain line each; progress within a stage is left out."""

    def __init__(self, log: "Logger") -> None:
        self._log = log

    def begin(self, stage: str) -> None:
        """Log that a stage starts."""
        self._log.info(f"{stage} …")

    def end(self, stage: str, sentence: str, *, seconds: float, reused: bool) -> None:
        """Log a stage's result."""
        when = "finished earlier" if reused else f"{seconds:.1f} s"
        self._log.info(f"{stage}: {sentence} ({when})")

    def advance(self, stage: str, done: int, total: int) -> None:
        """Leave progress within a stage to a terminal."""

    def search(self, progress: SearchProgress) -> None:
        """Log a trial."""
        self._log.info(search_sentence(progress))

    def say(self, sentence: str) -> None:
        """Log a line."""
        self._log.info(sentence)


class Silent:
    """Listens and says nothing: for small steps that somebody else sums up."""

    def begin(self, stage: str) -> None:
        """Say nothing."""

    def end(self, stage: str, sentence: str, *, seconds: float, reused: bool) -> None:
        """Say nothing."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""

    def search(self, progress: SearchProgress) -> None:
        """Say nothing."""

    def say(self, sentence: str) -> None:
        """Say nothing."""


class Logger(Protocol):
    """What is used of a logger: Python's and Prefect's have it."""

    def info(self, message: str, /) -> None:
        """Write a line."""


def search_sentence(progress: SearchProgress) -> str:
    """Say where a search stands, in one line."""
    best = "none yet" if progress.best is None else f"{progress.best:.4f}"
    failed = f", {progress.n_failed} failed" if progress.n_failed else ""
    return (
        f"{progress.n_trials} trials{failed}, best {progress.metric} {best} "
        f"({progress.family}), {progress.elapsed:.0f} of {progress.limit:.0f} s"
    )
