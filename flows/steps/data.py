"""Steps from the sources to a feature service: snapshot, labels, plan, matrix, serve."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from features.durable import replacing
from features.engine.effort import Effort
from features.engine.execute import compute_matrix
from features.errors import DamageError
from features.history import uses_history, with_history
from features.labels import Labels, make_labels
from features.materialization import materialize
from features.origins import hash_sources
from features.plan import FeaturePlan
from features.seals import compare, hash_file
from features.snapshot import Snapshot, open_snapshot, take_snapshot
from flows.runs import Run
from flows.stages import LabelsMade, MatrixMade, PlanMade, Served, SnapshotTaken
from flows.store import open_project_store
from flows.workspace import Workspace, utc_now

FRESH = pd.Timedelta(minutes=5)


def snapshot(run: Run) -> SnapshotTaken:
    """Copy the tables as of now, checked and hashed."""
    if run.failed_before:
        _forget_if_changed(run)
    return run.once("snapshot", SnapshotTaken, lambda: _snapshot(run), _snapshot_sentence)


def labels(run: Run, snapshot: SnapshotTaken) -> LabelsMade:
    """Ask the question of the past: which row, when, and what the answer was."""
    return run.once("labels", LabelsMade, lambda: _labels(run, snapshot), _labels_sentence)


def matrix(run: Run, snapshot: SnapshotTaken, labels: LabelsMade, plan: PlanMade) -> MatrixMade:
    """Compute every feature of every training row as of its own cutoff."""

    def compute() -> MatrixMade:
        rows = labelled_rows(labels)
        definitions = FeaturePlan.load(Path(plan.path))
        tables = tables_of(run, definitions, snapshot, labels.classes)
        directory = matrix_directory(run.workspace, definitions)
        done = materialize(
            definitions,
            tables,
            rows,
            directory=directory,
            created_at=run.now,
            effort=effort_of(run, "matrix"),
        )
        return MatrixMade(
            directory=str(directory),
            n_rows=len(rows),
            n_features=len(definitions.names),
            n_reused=done.n_reused,
        )

    return run.once("matrix", MatrixMade, compute, _matrix_sentence)


def serve(run: Run, plan: PlanMade, matrix: MatrixMade) -> Served:
    """Register the plan in Feast, so that training and scoring read through one door."""

    def compute() -> Served:
        service = register_service(run, FeaturePlan.load(Path(plan.path)))
        return Served(service=service, view=service, n_rows=matrix.n_rows)

    return run.once("store", Served, compute, _served_sentence)


def take(run: Run) -> Snapshot:
    """Take a snapshot of the workspace's tables as of the run's moment."""
    workspace = run.workspace
    return take_snapshot(
        workspace.sources,
        workspace.relationships,
        base_directory=workspace.folder,
        roots=workspace.settings.source_roots,
        directory=workspace.path("snapshots"),
        now=run.now,
    )


def taken(run: Run, snapshot: SnapshotTaken) -> Snapshot:
    """Open the snapshot that an earlier step took; one that was changed since is refused."""
    return open_snapshot(run.workspace.path("snapshots", snapshot.snapshot_id), verify=True)


def labelled_rows(labels: LabelsMade) -> pd.DataFrame:
    """Read the training rows.

    Raises
    ------
    DamageError
        When the file was changed since it was written.
    """
    path = Path(labels.path)
    for damage in compare(path, labels.sha256) if labels.sha256 else ():
        raise DamageError.of(path, damage.sentence)
    return pd.read_parquet(path)


def tables_of(
    run: Run, plan: FeaturePlan, snapshot: SnapshotTaken, classes: Sequence[Any]
) -> Snapshot:
    """Open the snapshot with what the plan needs: past labels as well, where it looks at them.

    Parameters
    ----------
    classes
        Those of the labels or of the model, empty for a regression.
    """
    tables = taken(run, snapshot)
    if not uses_history(plan):
        return tables
    return with_history(tables, run.workspace.target, now=run.now, classes=tuple(classes) or None)


def compute_rows(
    run: Run, plan: FeaturePlan, tables: Snapshot, rows: pd.DataFrame, *, stage: str
) -> pd.DataFrame:
    """Compute a plan's features for (key, cutoff_time) rows, telling how far it is."""
    effort = effort_of(run, stage)
    frame = compute_matrix(
        plan,
        tables,
        rows,
        n_threads=effort.n_threads,
        memory_limit=effort.memory_limit,
        executor=effort.executor,
        on_progress=effort.on_progress,
    )
    for feature in plan.features:
        # Models take no infinities; a sum or ratio beyond all bounds counts as not known.
        if feature.kind == "numeric" and np.isinf(frame[feature.name].to_numpy()).any():
            frame[feature.name] = frame[feature.name].replace([np.inf, -np.inf], np.nan)
    return frame


def effort_of(run: Run, stage: str) -> Effort:
    """Say what computing features may take: the project's limit, else the settings'."""
    settings, section = run.workspace.settings, run.workspace.project.features
    return Effort(
        n_threads=settings.n_threads,
        memory_limit=section.memory_limit or settings.memory_limit,
        executor=settings.executor,
        on_progress=lambda done, total: run.narrator.advance(stage, done, total),
    )


def matrix_directory(workspace: Workspace, plan: FeaturePlan) -> Path:
    """Give the directory that holds all rows ever computed for a plan."""
    return workspace.path("matrices", plan.fingerprint)


def register_service(run: Run, plan: FeaturePlan) -> str:
    """Apply the plan's entity, view and service; doing so again changes nothing."""
    store = open_project_store(run.workspace)
    return store.register(
        plan,
        entity=run.workspace.target.entity,
        key=_key(run),
        key_kind=key_kind(run.workspace, plan),
        matrix=matrix_directory(run.workspace, plan),
        service=f"{run.workspace.name}_{plan.fingerprint}",
    ).name


def key_kind(workspace: Workspace, plan: FeaturePlan) -> Literal["int", "str"]:
    """Say whether the entity's key is an `int` or a `str`, as Feast must know."""
    directory = matrix_directory(workspace, plan)
    newest = max(directory.rglob("*.parquet"))
    column = pd.read_parquet(newest, columns=[workspace.entity_key])[workspace.entity_key]
    return "int" if pd.api.types.is_integer_dtype(column) else "str"


def _key(run: Run) -> str:
    return run.workspace.entity_key


def _forget_if_changed(run: Run) -> None:
    """Drop what a failed run had finished when the tables are not what they were then."""
    ledger, run_id = run.workspace.ledger, run.row.run_id
    before = ledger.stages(run_id).get("snapshot")
    if before is not None and take(run).snapshot_id != before["snapshot_id"]:
        run.narrator.say("The tables have changed since that run failed: starting afresh.")
        ledger.forget_stages(run_id)


def _snapshot(run: Run) -> SnapshotTaken:
    before = _taken_lately(run)
    if before is not None:
        return before
    workspace = run.workspace
    sources = hash_sources(workspace.sources, base_directory=workspace.folder)
    taken = take(run)
    return SnapshotTaken(
        snapshot_id=taken.snapshot_id,
        n_rows={table.name: table.n_rows for table in taken.tables},
        n_future=sum(table.n_future for table in taken.tables),
        sources={name: [file.to_json() for file in files] for name, files in sources.items()},
    )


def _taken_lately(run: Run) -> SnapshotTaken | None:
    """Let a monitor find the snapshot that the score run before it took as of the same moment."""
    if run.row.flow != "monitor":
        return None
    ledger, earliest = run.workspace.ledger, utc_now() - FRESH
    for row in ledger.runs(run.workspace.name, "score"):
        lately = row.status == "done" and pd.Timestamp(row.started_at) > earliest
        if lately and row.spec == run.row.spec and pd.Timestamp(row.now) == run.now:
            found = ledger.stages(row.run_id).get("snapshot")
            if found and run.workspace.path("snapshots", found["snapshot_id"]).exists():
                return SnapshotTaken(**found)
    return None


def _snapshot_sentence(taken: SnapshotTaken) -> str:
    rows = sum(taken.n_rows.values())
    later = f", {taken.n_future:,} later rows left out" if taken.n_future else ""
    return f"{len(taken.n_rows)} tables, {rows:,} rows{later} [{taken.snapshot_id}]"


def _labels(run: Run, snapshot: SnapshotTaken) -> LabelsMade:
    made = make_labels(taken(run, snapshot), run.workspace.target, now=run.now)
    path = run.workspace.path("labels", f"{made.fingerprint}.parquet")
    with replacing(path) as temporary:
        made.frame.to_parquet(temporary, index=False)
    return LabelsMade(
        path=str(path),
        fingerprint=made.fingerprint,
        n_rows=len(made.frame),
        n_pending=made.n_pending,
        classes=list(made.classes or ()),
        base_rate=_base_rate(made),
        first_cutoff=str(made.frame["cutoff_time"].min()),
        last_cutoff=str(made.frame["cutoff_time"].max()),
        sha256=hash_file(path),
    )


def _base_rate(made: Labels) -> float | None:
    return None if made.task == "multiclass" else float(made.frame["label"].mean())


def _labels_sentence(made: LabelsMade) -> str:
    rate = f", {made.base_rate:.1%} positive" if len(made.classes) == 2 else ""
    if not made.classes and made.base_rate is not None:
        rate = f", mean {made.base_rate:.4g}"
    pending = f"; {made.n_pending:,} not known yet" if made.n_pending else ""
    return (
        f"{made.n_rows:,} rows{rate}{pending}; {made.first_cutoff[:10]} to "
        + (made.last_cutoff[:10])
    )


def _matrix_sentence(made: MatrixMade) -> str:
    reused = f", {made.n_reused:,} of them as before" if made.n_reused else ""
    return f"{made.n_rows:,} rows × {made.n_features} features, each as of its own cutoff{reused}"


def _served_sentence(served: Served) -> str:
    return f"Feast service {served.service}"
