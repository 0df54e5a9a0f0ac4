"""Partitions on a Dask cluster: one function on each worker, a few partitions ahead at a time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
from distributed import Client, Future, KilledWorker, get_worker, wait

from features.engine.cancellation import CancelledError, threads
from features.engine.effort import Effort
from features.engine.partition import Partition, compute_partition
from features.errors import FeatureError

Array = npt.NDArray[Any]

_ANSWER_SECONDS = 10
_POLL_SECONDS = 0.2
_AHEAD = 2
"""Partitions submitted for each thread of the cluster, so that results do not pile up on it."""


@contextmanager
def open_cluster(address: str, effort: Effort) -> Iterator["_Cluster"]:
    """Yield the cluster whose scheduler answers at HOST:PORT.

    Raises
    ------
    FeatureError
        When nobody answers within ten seconds, or there is no worker.
    """
    try:
        client = Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise FeatureError(
            f"Expected a Dask scheduler at {address!r}, got no answer: {error}. Start one with "
            "`dask scheduler` and `dask worker`, or take the executor 'local'."
        ) from error
    try:
        yield _Cluster(client, effort)
    finally:
        client.close(timeout=_ANSWER_SECONDS)


class _Cluster:
    """The workers behind one scheduler."""

    def __init__(self, client: Client, effort: Effort) -> None:
        self._client = client
        self._effort = effort

    @property
    def n_partitions(self) -> int:
        """As many that an uneven one does not keep the others waiting."""
        return 4 * self._n_threads()

    def run(self, partitions: Sequence[Partition]) -> Iterator[tuple[Partition, dict[str, Array]]]:
        """Yield each partition with its values, as they come."""
        waiting = list(reversed(partitions))
        running: dict[Future, Partition] = {}
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * self._n_threads():
                    partition = waiting.pop()
                    running[self._submit(partition)] = partition
                for future in self._done(list(running)):
                    yield running.pop(future), self._result(future)
        finally:
            self._client.cancel(list(running), force=True)

    def _submit(self, partition: Partition) -> Future:
        return self._client.submit(
            _compute, partition, self._effort.n_threads, pure=False, retries=2
        )

    def _done(self, futures: list[Future]) -> list[Future]:
        """Wait until at least one partition is computed; say which are."""
        while True:
            if self._effort.cancelled():
                raise CancelledError.while_("computing features on a cluster")
            try:
                with self._client.as_current():
                    return list(wait(futures, _POLL_SECONDS, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                continue

    def _result(self, future: Future) -> dict[str, Array]:
        try:
            values: dict[str, Array] = future.result()
        except KilledWorker as error:
            raise FeatureError(
                f"Expected the workers to stay alive, got the same partition lost again and again: "
                f"{error}. Lower memory_limit below what one worker has, or give workers more."
            ) from error
        return values

    def _n_threads(self) -> int:
        """Count the threads of all workers, waiting for the first."""
        until = time.monotonic() + _ANSWER_SECONDS
        while not (counts := self._client.nthreads()):
            if time.monotonic() > until:
                raise FeatureError(
                    f"Expected workers at {self._client.scheduler.address}, got none. "
                    "Start some with `dask worker`."
                )
            time.sleep(_POLL_SECONDS)
        return sum(counts.values())


def _compute(partition: Partition, n_threads: int) -> dict[str, Array]:
    """Compute a partition on a worker; stop when nobody waits for it any more."""
    worker = get_worker()
    key = worker.get_current_task()

    def dropped() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    with threads(n_threads, dropped) as pool:
        return compute_partition(partition, pool)
