"""`perennial`: the commands, thin over the flows.

Heavy imports wait inside the commands: `perennial --help` must answer at once.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from features.errors import FeatureError
from flows.console import ConsoleNarrator, make_console
from flows.errors import FlowError
from models.errors import ModelError
from models.threads import THREADS
from monitoring.errors import MonitoringError

if TYPE_CHECKING:
    import pandas as pd

    from flows.workspace import Workspace

FAILED, USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143
OURS = (FeatureError, ModelError, MonitoringError, FlowError)

app = typer.Typer(
    name="perennial",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help=(
        "Tables and one question go in; a champion model that keeps itself fresh comes out.\n\n"
        "Write `perennial.yaml` beside your data (`perennial init`), try it (`perennial check`), "
        "train a first champion (`perennial run`), then leave it alone (`perennial up`)."
    ),
)

Folder = Annotated[
    Path,
    typer.Option("--project", "-p", help="Folder of perennial.yaml.", show_default="here"),
]
Now = Annotated[
    str,
    typer.Option("--now", help="See the world at this moment (UTC).", show_default="this moment"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path(),
    example: Annotated[str, typer.Option(help="Start from an example: flights.")] = "",
    debug: Debug = False,
) -> None:
    """Make a project: a folder with a commented `perennial.yaml` to read and change.

    Example: `perennial init --example flights demo`
    """
    from flows.start import start_project

    with _errors(debug) as console:
        start_project(folder, example=example)
        console.print(f"Made {escape(str(folder / 'perennial.yaml'))}. Read it, then:")
        console.print(f"  cd {escape(str(folder))} && perennial check && perennial run")


@app.command()
def check(folder: Folder = Path(), now: Now = "", debug: Debug = False) -> None:
    """Read the spec and the data, say what is there and what is wrong; change nothing.

    Example: `perennial check --now 2013-05-01`
    """
    from flows.check import check_project

    with _errors(debug) as console:
        check_project(folder, now=_moment(now), console=console)


@app.command()
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

    with _errors(debug) as console:
        shown = preview_plan(folder, now=_moment(now), champion=champion, console=console)
        print_plan(shown, console, explain=explain)


@app.command()
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
    with _workspace(folder, debug) as (workspace, console):
        from flows.summary import print_retrain

        outcome = _call(workspace, console, "retrain", now=_moment(now), reason=reason)
        print_retrain(workspace, outcome, console)


app.command("retrain", help="The same as `perennial run`.")(run)


@app.command()
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
    with _workspace(folder, debug) as (workspace, console):
        _call(workspace, console, "score", at=_moment(at), rows=None if rows is None else str(rows))


@app.command()
def monitor(folder: Folder = Path(), now: Now = "", debug: Debug = False) -> None:
    """Compare what was scored with what the champion was validated on; decide, with a reason.

    Example: `perennial monitor --now 2013-05-08`
    """
    with _workspace(folder, debug) as (workspace, console):
        _call(workspace, console, "monitor", now=_moment(now))


@app.command()
def dispatch(folder: Folder = Path(), debug: Debug = False) -> None:
    """Turn decisions that are still waiting into retrain runs, each exactly once."""
    with _workspace(folder, debug) as (workspace, console):
        _call(workspace, console, "dispatch")


@app.command()
def status(folder: Folder = Path(), debug: Debug = False) -> None:
    """Say what serves, how fresh it is, why it last retrained, and what is under way."""
    with _workspace(folder, debug) as (workspace, console):
        from flows.summary import print_status

        print_status(workspace, console)


@app.command()
def up(folder: Folder = Path(), debug: Debug = False) -> None:
    """Run everything on this machine: schedules, both UIs, the loop. Ctrl-C stops it.

    Listens on 127.0.0.1 only; `PERENNIAL_PREFECT_PORT` and `PERENNIAL_MLFLOW_PORT` choose ports.
    """
    with _workspace(folder, debug) as (workspace, console):
        from flows.local import run_up

        run_up(workspace, ConsoleNarrator(console))


@app.command()
def ui(folder: Folder = Path(), debug: Debug = False) -> None:
    """Run the MLflow UI alone, to browse runs, versions, model cards and drift reports."""
    with _workspace(folder, debug) as (workspace, console):
        from flows.local import run_ui

        run_ui(workspace, ConsoleNarrator(console))


@app.command()
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
    with _workspace(folder, debug) as (workspace, console):
        from flows.simulation import simulate_loop

        moments = (_required(first), _required(until))
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

    with _errors(debug) as console:
        start_over(folder, example="flights", console=console)
    with _workspace(folder, debug) as (workspace, console):
        from flows.simulation import simulate_loop

        moments = (_required(first), _required(until))
        simulate_loop(workspace, first=moments[0], until=moments[1], every="7d", console=console)


def main() -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong usage, 130 and 143 interrupted."""
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)  # before anything loads these libraries
    signal.signal(signal.SIGTERM, _terminate)
    # A shell starts background jobs with SIGINT ignored; whoever sends it to us means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    app()


def _terminate(_signal: int, _frame: object) -> None:
    """End like Ctrl-C does: what was started is stopped, and the run can go on later."""
    raise SystemExit(TERMINATED)


@contextmanager
def _errors(debug: bool) -> Iterator[Console]:
    """Turn our own errors into one message on stderr and exit code 1."""
    try:
        yield make_console()
    except OURS as error:
        if debug:
            raise
        make_console(stderr=True).print(f"[bold red]Error:[/] {escape(str(error))}")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        make_console(stderr=True).print("[bold]Interrupted.[/]")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _workspace(folder: Path, debug: bool) -> "Iterator[tuple[Workspace, Console]]":
    from flows.workspace import open_workspace

    with _errors(debug) as console:
        workspace = open_workspace(folder)
        try:
            yield workspace, console
        finally:
            workspace.ledger.close()


def _call(workspace: "Workspace", console: Console, flow: str, **parameters: Any) -> Any:
    from flows.execution import execute

    narrator = ConsoleNarrator(console)
    try:
        return execute(workspace, flow, narrator, **parameters)
    finally:
        narrator.close()


def _moment(text: str) -> "pd.Timestamp | None":
    return _required(text) if text else None


def _required(text: str) -> "pd.Timestamp":
    import pandas as pd

    try:
        moment = pd.Timestamp(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a moment such as 2013-05-01 or 2013-05-01T06:00, got {text!r}"
        ) from error
    return moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment


if __name__ == "__main__":
    main()
