"""Commands that show and amend the record: what serves, why, and what served before."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from features.errors import FeatureError
from flows.cli.application import FAILED, Debug, Folder, app, moment, opened
from models.errors import ModelError

PANEL = "The record"


@app.command(rich_help_panel=PANEL)
def status(folder: Folder = Path(), debug: Debug = False) -> None:
    """Say what serves, how fresh it is, why it last retrained, and what is under way."""
    with opened(folder, debug) as (workspace, console):
        from flows.summary import print_status

        print_status(workspace, console)


@app.command(rich_help_panel=PANEL)
def history(
    folder: Folder = Path(),
    repair: Annotated[bool, typer.Option("--repair", help="Bring MLflow in line with it.")] = False,
    debug: Debug = False,
) -> None:
    """Show every verdict on a version, who served after it, and that the record is whole.

    Examples: `perennial history` · `perennial history --repair`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.history import print_history

        whole = print_history(workspace, console)
        if repair:
            from flows.approval import project_settlements
            from flows.rollback import project_rollback

            changed = project_rollback(workspace)
            project_settlements(workspace)
            console.print("MLflow's aliases: " + ("; ".join(changed) or "as the record has it"))
        if not whole:
            raise typer.Exit(FAILED)


@app.command(rich_help_panel=PANEL)
def rollback(
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    to: Annotated[
        str, typer.Option(help="A version that has served.", show_default="the one before")
    ] = "",
    folder: Folder = Path(),
    debug: Debug = False,
) -> None:
    """Let an earlier champion serve again, from this moment on.

    Nothing is deleted: the rollback is one more verdict, and a later retrain may still win.

    Examples: `perennial rollback --why "complaints since Monday"` ·
    `perennial rollback --to 3 --why "the last good one"`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.rollback import roll_back

        done = roll_back(workspace, to=to or None, why=why)
        console.print(
            f"Version {done.row.champion} serves instead of version {done.before} "
            f"(verdict {done.row.sequence})."
        )
        from flows.rollback import project_rollback

        try:
            project_rollback(workspace)
        except ModelError as error:
            console.print(
                f"[yellow]MLflow's aliases and pages do not follow yet:[/] {escape(str(error))}\n"
                "When it answers: perennial history --repair"
            )


@app.command(rich_help_panel=PANEL)
def explain(
    row: Annotated[str, typer.Option(help="Key of the row.")],
    at: Annotated[
        str,
        typer.Option(help="Its cutoff, in UTC.", show_default="that of its newest prediction"),
    ] = "",
    version: Annotated[
        str, typer.Option(help="Who is asked.", show_default="who predicted it, or the champion")
    ] = "",
    reasons: Annotated[int, typer.Option(min=1, help="How many columns are listed.")] = 10,
    folder: Folder = Path(),
    debug: Debug = False,
) -> None:
    """Say why a row is predicted as it is: what pushes it up and down, and by how much.

    Its features are computed anew, as of the cutoff, and compared with those on record.

    Examples: `perennial explain --row 1017` · `perennial explain --row 1017 --at 2024-05-20`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.console import ConsoleNarrator
        from flows.explain import explain_row
        from flows.explained import print_explanation

        narrator = ConsoleNarrator(console)
        told = explain_row(workspace, narrator, row=row, at=moment(at), version=version or None)
        print_explanation(workspace, told, console, n_reasons=reasons)


@app.command(rich_help_panel=PANEL)
def promote(
    version: Annotated[str, typer.Argument(help="A version that waits for approval.")],
    approve: Annotated[bool, typer.Option("--approve", help="It serves from now on.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It will not serve.")] = False,
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "",
    folder: Folder = Path(),
    debug: Debug = False,
) -> None:
    """Have the last word on a version that passed its gates (`promotion: {approval: true}`).

    Nothing is promoted over another champion than the one it was judged against.

    Examples: `perennial promote 4 --approve` · `perennial promote 4 --reject --why "not in May"`
    """
    if approve == reject:
        raise typer.BadParameter("expected one of --approve and --reject")
    with opened(folder, debug) as (workspace, console):
        from flows.approval import project_settled, settle

        done = settle(workspace, version, approve=approve, why=why)
        serving = "nothing" if done.row.champion is None else f"version {done.row.champion}"
        before = "" if done.before is None else f" instead of version {done.before}"
        console.print(
            f"Version {version} serves{before} (verdict {done.row.sequence})."
            if approve
            else f"Version {version} will not serve; {serving} does (verdict {done.row.sequence})."
        )
        try:
            project_settled(workspace, done.row)
        except (FeatureError, ModelError) as error:
            console.print(
                f"[yellow]MLflow or the online store do not follow yet:[/] {escape(str(error))}\n"
                "When MLflow answers: perennial history --repair; the store follows the next score."
            )


@app.command(rich_help_panel=PANEL)
def trace(
    name: Annotated[
        str, typer.Argument(help="A prediction's id, a version, or a snapshot.", metavar="NAME")
    ],
    folder: Folder = Path(),
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash again all that it stands on; 1 if damaged.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    debug: Debug = False,
) -> None:
    """Show what something stands on, down to the files it was read from, and what came of it.

    A prediction leads to its batch, version, MLflow run, plan, snapshot, sources and code; a
    snapshot to the versions and predictions that came of it.

    Examples: `perennial trace 3` · `perennial trace 3 --verify` ·
    `perennial trace e883e7f28051197c-000012 --json`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.trace import print_trace

        if not print_trace(workspace, console, name, verify=verify, as_json=as_json):
            raise typer.Exit(FAILED)


@app.command(rich_help_panel=PANEL)
def replay(
    version: Annotated[str, typer.Argument(help="A version.")],
    folder: Folder = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    debug: Debug = False,
) -> None:
    """Train a version again from its snapshot and recipe, and say whether it predicts the same.

    It is done in a place of its own: nothing is registered, judged or served. The first stage that
    comes out otherwise is named; exit code 1 where predictions differ.

    Example: `perennial replay 3`
    """
    with opened(folder, debug) as (workspace, console):
        from flows.console import ConsoleNarrator, make_console
        from flows.replay import replay_version
        from flows.replayed import print_replay

        narrator = ConsoleNarrator(make_console(stderr=True) if as_json else console)
        try:
            done = replay_version(workspace, narrator, version=version)
        finally:
            narrator.close()
        print_replay(done, console, as_json=as_json)
        if not done.matches:
            raise typer.Exit(FAILED)
