"""Dispatch: what the outbox holds becomes retrain runs, each exactly once."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from flows.errors import DeliveryError, FlowError
from flows.narration import Narrator
from flows.retrain import retrain_project
from flows.runs import Call, call_directly
from flows.state import OutboxRow
from flows.workspace import Workspace, utc_now

Send = Callable[[Workspace, OutboxRow], str]


def dispatch_project(
    workspace: Workspace,
    narrator: Narrator,
    *,
    send: Send | None = None,
    call: Call = call_directly,
) -> Mapping[str, Any]:
    """Hand every waiting row to somebody who runs it, and write their receipt.

    Parameters
    ----------
    send
        Takes a row and gives a receipt: Prefect's server when there is one (see
        `flows.deployments`), by default the retrain itself, run here.

    Returns
    -------
    mapping
        `sent`: receipts by idempotency key; `waiting`: keys that nobody could take now.

    Notes
    -----
    A row is marked only after it was taken, so a dispatcher that dies in between sends it again;
    the idempotency key makes the second delivery change nothing. Of two dispatchers on one state
    directory the second leaves everything to the first; on two machines both may deliver a row.
    """
    lock = FileLock(workspace.path(f"{workspace.name}.dispatch.lock"))
    try:
        with lock.acquire(timeout=0):
            return _dispatch(workspace, narrator, send or _run_here(narrator, call))
    except Timeout:
        narrator.say("Another dispatcher is at work; what waits is left to it.")
        return {"sent": {}, "waiting": _waiting(workspace)}


def _dispatch(workspace: Workspace, narrator: Narrator, send: Send) -> Mapping[str, Any]:
    receipts = {}
    for row in workspace.ledger.outbox(workspace.name):
        try:
            receipt = send(workspace, row)
        except DeliveryError as error:
            narrator.say(f"{row.idempotency_key} waits for the next dispatch: {error}")
            continue
        workspace.ledger.mark_sent(
            row.idempotency_key, at=utc_now().to_pydatetime(), receipt=receipt
        )
        receipts[row.idempotency_key] = receipt
    waiting = _waiting(workspace)
    if not receipts and not waiting:
        narrator.say("Nothing waits to be dispatched.")
    return {"sent": receipts, "waiting": waiting}


def _waiting(workspace: Workspace) -> list[str]:
    return [row.idempotency_key for row in workspace.ledger.outbox(workspace.name)]


def _run_here(narrator: Narrator, call: Call) -> Send:
    def run(workspace: Workspace, row: OutboxRow) -> str:
        parameters = row.parameters
        if row.project != workspace.name:
            raise FlowError(f"Expected a row of project {workspace.name}, got {row.project}.")
        outcome = retrain_project(
            workspace,
            narrator,
            now=pd.Timestamp(parameters["now"]),
            reason=row.reason,
            trigger=row.idempotency_key,
            call=call,
        )
        return f"run {outcome['run_id']}"

    return run
