"""The tracker: everything a flow asks of MLflow, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlflow import MlflowClient

from models.serving import EnsembleModel
from models.tracking import versions
from models.tracking.connection import TrackingSettings, asking, connect, locked
from models.tracking.pyfunc import VersionContent
from models.tracking.runs import NOTE, Scalar, TrackedRun, fetch_artifact, start_run
from models.tracking.trials import TrialLog
from models.tracking.versions import ModelVersion

Alias = Literal["champion", "challenger", "previous"]


def open_tracker(settings: TrackingSettings) -> "Tracker":
    """Open the store (made on first use, under a lock) and give its tracker.

    Raises
    ------
    TrackingError
        When the store cannot be reached, within about 5 seconds, or refuses.
    """
    client, experiment_id = connect(settings)
    return Tracker(settings=settings, client=client, experiment_id=experiment_id)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracker:
    """One project's runs and versions. Threads may share it: nothing depends on an active run.

    Every method raises `TrackingError` when MLflow cannot be reached or refuses.
    """

    settings: TrackingSettings
    client: MlflowClient
    experiment_id: str

    def start_run(
        self, name: str, *, key: str, tags: Mapping[str, Scalar] | None = None
    ) -> TrackedRun:
        """Start the run named by `key`, or continue it when an earlier start was cut off."""
        return start_run(self.client, self.experiment_id, name=name, key=key, tags=tags or {})

    def describe_experiment(self, markdown: str) -> None:
        """Say above the list of runs what they are about."""
        with asking("describe the experiment"):
            tags = self.client.get_experiment(self.experiment_id).tags
            if tags.get(NOTE) != markdown:
                self.client.set_experiment_tag(self.experiment_id, NOTE, markdown)

    def log_trials(self, run: TrackedRun, *, search: str, metric: str) -> TrialLog:
        """Begin to write a search's trials as children of a run, in the background."""
        return TrialLog(run, search=search, metric=metric)

    def log_version(self, run: TrackedRun, content: VersionContent) -> ModelVersion:
        """Store and register a model; the same `content.key` again gives the same version."""
        with locked(self.settings):
            return versions.register(self.client, run, content)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """Give a version by number."""
        return versions.get_version(self.client, name, version)

    def get_version_by_alias(self, name: str, alias: Alias) -> ModelVersion | None:
        """Give the version an alias points to; None only when there is no such alias."""
        return versions.get_version_by_alias(self.client, name, alias)

    def list_versions(self, name: str) -> tuple[ModelVersion, ...]:
        """Give all versions of a registered model, newest first; none when it does not exist."""
        return versions.list_versions(self.client, name)

    def set_alias(self, version: ModelVersion, alias: Alias) -> None:
        """Point an alias at a version, wherever it pointed before."""
        with asking(f"make {version.uri} {alias!r}"):
            self.client.set_registered_model_alias(version.name, alias, str(version.version))

    def remove_alias(self, name: str, alias: Alias) -> None:
        """Take an alias away; nothing happens when it is not set."""
        with asking(f"remove alias {alias!r} of {name!r}"):
            self.client.delete_registered_model_alias(name, alias)

    def describe_version(
        self, version: ModelVersion, *, description: str, tags: Mapping[str, str] | None = None
    ) -> ModelVersion:
        """Set a version's description ("promoted because …") and tags."""
        with asking(f"describe {version.uri}"):
            number = str(version.version)
            self.client.update_model_version(version.name, number, description)
            for name, value in (tags or {}).items():
                self.client.set_model_version_tag(version.name, number, name, value)
        return self.get_version(version.name, version.version)

    def fetch_version(self, version: ModelVersion, directory: Path) -> Path:
        """Bring a version's MLflow model into a directory and give the path of the model."""
        return versions.fetch_version(self.client, version, directory)

    def fetch_ensemble(self, version: ModelVersion, directory: Path) -> Path:
        """Bring a version's ensemble into a directory, as `models.persistence` loads it."""
        return versions.fetch_ensemble(self.client, version, directory)

    def load_model(self, version: ModelVersion, directory: Path) -> EnsembleModel:
        """Load a version by our own loader from a copy in `directory`.

        Hashes are checked against the registry's tag, and no code of the artefact is run.
        """
        return versions.load_version(self.client, version, directory)

    def fetch_artifact(self, run_id: str, path: str, directory: Path) -> Path:
        """Bring a run's artifact (card, reference window) into a directory, give its path."""
        return fetch_artifact(self.client, run_id, path, directory)
