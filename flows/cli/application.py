"""What every command stands on: the application, shared options, errors made readable."""

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


@contextmanager
def errors(debug: bool) -> Iterator[Console]:
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
def opened(folder: Path, debug: bool) -> "Iterator[tuple[Workspace, Console]]":
    """Open the project's workspace, and close its ledger whatever happens."""
    from flows.workspace import open_workspace

    with errors(debug) as console:
        workspace = open_workspace(folder)
        try:
            yield workspace, console
        finally:
            workspace.ledger.close()


def call(workspace: "Workspace", console: Console, flow: str, **parameters: Any) -> Any:
    """Run a flow, embedded or under Prefect as the settings have it, and tell how it goes."""
    from flows.execution import execute

    narrator = ConsoleNarrator(console)
    try:
        return execute(workspace, flow, narrator, **parameters)
    finally:
        narrator.close()


def moment(text: str) -> "pd.Timestamp | None":
    """Read a moment, if one was given."""
    return required(text) if text else None


def required(text: str) -> "pd.Timestamp":
    """Read a moment as naive UTC; wrong usage where it is none."""
    import pandas as pd

    try:
        moment = pd.Timestamp(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a moment such as 2013-05-01 or 2013-05-01T06:00, got {text!r}"
        ) from error
    return moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment
