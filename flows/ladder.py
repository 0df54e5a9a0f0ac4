"""The ladder of a decision on the terminal: every question, its answer, and where it ended."""

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape

from flows.errors import FlowError
from flows.state import DecisionRow
from flows.workspace import Workspace

_COLOURS = {"Retrain": "yellow", "Wait": "cyan", "Keep": "green"}
_INDENT = 5
_WIDTH = 80


def newest_decision(workspace: Workspace) -> DecisionRow:
    """Give the newest decision of the monitor.

    Raises
    ------
    FlowError
        When it has decided nothing yet.
    """
    rows = workspace.ledger.decisions(workspace.name, newest=1)
    if not rows:
        raise FlowError(
            f"Expected a decision to explain, project {workspace.name} has none yet. Let the "
            "monitor look first: perennial monitor"
        )
    return rows[-1]


def print_ladder(row: DecisionRow, console: Console) -> None:
    """Print a decision: when, about which version, each step, and what came of it."""
    colour = _COLOURS.get(row.kind, "default")
    version = f"version {row.version}"
    console.print(
        f"[bold {colour}]{row.kind}[/]  {pd.Timestamp(row.decided_at):%Y-%m-%d %H:%M} UTC, "
        f"{escape(version)}, window from {pd.Timestamp(row.window_start):%Y-%m-%d %H:%M}",
        soft_wrap=True,
    )
    _print_wrapped(row.reason, console, indent=0)
    for number, step in enumerate(row.evidence["decision"]["ladder"], start=1):
        _print_step(number, step, row.kind, console)


def _print_step(number: int, step: Mapping[str, Any], kind: str, console: Console) -> None:
    console.print()
    console.print(f"{number:>3}  [bold]{escape(step['question'])}[/]", soft_wrap=True)
    _print_wrapped(step["answer"], console)
    if step["stop"]:
        console.print(f"{' ' * _INDENT}[bold {_COLOURS.get(kind, 'default')}]→ {kind}[/]")


def _print_wrapped(text: str, console: Console, *, indent: int = _INDENT) -> None:
    for line in textwrap.wrap(text, min(console.width, _WIDTH) - indent):
        console.print(f"{' ' * indent}{escape(line)}", soft_wrap=True, highlight=False)
