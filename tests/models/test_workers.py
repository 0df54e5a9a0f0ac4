import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from models.candidate import Candidate
from models.errors import SearchError
from models.sharing import SearchRows, open_shared, share
from models.splits import make_folds
from models.trial import TrialRequest
from models.workers import TIME_LIMIT, TrialFailedError, Worker, WorkerLostError
from tests.models.tables import PROBLEMS, make_table

HERE = Path(__file__).parent
GOOD = Candidate(family="linear", parameters={"penalty": 1.0, "scaling": "standard"})


def request(tmp_path, family="linear"):
    return TrialRequest(
        candidate=Candidate(family=family, parameters=GOOD.parameters),
        seed=0,
        n_threads=1,
        seconds=30.0,
        oof=tmp_path / "oof" / "0001.npy",
        model=tmp_path / "models" / "0001",
    )


@pytest.fixture(scope="module")
def rows():
    data = make_table("binary", n_rows=200)
    return SearchRows(
        X=data.X, y=data.y, folds=make_folds(data), problem=PROBLEMS["binary"], bagged=False
    )


@pytest.fixture
def start(tmp_path, rows, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    share(rows, tmp_path / "data")
    started = []

    def begin(families="planted"):
        worker = Worker(data=tmp_path / "data", families=families, log=tmp_path / "worker.log")
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        worker.close()


def run(worker, what, seconds=30.0):
    worker.submit(what, seconds=seconds, within=60.0)
    return worker.wait()


def test_rows_come_back_from_disk_as_they_were(tmp_path, rows):
    share(rows, tmp_path / "data")
    again = open_shared(tmp_path / "data")
    assert again.X.equals(rows.X)
    assert again.X.dtypes.tolist() == rows.X.dtypes.tolist()
    assert again.problem == rows.problem
    assert np.array_equal(again.folds[1].train, rows.folds[1].train)


def test_every_way_to_fail_is_told_and_the_next_trial_runs(start, tmp_path):
    worker = start()
    for family, kind, cause in [
        ("raiser", TrialFailedError, "MemoryError: no room for this fit"),
        ("crasher", WorkerLostError, f"crashed with signal {signal.SIGSEGV:d}"),
        ("nans", TrialFailedError, "finite predictions"),
    ]:
        with pytest.raises(kind, match=cause):
            run(worker, request(tmp_path, family))
    assert not (tmp_path / "oof").exists()
    answer = run(worker, request(tmp_path, "printer"))
    assert len(answer["fit_seconds"]) == 3
    assert np.load(tmp_path / "oof" / "0001.npy").shape == (120,)
    assert "noise noise" in (tmp_path / "worker.log").read_text()


@pytest.mark.alone
@pytest.mark.slow
def test_a_hung_trial_is_killed_in_time(start, tmp_path):
    worker = start("planted_hang")
    run(worker, request(tmp_path))
    begun = time.monotonic()
    with pytest.raises(WorkerLostError, match=TIME_LIMIT):
        run(worker, request(tmp_path, "sleeper"), seconds=1.0)
    assert 1.0 <= time.monotonic() - begun < 4.0
    run(worker, request(tmp_path))


def test_a_worker_serves_a_thread(start, tmp_path):
    answers = []
    worker = start()
    thread = threading.Thread(target=lambda: answers.append(run(worker, request(tmp_path))))
    thread.start()
    thread.join(60)
    assert answers[0]["ok"]


def test_a_worker_that_cannot_start_says_why(start, tmp_path):
    with pytest.raises(SearchError, match="No module named 'no_such_families'"):
        run(start("no_such_families"), request(tmp_path))


@pytest.mark.alone
@pytest.mark.slow
def test_a_worker_ends_with_its_parent(tmp_path, rows):
    share(rows, tmp_path / "data")
    script = f"""
import sys, time
sys.path.insert(0, {str(HERE)!r})
from pathlib import Path
from models.candidate import Candidate
from models.trial import TrialRequest
from models.workers import Worker
here = Path({str(tmp_path)!r})
worker = Worker(data=here / "data", families="planted_hang", log=here / "worker.log")
sleeper = Candidate(family="sleeper", parameters={dict(GOOD.parameters)!r})
worker.submit(TrialRequest(candidate=sleeper, seed=0,n_threads=1, seconds=600.0,
    oof=here / "o.npy", model=here / "m"), seconds=600.0, within=600.0)
print(worker.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=HERE.parent.parent
    ) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(4)  # it is asleep in the trial by now
        parent.kill()
    assert _is_gone_within(pid, seconds=10)


def _is_gone_within(pid, seconds):
    for _ in range(int(seconds * 10)):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return True
        time.sleep(0.1)
    return False
