"""Commands that keep a project running: score, watch, retrain when it must be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.application import Debug, Folder, Now, app, call, moment, opened
from flows.console import ConsoleNarrator

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from flows.workspace import Workspace

PANEL = "Keep running"


@app.command(rich_help_panel=PANEL)
def score(
    folder: Folder = Path(),
    at: Annotated[str, typer.Option(help="Score the rows due by this moment (UTC).")] = "",
    rows: Annotated[
        Path | None, typer.Option(help="Score these (key, cutoff_time): CSV or Parquet.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Score the rows that are due, or a table of (key, cutoff_time), with the champion.

    Examples: `perennial score --at 2013-05-08` · `perennial score --rows asked.csv`
    """
    with opened(folder, debug) as (workspace, console):
        call(workspace, console, "score", at=moment(at), rows=None if rows is None else str(rows))


@app.command(rich_help_panel=PANEL)
def monitor(
    folder: Folder = Path(),
    now: Now = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how the newest decision was reached.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write the drift timeline, and say where it is.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Compare what was scored with what the champion was validated on; decide, with a reason.

    `--explain` and `--report` tell of what was decided already, and do not look again.

    Examples: `perennial monitor --now 2013-05-08` · `perennial monitor --explain`
    """
    with opened(folder, debug) as (workspace, console):
        if explain or report:
            _tell(workspace, console, moment(now), explain=explain, report=report)
        else:
            call(workspace, console, "monitor", now=moment(now))


def _tell(
    workspace: "Workspace",
    console: "Console",
    now: "pd.Timestamp | None",
    *,
    explain: bool,
    report: bool,
) -> None:
    from flows.ladder import newest_decision, print_ladder
    from flows.monitor import report_path
    from flows.timeline_page import write_timeline
    from flows.workspace import utc_now

    if explain:
        print_ladder(newest_decision(workspace), console)
    if report:
        timeline = write_timeline(workspace, now=now or utc_now())
        console.print(f"Timeline  {timeline}", soft_wrap=True)
        newest = report_path(workspace)
        if newest is not None:
            console.print(f"Newest    {newest}", soft_wrap=True)


@app.command(rich_help_panel=PANEL)
def dispatch(folder: Folder = Path(), debug: Debug = False) -> None:
    """Turn decisions that are still waiting into retrain runs, each exactly once."""
    with opened(folder, debug) as (workspace, console):
        call(workspace, console, "dispatch")


@app.command(rich_help_panel=PANEL)
def up(folder: Folder = Path(), debug: Debug = False) -> None:
    """Run everything on this machine: schedules, both UIs, the loop. Ctrl-C stops it.

    Listens on 127.0.0.1 only; `PERENNIAL_PREFECT_PORT` and `PERENNIAL_MLFLOW_PORT` choose ports.
    """
    with opened(folder, debug) as (workspace, console):
        from flows.local import run_up

        run_up(workspace, ConsoleNarrator(console))


@app.command(rich_help_panel=PANEL)
def ui(folder: Folder = Path(), debug: Debug = False) -> None:
    """Run the MLflow UI alone, to browse runs, versions, model cards and drift reports."""
    with opened(folder, debug) as (workspace, console):
        from flows.local import run_ui

        run_ui(workspace, ConsoleNarrator(console))
