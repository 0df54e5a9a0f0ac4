"""Gathering: every piece of evidence about one window, from the windows and one question."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from monitoring.checks import check_data
from monitoring.domain import compare_domains
from monitoring.drift import measure_drift
from monitoring.estimation import estimate_performance
from monitoring.evidence import Evidence, PerformanceEvidence, SequentialEvidence
from monitoring.losses import row_losses
from monitoring.performance import Metric, measure_performance
from monitoring.policy import CheckPolicy, DriftPolicy
from monitoring.sequential import MIN_REFERENCE, LossMonitor
from monitoring.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a project asks of its champion, and how closely it is to be watched.

    Parameters
    ----------
    metric, greater_is_better, metric_name, also
        See `measure_performance`.
    are_probabilities
        Whether scores are probabilities (classification).
    importance
        Feature -> weight, see `measure_drift`.
    estimates
        Whether to ask the domain classifier and estimate the metric too; no decision waits on them.
    """

    metric: Metric
    greater_is_better: bool
    metric_name: str
    are_probabilities: bool
    importance: Mapping[str, float]
    also: Mapping[str, tuple[Metric, bool]] = field(default_factory=dict)
    drift_policy: DriftPolicy = field(default_factory=DriftPolicy)
    check_policy: CheckPolicy = field(default_factory=CheckPolicy)
    seed: int = 0
    estimates: bool = True


def gather_evidence(
    reference: Window,
    current: Window,
    history: Window | None,
    *,
    question: Question,
    now: datetime,
) -> Evidence:
    """Measure all there is to say about the current window.

    Parameters
    ----------
    reference, current
        Windows of one champion.
    history
        All it scored since its promotion, oldest first, with the labels known by now; features
        are not looked at. None: concept drift is not asked about.
    question
        What is asked.
    now
        Naive UTC.
    """
    domain = estimated = None
    if question.estimates:
        domain = compare_domains(
            reference, current, importance=question.importance, seed=question.seed
        )
        estimated = estimate_performance(
            reference,
            current,
            metric=question.metric,
            metric_name=question.metric_name,
            are_probabilities=question.are_probabilities,
            domain=domain,
            seed=question.seed,
        )
    return Evidence(
        drift=measure_drift(
            reference, current, policy=question.drift_policy, importance=question.importance
        ),
        performance=_performance(reference, current, question),
        concept=_concept(reference, current, history, question),
        checks=check_data(reference, current, policy=question.check_policy, now=now),
        domain=domain,
        estimated=estimated,
    )


def _performance(reference: Window, current: Window, question: Question) -> PerformanceEvidence:
    return measure_performance(
        reference,
        current,
        metric=question.metric,
        greater_is_better=question.greater_is_better,
        metric_name=question.metric_name,
        seed=question.seed,
        also=question.also,
    )


def _concept(
    reference: Window, current: Window, history: Window | None, question: Question
) -> SequentialEvidence | None:
    """Ask the losses of every labelled row since promotion, anew each time: labels come late."""
    if history is None or reference.n_labelled < MIN_REFERENCE or not history.n_labelled:
        return None
    losses = _losses(reference, question), _losses(history, question)
    times = [
        None if w.cutoff_time is None else w.cutoff_time[w.is_labelled]
        for w in (reference, history)
    ]
    monitor = LossMonitor(
        losses[0],
        times[0] if times[1] is not None else None,
        run_length=max(2.0, question.drift_policy.concept_windows * current.n_rows),
        tolerance=question.drift_policy.concept_tolerance,
    )
    return monitor.update(losses[1], times[1])


def _losses(window: Window, question: Question) -> np.ndarray:
    known = window.is_labelled
    return row_losses(
        window.scores[known],
        window.labels[known].astype(float),
        are_probabilities=question.are_probabilities,
    )
