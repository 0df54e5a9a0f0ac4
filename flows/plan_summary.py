"""A plan for a person at 80 columns: features by table, ways and costs, what went and why."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.engine.calls import Way
from features.plan import DroppedFeature
from flows.preview import Preview

N_EXAMPLES = 3

_KINDS = (
    (r"same values as", "same values as another"),
    (r"says what COUNT says|by which rows belong|divided by itself", "says nothing of its own"),
    (r".*(never has a value|is always|always )", "never changes, or never has a value"),
    (r"no row of|each of .* is asked once", "no rows to look back on"),
    (r"missing in", "missing too often"),
    (r"tells the time", "tells the time"),
    (r".*as good as a key|.*names single rows", "as good as a key"),
    (r"of use for|relevance|beyond the", "not among the best"),
    (r"would take about", "too dear"),
)


def print_plan(preview: Preview, console: Console, *, explain: bool) -> None:
    """Print features by table; with `explain`, each one, and examples of what was dropped."""
    plan = preview.plan
    n_considered = len(plan.names) + len(plan.dropped)
    console.print(
        f"\n[bold]Plan of {escape(preview.title)}[/]  {len(plan.names)} features of "
        f"{n_considered:,} definitions; cost for {preview.n_rows:,} rows"
    )
    console.print(_tables(preview))
    if explain:
        _print_features(preview, console)
    _print_dropped(plan.dropped, console, explain=explain)
    if not explain:
        console.print("\nEach feature, and what was dropped: perennial plan --explain")


def kind_of(reason: str) -> str:
    """Give the kind of reason for which a definition was dropped, in a few words.

    Examples
    --------
    >>> kind_of("same values as COUNT(orders), by construction")
    'same values as another'
    """
    for pattern, kind in _KINDS:
        if re.match(pattern, reason):
            return kind
    return "not a number or category known in time"


def _tables(preview: Preview) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("table")
    for column in ("features", "kernel", "fallback", "CPU s"):
        table.add_column(column, justify="right")
    for name, features in _by_table(preview).items():
        _add_row(table, name, features, preview)
    _add_row(table, "in all", list(preview.plan.names), preview)
    return table


def _add_row(table: Table, title: str, names: Sequence[str], preview: Preview) -> None:
    ways = Counter(preview.explained[name].way for name in names)
    cost = sum(map(preview.seconds, names))
    counts = (len(names), ways[Way.KERNEL], ways[Way.FALLBACK])
    table.add_row(escape(title), *map(str, counts), f"{cost:,.2f}")


def _by_table(preview: Preview) -> dict[str, list[str]]:
    """Group the features by table, the table with most features first."""
    groups: dict[str, list[str]] = {}
    for name in preview.plan.names:
        groups.setdefault(preview.tables[name], []).append(name)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def _print_features(preview: Preview, console: Console) -> None:
    for title, names in _by_table(preview).items():
        console.print(f"\n[bold]{escape(title)}[/]")
        for name in names:
            explained = preview.explained[name]
            way = ", ".join((str(explained.way), *explained.fallbacks))
            console.print(f"  {escape(name)}  [dim]{way}, {preview.seconds(name):.2f} s[/]")


def _print_dropped(dropped: Iterable[DroppedFeature], console: Console, *, explain: bool) -> None:
    groups: dict[str, list[DroppedFeature]] = {}
    for drop in dropped:
        groups.setdefault(kind_of(drop.reason), []).append(drop)
    if groups:
        console.print("\n[bold]Dropped[/]")
    for kind, drops in sorted(groups.items(), key=lambda item: -len(item[1])):
        console.print(f"  {len(drops):>6,}  {kind}")
        for drop in drops[:N_EXAMPLES] if explain else ():
            console.print(f"          {escape(drop.name)}: {escape(drop.reason)}", style="dim")
