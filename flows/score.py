"""Score: the rows that are due get the champion's predictions, written with their lineage."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.durable import replacing
from features.fingerprint import fingerprint
from features.labels import make_due_rows
from features.matrix import write_matrix
from features.seals import hash_file
from flows.champion import ServingVersion, champion_version, load_version
from flows.errors import FlowError
from flows.narration import Narrator
from flows.runs import Call, Run, call_directly, finish, running
from flows.stages import Champion, Materialized, MatrixMade, Scored, SnapshotTaken
from flows.state import Batch, prediction_id
from flows.steps.data import (
    compute_rows,
    matrix_directory,
    register_service,
    snapshot,
    tables_of,
    taken,
)
from flows.store import open_project_store
from flows.workspace import Workspace, utc_now
from models.persistence import predict as predict_rows
from models.serving.decision import COLUMN as DECISION


def score_project(
    workspace: Workspace,
    narrator: Narrator,
    *,
    at: pd.Timestamp | None = None,
    rows: str | None = None,
    call: Call = call_directly,
) -> Mapping[str, Any]:
    """Score the rows due by `at`, or a file of (key, cutoff_time).

    A row is due when its cutoff lies after the newest one scored before (for a first batch:
    after the moment the champion was trained as of) and not after `at`.

    Raises
    ------
    FlowError
        When no version serves, or the file does not hold what is expected.
    """
    with running(workspace, "score", now=at, narrator=narrator) as run:
        champion = call(find_champion, run)
        tables = call(snapshot, run)
        asked = call(due_rows, run, champion, tables, rows)
        if asked.empty:
            outcome = asdict(Scored(batch_id="", version=champion.version, path="", n_rows=0))
            narrator.say("Nothing is due: no row's cutoff lies after the newest one scored.")
        else:
            call(compute_features, run, champion, tables, asked)
            scored = call(predict, run, champion, asked, rows is None)
            call(materialize_online, run, champion)
            outcome = asdict(scored)
        finish(run, outcome)
    return outcome


def find_champion(run: Run) -> ServingVersion:
    """Load the version that serves; a run that goes on keeps the one it began with."""
    named = run.once(
        "champion",
        Champion,
        lambda: Champion(version=champion_version(run.workspace)),
        lambda champion: f"version {champion.version} serves",
    )
    return load_version(run.workspace, named.version)


def due_rows(
    run: Run, champion: ServingVersion, tables: SnapshotTaken, rows: str | None
) -> pd.DataFrame:
    """Say which (key, cutoff_time) are to be scored."""
    if rows is not None:
        return read_rows(Path(rows), key=run.workspace.entity_key, now=run.now)
    return make_due_rows(
        taken(run, tables),
        run.workspace.target,
        after=_scored_until(run, champion),
        until=run.now,
    )


def compute_features(
    run: Run, champion: ServingVersion, tables: SnapshotTaken, rows: pd.DataFrame
) -> MatrixMade:
    """Compute the champion's features for the rows and put them into the store."""

    def compute() -> MatrixMade:
        known = tables_of(run, champion.plan, tables, champion.model.problem.classes)
        frame = compute_rows(run, champion.plan, known, rows, stage="features")
        directory = matrix_directory(run.workspace, champion.plan)
        write_matrix(frame, directory=directory, key=run.workspace.entity_key, created_at=run.now)
        register_service(run, champion.plan)
        return MatrixMade(
            directory=str(directory), n_rows=len(frame), n_features=len(champion.plan.names)
        )

    return run.once(
        "features", MatrixMade, compute, lambda made: f"{made.n_rows:,} rows × {made.n_features}"
    )


def predict(run: Run, champion: ServingVersion, rows: pd.DataFrame, due: bool) -> Scored:
    """Read the features through Feast, predict, and write the batch."""

    def compute() -> Scored:
        workspace, key = run.workspace, run.workspace.entity_key
        asked = rows[[key, "cutoff_time"]].reset_index(drop=True)
        features = open_project_store(workspace).read_training(champion.service, asked)
        batch_id = fingerprint([champion.version, run.row.run_id, len(asked)])
        frame = _predictions(run, champion, asked, features[list(champion.plan.names)], batch_id)
        path = workspace.path("predictions", champion.version, f"{batch_id}.parquet")
        with replacing(path) as temporary:
            frame.to_parquet(temporary, index=False)
        workspace.ledger.add_batch(
            Batch(
                batch_id=batch_id,
                project=workspace.name,
                version=champion.version,
                run_id=run.row.run_id,
                path=str(path.relative_to(workspace.state)),
                n_rows=len(frame),
                first_cutoff=frame["cutoff_time"].min().to_pydatetime(),
                last_cutoff=frame["cutoff_time"].max().to_pydatetime(),
                due_until=run.now.to_pydatetime() if due else None,
                scored_at=utc_now().to_pydatetime(),
            )
        )
        return Scored(
            batch_id=batch_id,
            version=champion.version,
            path=str(path),
            n_rows=len(frame),
            sha256=hash_file(path),
        )

    return run.once(
        "predictions",
        Scored,
        compute,
        lambda scored: f"{scored.n_rows:,} rows scored by version {scored.version}",
    )


def materialize_online(run: Run, champion: ServingVersion) -> Materialized:
    """Bring the newest values to the online store."""

    def compute() -> Materialized:
        store = open_project_store(run.workspace)
        return Materialized(n_rows=store.materialize(champion.service, until=run.now))

    return run.once(
        "online", Materialized, compute, lambda made: f"{made.n_rows:,} rows in the online store"
    )


def read_rows(path: Path, *, key: str, now: pd.Timestamp) -> pd.DataFrame:
    """Read a CSV or Parquet file of (key, cutoff_time) to score.

    Raises
    ------
    FlowError
        When the file is missing, is neither CSV nor Parquet, lacks a column, is empty, or asks
        for a moment after `now`.
    """
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise FlowError(
            f"{path} cannot be read as CSV or Parquet of {key} and cutoff_time: {error}"
        ) from error
    missing = [name for name in (key, "cutoff_time") if name not in frame.columns]
    if missing:
        raise FlowError(
            f"{path}: expected columns {key} and cutoff_time, missing {', '.join(missing)}; "
            f"got {', '.join(map(str, frame.columns))}."
        )
    if frame.empty:
        raise FlowError(f"{path}: expected rows to score, got none.")
    frame["cutoff_time"] = _moments(frame["cutoff_time"], path)
    later = frame.loc[frame["cutoff_time"] > now, "cutoff_time"]
    if len(later):
        raise FlowError(
            f"{path}: {len(later)} of {len(frame)} cutoffs lie after {now}, the newest at "
            f"{later.max()}. What is known then is not known now; score them later."
        )
    return frame[[key, "cutoff_time"]]


def _moments(column: pd.Series, path: Path) -> pd.Series:
    try:
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
    except (ValueError, TypeError) as error:
        raise FlowError(
            f"{path}: cutoff_time: expected moments such as 2013-05-01T06:00: {error}"
        ) from error
    if moments.isna().any():
        raise FlowError(f"{path}: cutoff_time is missing in {int(moments.isna().sum())} rows.")
    return moments.astype("datetime64[us]")


def _scored_until(run: Run, champion: ServingVersion) -> pd.Timestamp:
    """Give the newest moment up to which due rows were scored, by whichever version."""
    batches = run.workspace.ledger.batches(run.workspace.name)
    moments = [pd.Timestamp(b.due_until) for b in batches if b.due_until is not None]
    return max(moments, default=champion.trained_as_of)


def _predictions(
    run: Run,
    champion: ServingVersion,
    asked: pd.DataFrame,
    features: pd.DataFrame,
    batch_id: str,
) -> pd.DataFrame:
    values = predict_rows(champion.model, features)
    frame = asked.copy()
    if values.ndim == 1:
        frame["prediction"] = values
    else:
        for position, name in enumerate(champion.model.problem.classes):
            frame[f"prediction_{name}"] = values[:, position]
    if champion.model.problem.is_classification:
        frame[DECISION] = champion.model.name_calls(values)
    frame["version"] = champion.version
    frame["service"] = champion.service
    frame["feature_hash"] = pd.util.hash_pandas_object(features, index=False).to_numpy(np.uint64)
    frame["run_id"] = run.row.run_id
    frame["prediction_id"] = [prediction_id(batch_id, row) for row in range(len(frame))]
    return frame
