"""Check: the spec and the data, read and judged as a retrain would, with nothing kept."""

import tempfile
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.history import history_schema, tells_when
from features.interesting import check_interesting
from features.labels import Labels, make_labels
from features.plan import synthesize
from features.schema import Schema
from features.snapshot import Snapshot, take_snapshot
from flows.described import plan_described
from flows.project import Project, load_project
from flows.settings import read_settings
from flows.workspace import Workspace, plain_workspace, utc_now


def check_project(folder: Path, *, now: pd.Timestamp | None, console: Console) -> None:
    """Read the spec and the data as of `now`, say what is there and refuse what is wrong.

    Nothing is written but a temporary directory, which is removed.

    Raises
    ------
    FlowError, FeatureError
        The first thing that is wrong.
    """
    project = load_project(folder)
    moment = now if now is not None else utc_now()
    with tempfile.TemporaryDirectory(prefix="perennial-check-") as scratch:
        workspace = plain_workspace(folder, project, read_settings(), Path(scratch))
        snapshot = take_snapshot(
            workspace.sources,
            workspace.relationships,
            base_directory=workspace.folder,
            roots=workspace.settings.source_roots,
            directory=Path(scratch) / "snapshots",
            now=moment,
        )
        _print_tables(snapshot, console)
        labels = make_labels(snapshot, workspace.target, now=moment)
        _print_labels(labels, console)
        schema = snapshot.schema
        if project.features.target_history and tells_when(labels.frame):
            schema = history_schema(schema, workspace.target)
        _print_plan(workspace, schema, project, console)
    console.print("\n[green]All right.[/] Next: perennial run")


def _print_tables(snapshot: Snapshot, console: Console) -> None:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for column in ("table", "key", "rows", "later", "columns", "from", "to"):
        table.add_column(column, justify="right" if column in ("rows", "later") else "left")
    for item in snapshot.tables:
        described = snapshot.schema.table(item.name)
        table.add_row(
            item.name,
            described.key,
            f"{item.n_rows:,}",
            f"{item.n_future:,}",
            str(len(described.columns)),
            _day(item.time_min),
            _day(item.time_max),
        )
    console.print(table)


def _print_labels(labels: Labels, console: Console) -> None:
    frame = labels.frame
    console.print(
        f"\n[bold]Labels[/]  {len(frame):,} known, {labels.n_pending:,} not known yet; cutoffs "
        f"{_day(frame['cutoff_time'].min())} to {_day(frame['cutoff_time'].max())}"
    )
    if labels.task == "regression":
        console.print(f"  mean {frame['label'].mean():.4g}, std {frame['label'].std():.4g}")
        return
    for code, count in frame["label"].value_counts().sort_index().items():
        name = labels.classes[int(code)] if labels.classes else code
        console.print(f"  {escape(str(name))}: {count:,} ({count / len(frame):.1%})")


def _print_plan(workspace: Workspace, schema: Schema, project: Project, console: Console) -> None:
    section = project.features
    check_interesting(schema, section.interesting)
    plan_described(project, schema)
    plan = synthesize(
        schema,
        workspace.target.entity,
        depth=section.depth,
        windows=section.windows,
        max_features=10 * section.max_features,
    )
    console.print(
        f"\n[bold]Features[/]  {len(plan.names):,} definitions at depth {section.depth}; a "
        f"retrain keeps at most {section.max_features} of them, for example:"
    )
    step = max(1, len(plan.features) // 5)
    for feature in plan.features[::step][:5]:
        console.print(f"  {escape(feature.name)}")


def _day(moment: object) -> str:
    return "" if moment is None else str(moment)[:10]
