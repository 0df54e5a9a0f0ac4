"""Integrity: everything that a version stands on is hashed again, and what differs is named."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from features.errors import FeatureError
from features.manifest import Manifest
from features.origins import SourceFile
from features.seals import SEAL, Damage, compare, find_damage, is_sealed, parse
from features.snapshot import open_snapshot
from flows.champion import SEALED
from flows.lineage import BatchLineage, VersionLineage
from flows.tracking import open_project_tracker
from flows.workspace import Workspace
from models.errors import ModelError

SOURCES, SNAPSHOT, LABELS, MATRIX = "sources", "snapshot", "labels", "matrix"
BUNDLE, REGISTRY = "bundle", "registry"
PREDICTIONS, SCORED_FROM = "predictions", "scored from"
_STANDINGS = {
    "changed": "is not what the snapshot was taken from (the snapshot holds what was read)",
    "gone": "is gone (the snapshot holds what was read)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file that is not as it was.

    Attributes
    ----------
    part
        What it belongs to.
    file
        Relative to the state directory, or to the project's folder for a source.
    """

    part: str
    file: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at and what was found: `parts` says how many files of each."""

    parts: Mapping[str, int]
    findings: tuple[Finding, ...]


def verify_version(workspace: Workspace, version: VersionLineage) -> Verified:
    """Hash sources, snapshot, labels, matrix, bundle and registry of a version again.

    A source that has only grown is as it was: its first bytes are those that were read.
    """
    checks = {
        SOURCES: _sources(workspace, version),
        SNAPSHOT: _snapshots(workspace, version.snapshot.snapshot_id),
        LABELS: _labels(workspace, version),
        MATRIX: _matrix(workspace, version),
        BUNDLE: _sealed(workspace.path("versions", version.version)),
        REGISTRY: _registry(workspace, version),
    }
    return _verified(workspace, checks)


def verify_batch(workspace: Workspace, batch: BatchLineage) -> Verified:
    """Hash a file of predictions, and the tables that it was scored from, again."""
    checks = {PREDICTIONS: _one(workspace.state / batch.path, batch.sha256)}
    if batch.snapshot is not None:
        snapshot = batch.snapshot.snapshot_id
        checks[SCORED_FROM] = _snapshots(workspace, snapshot)
    return _verified(workspace, checks)


def verify_snapshot(workspace: Workspace, snapshot_id: str) -> Verified:
    """Hash a snapshot's tables again."""
    return _verified(workspace, {SNAPSHOT: _snapshots(workspace, snapshot_id)})


Looked = Iterator[tuple[Path, str]]
"""Files looked at, each with what is wrong with it, or nothing."""


def _verified(workspace: Workspace, checks: Mapping[str, Looked]) -> Verified:
    parts: dict[str, int] = {}
    findings: dict[tuple[str, str], Finding] = {}
    for part, looked in checks.items():
        seen = set()
        for path, what in looked:
            seen.add(path)
            name = _named(workspace, path)
            if what:
                findings[part, name] = Finding(part=part, file=name, what=what)
        parts[part] = len(seen)
    return Verified(parts=parts, findings=tuple(findings.values()))


def _named(workspace: Workspace, path: Path) -> str:
    for root in (workspace.state, workspace.folder):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)


def _one(path: Path, sha256: str) -> Looked:
    if sha256:
        yield path, _words(next(compare(path, sha256), None))


def _words(damage: Damage | None) -> str:
    return damage.sentence if damage else ""


def _sources(workspace: Workspace, version: VersionLineage) -> Looked:
    for table in version.snapshot.tables:
        for content in table.get("files", ()):
            file = SourceFile(**content)
            standing = file.standing(workspace.folder)
            yield workspace.folder / file.file, _STANDINGS.get(standing, "")


def _snapshots(workspace: Workspace, snapshot_id: str) -> Looked:
    """Look at the snapshot, and at those that hold its tables and past labels besides."""
    base = workspace.path("snapshots", snapshot_id)
    yield from _snapshot(base)
    try:
        known = {(t.name, t.sha256) for t in Manifest.read(base).tables}
    except FeatureError:
        return
    for other in sorted(base.parent.iterdir()):
        if other == base or other.name.startswith("."):
            continue
        try:
            tables = {(t.name, t.sha256) for t in Manifest.read(other).tables}
        except FeatureError:  # nobody can tell any more whether it is one of them
            yield other / "manifest.json", "was changed after it was written"
            continue
        if known < tables:
            yield from _snapshot(other)


def _snapshot(directory: Path) -> Looked:
    manifest = directory / "manifest.json"
    try:
        snapshot = open_snapshot(directory)
    except FeatureError:
        yield manifest, "was changed after it was written" if manifest.exists() else "is gone"
        return
    yield manifest, ""
    for table in snapshot.tables:
        yield from _one(snapshot.path(table.name), table.sha256)
    try:
        open_snapshot(directory, verify=True)
    except FeatureError as error:
        if str(manifest) in str(error):
            yield manifest, "is not of this snapshot"


def _labels(workspace: Workspace, version: VersionLineage) -> Looked:
    stage = workspace.ledger.stages(version.recorded["run"]).get("labels", {})
    name = version.recorded["labels"]
    yield from _one(workspace.path("labels", f"{name}.parquet"), stage.get("sha256", ""))


def _matrix(workspace: Workspace, version: VersionLineage) -> Looked:
    directory = workspace.path("matrices", version.recorded["plan"])
    if not directory.is_dir():
        yield directory, "is gone"
        return
    for batch in sorted(directory.glob("batch-*")):
        yield from _sealed(batch)


def _sealed(directory: Path) -> Looked:
    """Look at the files of a sealed directory; one from before there were seals tells nothing."""
    if not directory.is_dir():
        yield directory, "is gone"
        return
    for path in directory.rglob("*"):
        if path.is_file():
            yield path, ""
    for damage in find_damage(directory) if is_sealed(directory) else ():
        yield damage.path, damage.sentence


def _registry(workspace: Workspace, version: VersionLineage) -> Looked:
    """Fetch what MLflow keeps of the version, and compare it with the seals."""
    place = Path(f"{workspace.name} {version.version} in MLflow")
    try:
        tracker = open_project_tracker(workspace)
        registered = tracker.get_version(workspace.name, int(version.version))
    except ModelError as error:
        yield place, str(error)
        return
    with TemporaryDirectory() as scratch:
        model, run = Path(scratch, "model"), Path(scratch, "run")
        with suppress(ModelError):  # what is damaged is named below
            tracker.fetch_version(registered, model)
        for sealed in model.rglob(SEAL):
            for path, what in _sealed(sealed.parent):
                yield place / path.relative_to(sealed.parent), what
        if SEALED not in registered.tags:  # registered before bundles were sealed
            return
        own = tracker.fetch_artifact(registered.run_id, SEAL, run)
        yield place / SEAL, _words(next(compare(own, registered.tags[SEALED]), None))
        for name, sha256 in _expected(own).items():
            fetched = tracker.fetch_artifact(registered.run_id, name, run)
            yield place / name, _words(next(compare(fetched, sha256), None))


def _expected(seal: Path) -> dict[str, str]:
    """Say what the run's files have to be: the seal lists them where the bundle has them."""
    try:
        files = parse(seal.read_text(encoding="utf-8"))["files"]
    except ValueError:
        return {}
    shown = {name: name for name in files if "/" not in name and name.endswith(".json")}
    shown["reference.parquet"] = "reference/reference.parquet"
    return {shown[name]: files[name] for name in shown}
