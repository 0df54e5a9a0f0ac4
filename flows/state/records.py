"""The ledger's rows, as the flows read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

FlowName = Literal["retrain", "score", "monitor"]
RunStatus = Literal["running", "done", "failed", "interrupted"]
Action = Literal["promote", "reject", "await", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run of a flow: what it was asked, and how it ended.

    Attributes
    ----------
    now
        The moment the run sees the world at (naive UTC).
    spec
        Fingerprint of the spec it runs.
    trigger
        Idempotency key of the decision that asked for it, or `""`.
    """

    run_id: str
    project: str
    flow: FlowName
    now: datetime
    spec: str
    reason: str
    trigger: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One verdict on a version; the chain of hashes makes the history tamper-evident.

    Attributes
    ----------
    action
        `await`: it passed its gates and waits for a person, who ends that by one more verdict.
    champion
        The version that serves after this row; `None` when none does yet.
    """

    project: str
    sequence: int
    action: Action
    version: str
    champion: str | None
    run_id: str
    reason: str
    at: datetime
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One file of predictions."""

    batch_id: str
    project: str
    version: str
    run_id: str
    path: str
    n_rows: int
    first_cutoff: datetime | None
    last_cutoff: datetime | None
    due_until: datetime | None
    scored_at: datetime


def prediction_id(batch_id: str, row: int) -> str:
    """Name a prediction by its batch and its row there.

    Examples
    --------
    >>> prediction_id("0f3c", 7)
    '0f3c-000007'
    """
    return f"{batch_id}-{row:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision of the monitor, with the evidence it stands on."""

    decision_id: str
    project: str
    version: str
    window_start: datetime
    window_end: datetime
    kind: Literal["Keep", "Wait", "Retrain"]
    reason: str
    evidence: Mapping[str, Any]
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A retrain that was decided on, and the receipt of whoever took it."""

    idempotency_key: str
    project: str
    decision_id: str
    deployment: str
    parameters: Mapping[str, Any]
    reason: str
    written_at: datetime
    sent_at: datetime | None = None
    receipt: str | None = None
