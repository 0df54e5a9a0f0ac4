"""The decision: a ladder of questions from evidence to `Keep`, `Wait` or `Retrain`.

Each step asks one thing, answers with numbers, and may end the ladder. Whether the window is
alarming is found before cooldown and persistence are asked, so the history stays complete.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring.concerns import Concerns, find_concerns
from monitoring.evidence import Evidence, Record
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.questions import (
    PastDecision,
    Step,
    Verdict,
    ask_alarm,
    ask_budget,
    ask_concept,
    ask_cooldown,
    ask_data,
    ask_drift,
    ask_estimate,
    ask_performance,
    ask_persistence,
    ask_rows,
    excess_age,
    has_rows,
)

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
    age = excess_age(policy, now, trained_at)
    steps = [
        ask_rows(evidence, policy, age),
        ask_data(evidence),
        ask_performance(evidence, concerns, policy),
        ask_concept(evidence),
        ask_estimate(evidence),
        ask_drift(evidence, concerns, policy),
        ask_alarm(concerns, age),
        ask_cooldown(policy, now, last_retrain, n_rejected),
        ask_budget(policy, n_retrains),
        ask_persistence(concerns, history, policy, age),
    ]
    ladder = tuple(_until_stop(steps))
    stop = ladder[-1].stop or "retrain"
    return _OUTCOMES[stop](
        reason=_one_line(stop, ladder[-1], concerns, age),
        ladder=ladder,
        alarming=bool(concerns.reason) and has_rows(evidence, policy),
        decided_at=now,
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
