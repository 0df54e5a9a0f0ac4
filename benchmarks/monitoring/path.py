"""The path of a monitor run, without a project around it: windows, evidence, decision, history."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmarks.monitoring.worlds import Champion
from models.metrics import METRICS
from monitoring.concerns import find_concerns
from monitoring.decision import Decision, PastDecision, Retrain, decide
from monitoring.evidence import Evidence
from monitoring.gathering import Question, gather_evidence
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What came of one look at a window; `concern` is what alarms before any guard, or ""."""

    evidence: Evidence
    decision: Decision
    concern: str


def joined(windows: Sequence[Window]) -> Window:
    """Give several windows as one, without their features."""
    return Window(
        features=pd.DataFrame(index=range(sum(w.n_rows for w in windows))),
        scores=np.concatenate([w.scores for w in windows]),
        labels=np.concatenate([w.labels for w in windows]),
        cutoff_time=np.concatenate([w.cutoff_time for w in windows if w.cutoff_time is not None]),
        name="current",
    )


@dataclass(slots=True, kw_only=True)
class Loop:
    """A champion that is looked at window by window."""

    reference: Window
    question: Question
    policy: DecisionPolicy
    history: list[PastDecision] = field(default_factory=list)
    scored: list[Window] = field(default_factory=list)

    @classmethod
    def of(cls, champion: Champion, reference: Window) -> "Loop":
        """Begin with the policies as they are by default, without Evidently's drawing."""
        loss = METRICS["log_loss"]
        question = Question(
            metric=METRICS["roc_auc"].score,
            greater_is_better=True,
            metric_name="roc_auc",
            also={"log_loss": (loss.score, loss.greater_is_better)},
            are_probabilities=True,
            importance=champion.importance,
            drift_policy=replace(DriftPolicy(), max_evidently_columns=0),
            estimates=False,
        )
        return cls(reference=reference, question=question, policy=DecisionPolicy())

    def look(self, current: Window, now: pd.Timestamp) -> Looked:
        """Measure a window, decide, and remember it; a retrain begins a new history."""
        self.scored.append(current)
        evidence = gather_evidence(
            self.reference,
            current,
            joined(self.scored),
            question=self.question,
            now=now.to_pydatetime(),
        )
        decision = decide(
            evidence,
            self.history,
            policy=self.policy,
            now=now.to_pydatetime(),
            last_retrain=None,
        )
        self.history.append(decision.to_past())
        if isinstance(decision, Retrain):
            self.history.clear()
            self.scored.clear()
        concern = find_concerns(evidence, self.policy).reason
        return Looked(evidence=evidence, decision=decision, concern=concern)
