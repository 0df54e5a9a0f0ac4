"""A run: one execution of a flow that, killed at any point, goes on where it stopped."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import pandas as pd

from features.fingerprint import fingerprint
from flows.holding import holding, reap
from flows.narration import Narrator
from flows.state.leases import Lease
from flows.state.records import FlowName, RunRow
from flows.workspace import Workspace, utc_now

Output = TypeVar("Output")
Step = Callable[..., Any]
Call = Callable[..., Any]


def call_directly(step: Callable[..., Output], *arguments: Any) -> Output:
    """Run a step as the plain function it is; the orchestrated twin is in `orchestration`."""
    return step(*arguments)


class AlreadyDone(Exception):  # noqa: N818 (no error: there is nothing left to do)
    """A run of the trigger is done already.

    Attributes
    ----------
    row
        That run.
    """

    def __init__(self, row: RunRow) -> None:
        super().__init__(f"run {row.run_id} of {row.trigger} is done")
        self.row = row


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run in progress: its row in the ledger, its workspace, and whoever is told about it."""

    workspace: Workspace
    row: RunRow
    narrator: Narrator
    resumed: bool
    failed_before: bool = False
    lease: Lease | None = None

    @property
    def now(self) -> pd.Timestamp:
        """The moment the run sees the world at (naive UTC)."""
        return pd.Timestamp(self.row.now)

    def once(
        self,
        stage: str,
        record: type[Output],
        compute: Callable[[], Output],
        describe: Callable[[Output], str],
    ) -> Output:
        """Do a stage, or take its result from the ledger when an earlier try finished it.

        Parameters
        ----------
        stage
            Name, unique within the run.
        record
            Dataclass of JSON-able fields that holds the result.
        compute
            Does the work; what it writes to disk is content-addressed, so that a kill between
            the work and the ledger's row costs a repetition and nothing else.
        describe
            Says the result in a sentence.
        """
        ledger = self.workspace.ledger
        finished = ledger.stages(self.row.run_id).get(stage)
        if finished is not None:
            result = record(**finished)
            self.narrator.end(stage, describe(result), seconds=0.0, reused=True)
            return result
        self.narrator.begin(stage)
        started = time.monotonic()
        result = compute()
        seconds = time.monotonic() - started
        output = asdict(result)  # type: ignore[call-overload]
        ledger.end_stage(
            self.row.run_id,
            stage,
            output=output,
            seconds=seconds,
            at=_wall_clock(),
            lease=self.lease,
        )
        self.narrator.end(stage, describe(result), seconds=seconds, reused=False)
        return result


@contextmanager
def running(
    workspace: Workspace,
    flow: FlowName,
    *,
    now: pd.Timestamp | None,
    narrator: Narrator,
    reason: str = "asked for",
    trigger: str = "",
) -> Iterator[Run]:
    """Start a run or go on with one that was cut off, and write how it ended.

    A run is taken up again when it has the same spec and trigger and did not finish, and `now`
    is either not given or the same. Only one run of a flow and project goes on at a time, on
    whatever machine; others that seem to be running are marked as interrupted.

    Raises
    ------
    FlowError
        When the same flow of the same project is running already.
    AlreadyDone
        When a run of this trigger is done.
    """
    with holding(workspace, flow) as lease:
        reap(workspace, flow, mine=lease)
        # Asked again, now that nobody else runs: it may have been carried out in the meantime.
        if (done := done_already(workspace, flow, trigger=trigger)) is not None:
            raise AlreadyDone(done)
        unfinished = _unfinished(workspace, flow, now=now, trigger=trigger)
        if unfinished is None:
            row = _new_row(workspace, flow, now=now, reason=reason, trigger=trigger)
            workspace.ledger.start_run(row)
        else:
            row = unfinished
            workspace.ledger.reopen_run(row.run_id)
        run = Run(
            workspace=workspace,
            row=row,
            narrator=narrator,
            resumed=unfinished is not None,
            failed_before=row.status == "failed",
            lease=lease,
        )
        try:
            yield run
        except Exception as error:
            _end(workspace, row, "failed", {"error": _sentence(error)})
            raise
        except BaseException:
            # Ctrl-C or SIGTERM: whoever starts it again goes on from here.
            _end(workspace, row, "interrupted", {"error": "stopped by a signal"})
            narrator.say(f"{flow} was interrupted; start it again and it goes on from here")
            raise


def finish(run: Run, outcome: Mapping[str, Any]) -> None:
    """Write that a run is done, and with what outcome."""
    _end(run.workspace, run.row, "done", outcome)


def done_already(workspace: Workspace, flow: FlowName, *, trigger: str) -> RunRow | None:
    """Give the finished run of a trigger, so that no decision is carried out twice."""
    if not trigger:
        return None
    rows = workspace.ledger.runs(workspace.name, flow)
    return next((row for row in rows if row.trigger == trigger and row.status == "done"), None)


def _end(workspace: Workspace, row: RunRow, status: str, outcome: Mapping[str, Any]) -> None:
    workspace.ledger.end_run(row.run_id, status=status, at=_wall_clock(), outcome=outcome)


def _wall_clock() -> Any:
    return utc_now().to_pydatetime()


def _sentence(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text[:2000]


def _unfinished(
    workspace: Workspace, flow: FlowName, *, now: pd.Timestamp | None, trigger: str
) -> RunRow | None:
    rows = workspace.ledger.runs(workspace.name, flow)
    newest = next((row for row in rows if row.trigger == trigger), None)
    if newest is None or newest.status == "done":
        return None
    same_spec = newest.spec == workspace.project.fingerprint
    same_moment = now is None or pd.Timestamp(newest.now) == now
    return newest if same_spec and same_moment else None


def _new_row(
    workspace: Workspace,
    flow: FlowName,
    *,
    now: pd.Timestamp | None,
    reason: str,
    trigger: str,
) -> RunRow:
    moment = now if now is not None else utc_now()
    content = [workspace.name, flow, str(moment), trigger, uuid.uuid4().hex]
    return RunRow(
        run_id=fingerprint(content),
        project=workspace.name,
        flow=flow,
        now=moment.to_pydatetime(),
        spec=workspace.project.fingerprint,
        reason=reason,
        trigger=trigger,
        status="running",
        started_at=_wall_clock(),
    )
