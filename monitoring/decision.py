"""The decision: a ladder of questions from evidence to `Keep`, `Wait` or `Retrain`.

Each step asks one thing, answers with numbers, and may end the ladder. Whether the window is
alarming is found before cooldown and persistence are asked, so the history stays complete.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd

from monitoring.concerns import (
    Concerns,
    describe,
    describe_concept,
    find_concerns,
    margin_of,
    usable_criteria,
)
from monitoring.evidence import Evidence, Record
from monitoring.policy import DecisionPolicy, DriftPolicy

__all__ = [
    "Decision",
    "DecisionPolicy",
    "DriftPolicy",
    "Keep",
    "PastDecision",
    "Retrain",
    "Step",
    "Wait",
    "decide",
]

MAX_REASON = 100
"""Longest reason, in characters: it is printed on one line."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome(Record):
    """What the three decisions have in common.

    Parameters
    ----------
    reason
        One line of at most `MAX_REASON` characters.
    ladder
        Every question asked, in order; the last one decided.
    alarming
        Whether this window gave cause to retrain, whatever came of it.
    decided_at
        Naive UTC.
    """

    reason: str
    ladder: tuple[Step, ...]
    alarming: bool
    decided_at: datetime

    @property
    def name(self) -> str:
        """The decision in one lower-case word."""
        return type(self).__name__.lower()

    def to_dict(self) -> dict[str, Any]:
        """Return the decision for the ledger, its name under "decision"."""
        # NOTE: no super() here; dataclass(slots=True) makes a new class that it does not know.
        return {"decision": self.name, **Record.to_dict(self)}

    def to_past(self) -> PastDecision:
        """Return what the next decision needs to know of this one."""
        return PastDecision(decided_at=self.decided_at, alarming=self.alarming)


class Keep(_Outcome):
    """Nothing gives cause to replace the champion."""

    __slots__ = ()


class Wait(_Outcome):
    """Too early to say, or too early to act; look again at the next window."""

    __slots__ = ()


class Retrain(_Outcome):
    """The champion should be challenged now."""

    __slots__ = ()


Decision = Keep | Wait | Retrain
_OUTCOMES: dict[Verdict, type[Keep] | type[Wait] | type[Retrain]] = {
    "keep": Keep,
    "wait": Wait,
    "retrain": Retrain,
}


def decide(
    evidence: Evidence,
    history: Sequence[PastDecision],
    *,
    policy: DecisionPolicy,
    now: datetime,
    last_retrain: datetime | None,
    n_rejected: int = 0,
    n_retrains: int = 0,
    trained_at: datetime | None = None,
) -> Decision:
    """Climb the ladder: rows, data, performance, concept, drift, alarm, and what may hold it up.

    Parameters
    ----------
    evidence
        Of the current window.
    history
        Earlier decisions about the same champion, oldest first.
    policy
        How much evidence it takes.
    now
        Naive UTC.
    last_retrain
        When the last retraining was asked for, or None.
    n_rejected
        Challengers that failed their gates since the last promotion; each doubles the cooldown.
    n_retrains
        Retrainings begun in the 30 days before now.
    trained_at
        When the champion was trained (naive UTC); None: its age is not asked for.

    Returns
    -------
    Decision
        `Retrain` only for a window that is alarming or a champion that is too old. More of what
        alarms never turns a `Retrain` into a `Keep`.
    """
    concerns = find_concerns(evidence, policy)
    age = _age(policy, now, trained_at)
    steps = [
        _ask_rows(evidence, policy, age),
        _ask_data(evidence),
        _ask_performance(evidence, concerns, policy),
        _ask_concept(evidence),
        _ask_estimate(evidence),
        _ask_drift(evidence, concerns, policy),
        _ask_alarm(concerns, age),
        _ask_cooldown(policy, now, last_retrain, n_rejected),
        _ask_budget(policy, n_retrains),
        _ask_persistence(concerns, history, policy, age),
    ]
    ladder = tuple(_until_stop(steps))
    has_rows = _has_rows(evidence, policy)
    stop = ladder[-1].stop or "retrain"
    return _OUTCOMES[stop](
        reason=_one_line(stop, ladder[-1], concerns, age),
        ladder=ladder,
        alarming=bool(concerns.reason) and has_rows,
        decided_at=now,
    )


def _age(policy: DecisionPolicy, now: datetime, trained_at: datetime | None) -> str:
    """Return how old the champion is where that is too old, else ""."""
    if policy.max_age_days is None or trained_at is None:
        return ""
    days = (pd.Timestamp(now) - pd.Timestamp(trained_at)).total_seconds() / 86_400
    if days < policy.max_age_days:
        return ""
    return f"the champion is {days:.0f} days old, {policy.max_age_days:g} are allowed"


def _has_rows(evidence: Evidence, policy: DecisionPolicy) -> bool:
    return min(evidence.drift.n_current, evidence.drift.n_reference) >= policy.min_rows


def _ask_rows(evidence: Evidence, policy: DecisionPolicy, age: str) -> Step:
    n_rows, n_reference = evidence.drift.n_current, evidence.drift.n_reference
    goes_on = _has_rows(evidence, policy) or bool(age)
    return Step(
        question="Enough rows?",
        answer=f"{n_rows:,} current and {n_reference:,} reference rows, {policy.min_rows:,} needed",
        stop=None if goes_on else "wait",
    )


def _ask_data(evidence: Evidence) -> Step:
    failed = [check for check in evidence.checks if not check.passed]
    if not evidence.checks:
        answer = "not checked"
    elif failed:
        answer = "no: " + "; ".join(f"{check.name}: {check.sentence}" for check in failed)
    else:
        names = ", ".join(check.name for check in evidence.checks)
        answer = f"yes: {len(evidence.checks)} checks passed ({names})"
    return Step(question="Is the data as it should be?", answer=answer)


def _ask_concept(evidence: Evidence) -> Step:
    question = "Have losses risen since promotion?"
    concept = evidence.concept
    if concept is None:
        return Step(question=question, answer="not measured")
    answer = (
        f"{describe_concept(concept)}; evidence {math.exp(min(concept.log_evidence, 50)):,.0f} of "
        f"{concept.run_length:,.0f} needed, on {concept.n_rows:,} labelled rows"
    )
    return Step(question=question, answer=("yes: " if concept.stands else "no: ") + answer)


def _ask_performance(evidence: Evidence, concerns: Concerns, policy: DecisionPolicy) -> Step:
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


def _ask_estimate(evidence: Evidence) -> Step:
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


def _ask_drift(evidence: Evidence, concerns: Concerns, policy: DecisionPolicy) -> Step:
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


def _ask_alarm(concerns: Concerns, age: str) -> Step:
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


def _ask_cooldown(
    policy: DecisionPolicy, now: datetime, last_retrain: datetime | None, n_rejected: int
) -> Step:
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


def _ask_budget(policy: DecisionPolicy, n_retrains: int) -> Step:
    is_left = n_retrains < policy.max_retrains
    answer = f"{n_retrains} retrains in the last 30 days, {policy.max_retrains} allowed"
    return Step(
        question="Is there budget for a retrain?",
        answer=f"{'yes' if is_left else 'no'}: {answer}",
        stop=None if is_left else "wait",
    )


def _ask_persistence(
    concerns: Concerns, history: Sequence[PastDecision], policy: DecisionPolicy, age: str
) -> Step:
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


def _until_stop(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.stop is not None:
            return


def _one_line(stop: Verdict, last: Step, concerns: Concerns, age: str) -> str:
    detail = last.answer.removeprefix("no: ").removeprefix("yes: ")
    if stop == "retrain" and not concerns.reason:
        line = age
    elif stop == "retrain":
        line = concerns.reason + ("; severe" if concerns.is_severe else f"; {detail}")
    elif concerns.reason and last.question != "Enough rows?":
        line = f"{detail}; {concerns.reason}"
    else:
        line = detail
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"
