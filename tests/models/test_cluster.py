import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from models import AutoMLClassifier
from models.errors import OptionError, SearchError
from models.options import SearchOptions
from models.search import SearchBudget, search
from tests.models.tables import PROBLEMS, make_table

N_TRIALS = 8


@pytest.fixture(scope="module", autouse=True)
def _planted_families_are_found():
    """Dask workers are started with this; they pass it on to their own processes."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(Path(__file__).parent)
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))
        yield


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running


def run(
    directory, *, families="planted_few", seconds=300.0, n_trials=N_TRIALS, on_event=None, **options
):
    return search(
        make_table("binary", n_rows=600),
        PROBLEMS["binary"],
        budget=SearchBudget(max_seconds=seconds, max_trials=n_trials),
        seed=0,
        directory=directory,
        on_event=on_event,
        options=SearchOptions(families=families, **options),
    )


def essence(result):
    return [(e.number, e.candidate, e.state, e.score) for e in result.leaderboard.entries]


def executor_of(cluster):
    return cluster.scheduler_address.replace("tcp://", "dask://")


@pytest.mark.slow
def test_a_cluster_finds_the_same_even_when_a_worker_dies(cluster, tmp_path):
    expected = run(tmp_path / "local", n_jobs=2)
    killed: list[int] = []

    def kill_one(event) -> None:
        if event.phase == "trial" and event.n_trials >= 3 and not killed:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    result = run(tmp_path / "dask", executor=executor_of(cluster), on_event=kill_one)
    assert killed
    assert essence(result) == essence(expected)
    assert result.weights == expected.weights
    assert list((tmp_path / "dask").glob("worker_*_*.log"))


@pytest.mark.slow
def test_an_estimator_finds_the_same_on_a_cluster(cluster, tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=300), "b": rng.choice(["r", "g"], 300)})
    y = (X["a"] + (X["b"] == "r") + rng.normal(size=300) > 0.5).to_numpy()
    local, remote = (
        AutoMLClassifier(
            max_seconds=None, max_trials=3, executor=executor, state_dir=tmp_path / executor[:4]
        ).fit(X, y)
        for executor in ("local", executor_of(cluster))
    )
    assert list((tmp_path / "dask").glob("*/worker_*_*.log"))
    assert not list((tmp_path / "loca").glob("*/worker_*_*.log"))
    told = ["trial", "family", "score", "weight", "fold_scores"]
    pd.testing.assert_frame_equal(remote.leaderboard_[told], local.leaderboard_[told])
    np.testing.assert_array_equal(remote.predict_proba(X), local.predict_proba(X))
    assert remote.explain()["column"].iloc[0] == "a"


@pytest.mark.slow
def test_limits_are_kept_on_a_cluster_and_processes_end_with_the_search(cluster, tmp_path):
    result = run(
        tmp_path,
        families="planted_hang",
        seconds=20.0,
        n_trials=None,
        executor=executor_of(cluster),
    )
    slept = [e for e in result.leaderboard.entries if e.candidate.family == "sleeper"]
    assert [(e.state, e.error) for e in slept] == [("failed", "time limit")]
    assert result.leaderboard.best.candidate.family == "linear"
    time.sleep(1.0)  # what was given up notices it
    left = [
        process.pid
        for nanny in cluster.workers.values()
        for process in psutil.Process(nanny.process.pid).children(recursive=True)
        if "models.worker_process" in process.cmdline()
    ]
    assert left == []


def test_an_executor_that_does_not_answer_or_is_none_is_one_clear_error(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("models.cluster._ANSWER_SECONDS", 1)
    with pytest.raises(SearchError, match=r"Dask scheduler at '127.0.0.1:9'.*dask scheduler"):
        run(tmp_path, executor="dask://127.0.0.1:9")
    with pytest.raises(OptionError, match="'local' or 'dask://HOST:PORT', got 'ray://x:1'"):
        SearchOptions(executor="ray://x:1")
