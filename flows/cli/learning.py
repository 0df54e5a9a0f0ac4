"""Commands that make a project and learn from it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.cli.application import Debug, Folder, Now, app, call, errors, moment, opened

PANEL = "Learn"


@app.command(rich_help_panel=PANEL)
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path(),
    example: Annotated[str, typer.Option(help="Start from an example: flights.")] = "",
    debug: Debug = False,
) -> None:
    """Make a project: a folder with a commented `perennial.yaml` to read and change.

    Example: `perennial init --example flights demo`
    """
    from flows.start import start_project

    with errors(debug) as console:
        start_project(folder, example=example)
        console.print(f"Made {escape(str(folder / 'perennial.yaml'))}. Read it, then:")
        console.print(f"  cd {escape(str(folder))} && perennial check && perennial run")


@app.command(rich_help_panel=PANEL)
def check(folder: Folder = Path(), now: Now = "", debug: Debug = False) -> None:
    """Read the spec and the data, say what is there and what is wrong; change nothing.

    Example: `perennial check --now 2013-05-01`
    """
    from flows.check import check_project

    with errors(debug) as console:
        check_project(folder, now=moment(now), console=console)


@app.command(rich_help_panel=PANEL)
def plan(
    folder: Folder = Path(),
    now: Now = "",
    champion: Annotated[bool, typer.Option(help="The plan of the version that serves.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show each, and what went.")] = False,
    debug: Debug = False,
) -> None:
    """Show the features that a retrain would use: tables, ways, costs, what goes and why.

    Changes nothing; it takes as long as a retrain takes to plan.

    Examples: `perennial plan` · `perennial plan --explain --now 2013-05-01`
    """
    from flows.plan_summary import print_plan
    from flows.preview import preview_plan

    with errors(debug) as console:
        shown = preview_plan(folder, now=moment(now), champion=champion, console=console)
        print_plan(shown, console, explain=explain)


@app.command(rich_help_panel=PANEL)
def run(
    folder: Folder = Path(),
    now: Now = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for",
    debug: Debug = False,
) -> None:
    """Retrain: from the tables to a version that serves if it passes its gates.

    A run that was killed goes on where it stopped when it is started again.

    Examples: `perennial run` · `perennial run --now 2013-05-01`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.summary import print_retrain

        outcome = call(workspace, console, "retrain", now=moment(now), reason=reason)
        print_retrain(workspace, outcome, console)


app.command("retrain", rich_help_panel=PANEL, help="The same as `perennial run`.")(run)
