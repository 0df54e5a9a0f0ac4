"""The drift timeline of a project: what every look of the monitor saw, from the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from flows.state import DecisionRow, Promotion
from flows.workspace import Workspace

MAX_LOOKS = 104
"""Looks on the page: two years of weeks. Where there are more, the page shows one of each day, one
that asked for a retrain if there is any, else the day's last. Older ones stay in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a look saw of one column.

    Attributes
    ----------
    effect
        Size of the change, 0 … 1.
    drifted
        Whether it is sure, and large enough to matter.
    importance
        Share of the model's importance.
    """

    effect: float
    drifted: bool
    importance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One way to say how well the champion did, with the interval of the current window."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    reference: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One look of the monitor.

    Attributes
    ----------
    columns
        By feature.
    scores
        By score column.
    measures
        The project's metric first; none without enough labels.
    """

    at: pd.Timestamp
    version: str
    kind: str
    reason: str
    n_rows: int
    importance_drifted: float
    columns: Mapping[str, Cell]
    scores: Mapping[str, Cell]
    measures: Sequence[Measure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row of the promotion ledger."""

    at: pd.Timestamp
    action: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Looks and verdicts of a project, oldest first.

    Attributes
    ----------
    n_hidden
        Looks that are not shown.
    """

    project: str
    metric: str
    champion: str | None
    moments: Sequence[Moment]
    verdicts: Sequence[Verdict]
    n_hidden: int = 0


def read_timeline(workspace: Workspace, *, until: pd.Timestamp | None = None) -> Timeline:
    """Read what was decided, at most `MAX_LOOKS` looks.

    Parameters
    ----------
    until
        Looks after this moment are left out; None for none.
    """
    looks = [
        (name, pd.Timestamp(moment), kind)
        for name, moment, kind in workspace.ledger.decided(workspace.name)
        if until is None or pd.Timestamp(moment) <= until
    ]
    shown = workspace.ledger.decisions_by_id(_chosen(looks))
    start = pd.Timestamp(shown[0].window_start) if shown else None
    verdicts = [_verdict(row) for row in workspace.ledger.promotions(workspace.name)]
    return Timeline(
        project=workspace.name,
        metric=workspace.project.target.metric,
        champion=workspace.ledger.champion(workspace.name),
        moments=[_moment(row) for row in shown],
        verdicts=[v for v in verdicts if start is None or v.at >= start],
        n_hidden=len(looks) - len(shown),
    )


def _chosen(looks: Sequence[tuple[str, pd.Timestamp, str]]) -> list[str]:
    """Choose the looks to show, by their ids."""
    if len(looks) <= MAX_LOOKS:
        return [name for name, _, _ in looks]
    by_day: dict[pd.Timestamp, tuple[str, bool]] = {}
    for name, moment, kind in looks:
        day, is_retrain = moment.normalize(), kind == "Retrain"
        if is_retrain or not by_day.get(day, ("", False))[1]:
            by_day[day] = name, is_retrain
    return [name for name, _ in by_day.values()][-MAX_LOOKS:]


def _moment(row: DecisionRow) -> Moment:
    evidence = row.evidence["evidence"]
    drift, performance = evidence["drift"], evidence.get("performance") or {}
    return Moment(
        at=pd.Timestamp(row.decided_at),
        version=row.version,
        kind=row.kind,
        reason=row.reason,
        n_rows=int(drift["n_current"]),
        importance_drifted=float(drift["importance_drifted"] or 0.0),
        columns=_cells(drift["columns"]),
        scores=_cells(drift["scores"]),
        measures=[_measure(criterion) for criterion in performance.get("criteria", ())],
    )


def _cells(columns: Sequence[Mapping[str, Any]]) -> dict[str, Cell]:
    return {str(column["column"]): _cell(column) for column in columns}


def _cell(column: Mapping[str, Any]) -> Cell:
    """Take the surest test that found drift, else the largest change that was seen."""
    tests = column["tests"]
    drifted = [test for test in tests if test["drifted"]]
    return Cell(
        effect=max((float(test["effect"] or 0.0) for test in drifted or tests), default=0.0),
        drifted=bool(drifted),
        importance=float(column.get("importance") or 0.0),
    )


def _measure(criterion: Mapping[str, Any]) -> Measure:
    current = criterion["current"]
    return Measure(
        name=criterion["name"],
        value=current["value"],
        low=current["low"],
        high=current["high"],
        reference=criterion["reference"]["value"],
    )


def _verdict(row: Promotion) -> Verdict:
    return Verdict(
        at=pd.Timestamp(row.at), action=row.action, version=row.version, reason=row.reason
    )
