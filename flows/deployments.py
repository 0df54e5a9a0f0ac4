"""The Prefect flows and their deployments: `retrain`, `score`, `monitor`, `dispatch`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pandas as pd
from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType

from flows.dispatch import Send, dispatch_project
from flows.errors import DeliveryError
from flows.events import emit
from flows.monitor import monitor_project
from flows.orchestration import call_as_task, current_narrator
from flows.project import Project
from flows.retrain import retrain_project
from flows.score import score_project
from flows.server import find_servers
from flows.state import OutboxRow
from flows.workspace import Workspace, open_workspace

Outcome = Mapping[str, Any]


@flow(name="retrain", flow_run_name="retrain {now} ({reason})", persist_result=False)
def retrain(
    folder: str, now: datetime | None = None, reason: str = "asked for", trigger: str = ""
) -> Outcome:
    """Search a challenger on the tables as of now, and promote it if it passes its gates.

    Args:
        folder: Folder of perennial.yaml.
        now: See the world at this moment (UTC); empty: this moment.
        reason: Why, for the record.
        trigger: Idempotency key of the decision behind it; a key that has run is not run again.
    """
    workspace = open_workspace(Path(folder))
    outcome = retrain_project(
        workspace,
        current_narrator(),
        now=_naive(now),
        reason=reason,
        trigger=trigger,
        call=call_as_task,
    )
    if _has_server(workspace) and "gates" in outcome:
        facts = {name: outcome["gates"][name] for name in ("promoted", "champion", "reason")}
        emit("verdict", project=workspace.name, facts=facts)
    return outcome


@flow(name="score", flow_run_name="score {at}", persist_result=False)
def score(folder: str, at: datetime | None = None, rows: str | None = None) -> Outcome:
    """Score what is due, or a table of (key, cutoff_time), with the champion.

    Args:
        folder: Folder of perennial.yaml.
        at: Score the rows due by this moment (UTC); empty: this moment.
        rows: CSV or Parquet file of key and cutoff_time to score instead of what is due.
    """
    workspace = open_workspace(Path(folder))
    return score_project(workspace, current_narrator(), at=_naive(at), rows=rows, call=call_as_task)


@flow(name="monitor", flow_run_name="monitor {now}", persist_result=False)
def monitor(folder: str, now: datetime | None = None) -> Outcome:
    """Compare scored rows with the champion's reference, decide, and ask for a retrain if need be.

    Args:
        folder: Folder of perennial.yaml.
        now: See the world at this moment (UTC); empty: this moment.
    """
    workspace = open_workspace(Path(folder))
    outcome = monitor_project(workspace, current_narrator(), now=_naive(now), call=call_as_task)
    if _has_server(workspace):
        named = ("kind", "reason", "version", "decision_id")
        facts = {name: outcome[name] for name in named}
        emit("decision", project=workspace.name, facts=facts)
        dispatch_project(workspace, current_narrator(), send=_send_to_server)
    return outcome


@flow(name="dispatch", persist_result=False)
def dispatch(folder: str) -> Outcome:
    """Turn decisions that still wait into retrain runs, each exactly once.

    Args:
        folder: Folder of perennial.yaml.
    """
    workspace = open_workspace(Path(folder))
    send: Send | None = _send_to_server if _has_server(workspace) else None
    return dispatch_project(workspace, current_narrator(), send=send, call=call_as_task)


FLOWS: Mapping[str, Flow[..., Outcome]] = {
    "retrain": retrain,
    "score": score,
    "monitor": monitor,
    "dispatch": dispatch,
}


def deployments_of(project: Project, folder: Path) -> list[RunnerDeployment]:
    """Give the four deployments of a project, named after it, on the spec's schedules (UTC)."""
    crons = project.schedules.model_dump()
    return [_deployment(name, project, folder, crons[name]) for name in FLOWS]


def _deployment(name: str, project: Project, folder: Path, cron: str) -> RunnerDeployment:
    made = FLOWS[name].to_deployment(
        name=project.project,
        cron=cron,
        parameters={"folder": str(folder)},
        tags=["perennial", project.project],
        description=(FLOWS[name].__doc__ or "").split("\n\n", maxsplit=1)[0],
        concurrency_limit=1,
        # NOTE: by path, Prefect would put this folder first on the import path of the run, and
        # our module names in front of other packages'.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    # Outside an event loop Prefect answers at once; its types also name the awaitable.
    return cast(RunnerDeployment, made)


def _send_to_server(workspace: Workspace, row: OutboxRow) -> str:
    parameters = dict(row.parameters)
    try:
        taken = run_deployment(
            name=row.deployment,
            parameters={**parameters, "reason": row.reason, "trigger": row.idempotency_key},
            timeout=0,
            idempotency_key=row.idempotency_key,
        )
    except ObjectNotFound as error:
        raise DeliveryError(
            f"Expected a deployment {row.deployment!r} on Prefect's server, there is none. Serve "
            "it: perennial up, or prefect deploy --all"
        ) from error
    except (httpx.HTTPError, OSError, RuntimeError) as error:
        # NOTE: the client turns a refused connection into a RuntimeError.
        address = workspace.settings.prefect_api_url
        raise DeliveryError(
            f"Expected Prefect's server at {address} to take it, it did not: {error}"
        ) from error
    run = cast(FlowRun, taken)
    return f"flow run {run.id}"


def _has_server(workspace: Workspace) -> bool:
    """Whether runs can be handed to a server that outlives this process."""
    named = workspace.settings.prefect_api_url is not None
    return named or find_servers(workspace.state) is not None


def _naive(moment: datetime | pd.Timestamp | None) -> pd.Timestamp | None:
    if moment is None:
        return None
    stamp = pd.Timestamp(moment)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp
