"""A watch: the product's evidence and decision about one champion after another, look by look."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.monitoring.learner import Champion
from benchmarks.monitoring.sources import Stream
from models.metrics import METRICS
from monitoring.decision import Decision, PastDecision, decide
from monitoring.drift import measure_drift
from monitoring.evidence import Evidence
from monitoring.performance import measure_performance
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.sequential import LossMonitor
from monitoring.windows import Window


def losses_of(stream: Stream, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Give the loss of each row: log loss of a probability, absolute error of a value."""
    if stream.task == "regression":
        return np.asarray(np.abs(y - prediction))
    told = np.clip(np.where(y == 1, prediction, 1 - prediction), 1e-4, 1)
    return np.asarray(-np.log(told))


@dataclass(slots=True, kw_only=True, eq=False)
class Watch:
    """What the monitor of a project remembers between two looks.

    Attributes
    ----------
    policy
        The product's defaults.
    """

    stream: Stream
    champion: Champion
    policy: DecisionPolicy = field(default_factory=DecisionPolicy)
    history: list[PastDecision] = field(default_factory=list)
    retrains: list[pd.Timestamp] = field(default_factory=list)
    losses: LossMonitor | None = None

    def promote(self, champion: Champion, now: pd.Timestamp | None) -> None:
        """Watch another champion from now on."""
        self.champion, self.history, self.losses = champion, [], None
        if now is not None:
            self.retrains.append(now)

    def look(
        self,
        now: pd.Timestamp,
        rows: np.ndarray,
        scores: np.ndarray,
        arrived: tuple[np.ndarray, np.ndarray],
    ) -> Decision:
        """Measure the current window and decide.

        Parameters
        ----------
        rows, scores
            Positions of the current window's rows in the stream, and what was predicted.
        arrived
            Positions and predictions of the rows whose labels became known since the last look,
            oldest first.
        """
        stream, reference = self.stream, self.champion.reference
        is_known = stream.label_time[rows] <= now.to_datetime64()
        current = Window(
            features=stream.X.iloc[rows].reset_index(drop=True),
            scores=scores,
            labels=np.where(is_known, stream.y[rows].astype(float), np.nan),
            cutoff_time=stream.cutoff_time[rows],
            name="current",
        )
        self._take_losses(arrived)
        decision = decide(
            self._evidence(reference, current),
            self.history,
            policy=self.policy,
            now=now.to_pydatetime(),
            last_retrain=self.retrains[-1].to_pydatetime() if self.retrains else None,
        )
        self.history.append(decision.to_past())
        return decision

    def _take_losses(self, arrived: tuple[np.ndarray, np.ndarray]) -> None:
        """Show the sequential test what the champion lost on rows that it scored itself."""
        stream, reference = self.stream, self.champion.reference
        if self.losses is None:
            assert reference.labels is not None
            known = losses_of(stream, reference.labels, reference.scores)
            self.losses = LossMonitor(known, reference.cutoff_time)
        rows, scores = arrived
        lost = losses_of(stream, stream.y[rows], scores)
        self.losses.update(lost, stream.cutoff_time[rows])

    def _evidence(self, reference: Window, current: Window) -> Evidence:
        metric, stream = self.stream.problem.scoring, self.stream
        log_loss = METRICS["log_loss"]
        return Evidence(
            drift=measure_drift(
                reference,
                current,
                # The same tests, called directly: Evidently's report adds seconds and no verdict.
                policy=DriftPolicy(max_evidently_columns=0),
                importance=self.champion.importance,
            ),
            performance=measure_performance(
                reference,
                current,
                metric=metric.score,
                greater_is_better=metric.greater_is_better,
                metric_name=metric.name,
                seed=0,
                also={"log_loss": (log_loss.score, log_loss.greater_is_better)}
                if stream.task == "binary"
                else {},
            ),
        )
