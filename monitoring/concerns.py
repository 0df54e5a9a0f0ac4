"""Concerns: what about a window's evidence alarms, before any thought of timing."""

from dataclasses import dataclass

from monitoring.evidence import Criterion, DriftEvidence, Evidence, SequentialEvidence
from monitoring.policy import DecisionPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerns:
    """What alarms about a window.

    Parameters
    ----------
    worse
        Criteria that got worse beyond chance and margin, the worst first.
    has_drifted
        Whether enough important features, or the scores, drifted.
    is_cleared
        Whether labels show performance to hold, so that drift is not acted upon.
    is_severe
        Whether `worse` is too clear and too large to wait for a second window.
    has_changed_concept
        Whether the losses of all labelled rows since promotion say so; that evidence is gathered
        over windows, so it need not persist.
    """

    worse: tuple[Criterion, ...]
    has_drifted: bool
    is_cleared: bool
    is_severe: bool
    has_changed_concept: bool
    reason: str
    """The first of these in one clause, or "" where nothing alarms."""


def find_concerns(evidence: Evidence, policy: DecisionPolicy) -> Concerns:
    """Return what alarms about the window, before any thought of timing."""
    criteria = usable_criteria(evidence, policy)
    worse = sorted(
        (c for c in criteria if _is_worse(c, len(criteria), policy)),
        key=lambda c: -c.worse_by / margin_of(c, policy),
    )
    drift = evidence.drift
    is_important = drift.importance_drifted >= max(policy.max_importance_drifted, 1e-12)
    has_drifted = drift.score_drifted or is_important
    is_cleared = _is_cleared(evidence, criteria, policy)
    has_changed_concept = evidence.concept is not None and evidence.concept.stands
    reason = ""
    if worse:
        reason = describe(worse[0])
    elif has_changed_concept and evidence.concept is not None:
        reason = describe_concept(evidence.concept)
    elif has_drifted and not is_cleared:
        reason = _describe_drift(drift)
    return Concerns(
        worse=tuple(worse),
        has_drifted=has_drifted,
        is_cleared=is_cleared,
        is_severe=any(_is_severe(c, len(criteria), policy) for c in worse),
        has_changed_concept=has_changed_concept,
        reason=reason,
    )


def describe_concept(concept: SequentialEvidence) -> str:
    """Return what the losses say in one clause with numbers."""
    since = f" since {concept.onset_time[:10]}" if concept.onset_time else ""
    return f"loss a row {concept.reference_mean:.3g} to {concept.recent_mean:.3g}{since}"


def _describe_drift(drift: DriftEvidence) -> str:
    """Return what drifted in one clause, the most important column by name.

    Scores alone may drift where many columns moved a little, or the base rate with them.
    """
    scores = f"scores drifted ({drift.score_effect:.2f})"
    if not drift.drifted:
        return scores
    first, n_more = drift.drifted[0].column, len(drift.drifted) - 1
    others = f" and {n_more} more" if n_more else ""
    columns = f"{first[:40]}{others} drifted, {drift.importance_drifted:.0%} of importance"
    return f"{scores}, {columns}" if drift.score_drifted else columns


def margin_of(criterion: Criterion, policy: DecisionPolicy) -> float:
    """Return the smallest `worse_by` that matters."""
    margin = policy.calibration_margin if criterion.is_calibration else policy.margin
    return max(margin, 1e-12)


def usable_criteria(evidence: Evidence, policy: DecisionPolicy) -> tuple[Criterion, ...]:
    """Return the criteria that rest on enough labels."""
    performance = evidence.performance
    if performance is None:
        return ()
    if min(performance.n_labelled, performance.n_reference) < policy.min_labelled:
        return ()
    return performance.criteria


def _is_worse(criterion: Criterion, n_criteria: int, policy: DecisionPolicy) -> bool:
    is_sure = criterion.p_value < policy.alpha / n_criteria
    return is_sure and criterion.worse_by >= margin_of(criterion, policy)


def _is_severe(criterion: Criterion, n_criteria: int, policy: DecisionPolicy) -> bool:
    is_sure = criterion.p_value < policy.severe_p_value / n_criteria
    return is_sure and criterion.worse_by >= 2 * margin_of(criterion, policy)


def _is_cleared(
    evidence: Evidence, criteria: tuple[Criterion, ...], policy: DecisionPolicy
) -> bool:
    performance = evidence.performance
    if not policy.labels_may_clear or performance is None or not criteria:
        return False
    covers_window = performance.n_labelled >= performance.n_current / 2
    return covers_window and all(c.worse_by_at_most < margin_of(c, policy) for c in criteria)


def describe(criterion: Criterion) -> str:
    """Return the criterion in one short clause with its numbers.

    Examples
    --------
    >>> from monitoring.evidence import Estimate
    >>> value = Estimate(value=0.8, low=0.78, high=0.82)
    >>> fallen = Estimate(value=0.76, low=0.73, high=0.79)
    >>> describe(
    ...     Criterion(
    ...         name="roc_auc",
    ...         reference=value,
    ...         current=fallen,
    ...         difference=Estimate(value=-0.04, low=-0.06, high=-0.02),
    ...         worse_by=0.05,
    ...         worse_by_at_most=0.075,
    ...         p_value=0.001,
    ...     )
    ... )
    'roc_auc 0.8 to 0.76, 5.0% worse'
    """
    before, after = criterion.reference.value, criterion.current.value
    if criterion.is_calibration:
        return f"mean prediction minus mean label {before:+.3g} to {after:+.3g}"
    change = f"{abs(criterion.worse_by):.1%} {'worse' if criterion.worse_by > 0 else 'better'}"
    return f"{criterion.name} {before:.3g} to {after:.3g}, {change}"
