"""Explain: why a row was, or would be, predicted as it is; nothing is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.sentences import describe_features
from features.snapshot import Snapshot
from flows.champion import ServingVersion, champion_version, load_version
from flows.errors import FlowError
from flows.narration import Narrator
from flows.runs import Run
from flows.stages import SnapshotTaken
from flows.state import Batch, RunRow
from flows.steps.data import compute_rows, tables_of, take, taken
from flows.workspace import Workspace, utc_now
from models.attribution import Attribution, attribute
from models.persistence import predict

N_BACKGROUND = 200
"""Sealed rows that stand for what is usual."""

MAX_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A column of the row, and what it adds to the answer.

    Attributes
    ----------
    sentence
        What the column is, in words.
    value, usual
        The row's, and the sealed rows' median or most frequent one, as people write them.
    added
        Log odds, or the label's unit for a regression.
    """

    column: str
    sentence: str
    value: str
    usual: str
    added: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A prediction of the row that was written before, and whether its features were these."""

    prediction_id: str
    prediction: tuple[float, ...]
    same_features: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRow:
    """Why a row is predicted as it is.

    Attributes
    ----------
    prediction
        Chance of the second class or value; for several classes the chance of each.
    of
        The class whose log odds the reasons add up to; empty for a regression.
    start, end
        What is answered when nothing is known of the row, and for the row (a chance or a value).
    reasons
        Largest first; columns that add nothing are left out.
    exact
        Share of the ensemble's weight that was taken apart exactly, not by sampling.
    """

    version: str
    key: Any
    cutoff_time: pd.Timestamp
    prediction: tuple[float, ...]
    of: str
    start: float
    end: float
    reasons: tuple[Reason, ...]
    exact: float
    recorded: Recorded | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A row, the version that is asked, and the batch that holds its prediction, if any."""

    key: Any
    cutoff_time: pd.Timestamp
    version: str
    batch: Batch | None = None
    written: pd.Series | None = None


def explain_row(
    workspace: Workspace,
    narrator: Narrator,
    *,
    row: str,
    at: pd.Timestamp | None = None,
    version: str | None = None,
) -> ExplainedRow:
    """Compute a row's features as scoring does, predict it, and say what each column adds.

    Parameters
    ----------
    row
        The entity's key.
    at
        Cutoff; by default that of the key's newest prediction.
    version
        By default the one that made this prediction, and where there is none the champion.

    Raises
    ------
    FlowError
        When the key or the version does not exist, when nothing serves, or when `at` is needed or
        lies in the future.
    """
    now = utc_now()
    if at is not None and at > now:
        raise FlowError(f"--at lies in the future: {at} is after {now}.")
    asked = _find(workspace, row, at, version)
    chosen = load_version(workspace, asked.version)
    run = _unwritten_run(
        workspace, narrator, now=max(asked.cutoff_time, _seen_at(workspace, asked))
    )
    tables = _tables(run, asked)
    _check_key(workspace, taken(run, tables), asked)
    features = _features(run, chosen, tables, asked)
    return _explained(asked, chosen, features)


def _find(workspace: Workspace, row: str, at: pd.Timestamp | None, version: str | None) -> _Asked:
    """Find the newest prediction of the key (at this cutoff, by this version), if there is one."""
    key = workspace.entity_key
    for batch in reversed(workspace.ledger.batches(workspace.name, version=version)):
        frame = pd.read_parquet(workspace.state / batch.path)
        found = frame[frame[key].astype(str) == row]
        if at is not None:
            found = found[found["cutoff_time"] == at]
        if len(found):
            written = found.sort_values("cutoff_time").iloc[-1]
            return _Asked(
                key=found.loc[written.name, key],
                cutoff_time=written["cutoff_time"],
                version=batch.version,
                batch=batch,
                written=written,
            )
    if at is None:
        raise FlowError(
            f"No prediction of {key} {row} is on record, so it is not known which moment is meant. "
            "Say it: --at 2024-05-20T06:00"
        )
    chosen = version or champion_version(workspace)
    kind = load_version(workspace, chosen).reference[key].dtype
    try:
        return _Asked(key=pd.Series([row]).astype(kind)[0], cutoff_time=at, version=chosen)
    except ValueError as error:
        raise FlowError(f"Expected {key} as {kind}, got {row!r}.") from error


def _seen_at(workspace: Workspace, asked: _Asked) -> pd.Timestamp:
    """Give the moment that the scoring run saw the world at, where there was one."""
    if asked.batch is None:
        return asked.cutoff_time
    rows = workspace.ledger.runs(workspace.name, "score")
    moments = [pd.Timestamp(row.now) for row in rows if row.run_id == asked.batch.run_id]
    return max(moments, default=asked.cutoff_time)


def _unwritten_run(workspace: Workspace, narrator: Narrator, *, now: pd.Timestamp) -> Run:
    """Make a run that is not in the ledger."""
    row = RunRow(
        run_id="explain",
        project=workspace.name,
        flow="score",
        now=now.to_pydatetime(),
        spec="",
        reason="explain",
        trigger="",
        status="running",
        started_at=utc_now().to_pydatetime(),
    )
    return Run(workspace=workspace, row=row, narrator=narrator, resumed=False)


def _tables(run: Run, asked: _Asked) -> SnapshotTaken:
    """Give the snapshot that the row was scored on, or one as of its cutoff."""
    if asked.batch is not None:
        found = run.workspace.ledger.stages(asked.batch.run_id).get("snapshot")
        if found and run.workspace.path("snapshots", found["snapshot_id"]).exists():
            return SnapshotTaken(**found)
    return SnapshotTaken(snapshot_id=take(run).snapshot_id, n_rows={}, n_future=0)


def _check_key(workspace: Workspace, tables: Snapshot, asked: _Asked) -> None:
    key, entity = workspace.entity_key, workspace.target.entity
    known = tables.read(entity, [key]).column(0).to_pandas()
    if str(asked.key) in set(known.astype(str)):
        return
    such = f"There are {len(known):,}, such as {known.iloc[0]}." if len(known) else "There is none."
    raise FlowError(
        f"Expected a {key} of {entity} as of {asked.cutoff_time}, got {asked.key}, which no row "
        f"has. {such}"
    )


def _features(
    run: Run, chosen: ServingVersion, tables: SnapshotTaken, asked: _Asked
) -> pd.DataFrame:
    rows = pd.DataFrame({run.workspace.entity_key: [asked.key], "cutoff_time": [asked.cutoff_time]})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    known = tables_of(run, chosen.plan, tables, chosen.model.problem.classes)
    frame = compute_rows(run, chosen.plan, known, rows, stage="explain")
    return frame[list(chosen.plan.names)]


def _explained(asked: _Asked, chosen: ServingVersion, features: pd.DataFrame) -> ExplainedRow:
    usual = chosen.reference[list(chosen.plan.names)]
    background = usual.iloc[np.random.default_rng(0).permutation(len(usual))[:N_BACKGROUND]]
    told = np.atleast_1d(predict(chosen.model, features)[0])
    found = attribute(chosen.model, features, background, max_seconds=MAX_SECONDS)
    return ExplainedRow(
        version=asked.version,
        key=asked.key,
        cutoff_time=asked.cutoff_time,
        prediction=tuple(map(float, told)),
        of=_class_of(chosen, told),
        start=_answer(found, found.base),
        end=_answer(found, found.answers),
        reasons=_reasons(chosen, features, usual, found),
        exact=found.exact,
        recorded=_recorded(asked, chosen, features),
    )


def _class_of(chosen: ServingVersion, told: np.ndarray) -> str:
    problem = chosen.model.problem
    if problem.task == "regression":
        return ""
    classes: Sequence[Any] = problem.classes or (0, 1)
    return str(classes[int(chosen.model.call(told[None])[0]) if len(told) > 1 else 1])


def _answer(found: Attribution, told: np.ndarray) -> float:
    value = float(told[0])
    return value if found.scale == "value" else float(1 / (1 + np.exp(-value)))


def _reasons(
    chosen: ServingVersion, features: pd.DataFrame, usual: pd.DataFrame, found: Attribution
) -> tuple[Reason, ...]:
    words = describe_features(chosen.plan)
    reasons = [
        Reason(
            column=name,
            sentence=words[name].sentence,
            value=words[name].write(_plain(features[name].iloc[0])),
            usual=words[name].write(_usual(usual[name])),
            added=float(added),
        )
        for name, added in zip(found.columns, found.values[0], strict=True)
        if added != 0 and name in words
    ]
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.added)))


def _usual(values: pd.Series) -> float | str | None:
    known = values.dropna()
    if known.empty:
        return None
    numeric = pd.api.types.is_numeric_dtype(known.dtype)
    return _plain(known.median() if numeric else known.mode().iloc[0])


def _plain(value: Any) -> float | str | None:
    if pd.isna(value):
        return None
    return str(value) if isinstance(value, str) else float(value)


def _recorded(asked: _Asked, chosen: ServingVersion, features: pd.DataFrame) -> Recorded | None:
    if asked.written is None:
        return None
    hashed = pd.util.hash_pandas_object(features, index=False).to_numpy(np.uint64)[0]
    names = [name for name in asked.written.index if name.startswith("prediction")]
    values = [asked.written[name] for name in names if name != "prediction_id"]
    return Recorded(
        prediction_id=str(asked.written["prediction_id"]),
        prediction=tuple(map(float, values)),
        same_features=bool(hashed == np.uint64(asked.written["feature_hash"])),
    )
