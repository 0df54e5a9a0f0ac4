"""The Dask executor: the same bits, dead workers replaced, and an error where nobody answers."""

import os
import signal
import socket
import threading
import time

import pandas as pd
import pytest

from features.engine.cancellation import CancelledError
from features.engine.effort import Effort
from features.engine.execute import compute_matrix
from features.engine.executors import open_executor
from features.errors import FeatureError
from features.plan import synthesize
from tests.features.shop import monthly_rows, shop_tables, write_shop

N_CUSTOMERS = 300


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop") / "snapshots" / "s"
    return write_shop(shop_tables(N_CUSTOMERS, 30_000), folder)


@pytest.mark.slow
def test_a_cluster_gives_the_same_bits_even_when_a_worker_dies(cluster, shop):
    plan = synthesize(shop.schema, "customers", depth=2, windows=("30d",), max_features=60)
    rows = monthly_rows(N_CUSTOMERS)
    expected = compute_matrix(plan, shop, rows)
    executor = cluster.scheduler_address.replace("tcp://", "dask://")
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed and done < total:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    matrix = compute_matrix(plan, shop, rows, executor=executor, on_progress=kill_one)
    assert killed
    pd.testing.assert_frame_equal(matrix, expected, check_exact=True)
    assert [path.name for path in shop.directory.parent.iterdir()] == ["s"]


@pytest.mark.slow
def test_work_on_a_cluster_can_be_cancelled(cluster, shop):
    plan = synthesize(shop.schema, "customers", depth=2, max_features=60)
    executor = cluster.scheduler_address.replace("tcp://", "dask://")
    stop = threading.Event()
    with pytest.raises(CancelledError):
        compute_matrix(
            plan,
            shop,
            monthly_rows(N_CUSTOMERS),
            executor=executor,
            on_progress=lambda *_: stop.set(),
            cancelled=stop.is_set,
        )
    assert [path.name for path in shop.directory.parent.iterdir()] == ["s"]


def test_a_scheduler_that_does_not_answer_is_one_clear_error(monkeypatch):
    pytest.importorskip("distributed")
    from features.engine import cluster as module

    monkeypatch.setattr(module, "_ANSWER_SECONDS", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        began = time.monotonic()
        with (
            pytest.raises(FeatureError, match=r"Expected a Dask scheduler at .* got no answer"),
            open_executor(Effort(executor=f"dask://{address}")),
        ):
            pass
    assert time.monotonic() - began < 8
