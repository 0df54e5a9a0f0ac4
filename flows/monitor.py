"""Monitor: what was scored lately against what the champion was validated on, and a decision."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.fingerprint import fingerprint
from features.labels import known_labels
from flows.champion import ServingVersion, predictions_of
from flows.measurement import Measured, measure
from flows.narration import Narrator
from flows.notes import decision_note
from flows.notices import Notice, notify
from flows.runs import Call, Run, call_directly, finish, running
from flows.score import find_champion
from flows.sections import seconds_of
from flows.stages import Decided, SnapshotTaken
from flows.state import DecisionRow, OutboxRow
from flows.steps.data import snapshot, taken
from flows.store import open_project_store
from flows.timeline_page import TIMELINE, write_timeline
from flows.tracking import open_project_tracker, short_moment
from flows.workspace import Workspace
from monitoring.report import render_report
from monitoring.windows import Window


def monitor_project(
    workspace: Workspace,
    narrator: Narrator,
    *,
    now: pd.Timestamp | None = None,
    call: Call = call_directly,
) -> Mapping[str, Any]:
    """Measure the newest window, decide, and write down a retrain if that is the decision.

    Raises
    ------
    FlowError
        When no version serves.
    """
    with running(workspace, "monitor", now=now, narrator=narrator) as run:
        champion = call(find_champion, run)
        tables = call(snapshot, run)
        window = call(current_window, run, champion, tables)
        history = call(scored_history, run, champion, tables)
        measured = call(measure, run, champion, window, history)
        decided = call(decide_and_report, run, champion, window, measured)
        outcome = asdict(decided)
        finish(run, outcome)
        if decided.kind == "Retrain":
            notify(workspace, narrator, _decision_notice(run, decided))
    return outcome


def _decision_notice(run: Run, decided: Decided) -> Notice:
    return Notice(
        event="decision",
        text=f"{run.workspace.name}: retrain asked for, {decided.reason}",
        at=run.now,
        facts={
            "decision": decided.kind,
            "decision_id": decided.decision_id,
            "reason": decided.reason,
            "version": decided.version,
        },
    )


def current_window(run: Run, champion: ServingVersion, tables: SnapshotTaken) -> Window:
    """Gather what the champion scored in the window before now, with the labels known by now."""
    start = run.now - pd.Timedelta(seconds=seconds_of(run.workspace.project.monitoring.window))
    scored = scored_between(run.workspace, champion.version, start, run.now)
    columns = list(champion.plan.names)
    if scored.empty:
        features = champion.reference[columns].head(0)
    else:
        key = run.workspace.entity_key
        store = open_project_store(run.workspace)
        features = store.read_training(champion.service, scored[[key, "cutoff_time"]])[columns]
    return _window(run, champion, tables, scored, features)


def scored_history(run: Run, champion: ServingVersion, tables: SnapshotTaken) -> Window:
    """Gather all that the champion ever scored, with the labels known by now and no features."""
    scored = scored_between(run.workspace, champion.version, pd.Timestamp.min, run.now)
    scored = scored.sort_values("cutoff_time", kind="stable", ignore_index=True)
    return _window(run, champion, tables, scored, pd.DataFrame(index=scored.index))


def _window(
    run: Run,
    champion: ServingVersion,
    tables: SnapshotTaken,
    scored: pd.DataFrame,
    features: pd.DataFrame,
) -> Window:
    labels, n_unknown = _labels(run, champion, tables, scored)
    return Window(
        features=features.reset_index(drop=True),
        scores=predictions_of(scored, champion),
        labels=labels,
        cutoff_time=scored["cutoff_time"].to_numpy("datetime64[us]"),
        name="current",
        n_unknown_classes=n_unknown,
    )


def scored_between(
    workspace: Workspace, version: str, start: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    """Read a version's predictions with start < cutoff <= end, each (key, cutoff) once."""
    batches = [
        batch
        for batch in workspace.ledger.batches(workspace.name, version=version)
        if batch.last_cutoff is not None and pd.Timestamp(batch.last_cutoff) > start
    ]
    frames = [pd.read_parquet(workspace.state / batch.path) for batch in batches]
    key = workspace.entity_key
    if not frames:
        empty = pd.DataFrame({key: [], "cutoff_time": [], "prediction": []})
        return empty.astype({"cutoff_time": "datetime64[us]"})
    scored = pd.concat(frames, ignore_index=True)
    scored = scored[(scored["cutoff_time"] > start) & (scored["cutoff_time"] <= end)]
    return scored.drop_duplicates([key, "cutoff_time"], keep="last").reset_index(drop=True)


def decide_and_report(
    run: Run, champion: ServingVersion, window: Window, measured: Measured
) -> Decided:
    """Write the decision (and the retrain it asks for) to the ledger, and the report for people."""

    def compute() -> Decided:
        workspace, decision = run.workspace, measured.decision
        decision_id = fingerprint([workspace.name, champion.version, str(run.now)])
        path = workspace.path("reports", f"{run.now:%Y-%m-%dT%H%M}-{decision_id}.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        render_report(measured.reference, window, measured.evidence, decision, path)
        row = _decision_row(run, champion, measured, decision_id)
        workspace.ledger.decide(row, _order(run, row) if row.kind == "Retrain" else None)
        _log_decision(run, champion, measured, path)
        return Decided(
            decision_id=decision_id,
            kind=row.kind,
            reason=decision.reason,
            version=champion.version,
            report=str(path),
            n_rows=window.n_rows,
            n_labelled=window.n_labelled,
        )

    return run.once("decision", Decided, compute, lambda done: f"{done.kind}: {done.reason}")


def _log_decision(run: Run, champion: ServingVersion, measured: Measured, report: Path) -> None:
    """Write a decision, its numbers and its report as an MLflow run of their own."""
    tracker = open_project_tracker(run.workspace)
    tracked = tracker.start_run(
        f"{measured.kind} {short_moment(run.now)}",
        key=run.row.run_id,
        tags={
            "perennial.flow": "monitor",
            "perennial.now": run.now.isoformat(),
            "perennial.decision": measured.kind,
            "perennial.reason": measured.decision.reason,
            "perennial.version": champion.version,
        },
    )
    tracked.log_metrics(_numbers(measured))
    tracked.log_json(measured.to_dict(), "evidence.json")
    tracked.log_text(report.read_text(encoding="utf-8"), "drift.html")
    timeline = write_timeline(run.workspace, now=run.now)
    tracked.log_text(timeline.read_text(encoding="utf-8"), TIMELINE)
    tracked.describe(
        decision_note(
            tracked,
            measured.decision,
            project=run.workspace.name,
            version=champion.version,
        )
    )
    tracked.finish()


def _numbers(measured: Measured) -> dict[str, float]:
    drift, performance = measured.evidence.drift, measured.evidence.performance
    numbers = {
        "rows": float(measured.current.n_rows),
        "share_drifted": drift.share_drifted,
        "importance_drifted": drift.importance_drifted,
        "score_effect": drift.score_effect,
    }
    concept = measured.evidence.concept
    if concept is not None:
        numbers |= {"loss": concept.recent_mean, "loss_reference": concept.reference_mean}
        numbers["loss_evidence"] = concept.log_evidence
    numbers["checks_failed"] = float(sum(not check.passed for check in measured.evidence.checks))
    for criterion in performance.criteria if performance else ():
        numbers[criterion.name] = criterion.current.value
        numbers[f"{criterion.name}_reference"] = criterion.reference.value
    return numbers


def _decision_row(
    run: Run, champion: ServingVersion, measured: Measured, decision_id: str
) -> DecisionRow:
    window = pd.Timedelta(seconds=seconds_of(run.workspace.project.monitoring.window))
    return DecisionRow(
        decision_id=decision_id,
        project=run.workspace.name,
        version=champion.version,
        window_start=(run.now - window).to_pydatetime(),
        window_end=run.now.to_pydatetime(),
        kind=measured.kind,
        reason=measured.decision.reason,
        evidence=measured.to_dict(),
        decided_at=run.now.to_pydatetime(),
    )


def _order(run: Run, row: DecisionRow) -> OutboxRow:
    name = run.workspace.name
    return OutboxRow(
        idempotency_key=f"{name}-{row.version}-{row.decision_id}",
        project=name,
        decision_id=row.decision_id,
        deployment=f"retrain/{name}",
        parameters={"now": run.now.isoformat()},
        reason=f"drift: {row.reason}",
        written_at=run.now.to_pydatetime(),
    )


def _labels(
    run: Run, champion: ServingVersion, tables: SnapshotTaken, scored: pd.DataFrame
) -> tuple[np.ndarray, int]:
    """Look up the labels known by now; NaN where the answer is still open or of no known class.

    How many are of a class the champion does not know is the second result.
    """
    key = run.workspace.entity_key
    known = known_labels(
        taken(run, tables),
        run.workspace.target,
        now=run.now,
        classes=champion.model.problem.classes or None,
    )
    columns = [key, "cutoff_time"]
    joined = scored[columns].merge(
        known[[*columns, "label"]], on=columns, how="left", indicator="found"
    )
    is_unknown = (joined["found"] == "both") & joined["label"].isna()
    return np.asarray(joined["label"], dtype=float), int(is_unknown.sum())


def report_path(workspace: Workspace) -> Path | None:
    """Give the newest drift report, or `None`."""
    reports = sorted(workspace.path("reports").glob("*.html"))
    looks = [report for report in reports if report.name != TIMELINE]
    return looks[-1] if looks else None
