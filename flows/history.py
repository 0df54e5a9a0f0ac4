"""History: every verdict on a project's versions, and whether the record is whole."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.state import Promotion, standing_of
from flows.workspace import Workspace

_COLOURS = {"promote": "green", "reject": "yellow", "await": "magenta", "rollback": "cyan"}


def print_history(workspace: Workspace, console: Console) -> bool:
    """Print the promotion ledger, oldest first; say whether its chain is whole."""
    rows = workspace.ledger.promotions(workspace.name)
    if not rows:
        console.print(f"No version of {workspace.name} was judged yet. Train one: perennial run")
        return True
    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="dim")
    for name in ("#", "when (UTC)", "verdict", "serves"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    console.print()
    broken = workspace.ledger.broken_link(workspace.name)
    if broken is not None:
        console.print(
            f"[bold red]The record is not whole:[/] verdict {broken} was changed, or one before it "
            "is gone. Restore the ledger from a backup."
        )
        return False
    standing = standing_of(rows)
    champion = "Nothing" if standing.champion is None else f"Version {standing.champion}"
    back = "" if standing.previous is None else f"; perennial rollback gives {standing.previous}"
    console.print(f"{champion} serves{back}. All {len(rows)} hashes follow from one another.")
    for version in standing.waiting:
        console.print(waiting_sentence(version))
    return True


def waiting_sentence(version: str) -> str:
    """Say that a version waits, and how to end that."""
    return (
        f"Version {version} waits for approval: perennial promote {version} --approve (or --reject)"
    )


def _cells(row: Promotion) -> tuple[str, ...]:
    verdict = f"[{_COLOURS[row.action]}]{row.action} {row.version}[/]"
    when = f"{row.at:%Y-%m-%d %H:%M}"
    return str(row.sequence), when, verdict, row.champion or "–", escape(row.reason)
