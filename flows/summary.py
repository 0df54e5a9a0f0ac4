"""Summaries for a person at 80 columns: what a retrain did, what serves, what comes next."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.champion import run_of_version
from flows.history import waiting_sentence
from flows.holding import reap_all
from flows.server import find_servers
from flows.state import standing_of
from flows.workspace import Workspace, utc_now

_LABEL = 11


def print_retrain(workspace: Workspace, outcome: Mapping[str, Any], console: Console) -> None:
    """Say what a retrain found, what the gates said and who serves."""
    found, held, version = outcome["search"], outcome["holdout"], outcome["version"]
    gates = outcome["gates"]
    console.print()
    console.print(f"[bold]Version {version['version']}[/] of {workspace.name}")
    _row(console, "ensemble", _ensemble_sentence(found))
    _row(console, "holdout", _holdout_sentence(held))
    if held["own_columns"]:
        _row(console, "features", own_columns_sentence(held, workspace))
    for gate in gates["gates"]:
        _row(console, f"{gate['name']}", f"{gate['status']}: {gate['sentence']}")
    _row(console, "champion", _champion_sentence(gates, version["version"]))
    _row(console, "card", _relative(version["card"], workspace))


def own_columns_sentence(held: Mapping[str, Any], workspace: Workspace) -> str:
    """Say what the other tables and the past are worth."""
    own = held["own_columns"]
    return (
        f"{held['metric']} {held['value']:.4f} against {own['value']:.4f} by the same search on "
        f"{workspace.target.entity}' own columns: {own['difference']:+.4f} "
        f"[{own['low']:+.4f}, {own['high']:+.4f}]"
    )


def print_status(workspace: Workspace, console: Console) -> None:
    """Say what serves, how fresh it is, why it last retrained, and what is under way."""
    ledger, name = workspace.ledger, workspace.name
    console.print(f"[bold]{name}[/]  {escape(workspace.project.target.question)}")
    champion = ledger.champion(name)
    if champion is None:
        console.print("  Nothing serves yet. Train a first champion with: perennial run")
        for version in standing_of(ledger.promotions(name)).waiting:
            _row(console, "waiting", waiting_sentence(version))
        return
    _row(console, "serves", _serving_sentence(workspace, champion))
    for row in [r for r in ledger.promotions(name) if r.version == champion][-1:]:
        _row(console, "because", row.reason)
    batches = ledger.batches(name)
    if batches:
        total = sum(batch.n_rows for batch in batches)
        newest = max(str(batch.last_cutoff) for batch in batches)
        _row(console, "scored", f"{total:,} rows in {len(batches)} batches, newest {newest}")
    for decision in ledger.decisions(name)[-1:]:
        when = f"{decision.window_end:%Y-%m-%d}"
        _row(console, "monitor", f"{when} {decision.kind}: {decision.reason}")
    for version in standing_of(ledger.promotions(name)).waiting:
        _row(console, "waiting", waiting_sentence(version))
    for waiting in ledger.outbox(name):
        _row(console, "waiting", f"a retrain ({waiting.reason}); perennial dispatch runs it")
    reap_all(workspace)
    for run in [r for r in ledger.runs(name) if r.status == "running"]:
        _row(console, "under way", f"{run.flow} as of {run.now}, started {run.started_at}")
    for run in ledger.runs(name)[:1]:
        if run.status == "interrupted":
            _row(console, "unfinished", f"{run.flow} as of {run.now}; start it again to go on")
        if run.status == "failed" and run.outcome:
            _row(console, "failed", f"{run.flow} as of {run.now}: {run.outcome.get('error')}")
    broken = ledger.broken_link(name)
    if broken is not None:
        _row(console, "[red]tampered[/]", f"the promotion ledger is broken at verdict {broken}")


def print_next(workspace: Workspace, console: Console, *, card: str, report: Path | None) -> None:
    """Say what to look at next."""
    settings = workspace.settings
    servers = find_servers(workspace.state)
    mlflow = servers.mlflow_url if servers else f"http://127.0.0.1:{settings.mlflow_port}"
    prefect = servers.prefect_url if servers else f"http://127.0.0.1:{settings.prefect_port}"
    start = "" if servers else f"cd {_short(workspace.folder)} && perennial up"
    console.print()
    console.print("[bold]What to look at next[/]")
    if start:
        _row(console, "run it", f"{start}   (activate .venv first, or use its path)")
    _row(console, "MLflow", f"{mlflow}   runs, versions, model cards, drift reports")
    _row(console, "Prefect", f"{prefect}   flow runs, deployments, schedules")
    _row(console, "model card", _short(Path(card)))
    if report is not None:
        _row(console, "drift", _short(report))
    _row(console, "the spec", _short(workspace.folder / "perennial.yaml"))


def _ensemble_sentence(found: Mapping[str, Any]) -> str:
    members = ", ".join(f"{weight:.0%} {family}" for weight, family in found["weights"].values())
    failed = f" ({found['n_failed']} failed)" if found["n_failed"] else ""
    warm = (
        f"; {found['n_members_warm']} of its {len(found['weights'])} members began as candidates "
        "of the last search"
        if found["n_warm"]
        else ""
    )
    corrected = found.get("corrected_score")
    worth = "" if corrected is None else f"corrected {corrected:.4f}, "
    return (
        f"{members}; {found['n_trials']} trials{failed} in {found['seconds']:.0f} s, out-of-fold "
        f"{found['metric']} {found['ensemble_score']:.4f} "
        f"({worth}best single {found['best_score']:.4f}, {found['best_family']}){warm}"
    )


def _holdout_sentence(held: Mapping[str, Any]) -> str:
    return (
        f"{held['metric']} {held['value']:.4f}, 95 % interval [{held['low']:.4f}, "
        f"{held['high']:.4f}] on {held['n_rows']:,} sealed rows of {held['first_cutoff'][:10]} to "
        f"{held['last_cutoff'][:10]} (constant: {held['baseline']:.4f})"
    )


def _champion_sentence(gates: Mapping[str, Any], version: str) -> str:
    if gates["promoted"]:
        return f"version {version} serves from now on"
    champion = gates["champion"]
    now = "nothing serves yet" if champion is None else f"version {champion} keeps serving"
    return f"{now}. {waiting_sentence(version)}" if gates.get("waiting") else now


def _serving_sentence(workspace: Workspace, version: str) -> str:
    run = run_of_version(workspace, version)
    if run is None:
        return f"version {version}"
    age = utc_now() - pd.Timestamp(run.now)
    return f"version {version}, trained as of {run.now:%Y-%m-%d %H:%M} ({age.days} days ago): " + (
        run.reason
    )


def _row(console: Console, label: str, sentence: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL + 1, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(f"  [dim]{label}[/]", escape(sentence))
    console.print(grid)


def _relative(path: str, workspace: Workspace) -> str:
    return _short(Path(path), base=workspace.folder)


def _short(path: Path, *, base: Path | None = None) -> str:
    """Give a path as seen from where the person stands, when that is shorter."""
    origin = base or Path.cwd()
    return str(path.relative_to(origin)) if path.is_relative_to(origin) else str(path)
