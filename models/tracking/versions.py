"""Versions: registered once per key, found by number or alias, loaded by our own loader."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException

from features.errors import DamageError
from features.seals import SEAL, check_seal, hash_file
from models.persistence import fingerprint_of, load_model
from models.serving import EnsembleModel
from models.tracking.connection import TrackingError, asking
from models.tracking.pyfunc import DATA, VersionContent, write_pyfunc
from models.tracking.runs import TrackedRun

VERSION_KEY = "perennial.version_key"
FINGERPRINT = "perennial.model_sha256"
ARTIFACT_SEAL = "perennial.artifact_sha256"
"""Tag with the SHA-256 of the artefact's seal, so that it cannot be replaced as a whole either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version in the registry.

    Attributes
    ----------
    run_id
        The run that made it; leaderboard, card and reference window are its artifacts.
    """

    name: str
    version: int
    run_id: str
    tags: Mapping[str, str]
    description: str

    @property
    def uri(self) -> str:
        """Give the address `mlflow.pyfunc.load_model` takes."""
        return f"models:/{self.name}/{self.version}"


def register(client: MlflowClient, run: TrackedRun, content: VersionContent) -> ModelVersion:
    """Store and register a model; the same key again gives the version that exists."""
    with asking(f"register a version of {content.name!r}"):
        _ensure_registered_model(client, content.name)
        known = _find(client, content)
        if known is not None:
            return known
        tags = dict(content.tags) | {
            VERSION_KEY: content.key,
            FINGERPRINT: fingerprint_of(content.model),
        }
        model = client.create_logged_model(
            run.experiment_id,
            name=content.name,
            source_run_id=run.run_id,
            tags=tags,
            model_type="ensemble",
        )
        with tempfile.TemporaryDirectory() as directory:
            local = Path(directory, "pyfunc")
            sealed = write_pyfunc(content, local, run_id=run.run_id, model_id=model.model_id)
            client.log_model_artifacts(model.model_id, str(local))
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        client.log_outputs(run.run_id, [LoggedModelOutput(model.model_id, step=0)])
        made = client.create_model_version(
            content.name,
            source=_source(client, model),
            run_id=run.run_id,
            tags=tags | {ARTIFACT_SEAL: sealed},
            description=content.description or None,
            model_id=model.model_id,
        )
        return _record(made)


def get_version(client: MlflowClient, name: str, version: int) -> ModelVersion:
    """Give a version by number."""
    with asking(f"give version {version} of {name!r}"):
        return _record(client.get_model_version(name, str(version)))


def get_version_by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Give the version an alias points to; None only when there is no such alias.

    NOTE: the aliases are read from the registered model, because MLflow answers
    INVALID_PARAMETER_VALUE both for an absent alias and for other faults.
    """
    with asking(f"say which version of {name!r} is {alias!r}"):
        try:
            aliases = client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        if alias not in aliases:
            return None
        return _record(client.get_model_version(name, str(aliases[alias])))


def list_versions(client: MlflowClient, name: str) -> tuple[ModelVersion, ...]:
    """Give all versions, newest first."""
    with asking(f"list the versions of {name!r}"):
        return tuple(sorted((_record(v) for v in _search(client, name)), key=lambda v: -v.version))


def fetch_version(client: MlflowClient, version: ModelVersion, directory: Path) -> Path:
    """Bring the MLflow model of a version to a local directory and give its path.

    Raises
    ------
    TrackingError
        When it cannot be had, or a file of it is not the one that was registered.
    """
    target = directory / f"{version.name}_{version.version}"
    target.mkdir(parents=True, exist_ok=True)
    with asking(f"give the files of {version.uri}"):
        location = client.get_model_version_download_uri(version.name, str(version.version))
        download_artifacts(
            artifact_uri=location, dst_path=str(target), tracking_uri=client.tracking_uri
        )
    # NOTE: MLflow puts a folder named like the source's last part below the destination.
    found = [path.parent for path in target.rglob("MLmodel")]
    with asking(f"give the files of {version.uri}"):
        if len(found) != 1:
            raise FileNotFoundError(f"{len(found)} MLmodel files in {location}")
    _check_artifact(version, found[0])
    return found[0]


def load_version(client: MlflowClient, version: ModelVersion, directory: Path) -> EnsembleModel:
    """Load a version's ensemble with our own loader: no code of the artefact is run."""
    path = fetch_ensemble(client, version, directory)
    return load_model(path, fingerprint=version.tags.get(FINGERPRINT))


def fetch_ensemble(client: MlflowClient, version: ModelVersion, directory: Path) -> Path:
    """Bring the ensemble of a version, as `save_model` wrote it, and give its directory."""
    return fetch_version(client, version, directory) / "data" / DATA


def _check_artifact(version: ModelVersion, path: Path) -> None:
    sealed = version.tags.get(ARTIFACT_SEAL)
    if sealed is None:  # registered before artefacts were sealed
        return
    try:
        check_seal(path)
    except DamageError as error:
        raise TrackingError(
            f"The artefact of {version.uri} is damaged. {error} Another version can serve "
            "meanwhile: perennial rollback"
        ) from error
    if hash_file(path / SEAL) != sealed:
        raise TrackingError(
            f"Expected the artefact of {version.uri} that was registered, got another one: its "
            f"{SEAL} is not the one of tag {ARTIFACT_SEAL}."
        )


def _source(client: MlflowClient, model: Any) -> str:
    # NOTE: a database store resolves `models:/` addresses through MLflow's global tracking URI,
    # which we never set; a tracking server knows its own, and refuses file paths.
    if client.tracking_uri.startswith("http"):
        return f"models:/{model.model_id}"
    return str(model.artifact_location)


def _ensure_registered_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _find(client: MlflowClient, content: VersionContent) -> ModelVersion | None:
    for version in _search(client, content.name):
        if version.tags.get(VERSION_KEY) == content.key:
            return _record(version)
    return None


def _search(client: MlflowClient, name: str) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1_000, page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


def _record(version: Any) -> ModelVersion:
    return ModelVersion(
        name=version.name,
        version=int(version.version),
        run_id=version.run_id,
        tags=dict(version.tags),
        description=version.description or "",
    )
