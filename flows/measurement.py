"""Measurement: evidence on one window and the decision it leads to, given the project's past."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flows.champion import ServingVersion, predictions_of
from flows.runs import Run
from flows.sections import seconds_of
from flows.workspace import Workspace
from models.decisions import asked
from models.metrics import METRICS
from monitoring.decision import Decision, PastDecision, decide
from monitoring.evidence import Evidence
from monitoring.gathering import Question, gather_evidence
from monitoring.policy import CheckPolicy, DecisionPolicy
from monitoring.windows import Window

_DAY = 86_400
BUDGET_DAYS = 30
MAX_HISTORY = 10
"""Earlier decisions that a new one may look back on: at least `DecisionPolicy.of_windows`."""

Kind = Literal["Keep", "Wait", "Retrain"]
_KINDS: Mapping[str, Kind] = {"keep": "Keep", "wait": "Wait", "retrain": "Retrain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured, against what, and what was decided on it."""

    reference: Window
    current: Window
    evidence: Evidence
    decision: Decision

    @property
    def kind(self) -> Kind:
        """The decision in one word."""
        return _KINDS[self.decision.name]

    def to_dict(self) -> dict[str, Any]:
        """Give evidence and ladder as JSON for the ledger."""
        return {"evidence": self.evidence.to_dict(), "decision": self.decision.to_dict()}


def measure(run: Run, champion: ServingVersion, current: Window, history: Window) -> Measured:
    """Compare the current window with the champion's reference and decide.

    `history` is all the champion scored, oldest first, with labels and without features.
    """
    reference = reference_window(champion)
    evidence = gather_evidence(
        reference,
        current,
        history,
        question=_question(run.workspace, champion),
        now=run.now.to_pydatetime(),
    )
    asked_for = retrains_before(run.workspace, run.now)
    month_ago = run.now - pd.Timedelta(days=BUDGET_DAYS)
    decision = decide(
        evidence,
        _history(run.workspace, champion.version, run.now),
        policy=_policy(run.workspace),
        now=run.now.to_pydatetime(),
        last_retrain=max(asked_for, default=None),
        n_rejected=_rejected_since_promotion(run.workspace),
        n_retrains=sum(pd.Timestamp(moment) > month_ago for moment in asked_for),
        trained_at=champion.trained_as_of.to_pydatetime(),
    )
    return Measured(reference=reference, current=current, evidence=evidence, decision=decision)


def reference_window(champion: ServingVersion) -> Window:
    """Give the rows the champion was validated on."""
    frame = champion.reference
    return Window(
        features=frame[list(champion.plan.names)],
        scores=predictions_of(frame, champion),
        labels=frame["label"].to_numpy(float),
        cutoff_time=frame["cutoff_time"].to_numpy("datetime64[us]"),
        name="reference",
    )


def _question(workspace: Workspace, champion: ServingVersion) -> Question:
    target = workspace.project.target
    metric, calls = METRICS[target.metric], champion.model.decision
    silence = seconds_of(workspace.project.monitoring.max_silence) / _DAY
    return Question(
        metric=lambda y, told: metric.score(y, asked(metric, told, calls)),
        greater_is_better=metric.greater_is_better,
        metric_name=metric.name,
        also=_also(target.task, metric.name),
        are_probabilities=target.task != "regression",
        importance=champion.importance,
        check_policy=CheckPolicy(max_silence_days=silence),
        seed=workspace.project.search.seed,
    )


def _also(
    task: str, metric: str
) -> Mapping[str, tuple[Callable[[np.ndarray, np.ndarray], float], bool]]:
    """Judge probabilities by their log loss too: a ranking may hold while they go wrong."""
    if task == "regression" or metric == "log_loss":
        return {}
    loss = METRICS["log_loss"]
    return {"log_loss": (loss.score, loss.greater_is_better)}


def _policy(workspace: Workspace) -> DecisionPolicy:
    section = workspace.project.monitoring
    return DecisionPolicy(
        min_rows=section.min_rows,
        cooldown_days=seconds_of(section.cooldown) / _DAY,
        persistence=section.persistence,
        margin=section.margin,
        max_importance_drifted=section.important,
        max_retrains=section.budget,
        max_age_days=None if section.max_age is None else seconds_of(section.max_age) / _DAY,
    )


def _history(workspace: Workspace, version: str, now: pd.Timestamp) -> list[PastDecision]:
    return [
        PastDecision(decided_at=row.decided_at, alarming=bool(row.evidence["decision"]["alarming"]))
        for row in workspace.ledger.decisions(
            workspace.name, version=version, before=now.to_pydatetime(), newest=MAX_HISTORY
        )
    ]


def retrains_before(workspace: Workspace, now: pd.Timestamp) -> list[Any]:
    """Give the moments of retrains until now: those asked for, and those that drift decided on.

    A decision counts from when it was made, whether its run waits for a server, has not begun
    there, or has failed: it has been paid for, and no other follows it before its time.
    """
    rows = workspace.ledger.runs(workspace.name, "retrain")
    orders = workspace.ledger.outbox(workspace.name, pending=False)
    decided_on = {order.idempotency_key for order in orders}
    moments = [r.now for r in rows if r.status != "failed" and r.trigger not in decided_on]
    moments += [order.written_at for order in orders]
    return [moment for moment in moments if pd.Timestamp(moment) <= now]


def _rejected_since_promotion(workspace: Workspace) -> int:
    rejected = 0
    for row in workspace.ledger.promotions(workspace.name):
        if row.action in ("promote", "rollback"):
            rejected = 0
        rejected += row.action == "reject"
    return rejected
