"""The champion: the version that serves, with the plan it reads and its reference rows."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from features.durable import creating_directory
from features.errors import DamageError
from features.plan import FeaturePlan
from features.seals import SEAL, check_seal, hash_file, is_sealed, seal
from flows.errors import FlowError
from flows.state import RunRow
from flows.tracking import open_project_tracker
from flows.workspace import Workspace
from models.persistence import load_model
from models.serving import EnsembleModel
from models.tracking import ModelVersion

SEALED = "perennial.bundle_sha256"
"""Tag of a version: SHA-256 of its bundle's seal, as it was registered."""

READ = ("plan.json", "lineage.json", "reference.parquet")
"""What is read of a bundle to serve, besides the model, whose manifest vouches for it. A card that
was being written anew when its run was killed ends no serving."""

_NOTHING_SERVES = "No version of project {} serves yet. Train a first champion with: perennial run"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingVersion:
    """A registered version, brought to this machine.

    Attributes
    ----------
    service
        Feast feature service it reads through.
    reference
        The sealed rows it was validated on: key, cutoff_time, label, prediction, features.
    trained_as_of
        The moment its training run saw the world at (naive UTC).
    """

    version: str
    directory: Path
    plan: FeaturePlan
    model: EnsembleModel
    service: str
    reference: pd.DataFrame
    importance: dict[str, float]
    trained_as_of: pd.Timestamp
    snapshot_id: str


def champion_version(workspace: Workspace) -> str:
    """Name the version that the promotion ledger says serves.

    Raises
    ------
    FlowError
        When none serves yet.
    """
    version = workspace.ledger.champion(workspace.name)
    if version is None:
        raise FlowError(_NOTHING_SERVES.format(workspace.name))
    return version


def load_version(workspace: Workspace, version: str) -> ServingVersion:
    """Load a version: from this machine when it was here before, else from the registry.

    Raises
    ------
    DamageError, ModelError
        When its files are not what was registered, or the registry cannot be reached.
    """
    directory = workspace.path("versions", version)
    if not directory.exists():
        _fetch_version(workspace, version, directory)
    if is_sealed(directory):  # versions were kept without a seal once
        check_seal(directory, READ)
    lineage = json.loads((directory / "lineage.json").read_text(encoding="utf-8"))
    return ServingVersion(
        version=version,
        directory=directory,
        plan=FeaturePlan.load(directory / "plan.json"),
        model=load_model(directory / "model", fingerprint=lineage.get("model")),
        service=lineage["service"],
        reference=pd.read_parquet(directory / "reference.parquet"),
        importance=dict(lineage["importance"]),
        trained_as_of=pd.Timestamp(lineage["now"]),
        snapshot_id=lineage["snapshot"],
    )


def predictions_of(frame: pd.DataFrame, champion: ServingVersion) -> np.ndarray:
    """Give a frame's predictions in the shape the metric takes."""
    if champion.model.problem.task != "multiclass":
        return np.asarray(frame["prediction"], dtype=float)
    names = [f"prediction_{name}" for name in champion.model.problem.classes]
    return np.asarray(frame.reindex(columns=names), dtype=float)


def _fetch_version(workspace: Workspace, version: str, directory: Path) -> None:
    """Bring a version's bundle from the registry, as another machine registered it."""
    tracker = open_project_tracker(workspace)
    registered = tracker.get_version(workspace.name, int(version))
    with creating_directory(directory) as fresh, TemporaryDirectory() as scratch:
        shutil.copytree(tracker.fetch_ensemble(registered, Path(scratch)), fresh / "model")
        names = ["plan.json", "lineage.json", "card.html", "reference/reference.parquet"]
        if SEALED in registered.tags:
            names += [SEAL, "recipe.json"]
        for name in names:
            shutil.copy(tracker.fetch_artifact(registered.run_id, name, Path(scratch)), fresh)
        if SEALED in registered.tags:
            _check_fetched(fresh, registered)
        seal(fresh)


def _check_fetched(directory: Path, registered: ModelVersion) -> None:
    """Refuse files that are not those of the bundle that was registered."""
    if hash_file(directory / SEAL) != registered.tags[SEALED]:
        raise DamageError.of(directory / SEAL, f"is not the one of {registered.uri}")
    check_seal(directory, ["plan.json", "lineage.json", "recipe.json", "reference.parquet"])


def run_of_version(workspace: Workspace, version: str) -> RunRow | None:
    """Give the retrain run that registered a version, or `None` when the ledger is another's."""
    for row in workspace.ledger.runs(workspace.name, "retrain"):
        stage = workspace.ledger.stages(row.run_id).get("version")
        if stage is not None and stage["version"] == version:
            return row
    return None
