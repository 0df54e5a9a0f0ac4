"""The path of a monitor run, without a project around it: windows, evidence, decision, history."""

from dataclasses import dataclass, field, replace

import pandas as pd

from benchmarks.monitoring.worlds import Champion
from models.metrics import METRICS
from monitoring.concerns import find_concerns
from monitoring.decision import Decision, PastDecision, Retrain, decide
from monitoring.drift import measure_drift
from monitoring.evidence import Evidence
from monitoring.performance import measure_performance
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What came of one look at a window; `concern` is what alarms before any guard, or ""."""

    evidence: Evidence
    decision: Decision
    concern: str


@dataclass(slots=True, kw_only=True)
class Loop:
    """A champion that is looked at window by window."""

    champion: Champion
    reference: Window
    drift_policy: DriftPolicy
    policy: DecisionPolicy
    history: list[PastDecision] = field(default_factory=list)

    @classmethod
    def of(cls, champion: Champion, reference: Window) -> "Loop":
        """Begin with the policies as they are by default, without Evidently's drawing."""
        return cls(
            champion=champion,
            reference=reference,
            drift_policy=replace(DriftPolicy(), max_evidently_columns=0),
            policy=DecisionPolicy(),
        )

    def look(self, current: Window, now: pd.Timestamp) -> Looked:
        """Measure a window, decide, and remember it; a retrain begins a new history."""
        evidence = self._measure(current)
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
        concern = find_concerns(evidence, self.policy).reason
        return Looked(evidence=evidence, decision=decision, concern=concern)

    def _measure(self, current: Window) -> Evidence:
        metric, loss = METRICS["roc_auc"], METRICS["log_loss"]
        return Evidence(
            drift=measure_drift(
                self.reference,
                current,
                policy=self.drift_policy,
                importance=self.champion.importance,
            ),
            performance=measure_performance(
                self.reference,
                current,
                metric=metric.score,
                greater_is_better=True,
                metric_name=metric.name,
                seed=0,
                also={"log_loss": (loss.score, False)},
            ),
        )
