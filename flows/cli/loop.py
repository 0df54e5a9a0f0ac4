"""Commands that keep a project running: score, watch, retrain when it must be."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.application import Debug, Folder, Now, app, call, moment, opened
from flows.console import ConsoleNarrator

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
def monitor(folder: Folder = Path(), now: Now = "", debug: Debug = False) -> None:
    """Compare what was scored with what the champion was validated on; decide, with a reason.

    Example: `perennial monitor --now 2013-05-08`
    """
    with opened(folder, debug) as (workspace, console):
        call(workspace, console, "monitor", now=moment(now))


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
