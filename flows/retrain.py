"""Retrain: from the tables as of now to a version that serves if it passes its gates."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from flows import steps
from flows.narration import Narrator
from flows.notices import Notice, notify
from flows.runs import AlreadyDone, Call, Run, call_directly, done_already, finish, running
from flows.workspace import Workspace


def retrain_project(
    workspace: Workspace,
    narrator: Narrator,
    *,
    now: pd.Timestamp | None = None,
    reason: str = "asked for",
    trigger: str = "",
    call: Call = call_directly,
) -> Mapping[str, Any]:
    """Search a challenger on the tables as of `now`, and promote it if it passes its gates.

    Parameters
    ----------
    now
        Naive UTC; by default the wall clock's moment, or that of the run that was cut off.
    trigger
        Idempotency key of the decision behind it; a key that has run is not run again.
    call
        Runs a step: directly, or as a Prefect task.

    Returns
    -------
    mapping
        The stages' outputs by name, and `run_id`.

    Raises
    ------
    FeatureError, ModelError, FlowError
        When something asked for is not there or not right; the champion keeps serving.
    """
    try:
        if (before := done_already(workspace, "retrain", trigger=trigger)) is not None:
            raise AlreadyDone(before)
        with running(
            workspace, "retrain", now=now, narrator=narrator, reason=reason, trigger=trigger
        ) as run:
            outcome = run_steps(run, call)
            finish(run, outcome)
            notify(workspace, narrator, _verdict_notice(run, outcome))
    except AlreadyDone as done:
        narrator.say(f"Retrain {trigger} has run already (run {done.row.run_id}).")
        return dict(done.row.outcome or {})
    return outcome


def _verdict_notice(run: Run, outcome: Mapping[str, Any]) -> Notice:
    gates, version = outcome["gates"], outcome["version"]["version"]
    words = "promoted" if gates["promoted"] else "not promoted"
    if gates["waiting"]:
        words = "waits for approval"
    return Notice(
        event="verdict",
        text=f"{run.workspace.name}: version {version} {words}: {gates['reason']}",
        at=run.now,
        facts={
            "version": version,
            "verdict": words,
            "reason": gates["reason"],
            "champion": gates["champion"],
            "run": run.row.run_id,
        },
    )


def run_steps(run: Run, call: Call) -> Mapping[str, Any]:
    """Do the ten steps of a retrain; each hands a small record to the next."""
    snapshot = call(steps.snapshot, run)
    labels = call(steps.labels, run, snapshot)
    plan = call(steps.plan, run, snapshot, labels)
    matrix = call(steps.matrix, run, snapshot, labels, plan)
    served = call(steps.serve, run, plan, matrix)
    found = call(steps.search, run, labels, plan, served)
    evaluated = call(steps.evaluate, run, snapshot, labels, plan, found)
    registered = call(steps.register, run, labels, plan, served, found, evaluated)
    judged = call(steps.promote, run, snapshot, labels, found, registered)
    online = call(steps.materialize, run, served, judged)
    stages = {
        "snapshot": snapshot,
        "labels": labels,
        "plan": plan,
        "matrix": matrix,
        "store": served,
        "search": found,
        "holdout": evaluated,
        "version": registered,
        "gates": judged,
        "online": online,
    }
    return {"run_id": run.row.run_id} | {name: asdict(stage) for name, stage in stages.items()}
