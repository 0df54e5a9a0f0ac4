"""Trace: lineages and what was verified of them, as a tree for a person at 80 columns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from flows.code_version import CodeVersion
from flows.integrity import Verified, verify_batch, verify_snapshot, verify_version
from flows.jsonable import plain
from flows.lineage import (
    Lineage,
    PredictionLineage,
    SnapshotLineage,
    SnapshotUses,
    Tracer,
    VersionLineage,
)
from flows.workspace import Workspace
from models.serving.decision import COLUMN as DECISION

MAX_LISTED = 12
"""Batches and versions of a snapshot that are listed one by one."""


def print_trace(
    workspace: Workspace, console: Console, name: str, *, verify: bool, as_json: bool
) -> bool:
    """Print where something came from, or what came of it; say whether all of it is as it was.

    Raises
    ------
    FlowError
        When nothing has that name.
    """
    found = Tracer(workspace).trace(name)
    verified = verify_lineage(workspace, found) if verify else None
    if as_json:
        content = {"kind": _KINDS[type(found)], **asdict(found)}
        if verified is not None:
            content["verified"] = asdict(verified)
        console.print(json.dumps(plain(content), indent=2, default=str), soft_wrap=True)
    else:
        console.print(_tree(found))
        if verified is not None:
            print_verified(verified, console)
    return verified is None or not verified.findings


def verify_lineage(workspace: Workspace, found: Lineage) -> Verified:
    """Hash what a lineage stands on again."""
    match found:
        case PredictionLineage():
            each = [
                verify_batch(workspace, found.batch),
                verify_version(workspace, found.version),
            ]
        case VersionLineage():
            each = [verify_version(workspace, found)]
        case SnapshotUses():
            tracer = Tracer(workspace)
            versions = [tracer.version(used["version"]) for used in found.versions]
            each = [verify_snapshot(workspace, found.snapshot.snapshot_id)]
            each += [verify_version(workspace, version) for version in versions]
    return Verified(
        parts={name: n for verified in each for name, n in verified.parts.items()},
        findings=tuple(dict.fromkeys(f for verified in each for f in verified.findings)),
    )


def print_verified(verified: Verified, console: Console) -> None:
    """Say what was hashed again and what is not as it was."""
    counted = ", ".join(f"{name} {n}" for name, n in verified.parts.items())
    console.print(f"\nHashed again, files: {counted}")
    for finding in verified.findings:
        text = f"{finding.part}: {finding.file} {finding.what}"
        console.print(f"[bold red]✗[/] {escape(text)}")
    if not verified.findings:
        console.print("[green]Everything is as it was written.[/]")


_KINDS = {PredictionLineage: "prediction", VersionLineage: "version", SnapshotUses: "snapshot"}


def _tree(found: Lineage) -> Tree:
    match found:
        case PredictionLineage():
            return _of_prediction(found)
        case VersionLineage():
            return _add_version(None, found)
        case SnapshotUses():
            return _of_snapshot(found)


def _of_prediction(found: PredictionLineage) -> Tree:
    row, batch = found.row, found.batch
    key = next(iter(row))
    answers = {
        name: value
        for name, value in row.items()
        if name.startswith("prediction") or name == DECISION
    }
    del answers["prediction_id"]
    tree = Tree(_line("prediction", found.prediction_id))
    tree.add(_line(key, f"{row[key]} as of {row['cutoff_time']}"))
    for name, value in answers.items():
        tree.add(_line(name, f"{value:.6g}" if isinstance(value, float) else str(value)))
    branch = tree.add(_line("batch", f"{batch.batch_id}, {batch.n_rows:,} rows"))
    branch.add(_line("file", batch.path))
    branch.add(_line("scored", f"{batch.scored_at[:19]} by run {batch.run_id}"))
    if batch.snapshot is not None:
        _add_snapshot(branch, batch.snapshot, "features from snapshot")
    _add_version(tree, found.version)
    return tree


def _add_version(parent: Tree | None, found: VersionLineage) -> Tree:
    recorded = found.recorded
    head = _line("version", found.version + (", serves" if found.serves else ""))
    tree = Tree(head) if parent is None else parent.add(head)
    if found.verdict:
        verdict = found.verdict
        told = f"{verdict['action']} at {str(verdict['at'])[:16]} (number {verdict['number']})"
        tree.add(_line("verdict", told))
    predictions = f"{found.n_predictions:,} in {found.n_batches:,} batches"
    tree.add(_line("predictions", predictions))
    tree.add(_line("run", f"{recorded['run']} as of {recorded['now']}"))
    tree.add(_line("MLflow run", found.tracking_run or "not known to this ledger"))
    tree.add(_line("model", f"sha256 {recorded.get('model', 'not recorded')[:16]}"))
    plan = f"{recorded['plan']}, {recorded.get('n_features', '?')} features"
    tree.add(_line("plan", plan)).add(_line("feature service", recorded["service"]))
    tree.add(_line("labels", recorded["labels"]))
    tree.add(_line("search", recorded["search"]))
    tree.add(_line("spec", recorded["spec"]))
    tree.add(_line("code", _code(recorded.get("code"))))
    _add_snapshot(tree, found.snapshot, "snapshot")
    return tree


def _code(recorded: Mapping[str, Any] | None) -> str:
    return CodeVersion(**recorded).sentence if recorded else "not recorded"


def _add_snapshot(parent: Tree, found: SnapshotLineage, title: str) -> None:
    here = "" if found.is_here else " (its files are not here any more)"
    branch = parent.add(_line(title, found.snapshot_id + here))
    for table in found.tables:
        hashed = f"{table['n_rows']:,} rows, sha256 {table['sha256'][:16]}"
        leaf = branch.add(_line(table["name"], hashed))
        for file in table.get("files", ()):
            leaf.add(f"{escape(file['file'])} [dim]sha256[/] {file['sha256'][:16]}")
        if not table.get("files"):
            leaf.add(escape(" ".join(str(table["source"]).split())[:160]))


def _of_snapshot(found: SnapshotUses) -> Tree:
    snapshot = found.snapshot
    tree = Tree(_line("snapshot", f"{snapshot.snapshot_id} as of {snapshot.created_for}"))
    _add_snapshot(tree, snapshot, "tables of")
    n_versions, plural = len(found.versions), "" if len(found.versions) == 1 else "s"
    n_trained = f"{n_versions} version{plural}, {found.n_predictions:,} predictions"
    lines = [
        f"version {v['version']}{', serves' if v['serves'] else ''}: "
        f"{v['n_predictions']:,} predictions"
        for v in found.versions
    ]
    _add_listed(tree.add(_line("trained on it", n_trained)), lines)
    n_rows = sum(batch["n_rows"] for batch in found.batches)
    n_scored = f"{len(found.batches)} batches, {n_rows:,} predictions"
    lines = [
        f"batch {b['batch_id']} by version {b['version']}: {b['n_rows']:,} rows"
        for b in found.batches
    ]
    _add_listed(tree.add(_line("scored from it", n_scored)), lines)
    return tree


def _add_listed(tree: Tree, lines: Sequence[str]) -> None:
    for line in lines[-MAX_LISTED:]:
        tree.add(escape(line))
    if len(lines) > MAX_LISTED:
        tree.add(f"… and {len(lines) - MAX_LISTED:,} before them")


def _line(name: str, value: str) -> str:
    return f"[dim]{escape(name)}[/] {escape(value)}"
