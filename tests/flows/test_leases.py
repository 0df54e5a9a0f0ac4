"""Leases: one run of a flow at a time, and nothing written by who was thought dead."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import flows.holding
from flows.errors import FlowError
from flows.holding import holding, is_alive, reap
from flows.runs import running
from flows.settings import Settings
from flows.state import Lease, Ledger, open_ledger
from flows.workspace import Workspace, open_workspace
from tests.flows.conftest import Listener
from tests.flows.shop import write_shop
from tests.flows.test_ledger import a_run
from tests.models.postgres import scratch_database

T0 = datetime(2013, 5, 1)
RUN_FOR_GOOD = """
import signal, sys
from pathlib import Path
import pandas as pd
import logging
from flows.narration import LogNarrator
from flows.runs import running
from flows.settings import Settings
from flows.workspace import open_workspace
settings = Settings(orchestrator="none", ledger_url=sys.argv[2])
workspace = open_workspace(Path(sys.argv[1]), settings)
narrator = LogNarrator(logging.getLogger())
with running(workspace, "retrain", now=pd.Timestamp("2013-05-01"), narrator=narrator):
    print("runs", flush=True)
    signal.pause()
"""
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with scratch_database() as found:
        yield found


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(url, lock_directory=tmp_path)
    yield opened
    opened.close()


def take(ledger: Ledger, holder: str, at: datetime = T0, *, dead: bool = False) -> Lease | None:
    return ledger.take_lease(
        "p", "retrain", holder=holder, at=at, until=at + MINUTE, is_dead=lambda _: dead
    )


def taken(ledger: Ledger, holder: str, at: datetime = T0, *, dead: bool = False) -> Lease:
    lease = take(ledger, holder, at, dead=dead)
    assert lease is not None
    return lease


def write_stage(ledger: Ledger, lease: Lease, stage: str) -> None:
    ledger.end_stage("r1", stage, output={}, seconds=0.0, at=T0, lease=lease)


class TestLease:
    def test_of_many_at_once_one_gets_it(self, ledger: Ledger) -> None:
        for beginning in (T0, T0 + 2 * MINUTE):  # a fresh row, then one that has run out
            with ThreadPoolExecutor(8) as pool:
                leases = list(pool.map(lambda i, at=beginning: take(ledger, f"h{i}", at), range(8)))
            (winner,) = [lease for lease in leases if lease is not None]
            assert ledger.lease("p", "retrain") == winner

    def test_it_is_waited_for_until_it_runs_out(self, ledger: Ledger) -> None:
        taken(ledger, "a")
        assert take(ledger, "b", T0 + MINUTE / 2) is None
        assert taken(ledger, "b", T0 + MINUTE).fence == 2

    def test_renewed_it_lasts(self, ledger: Ledger) -> None:
        lease = taken(ledger, "a")
        assert ledger.renew_lease(lease, until=T0 + 3 * MINUTE)
        assert take(ledger, "b", T0 + 2 * MINUTE) is None

    def test_given_back_or_of_a_dead_process_it_is_free_at_once(self, ledger: Ledger) -> None:
        assert ledger.give_lease_back(taken(ledger, "a"))
        assert taken(ledger, "b").fence == 2
        assert taken(ledger, "c", dead=True).fence == 3

    def test_who_lost_it_writes_nothing_more(self, ledger: Ledger) -> None:
        ledger.start_run(a_run())
        old = taken(ledger, "a")
        write_stage(ledger, old, "snapshot")
        new = taken(ledger, "b", T0 + MINUTE)
        assert not ledger.renew_lease(old, until=T0 + 9 * MINUTE)
        assert not ledger.give_lease_back(old)
        with pytest.raises(FlowError, match=r"another one took over; nothing more is written"):
            write_stage(ledger, old, "labels")
        write_stage(ledger, new, "labels")
        assert set(ledger.stages("r1")) == {"snapshot", "labels"}

    def test_flows_and_projects_do_not_share_it(self, ledger: Ledger) -> None:
        taken(ledger, "a")
        for project, flow in (("p", "score"), ("q", "retrain")):
            lease = ledger.take_lease(
                project,
                flow,  # type: ignore[arg-type]
                holder="b",
                at=T0,
                until=T0 + MINUTE,
                is_dead=lambda _: False,
            )
            assert lease is not None


@pytest.fixture
def workspace(url: str, tmp_path: Path) -> Iterator[Workspace]:
    opened = opened_at(tmp_path / "here", url)
    yield opened
    opened.ledger.close()


def opened_at(folder: Path, url: str) -> Workspace:
    return open_workspace(write_shop(folder), Settings(orchestrator="none", ledger_url=url))


class TestRuns:
    def test_a_second_machine_is_refused_while_the_first_runs(
        self, workspace: Workspace, url: str, tmp_path: Path
    ) -> None:
        other = opened_at(
            tmp_path / "there", url
        )  # a file lock of its own: only the lease is shared
        refused = holding(other, "retrain")
        with holding(workspace, "retrain"):
            with pytest.raises(FlowError, match=r"run .* is going on already on "), refused:
                pass
            with holding(other, "score"):
                pass
        with holding(other, "retrain"):
            pass
        other.ledger.close()

    def test_a_holder_is_renewed_while_it_lives(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(flows.holding, "RENEWAL_SECONDS", 0.05)
        with holding(workspace, "retrain") as lease:
            renewed = wait_for(lambda: workspace.ledger.lease("shop", "retrain"), differs=lease)
        assert renewed.expires_at > lease.expires_at
        assert renewed.fence == lease.fence

    def test_who_wakes_up_late_cannot_end_a_stage(self, workspace: Workspace) -> None:
        def steal_and_go_on() -> Done:
            stolen = workspace.ledger.take_lease(
                "shop", "retrain", holder="x", at=T0, until=T0, is_dead=lambda _: True
            )
            assert stolen is not None
            return Done(n=1)

        begun = running(workspace, "retrain", now=pd.Timestamp(T0), narrator=Listener())
        with pytest.raises(FlowError, match="took over"), begun as run:
            run.once("snapshot", Done, steal_and_go_on, str)
        (row,) = workspace.ledger.runs("shop", "retrain")
        assert workspace.ledger.stages(row.run_id) == {}

    def test_a_killed_run_is_reaped_and_the_next_one_need_not_wait(
        self, workspace: Workspace, url: str
    ) -> None:
        command = [sys.executable, "-c", RUN_FOR_GOOD, str(workspace.folder), url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        assert is_alive(workspace, "retrain")
        assert reap(workspace, "retrain") == []
        process.kill()
        process.communicate()
        assert not is_alive(workspace, "retrain")
        (gone,) = reap(workspace, "retrain")
        (row,) = workspace.ledger.runs("shop", "retrain")
        assert (row.run_id, row.status) == (gone.run_id, "interrupted")
        with running(workspace, "retrain", now=None, narrator=Listener()) as run:
            assert run.resumed
            assert run.row.run_id == gone.run_id

    def test_stopped_by_a_signal_it_is_interrupted_at_once(self, workspace: Workspace) -> None:
        begun = running(workspace, "score", now=pd.Timestamp(T0), narrator=Listener())
        with pytest.raises(KeyboardInterrupt), begun:
            raise KeyboardInterrupt
        (row,) = workspace.ledger.runs("shop", "score")
        assert row.status == "interrupted"


@dataclasses.dataclass(frozen=True)
class Done:
    n: int


def wait_for(find: Callable[[], Lease | None], *, differs: Lease) -> Lease:
    for _ in range(600):
        found = find()
        if found is not None and found != differs:
            return found
        time.sleep(0.05)
    raise AssertionError("the lease was not renewed within 30 seconds")
