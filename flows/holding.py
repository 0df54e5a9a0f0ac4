"""Holding the lease of a flow: taken when a run starts, renewed while it lives, given back."""

import os
import platform
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import get_args

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError

from flows.errors import FlowError
from flows.server import lives
from flows.state.leases import Lease
from flows.state.ledger import Ledger
from flows.state.records import FlowName, RunRow
from flows.workspace import Workspace, utc_now

LEASE_SECONDS = 60.0
"""After this long without a word a run on another machine counts as dead."""

RENEWAL_SECONDS = 15.0
ABANDONED = "its process ended without a word; start it again and it goes on from there"


@contextmanager
def holding(workspace: Workspace, flow: FlowName) -> Iterator[Lease]:
    """Be the only run of a flow of this project, here and on every machine of its ledger.

    On one machine a file lock says at once whether another lives; elsewhere its lease has to run
    out first.

    Raises
    ------
    FlowError
        When another run goes on.
    """
    lock = FileLock(workspace.path(f"{workspace.name}.{flow}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _busy(workspace, flow, "on this machine") from error
    try:
        lease = _take(workspace, flow)
        try:
            with _renewing(workspace.ledger, lease):
                yield lease
        finally:
            # A ledger that does not answer now gets along without: the lease runs out.
            with suppress(SQLAlchemyError):
                workspace.ledger.give_lease_back(lease)
    finally:
        lock.release()


def is_alive(workspace: Workspace, flow: FlowName) -> bool:
    """Whether a run of the flow lives, as far as can be told from here."""
    lease = workspace.ledger.lease(workspace.name, flow)
    if lease is None or not lease.is_held(_now()):
        return False
    return not _is_dead(lease.holder, workspace.state)


def reap(workspace: Workspace, flow: FlowName, *, mine: Lease | None = None) -> list[RunRow]:
    """Mark runs that still count as running, but whose process is gone, as interrupted.

    Parameters
    ----------
    mine
        The caller's lease, under which no run has been started yet.
    """
    if mine is None and is_alive(workspace, flow):
        return []
    rows = workspace.ledger.runs(workspace.name, flow)
    gone = [row for row in rows if row.status == "running"]
    for row in gone:
        workspace.ledger.end_run(
            row.run_id, status="interrupted", at=_now(), outcome={"error": ABANDONED}
        )
    return gone


def reap_all(workspace: Workspace) -> list[RunRow]:
    """Mark every run of the project whose process is gone as interrupted."""
    return [row for flow in get_args(FlowName) for row in reap(workspace, flow)]


def _take(workspace: Workspace, flow: FlowName) -> Lease:
    now = _now()
    lease = workspace.ledger.take_lease(
        workspace.name,
        flow,
        holder=_own_name(workspace.state),
        at=now,
        until=now + timedelta(seconds=LEASE_SECONDS),
        # Who holds this machine's file lock knows that no other of this directory lives.
        is_dead=lambda holder: (
            _place(holder) == _place(_own_name(workspace.state))
            or _is_dead(holder, workspace.state)
        ),
    )
    if lease is None:
        other = workspace.ledger.lease(workspace.name, flow)
        raise _busy(workspace, flow, f"on {_host(other.holder) if other else 'another machine'}")
    return lease


@contextmanager
def _renewing(ledger: Ledger, lease: Lease) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=_renew, args=(ledger, lease, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _renew(ledger: Ledger, lease: Lease, over: threading.Event) -> None:
    """Renew until the run is over; what fails now may succeed before the lease runs out."""
    while not over.wait(RENEWAL_SECONDS):
        try:
            if not ledger.renew_lease(lease, until=_now() + timedelta(seconds=LEASE_SECONDS)):
                return  # another took over: the next stage of this run is refused by its fence
        except SQLAlchemyError:
            continue


def _busy(workspace: Workspace, flow: FlowName, where: str) -> FlowError:
    return FlowError(
        f"A {flow} run of project {workspace.name} is going on already {where}. Wait for it to "
        "end, or stop it first; see: perennial status"
    )


def _now() -> datetime:
    now: datetime = utc_now().to_pydatetime()
    return now


def _own_name(state: Path) -> str:
    return "|".join([platform.node(), _boot(), str(os.getpid()), uuid.uuid4().hex, str(state)])


def _place(holder: str) -> list[str]:
    """Return host, boot and state directory: what shares one file lock."""
    host, boot, _, _, state = holder.split("|", 4)
    return [host, boot, state]


def _host(holder: str) -> str:
    return holder.split("|")[0] or "another machine"


def _is_dead(holder: str, state: Path) -> bool:
    host, boot, pid, _, _ = holder.split("|", 4)
    if [host, boot] != _place(_own_name(state))[:2]:
        return False
    return not lives(int(pid))


@lru_cache(maxsize=1)
def _boot() -> str:
    """Name this run of the machine: process numbers mean something within it alone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
