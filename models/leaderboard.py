"""Trial records and the leaderboard they make."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.candidate import Candidate
from models.metrics import Metric

Origin = str
"""Who proposed a trial: `baseline`, `portfolio`, `warm`, or a strategy by its name."""

_TUPLES = ("fold_scores", "fit_seconds", "n_rounds", "bars")

State = Literal["running", "done", "stopped", "failed"]
"""A stopped trial was behind others after some folds, and not fitted on the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """A candidate on the folds, as the ledger has it.

    Attributes
    ----------
    number
        Order of starting, from 0 (the baseline).
    score
        Mean of `fold_scores`, in the metric's own sign; None unless done.
    seconds
        Wall time of all folds.
    error
        Why a failed trial failed: `time limit`, `crashed with signal 11`, an exception's text.
    oof
        File of its out-of-fold predictions, relative to the search directory; rows are those
        of all validation blocks in order, shape `(n,)` or `(n, n_classes)`.
    fit_seconds, n_rounds
        Per fold: time to encode and fit; boosting rounds (0 where there are none).
    predict_ms
        Milliseconds per row, in batches of `models.latency.BATCH_ROWS`, that the trial's models
        take together: measured where it ran.
    model_mb
        Megabytes (10⁶ bytes) of the trial's models on disk.
    bars
        What its first folds had to gain (`models.halving`).
    attempts
        How often it was started: more than once when the search was killed meanwhile.
    """

    number: int
    candidate: Candidate
    origin: Origin
    state: State = "running"
    score: float | None = None
    fold_scores: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    oof: str | None = None
    fit_seconds: tuple[float, ...] = ()
    n_rounds: tuple[int, ...] = ()
    predict_ms: float | None = None
    model_mb: float | None = None
    bars: tuple[float | None, ...] = ()
    attempts: int = 1

    def begun(self) -> "TrialRecord":
        """Give the record as it was when the trial began."""
        return TrialRecord(number=self.number, candidate=self.candidate, origin=self.origin)

    def failed(self, error: str, seconds: float) -> "TrialRecord":
        """Give the record of this trial with the cause of its failure."""
        return replace(self, state="failed", error=error, seconds=seconds)

    def stopped(
        self, fold_scores: tuple[float, ...], n_folds: int, seconds: float
    ) -> "TrialRecord":
        """Give the record of this trial, given up after some of its folds."""
        cause = f"behind after {len(fold_scores)} of {n_folds} folds"
        return replace(self, state="stopped", error=cause, fold_scores=fold_scores, seconds=seconds)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "TrialRecord":
        """Read what `to_dict` gave."""
        tuples = {name: tuple(content[name]) for name in _TUPLES}
        return cls(**(content | tuples | {"candidate": Candidate(**content["candidate"])}))

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"candidate": self.candidate.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """All trials of a search.

    Attributes
    ----------
    entries
        Best first; failed trials last.
    """

    metric: str
    greater_is_better: bool
    entries: tuple[TrialRecord, ...]

    @property
    def done(self) -> tuple[TrialRecord, ...]:
        """The trials that have a score, best first."""
        return tuple(entry for entry in self.entries if entry.state == "done")

    @property
    def front(self) -> frozenset[int]:
        """Numbers of the trials that none beats in score, latency and size at once.

        Beating means to be nowhere worse and somewhere better.
        """
        sign = -1.0 if self.greater_is_better else 1.0
        costs = {
            entry.number: (sign * entry.score, entry.predict_ms, entry.model_mb)
            for entry in self.done
            if entry.score is not None
            and entry.predict_ms is not None
            and entry.model_mb is not None
        }
        return frozenset(
            number
            for number, own in costs.items()
            if not any(
                other != own and all(a <= b for a, b in zip(other, own, strict=True))
                for other in costs.values()
            )
        )

    @property
    def best(self) -> TrialRecord:
        """The best trial; the baseline at the least."""
        return self.entries[0]


def members_first(leaderboard: Leaderboard, weights: Mapping[int, float]) -> list[TrialRecord]:
    """Give an ensemble's members, heaviest first, then the other trials, best first.

    The baseline is left out unless it is a member.
    """
    by_number = {record.number: record for record in leaderboard.done}
    members = [by_number[number] for number in sorted(weights, key=lambda n: -weights[n])]
    others = [record for record in leaderboard.done if record.origin != "baseline"]
    return list({record.number: record for record in (*members, *others)}.values())


def rank(records: Iterable[TrialRecord], metric: Metric) -> Leaderboard:
    """Sort trials: best score first, earlier number on ties, failures last."""

    def place(record: TrialRecord) -> tuple[int, float, int]:
        if record.score is None:
            return 1, 0.0, record.number
        return 0, -metric.gain(record.score), record.number

    return Leaderboard(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        entries=tuple(sorted(records, key=place)),
    )
