"""What `perennial explain` prints: a prediction, and what pushed it up and down."""

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.explain import ExplainedRow, Reason
from flows.workspace import Workspace
from models.figures import figure


def print_explanation(
    workspace: Workspace, told: ExplainedRow, console: Console, *, n_reasons: int
) -> None:
    """Print a row's prediction, the columns that move it most, and how sure that is."""
    console.print(f"\n[bold]{escape(workspace.project.target.question or workspace.name)}[/]")
    console.print(
        f"  {escape(workspace.entity_key)} {escape(str(told.key))}, as of {told.cutoff_time}, by "
        f"version {told.version}\n"
    )
    console.print(f"  {_answered(told)}")
    if told.recorded is not None:
        console.print(f"  [dim]{_on_record(told)}[/]")
    console.print()
    if not told.reasons:
        console.print("  No column moves it: the model answers the same for every row.")
        return
    console.print(_reasons_table(told, n_reasons))
    console.print(f"\n  [dim]{_note(told)}[/]")


def _answered(told: ExplainedRow) -> str:
    if not told.of:
        return f"[bold]{figure(told.end)}[/], where {figure(told.start)} is usual"
    return f"[bold]{told.end:.1%}[/] for {escape(told.of)}, where {told.start:.1%} is usual"


def _on_record(told: ExplainedRow) -> str:
    assert told.recorded is not None
    same = "the same to the last bit" if told.recorded.same_features else "NOT what they were"
    predicted = (
        "as on record"
        if np.allclose(told.recorded.prediction, told.prediction, rtol=0, atol=1e-12)
        else f"on record: {', '.join(map(figure, told.recorded.prediction))}"
    )
    return f"Prediction {told.recorded.prediction_id}, {predicted}; its features are {same}."


def _reasons_table(told: ExplainedRow, n_reasons: int) -> Table:
    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="dim")
    table.add_column("pushes", no_wrap=True)
    table.add_column("by" if told.of else "by (label's unit)", no_wrap=True, justify="right")
    table.add_column("what", overflow="fold")
    table.add_column("is", overflow="fold", justify="right")
    table.add_column("usually", overflow="fold", justify="right")
    for reason in told.reasons[:n_reasons]:
        colour, word = ("green", "↑ up") if reason.added > 0 else ("red", "↓ down")
        table.add_row(
            f"[{colour}]{word}[/]",
            _size(told, reason.added),
            escape(reason.sentence),
            escape(reason.value),
            escape(reason.usual),
        )
    rest = told.reasons[n_reasons:]
    if rest:
        added = sum(reason.added for reason in rest)
        table.add_row("", _size(told, added), f"[dim]{_others(rest)}[/]", "", "")
    return table


def _size(told: ExplainedRow, added: float) -> str:
    return f"odds × {np.exp(added):.2f}" if told.of else f"{added:+.4g}"


def _others(rest: tuple[Reason, ...]) -> str:
    return f"{len(rest)} more columns together"


def _note(told: ExplainedRow) -> str:
    scale = "odds multiply" if told.of else "amounts add up"
    start = f"{told.start:.1%}" if told.of else figure(told.start)
    exact = f"exact for {told.exact:.0%} of the ensemble's weight, sampled for the rest"
    if told.exact > 1 - 1e-9:
        exact = "exact for this ensemble of boosted trees"
    elif told.exact == 0:
        exact = "sampled"
    return (
        f"Shapley values: the {scale} from {start} to the prediction; {exact}. They say what the "
        "model used, not what causes the outcome."
    )
