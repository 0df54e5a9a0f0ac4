"""Simulation: the loop lived through on the past, step by step, with nothing known early."""

import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.console import ConsoleNarrator
from flows.errors import FlowError
from flows.execution import execute
from flows.monitor import report_path
from flows.narration import Narrator, Silent
from flows.sections import seconds_of
from flows.state import DecisionRow, OutboxRow
from flows.summary import print_next, print_retrain
from flows.workspace import Workspace


def simulate_loop(
    workspace: Workspace,
    *,
    first: pd.Timestamp,
    until: pd.Timestamp,
    every: str,
    console: Console,
) -> None:
    """Train as of `first`, then score, monitor and retrain at every step up to `until`.

    Parameters
    ----------
    first, until
        Naive UTC.
    every
        Length of a step, e.g. `7d`.

    Raises
    ------
    FlowError
        When `until` does not lie after `first`.
    """
    if until <= first:
        raise FlowError(f"--until must lie after --from, got {first} and {until}.")
    started = time.monotonic()
    console.print(f"\n[bold]{escape(workspace.project.target.question or workspace.name)}[/]")
    console.print(f"\n[bold]1  A first champion, as of {first:%Y-%m-%d}[/]")
    outcome = _retrain(
        workspace, console, now=first, reason="first champion", trigger=f"simulate {first}"
    )
    print_retrain(workspace, outcome, console)
    step = pd.Timedelta(seconds=seconds_of(every))
    retrains = [outcome, *_live(workspace, first, until, step, console)]
    _conclude(workspace, retrains, console, seconds=time.monotonic() - started)


def _retrain(workspace: Workspace, console: Console, **parameters: Any) -> Mapping[str, Any]:
    narrator = ConsoleNarrator(console)
    try:
        return execute(workspace, "retrain", narrator, **parameters)
    finally:
        narrator.close()


def _live(
    workspace: Workspace,
    first: pd.Timestamp,
    until: pd.Timestamp,
    step: pd.Timedelta,
    console: Console,
) -> list[Mapping[str, Any]]:
    section = workspace.project.monitoring
    console.print(
        f"\n[bold]2  The weeks after[/]  [dim](metric {workspace.project.target.metric}; window "
        f"{section.window}, cooldown {section.cooldown})[/]"
    )
    console.print(f"  [dim]{'until':<12}{'rows':>6}  metric  decision, and why[/]")
    retrains = []
    for moment in pd.date_range(first + step, until, freq=step):
        scored = execute(workspace, "score", Silent(), at=moment)
        execute(workspace, "monitor", Silent(), now=moment)
        print_week(workspace, moment, int(scored["n_rows"]), console)
        for order in workspace.ledger.outbox(workspace.name):
            retrains.append(_take(workspace, order, console))
    return retrains


def _take(workspace: Workspace, order: OutboxRow, console: Console) -> Mapping[str, Any]:
    """Let the dispatcher run a retrain that waits, and say what came of it."""
    number = 2 + len(workspace.ledger.outbox(workspace.name, pending=False))
    console.print(f"\n[bold]{number}  Retrain[/]  {escape(order.reason)}")
    narrator: Narrator = ConsoleNarrator(console)
    execute(workspace, "dispatch", narrator)
    rows = workspace.ledger.runs(workspace.name, "retrain")
    outcome = next(row.outcome for row in rows if row.trigger == order.idempotency_key)
    if outcome is None:
        raise FlowError(f"The retrain {order.idempotency_key} left no outcome.")
    print_retrain(workspace, outcome, console)
    console.print()
    return outcome


def print_week(workspace: Workspace, moment: pd.Timestamp, n_rows: int, console: Console) -> None:
    """Say what a step scored, what the metric was, and what was decided and why."""
    decision = workspace.ledger.decisions(workspace.name)[-1]
    colour = {"Retrain": "yellow", "Wait": "cyan"}.get(decision.kind, "green")
    grid = Table.grid(padding=(0, 2))
    for width in (12, 6, 6, 7, None):
        grid.add_column(width=width, overflow="fold")
    grid.add_row(
        f"  {moment:%Y-%m-%d}",
        f"{n_rows:>6,}",
        _realised(decision),
        f"[{colour}]{decision.kind}[/]",
        escape(decision.reason),
    )
    console.print(grid)


def _realised(decision: DecisionRow) -> str:
    performance = decision.evidence["evidence"].get("performance") or {}
    for criterion in performance.get("criteria", ()):
        return f"{criterion['current']['value']:.3f}"
    return "–"


def _conclude(
    workspace: Workspace,
    retrains: list[Mapping[str, Any]],
    console: Console,
    *,
    seconds: float,
) -> None:
    decisions = workspace.ledger.decisions(workspace.name)
    kinds = [row.kind for row in decisions]
    promoted = sum(1 for outcome in retrains if outcome["gates"]["promoted"])
    console.print(
        f"\n[bold]In {seconds:.0f} s:[/] {len(retrains)} searches, {promoted} promoted; "
        f"{len(kinds)} windows watched: {kinds.count('Keep')} Keep, {kinds.count('Wait')} Wait, "
        f"{kinds.count('Retrain')} Retrain. Serving: version "
        f"{workspace.ledger.champion(workspace.name)}."
    )
    newest = retrains[-1]["version"]["card"]
    print_next(workspace, console, card=newest, report=report_path(workspace))
