"""Commands that live through the past, to see what the loop would have done."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.application import Debug, Folder, app, errors, opened, required

PANEL = "Try on the past"


@app.command(rich_help_panel=PANEL)
def simulate(
    first: Annotated[str, typer.Option("--from", help="Train the first champion at this moment.")],
    until: Annotated[str, typer.Option(help="Stop after this moment.")],
    every: Annotated[str, typer.Option(help="Score and monitor this often.")] = "7d",
    folder: Folder = Path(),
    debug: Debug = False,
) -> None:
    """Live through the past: train at the first moment, then score and monitor step by step.

    Shows what the loop would have done on your data, retrains included.

    Example: `perennial simulate --from 2013-05-01 --until 2013-07-10`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.simulation import simulate_loop

        moments = (required(first), required(until))
        simulate_loop(workspace, first=moments[0], until=moments[1], every=every, console=console)


@app.command(hidden=True)
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("demo"),
    first: Annotated[str, typer.Option("--from")] = "2013-05-01",
    until: Annotated[str, typer.Option()] = "2013-07-03",
    debug: Debug = False,
) -> None:
    """Run the flights example from nothing to a retrained champion."""
    from flows.start import start_over

    with errors(debug) as console:
        start_over(folder, example="flights", console=console)
    with opened(folder, debug) as (workspace, console):
        from flows.simulation import simulate_loop

        moments = (required(first), required(until))
        simulate_loop(workspace, first=moments[0], until=moments[1], every="7d", console=console)
