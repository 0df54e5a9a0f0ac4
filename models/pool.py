"""The pool: several workers, each with a request of its own, and whichever ends first."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from models.families.family import Shape
from models.requests import Message, Request
from models.workers import TrialFailedError, Worker, WorkerLostError, wait_for_any

MEMORY_SHARE = 0.85
"""Of the memory that is free when a search begins, its workers may take so much together."""

MIN_WORKER_BYTES = 300_000_000
"""What a worker that has imported its libraries takes before it does anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workforce:
    """How many workers there are, and the threads of each."""

    n_workers: int
    n_threads: int


def plan_workforce(shape: Shape, n_cores: int) -> Workforce:
    """Share cores out: a worker each where rows are few, one worker with all where they are many.

    NOTE: below a million cells a second thread saves LightGBM little (1,000 x 8 even takes 1.6
    times as long), and a second worker doubles the trials. Above, the first result comes sooner
    from both threads, and one copy of the encoded rows is enough.
    """
    if shape.is_large:
        return Workforce(n_workers=1, n_threads=n_cores)
    return Workforce(n_workers=n_cores, n_threads=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a request ended: with an answer or with the cause why there is none.

    Attributes
    ----------
    number
        Of the trial, as it was started.
    """

    number: int
    answer: Message | None = None
    error: str = ""


class Pool:
    """Workers and what each of them is at."""

    def __init__(self, workers: tuple[Worker, ...]) -> None:
        self._workers = workers
        self._numbers: dict[Worker, int] = {}

    @property
    def n_workers(self) -> int:
        """Count the workers."""
        return len(self._workers)

    @property
    def has_idle(self) -> bool:
        """Whether a worker has nothing to do."""
        return any(not worker.is_busy for worker in self._workers)

    @property
    def is_busy(self) -> bool:
        """Whether a worker has something to do."""
        return any(worker.is_busy for worker in self._workers)

    @property
    def startup_seconds(self) -> float:
        """The longest that one of the newest processes took to come up."""
        return max(worker.startup_seconds for worker in self._workers)

    def start(self, number: int, request: Request, *, seconds: float, within: float) -> None:
        """Give an idle worker a request; limits as in `Worker.submit`."""
        worker = next(worker for worker in self._workers if not worker.is_busy)
        self._numbers[worker] = number
        worker.submit(request, seconds=seconds, within=within)

    def wait(self, stop: threading.Event | None = None) -> Ended | None:
        """Wait until a request ends, or until `stop` is set, which gives None.

        Raises
        ------
        SearchError
            When a process dies while it comes up.
        """
        worker = wait_for_any([worker for worker in self._workers if worker.is_busy], stop)
        if worker is None:
            return None
        number = self._numbers.pop(worker)
        try:
            return Ended(number=number, answer=worker.take())
        except (TrialFailedError, WorkerLostError) as error:
            return Ended(number=number, error=str(error))

    def abandon(self) -> None:
        """End what the workers are at; they come up again."""
        for worker in self._workers:
            if worker.is_busy:
                worker.abandon()
        self._numbers.clear()


@contextmanager
def open_pool(
    directory: Path, *, families: str, n_workers: int, max_worker_bytes: int | None = None
) -> Iterator[Pool]:
    """Start workers on the rows that will be shared in `directory / "data"`.

    Parameters
    ----------
    max_worker_bytes
        Memory each worker may take of its own; None gives all an equal share of what is free.
    """
    free = MEMORY_SHARE * psutil.virtual_memory().available / n_workers
    limit = max_worker_bytes or max(MIN_WORKER_BYTES, free)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                Worker(
                    data=directory / "data",
                    families=families,
                    log=directory / f"worker_{number}.log",
                    max_bytes=limit,
                )
            )
            for number in range(n_workers)
        ]
        yield Pool(tuple(workers))
