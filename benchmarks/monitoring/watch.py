"""A watch: the product's evidence and decision about one champion after another, look by look."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.monitoring.learner import Champion
from benchmarks.monitoring.sources import Stream
from models.metrics import METRICS
from monitoring.decision import Decision, PastDecision, decide
from monitoring.evidence import Evidence
from monitoring.gathering import Question, gather_evidence
from monitoring.policy import CheckPolicy, DecisionPolicy, DriftPolicy
from monitoring.windows import Window

BUDGET_WINDOW = pd.Timedelta(days=30)


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
    since
        Position of the first row that the champion scored.
    """

    stream: Stream
    champion: Champion
    since: int
    policy: DecisionPolicy = field(default_factory=DecisionPolicy)
    history: list[PastDecision] = field(default_factory=list)
    retrains: list[pd.Timestamp] = field(default_factory=list)

    def promote(self, champion: Champion, now: pd.Timestamp, since: int) -> None:
        """Watch another champion from now on."""
        self.champion, self.since, self.history = champion, since, []
        self.retrains.append(now)

    def look(self, now: pd.Timestamp, rows: np.ndarray, prediction: np.ndarray) -> Decision:
        """Measure the current window and decide.

        Parameters
        ----------
        rows
            Positions of the current window's rows in the stream; those that an earlier champion
            scored are left out.
        prediction
            Of every row of the stream scored so far.
        """
        rows = rows[rows >= self.since]
        scored = np.arange(self.since, rows[-1] + 1)
        decision = decide(
            self._evidence(
                self._window(rows, prediction, now),
                self._window(scored, prediction, now, with_features=False),
                now,
            ),
            self.history,
            policy=self.policy,
            now=now.to_pydatetime(),
            last_retrain=self.retrains[-1].to_pydatetime() if self.retrains else None,
            n_retrains=sum(moment > now - BUDGET_WINDOW for moment in self.retrains),
        )
        self.history.append(decision.to_past())
        return decision

    def _window(
        self,
        rows: np.ndarray,
        prediction: np.ndarray,
        now: pd.Timestamp,
        *,
        with_features: bool = True,
    ) -> Window:
        stream = self.stream
        is_known = stream.label_time[rows] <= now.to_datetime64()
        features = stream.X.iloc[rows].reset_index(drop=True)
        return Window(
            features=features if with_features else pd.DataFrame(index=features.index),
            scores=prediction[rows],
            labels=np.where(is_known, stream.y[rows].astype(float), np.nan),
            cutoff_time=stream.cutoff_time[rows],
            name="current",
        )

    def _evidence(self, current: Window, scored: Window, now: pd.Timestamp) -> Evidence:
        metric, is_binary = self.stream.problem.scoring, self.stream.task == "binary"
        log_loss = METRICS["log_loss"]
        also = {"log_loss": (log_loss.score, log_loss.greater_is_better)} if is_binary else {}
        return gather_evidence(
            self.champion.reference,
            current,
            scored,
            question=Question(
                metric=metric.score,
                greater_is_better=metric.greater_is_better,
                metric_name=metric.name,
                are_probabilities=is_binary,
                importance=self.champion.importance,
                also=also,
                # The same tests, called directly: Evidently's report adds seconds and no verdict.
                drift_policy=DriftPolicy(max_evidently_columns=0),
                check_policy=CheckPolicy(),
            ),
            now=now.to_pydatetime(),
        )
