"""Runs: one per retrain, written by explicit id, continued when the flow is started again."""

import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from models.tracking.connection import TrackingError, asking

RUN_KEY = "perennial.run_key"
STAGE = "perennial.stage"
NOTE = MLFLOW_RUN_NOTE
MAX_BATCH = 100
MAX_VALUE = 5_000

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDataset:
    """Rows that a run has used.

    Attributes
    ----------
    digest
        Of every value, at most 36 characters.
    context
        What for: `training`, `holdout` …
    origin
        Where the rows come from: snapshot, plan, labels …
    columns
        `{"name": …, "type": "double" | "string"}` of each.
    """

    name: str
    digest: str
    context: str
    n_rows: int
    origin: Mapping[str, str]
    columns: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackedRun:
    """A run that is open for writing; every method names it by id, so threads may share it."""

    client: MlflowClient
    run_id: str
    experiment_id: str
    name: str

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log finite numbers; others are left out, as MLflow cannot show them."""
        with asking(f"log metrics of run {self.name!r}"):
            log_batches(self.client, self.run_id, metrics=metrics, step=step)

    def log_params(self, params: Mapping[str, Scalar]) -> None:
        """Log parameters; logging the same again changes nothing."""
        with asking(f"log parameters of run {self.name!r}"):
            log_batches(self.client, self.run_id, params=params)

    def set_tags(self, tags: Mapping[str, Scalar]) -> None:
        """Set tags, replacing earlier values."""
        with asking(f"set tags of run {self.name!r}"):
            log_batches(self.client, self.run_id, tags=tags)

    def set_stage(self, stage: str) -> None:
        """Say in a tag which step the run has reached."""
        self.set_tags({STAGE: stage})

    def describe(self, markdown: str) -> None:
        """Say at the run's head what it is about, with links and tables."""
        self.set_tags({NOTE: markdown})

    def link(self, path: str) -> str:
        """Give the address of an artifact's page, from any page of the UI."""
        return f"#/experiments/{self.experiment_id}/runs/{self.run_id}/artifacts/{path}"

    def log_text(self, text: str, path: str) -> None:
        """Store text (HTML pages are shown in the UI) as an artifact."""
        with asking(f"store {path} with run {self.name!r}"):
            self.client.log_text(self.run_id, text, path)

    def log_json(self, content: Any, path: str) -> None:
        """Store JSON as an artifact."""
        self.log_text(json.dumps(content, indent=1, default=str), path)

    def log_file(self, file: Path, folder: str | None = None) -> None:
        """Store a file as an artifact."""
        with asking(f"store {file.name} with run {self.name!r}"):
            self.client.log_artifact(self.run_id, str(file), folder)

    def log_frame(self, frame: pd.DataFrame, path: str) -> None:
        """Store a frame as a Parquet artifact (a reference window, a leaderboard)."""
        target = Path(path)
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, target.name)
            frame.to_parquet(file, coerce_timestamps="us")
            self.log_file(file, None if target.parent == Path(".") else str(target.parent))

    def log_dataset(self, dataset: "LoggedDataset") -> None:
        """Log what the run learned from or was judged on, as `mlflow.log_input` does.

        NOTE: with a digest of our own: MLflow's looks at 10,000 rows and at no dates.
        """
        entity = Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type="code",
            source=json.dumps({"tags": dict(dataset.origin)}),
            schema=json.dumps({"mlflow_colspec": [*dataset.columns]}),
            profile=json.dumps({"num_rows": dataset.n_rows}),
        )
        context = InputTag("mlflow.data.context", dataset.context)
        with asking(f"log dataset {dataset.name!r} of run {self.name!r}"):
            self.client.log_inputs(self.run_id, [DatasetInput(entity, [context])])

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """End the run."""
        with asking(f"end run {self.name!r}"):
            self.client.set_terminated(self.run_id, status)


def start_run(
    client: MlflowClient, experiment_id: str, *, name: str, key: str, tags: Mapping[str, Scalar]
) -> TrackedRun:
    """Start the run of this key, or continue it when it exists."""
    with asking(f"start run {name!r}"):
        found = find_runs(client, experiment_id, RUN_KEY, key)
        if found:
            run_id = found[0].info.run_id
            client.update_run(run_id, status="RUNNING")
        else:
            run = client.create_run(experiment_id, run_name=name, tags={RUN_KEY: key})
            run_id = run.info.run_id
        log_batches(client, run_id, tags=tags)
    return TrackedRun(client=client, run_id=run_id, experiment_id=experiment_id, name=name)


def find_runs(client: MlflowClient, experiment_id: str, tag: str, value: str) -> list[Any]:
    """List the runs of an experiment that carry a tag, newest first."""
    if "'" in value:
        raise TrackingError(f"Expected a tag value without quotes to look for, got {value!r}.")
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id], f"tags.`{tag}` = '{value}'", ViewType.ACTIVE_ONLY, page_token=token
        )
        found.extend(page)
        token = page.token
        if not token:
            return found


def log_batches(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, Scalar] | None = None,
    tags: Mapping[str, Scalar] | None = None,
    step: int = 0,
    at_ms: int | None = None,
) -> None:
    """Log in as few calls as MLflow's limits allow (100 parameters or tags a call)."""
    now = int(time.time() * 1000) if at_ms is None else at_ms
    finite = {name: value for name, value in (metrics or {}).items() if math.isfinite(value)}
    batches: list[list[Any]] = [
        [Metric(name, float(value), now, step) for name, value in finite.items()],
        [Param(name, str(value)[:MAX_VALUE]) for name, value in (params or {}).items()],
        [RunTag(name, str(value)[:MAX_VALUE]) for name, value in (tags or {}).items()],
    ]
    for first in range(0, max(map(len, batches)), MAX_BATCH):
        client.log_batch(run_id, *(batch[first : first + MAX_BATCH] for batch in batches))


def fetch_artifact(client: MlflowClient, run_id: str, path: str, directory: Path) -> Path:
    """Bring an artifact of a run to a local directory and give its path."""
    with asking(f"give artifact {path} of run {run_id}"):
        uri = f"{client.get_run(run_id).info.artifact_uri.rstrip('/')}/{path}"
        directory.mkdir(parents=True, exist_ok=True)
        return Path(
            download_artifacts(
                artifact_uri=uri, dst_path=str(directory), tracking_uri=client.tracking_uri
            )
        )
