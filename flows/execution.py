"""Execution: a flow by its name, through Prefect or as the plain function it is."""

from collections.abc import Callable, Mapping
from typing import Any

from flows.dispatch import dispatch_project
from flows.environment import hush_prefect
from flows.errors import FlowError
from flows.monitor import monitor_project
from flows.narration import Narrator
from flows.retrain import retrain_project
from flows.score import score_project
from flows.server import is_healthy
from flows.workspace import Workspace

Outcome = Mapping[str, Any]

PLAIN: Mapping[str, Callable[..., Outcome]] = {
    "retrain": retrain_project,
    "score": score_project,
    "monitor": monitor_project,
    "dispatch": dispatch_project,
}


def execute(workspace: Workspace, flow: str, narrator: Narrator, **parameters: Any) -> Outcome:
    """Run a flow in this process and give its outcome.

    With `PERENNIAL_ORCHESTRATOR=prefect` (the default) it is a Prefect flow run, recorded on the
    server of `perennial up` when that is running, else in the state directory by an embedded
    server; with `none` no server is involved and the same steps run.

    Raises
    ------
    FlowError
        When the Prefect server that the settings name does not answer.
    """
    if workspace.settings.orchestrator == "none":
        return PLAIN[flow](workspace, narrator, **parameters)
    _refuse_unreachable(workspace.settings.prefect_api_url)
    hush_prefect()
    # Importing Prefect takes a second and starts nothing; it is left out where it is not used.
    from flows.deployments import FLOWS
    from flows.orchestration import narrated_by

    with narrated_by(narrator):
        outcome: Outcome = FLOWS[flow](str(workspace.folder), **parameters)
    return outcome


def _refuse_unreachable(api_url: str | None) -> None:
    if api_url is not None and not is_healthy(f"{api_url.rstrip('/')}/health", timeout=10.0):
        raise FlowError(
            f"Expected a Prefect server at {api_url}, got no answer. Start it, correct "
            "PERENNIAL_PREFECT_API_URL, or unset it to record runs in the state directory."
        )
