"""Dispatch: what the outbox holds becomes retrain runs, each exactly once."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from flows.errors import FlowError
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

    Notes
    -----
    A row is marked only after it was taken, so a dispatcher that dies in between sends it again;
    the idempotency key makes the second delivery change nothing.
    """
    receipts = {}
    for row in workspace.ledger.outbox(workspace.name):
        receipt = (send or _run_here(narrator, call))(workspace, row)
        workspace.ledger.mark_sent(
            row.idempotency_key, at=utc_now().to_pydatetime(), receipt=receipt
        )
        receipts[row.idempotency_key] = receipt
    if not receipts:
        narrator.say("Nothing waits to be dispatched.")
    return {"sent": receipts}


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
