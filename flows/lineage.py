"""Lineage: from a prediction back to the files it stands on, and from a snapshot forward."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import FeatureError
from features.manifest import Manifest
from features.seals import check_seal, is_sealed
from flows.champion import load_version, run_of_version
from flows.errors import FlowError
from flows.jsonable import plain
from flows.state import Batch, Promotion, standing_of
from flows.workspace import Workspace

MAX_OPEN = 16
"""Batches and versions whose files are kept once they are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLineage:
    """A snapshot, and where its tables came from.

    Attributes
    ----------
    is_here
        Whether its files are still on this machine.
    tables
        `name`, `n_rows`, `sha256`, `source`, and the `files` it was read from.
    """

    snapshot_id: str
    is_here: bool
    created_for: str
    tables: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLineage:
    """A version, and what it was made from.

    Attributes
    ----------
    recorded
        Its `lineage.json`.
    verdict
        The latest one on it: `action`, `reason`, `at`.
    """

    version: str
    serves: bool
    verdict: Mapping[str, Any]
    tracking_run: str
    n_batches: int
    n_predictions: int
    recorded: Mapping[str, Any]
    snapshot: SnapshotLineage


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLineage:
    """A file of predictions, and the tables that its features were computed from."""

    batch_id: str
    path: str
    n_rows: int
    run_id: str
    scored_at: str
    sha256: str
    snapshot: SnapshotLineage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionLineage:
    """A prediction: its row as it was written, its batch, and its version."""

    prediction_id: str
    row: Mapping[str, Any]
    batch: BatchLineage
    version: VersionLineage


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotUses:
    """What came of a snapshot.

    Attributes
    ----------
    versions
        Trained on it: `version`, `serves`, `n_predictions`.
    batches
        Scored from its tables: `batch_id`, `version`, `n_rows`.
    """

    snapshot: SnapshotLineage
    versions: Sequence[Mapping[str, Any]]
    batches: Sequence[Mapping[str, Any]]

    @property
    def n_predictions(self) -> int:
        """Predictions of the versions that were trained on it."""
        return sum(version["n_predictions"] for version in self.versions)


Lineage = PredictionLineage | VersionLineage | SnapshotUses


class Tracer:
    """Answers where something came from; what was read is kept, so many questions are cheap."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._batches = {b.batch_id: b for b in workspace.ledger.batches(workspace.name)}
        self._verdicts = workspace.ledger.promotions(workspace.name)
        self._champion = standing_of(self._verdicts).champion
        self._rows = lru_cache(maxsize=MAX_OPEN)(self._read_rows)
        self._version = lru_cache(maxsize=MAX_OPEN)(self._trace_version)
        self._batch = lru_cache(maxsize=MAX_OPEN)(self._trace_batch)

    def trace(self, name: str) -> Lineage:
        """Trace whatever is called so: a prediction, a version or a snapshot.

        Raises
        ------
        FlowError
            When nothing is.
        """
        if name in self.versions:
            return self.version(name)
        if (self._workspace.path("snapshots", name) / "manifest.json").is_file():
            return self.snapshot(name)
        return self.prediction(name)

    @property
    def versions(self) -> tuple[str, ...]:
        """The project's versions, as far as this ledger knows."""
        known = {row.version for row in self._verdicts}
        known |= {batch.version for batch in self._batches.values()}
        kept = self._workspace.path("versions")
        if kept.is_dir():
            known |= {path.name for path in kept.iterdir() if not path.name.startswith(".")}
        return tuple(sorted(known, key=lambda version: (len(version), version)))

    def version(self, version: str) -> VersionLineage:
        """Trace a version."""
        return self._version(version)

    def prediction(self, name: str) -> PredictionLineage:
        """Trace a prediction by its id."""
        batch, row = self._place(name)
        rows = self._rows(batch.batch_id)
        values = {column: rows[column][row].as_py() for column in rows.column_names}
        if values["prediction_id"] != name:
            raise self._unknown(name)
        return PredictionLineage(
            prediction_id=name,
            row=values,
            batch=self._batch(batch.batch_id),
            version=self._version(batch.version),
        )

    def snapshot(self, snapshot_id: str) -> SnapshotUses:
        """Trace a snapshot forward, to the versions and predictions that came of it."""
        recorded = {version: _recorded(self._workspace, version) for version in self.versions}
        trained = [v for v, content in recorded.items() if content["snapshot"] == snapshot_id]
        scored = [b for b in self._batches.values() if self._scored_from(b) == snapshot_id]
        return SnapshotUses(
            snapshot=_snapshot(self._workspace, snapshot_id),
            versions=[
                {
                    "version": version,
                    "serves": version == self._champion,
                    "n_predictions": sum(batch.n_rows for batch in self._of(version)),
                }
                for version in trained
            ],
            batches=[
                {"batch_id": b.batch_id, "version": b.version, "n_rows": b.n_rows} for b in scored
            ],
        )

    def _of(self, version: str) -> list[Batch]:
        return [batch for batch in self._batches.values() if batch.version == version]

    def _place(self, name: str) -> tuple[Batch, int]:
        """Find batch and row; an id of before, which does not tell them, is looked for."""
        batch_id, _, row = name.rpartition("-")
        named = self._batches.get(batch_id)
        if named is not None and row.isdecimal() and int(row) < named.n_rows:
            return named, int(row)
        for batch in self._batches.values():
            path = self._workspace.state / batch.path
            if "-" not in name and path.exists():
                ids = pq.read_table(path, columns=["prediction_id"])["prediction_id"].to_pylist()
                if name in ids:
                    return batch, ids.index(name)
        raise self._unknown(name)

    def _unknown(self, name: str) -> FlowError:
        return FlowError(
            f"Expected a prediction's id (column prediction_id of a file of predictions), a "
            f"version ({', '.join(self.versions) or 'there is none yet'}) or a snapshot of "
            f"{self._workspace.name}, got {name!r}."
        )

    def _read_rows(self, batch_id: str) -> pa.Table:
        path = self._workspace.state / self._batches[batch_id].path
        try:
            return pq.read_table(path)
        except FileNotFoundError as error:
            raise FlowError(
                f"The predictions of batch {batch_id} are gone: expected {path}. Its version is "
                f"{self._batches[batch_id].version}: perennial trace "
                f"{self._batches[batch_id].version}"
            ) from error

    def _stage(self, batch: Batch, name: str) -> Mapping[str, Any]:
        return self._workspace.ledger.stages(batch.run_id).get(name, {})

    def _scored_from(self, batch: Batch) -> str | None:
        found: str | None = self._stage(batch, "snapshot").get("snapshot_id")
        return found

    def _trace_batch(self, batch_id: str) -> BatchLineage:
        batch = self._batches[batch_id]
        taken = self._stage(batch, "snapshot")
        snapshot = taken and _snapshot(
            self._workspace, taken["snapshot_id"], files=taken.get("sources", {})
        )
        return BatchLineage(
            batch_id=batch_id,
            path=batch.path,
            n_rows=batch.n_rows,
            run_id=batch.run_id,
            scored_at=str(batch.scored_at),
            sha256=self._stage(batch, "predictions").get("sha256", ""),
            snapshot=snapshot or None,
        )

    def _trace_version(self, version: str) -> VersionLineage:
        recorded = _recorded(self._workspace, version)
        run = run_of_version(self._workspace, version)
        stages = {} if run is None else self._workspace.ledger.stages(run.run_id)
        judged = [row for row in self._verdicts if row.version == version]
        batches = self._of(version)
        return VersionLineage(
            version=version,
            serves=version == self._champion,
            verdict=_verdict(judged[-1]) if judged else {},
            tracking_run=stages.get("version", {}).get("tracking_run", ""),
            n_batches=len(batches),
            n_predictions=sum(batch.n_rows for batch in batches),
            recorded=recorded,
            snapshot=_snapshot(
                self._workspace, recorded["snapshot"], tables=recorded.get("tables")
            ),
        )


def _verdict(row: Promotion) -> dict[str, Any]:
    return {"action": row.action, "reason": row.reason, "at": str(row.at), "number": row.sequence}


def _recorded(workspace: Workspace, version: str) -> dict[str, Any]:
    """Read what a version says it was made from; it is fetched where it is not here."""
    directory = workspace.path("versions", version)
    if not directory.exists():
        load_version(workspace, version)
    if is_sealed(directory):
        check_seal(directory, ["lineage.json"])
    content: dict[str, Any] = json.loads((directory / "lineage.json").read_text(encoding="utf-8"))
    return content


def _snapshot(
    workspace: Workspace,
    snapshot_id: str,
    *,
    tables: Sequence[Mapping[str, Any]] | None = None,
    files: Mapping[str, Any] | None = None,
) -> SnapshotLineage:
    """Describe a snapshot: by what was recorded of it, else by its manifest."""
    try:
        manifest = Manifest.read(workspace.path("snapshots", snapshot_id))
    except FeatureError:
        manifest = None
    if tables is None:
        described = manifest.tables if manifest else ()
        tables = [
            plain(table.to_json()) | {"files": (files or {}).get(table.name, [])}
            for table in described
        ]
    return SnapshotLineage(
        snapshot_id=snapshot_id,
        is_here=manifest is not None,
        created_for=str(manifest.created_for) if manifest else "",
        tables=tables,
    )
