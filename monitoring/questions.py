"""Questions: the steps of the ladder, each asked of evidence, policy or past, and answered."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from monitoring.concerns import (
    Concerns,
    describe,
    describe_concept,
    margin_of,
    usable_criteria,
)
from monitoring.evidence import Evidence, Record
from monitoring.policy import DecisionPolicy

Verdict = Literal["keep", "wait", "retrain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Record):
    """One question of the ladder, its answer with numbers, and what it ended in, if it did."""

    question: str
    answer: str
    stop: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision(Record):
    """What later decisions need to know of an earlier one."""

    decided_at: datetime
    alarming: bool


def excess_age(policy: DecisionPolicy, now: datetime, trained_at: datetime | None) -> str:
    """Return how old the champion is where that is too old, else `""`."""
    if policy.max_age_days is None or trained_at is None:
        return ""
    days = (pd.Timestamp(now) - pd.Timestamp(trained_at)).total_seconds() / 86_400
    if days < policy.max_age_days:
        return ""
    return f"the champion is {days:.0f} days old, {policy.max_age_days:g} are allowed"


def has_rows(evidence: Evidence, policy: DecisionPolicy) -> bool:
    """Whether both windows hold enough rows to decide on."""
    return min(evidence.drift.n_current, evidence.drift.n_reference) >= policy.min_rows


def ask_rows(evidence: Evidence, policy: DecisionPolicy, age: str) -> Step:
    """Wait for rows, unless the champion is too old anyway."""
    n_rows, n_reference = evidence.drift.n_current, evidence.drift.n_reference
    goes_on = has_rows(evidence, policy) or bool(age)
    return Step(
        question="Enough rows?",
        answer=f"{n_rows:,} current and {n_reference:,} reference rows, {policy.min_rows:,} needed",
        stop=None if goes_on else "wait",
    )


def ask_data(evidence: Evidence) -> Step:
    """Tell the checks that failed; no model learns away a broken feed."""
    failed = [check for check in evidence.checks if not check.passed]
    if not evidence.checks:
        answer = "not checked"
    elif failed:
        answer = "no: " + "; ".join(f"{check.name}: {check.sentence}" for check in failed)
    else:
        names = ", ".join(check.name for check in evidence.checks)
        answer = f"yes: {len(evidence.checks)} checks passed ({names})"
    return Step(question="Is the data as it should be?", answer=answer)


def ask_concept(evidence: Evidence) -> Step:
    """Ask the sequential test of the losses since promotion."""
    question = "Have losses risen since promotion?"
    concept = evidence.concept
    if concept is None:
        return Step(question=question, answer="not measured")
    answer = (
        f"{describe_concept(concept)}; evidence {math.exp(min(concept.log_evidence, 50)):,.0f} of "
        f"{concept.run_length:,.0f} needed, on {concept.n_rows:,} labelled rows"
    )
    return Step(question=question, answer=("yes: " if concept.stands else "no: ") + answer)


def ask_performance(evidence: Evidence, concerns: Concerns, policy: DecisionPolicy) -> Step:
    """Compare metrics and calibration on labelled rows with those of the reference."""
    question = "Has performance fallen beyond its interval and margin?"
    performance = evidence.performance
    if performance is None:
        return Step(question=question, answer="not measured")
    if not usable_criteria(evidence, policy):
        why = performance.note or (
            f"{performance.n_labelled:,} labels in the current and {performance.n_reference:,} "
            f"in the reference window, {policy.min_labelled:,} needed"
        )
        return Step(question=question, answer=f"not known: {why}")
    shown = concerns.worse or performance.criteria
    answer = "; ".join(
        f"{describe(c)} (margin {margin_of(c, policy):.0%}, p {c.p_value:.2g})" for c in shown
    )
    return Step(question=question, answer=("yes: " if concerns.worse else "no: ") + answer)


def ask_estimate(evidence: Evidence) -> Step:
    """Report what the metric should be; a guess asks for no retrain."""
    question = "What should performance be, before labels?"
    estimated = evidence.estimated
    if estimated is None:
        return Step(question=question, answer="not estimated")
    value = estimated.estimate
    answer = f"{estimated.name} {value.value:.3g} ({value.low:.3g} to {value.high:.3g})"
    if estimated.flags:
        answer += "; not to be trusted: " + "; ".join(estimated.flags)
    return Step(question=question, answer=answer)


def ask_drift(evidence: Evidence, concerns: Concerns, policy: DecisionPolicy) -> Step:
    """Tell how much of what the champion looks at has drifted, and its scores."""
    drift = evidence.drift
    unused = sum(column.importance <= 0 for column in drift.drifted)
    answer = (
        f"{len(drift.drifted)} of {len(drift.columns)} features, "
        f"{drift.importance_drifted:.0%} of importance (limit {policy.max_importance_drifted:.0%})"
        f"; scores {'drifted' if drift.score_drifted else 'did not drift'} "
        f"(distance {drift.score_effect:.2f})"
    )
    if evidence.domain is not None:
        answer += (
            f"; a classifier on all tells the windows apart with AUC {evidence.domain.auc:.2f}"
        )
    if unused:
        answer += f"; {unused} of them the champion does not use: reported, not acted upon"
    if concerns.has_drifted and concerns.is_cleared and not concerns.worse:
        answer += "; not acted upon, as labels show performance to hold"
    return Step(
        question="Have important features or the scores drifted?",
        answer=("yes: " if concerns.has_drifted else "no: ") + answer,
    )


def ask_alarm(concerns: Concerns, age: str) -> Step:
    """End in Keep where nothing gives cause to retrain."""
    if concerns.reason or age:
        answer = f"yes: {concerns.reason or age}"
    elif concerns.has_drifted:
        answer = "no: drift without loss of performance"
    else:
        answer = "no: nothing beyond its limit"
    return Step(
        question="Is the window alarming?",
        answer=answer,
        stop=None if concerns.reason or age else "keep",
    )


def ask_cooldown(
    policy: DecisionPolicy, now: datetime, last_retrain: datetime | None, n_rejected: int
) -> Step:
    """Wait until the cooldown is over; every rejected challenger doubles it."""
    question = "Is the cooldown since the last retraining over?"
    if last_retrain is None:
        return Step(question=question, answer="yes: never retrained before")
    factor = min(2.0 ** min(n_rejected, 60), policy.max_backoff)
    until = last_retrain + pd.Timedelta(days=policy.cooldown_days * factor)
    after = f" after {n_rejected} rejected" if n_rejected else ""
    length = f"{policy.cooldown_days * factor:g} days{after}"
    if now < until:
        answer = f"no: cooldown of {length} until {until:%Y-%m-%d %H:%M}"
        return Step(question=question, answer=answer, stop="wait")
    return Step(question=question, answer=f"yes: {length} ended {until:%Y-%m-%d %H:%M}")


def ask_budget(policy: DecisionPolicy, n_retrains: int) -> Step:
    """Wait where the retrains of a month are used up."""
    is_left = n_retrains < policy.max_retrains
    answer = f"{n_retrains} retrains in the last 30 days, {policy.max_retrains} allowed"
    return Step(
        question="Is there budget for a retrain?",
        answer=f"{'yes' if is_left else 'no'}: {answer}",
        stop=None if is_left else "wait",
    )


def ask_persistence(
    concerns: Concerns, history: Sequence[PastDecision], policy: DecisionPolicy, age: str
) -> Step:
    """End in Retrain where the alarm has persisted or need not, else in Wait."""
    question = "Has it persisted, or is it severe?"
    earlier = list(history)[len(history) - policy.of_windows + 1 :] if policy.of_windows > 1 else []
    n_alarming = 1 + sum(past.alarming for past in earlier)
    counted = f"{n_alarming} alarming of the last {len(earlier) + 1} windows"
    rule = f"{policy.persistence} of {policy.of_windows} needed"
    if concerns.is_severe:
        return Step(question=question, answer=f"severe; {counted}", stop="retrain")
    if concerns.has_changed_concept:
        answer = f"yes: evidence of losses is gathered over windows; {counted}"
        return Step(question=question, answer=answer, stop="retrain")
    if age:
        return Step(question=question, answer="yes: age does not pass", stop="retrain")
    is_persistent = n_alarming >= policy.persistence
    return Step(
        question=question,
        answer=f"{'yes' if is_persistent else 'no'}: {counted}, {rule}",
        stop="retrain" if is_persistent else "wait",
    )
