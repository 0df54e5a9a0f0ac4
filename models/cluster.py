"""Cluster: trials on the workers of a Dask cluster, each in a process of its own there.

The search directory has to be one that every worker sees under the same path: rows are read from
it, predictions and models written to it. Trials keep their limits of time and memory: what runs on
a Dask worker is a `models.workers.Worker`, which stays for the next trial. A trial whose Dask
worker dies is tried on another one.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from distributed import Client, Future, KilledWorker, get_worker
from distributed import wait as wait_for_futures

from models.errors import SearchError
from models.pool import MEMORY_SHARE, MIN_WORKER_BYTES, Ended
from models.requests import Message, Request, read_request, write_request
from models.workers import TIME_LIMIT, TrialFailedError, Worker, WorkerLostError, wait_for_any

_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a Dask worker is sent for each trial.

    Attributes
    ----------
    n_slots
        How many trials a machine may work on at once, which share its memory.
    """

    directory: str
    families: str
    max_worker_bytes: int | None
    n_slots: int
    request: Message
    seconds: float
    within: float


class Cluster:
    """Stands where a `Pool` does: one trial for each thread of the cluster's workers."""

    startup_seconds = 0.0

    def __init__(
        self, client: Client, directory: Path, families: str, max_worker_bytes: int | None
    ) -> None:
        self._client = client
        self._directory = str(directory.resolve())
        self._families = families
        self._max_worker_bytes = max_worker_bytes
        self._running: dict[Future, tuple[int, float]] = {}

    @property
    def n_workers(self) -> int:
        """Count the threads of all workers."""
        return sum(self._client.nthreads().values())

    @property
    def has_idle(self) -> bool:
        """Whether a thread has nothing to do."""
        return len(self._running) < self.n_workers

    @property
    def is_busy(self) -> bool:
        """Whether a trial runs."""
        return bool(self._running)

    def start(self, number: int, request: Request, *, seconds: float, within: float) -> None:
        """Send a request; `within` counts from now, also while no worker takes it."""
        order = Order(
            directory=self._directory,
            families=self._families,
            max_worker_bytes=self._max_worker_bytes,
            n_slots=max(self._client.nthreads().values(), default=1),
            request=write_request(request),
            seconds=seconds,
            within=within,
        )
        future = self._client.submit(work_off, order, pure=False)
        self._running[future] = number, time.monotonic() + within

    def wait(self, stop: threading.Event | None = None) -> Ended | None:
        """Wait until a request ends, or until `stop` is set, which gives None."""
        while stop is None or not stop.is_set():
            for future, (number, until) in list(self._running.items()):
                if future.done():
                    del self._running[future]
                    return _ended(number, future)
                if time.monotonic() > until:
                    del self._running[future]
                    self._client.cancel([future], force=True)
                    return Ended(number=number, error=TIME_LIMIT)
            with suppress(TimeoutError), self._client.as_current():
                wait_for_futures(list(self._running), _POLL_SECONDS, return_when="FIRST_COMPLETED")
        return None

    def abandon(self) -> None:
        """End what the workers are at."""
        self._client.cancel(list(self._running), force=True)
        self._running.clear()

    def dismiss(self) -> None:
        """End the processes that wait for another trial of this search."""
        self.abandon()
        with suppress(TimeoutError, OSError):
            self._client.run(end_idle, self._directory, on_error="ignore")


@contextmanager
def open_cluster(
    address: str, directory: Path, *, families: str, max_worker_bytes: int | None = None
) -> Iterator[Cluster]:
    """Yield the cluster whose scheduler answers at HOST:PORT.

    Raises
    ------
    SearchError
        When nobody answers within ten seconds, or there is no worker.
    """
    try:
        client = Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SearchError(
            f"Expected a Dask scheduler at {address!r}, got no answer: {error}. Start one with "
            "`dask scheduler` and `dask worker`, or take the executor 'local'."
        ) from error
    try:
        cluster = Cluster(client, directory, families, max_worker_bytes)
        _await_workers(cluster, address)
        try:
            yield cluster
        finally:
            cluster.dismiss()
    finally:
        with suppress(TimeoutError, OSError):
            client.close(timeout=_ANSWER_SECONDS)


def _await_workers(cluster: Cluster, address: str) -> None:
    until = time.monotonic() + _ANSWER_SECONDS
    while not cluster.n_workers:
        if time.monotonic() > until:
            raise SearchError(
                f"Expected workers at {address}, got none. Start some with `dask worker`."
            )
        time.sleep(_POLL_SECONDS)


def _ended(number: int, future: Future) -> Ended:
    try:
        answer, cause = future.result()
    except KilledWorker as error:
        return Ended(number=number, error=f"its Dask workers died: {error}")
    return Ended(number=number, answer=answer, error=cause)


_idle: dict[tuple[str, str], list[Worker]] = {}
"""Processes on this Dask worker that wait for the next trial, by the search they belong to."""

_lock = threading.Lock()


def work_off(order: Order) -> tuple[Message | None, str]:
    """Work off one request on a Dask worker: its answer, or the cause why there is none."""
    worker = _take(order)
    try:
        worker.submit(read_request(order.request), seconds=order.seconds, within=order.within)
        if wait_for_any([worker], _Dropped()) is None:
            worker.abandon()
            return None, "abandoned"
        return worker.take(), ""
    except (TrialFailedError, WorkerLostError) as error:
        return None, str(error)
    finally:
        with _lock:
            _idle.setdefault((order.directory, order.families), []).append(worker)


class _Dropped(threading.Event):
    """Set when nobody waits for the task that this thread works on any more."""

    def __init__(self) -> None:
        super().__init__()
        self._worker: Any = get_worker()
        self._key = self._worker.get_current_task()

    def is_set(self) -> bool:
        task = self._worker.state.tasks.get(self._key)
        return task is None or task.state == "cancelled"


def end_idle(directory: str) -> None:
    """End the processes of one search that wait on this Dask worker."""
    with _lock:
        for known in [known for known in _idle if known[0] == directory]:
            for worker in _idle.pop(known):
                worker.close()


def _take(order: Order) -> Worker:
    """Take an idle process of the search, or start one; those of other searches end."""
    key = order.directory, order.families
    with _lock:
        for other in [known for known in _idle if known != key]:
            for worker in _idle.pop(other):
                worker.close()
        if _idle.get(key):
            return _idle[key].pop()
    free = MEMORY_SHARE * psutil.virtual_memory().available / order.n_slots
    name = f"worker_{socket.gethostname()}_{os.getpid()}_{threading.get_ident()}.log"
    return Worker(
        data=Path(order.directory) / "data",
        families=order.families,
        log=Path(order.directory) / name,
        max_bytes=order.max_worker_bytes or max(MIN_WORKER_BYTES, free),
    )
