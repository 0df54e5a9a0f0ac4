"""Commands that show the installation: what is set, and whether every part of it answers."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from flows.cli.application import FAILED, Debug, Folder, app, errors

PANEL = "The installation"

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command(rich_help_panel=PANEL)
def doctor(folder: Folder = Path(), as_json: AsJson = False, debug: Debug = False) -> None:
    """Try every part this project would use (servers, disk, memory); say what is wrong.

    Ends with code 1 where something does not work.
    """
    with errors(debug) as console:
        from flows.installation import examine
        from flows.settings import read_settings

        works = True
        found = []
        for part in examine(read_settings(), folder.expanduser().resolve()):
            works &= part.works
            found.append(asdict(part))
            if not as_json:
                mark = "[green]ok[/]  " if part.works else "[bold red]FAIL[/]"
                console.print(f"{mark} [bold]{part.name}[/] {escape(part.target)}", soft_wrap=True)
                console.print(Padding(escape(part.sentence), (0, 0, 0, 5)))
        if as_json:
            typer.echo(json.dumps(found, indent=2))
        if not works:
            raise typer.Exit(FAILED)


@app.command(rich_help_panel=PANEL)
def config(folder: Folder = Path(), as_json: AsJson = False, debug: Debug = False) -> None:
    """Show every setting with the value that counts, and where it comes from; no passwords."""
    with errors(debug) as console:
        from flows.installation import effective_settings
        from flows.settings import read_settings

        settings = effective_settings(read_settings(), folder.expanduser().resolve())
        if as_json:
            typer.echo(json.dumps([asdict(setting) for setting in settings], indent=2))
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        for setting in settings:
            table.add_row(
                f"[bold]{setting.variable}[/]" if setting.origin != "default" else setting.variable,
                escape(setting.value),
            )
        console.print(table)
        console.print("Bold ones are set in the environment; the others are defaults.")
