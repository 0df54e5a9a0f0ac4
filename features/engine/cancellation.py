"""Cancellation: work stops between two jobs, within a second or two, and leaves nothing behind."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from features.errors import FeatureError

P = ParamSpec("P")
T = TypeVar("T")

Question = Callable[[], bool]


class CancelledError(FeatureError):
    """The caller asked to stop."""

    @classmethod
    def while_(cls, doing: str) -> "CancelledError":
        """Say what was going on."""
        return cls(f"CancelledError while {doing}; nothing was written. Start again when you like.")


def never() -> bool:
    """Answer a question of cancellation that nobody asks."""
    return False


class Threads(ThreadPoolExecutor):
    """Threads that refuse the next job once the work is cancelled."""

    def __init__(self, n_threads: int, cancelled: Question = never) -> None:
        super().__init__(max_workers=n_threads)
        self._cancelled = cancelled

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Submit a job that first asks whether it is still wanted."""

        def job(*args: Any, **kwargs: Any) -> T:
            self.check()
            return fn(*args, **kwargs)

        return super().submit(job, *args, **kwargs)

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator[T]:
        """Run jobs side by side; one thread is no faster than this one, which then runs them."""
        if self._max_workers > 1:
            return super().map(fn, *iterables, timeout=timeout, chunksize=chunksize)
        return self._one_by_one(fn, *iterables)

    def _one_by_one(self, fn: Callable[..., T], *iterables: Iterable[Any]) -> Iterator[T]:
        for arguments in zip(*iterables, strict=False):
            self.check()
            yield fn(*arguments)

    def check(self) -> None:
        """Raise once the work is cancelled."""
        if self._cancelled():
            raise CancelledError.while_("computing features")


@contextmanager
def threads(n_threads: int, cancelled: Question = never) -> Iterator[Threads]:
    """Yield threads; what they have not begun when an error comes is dropped."""
    pool = Threads(n_threads, cancelled)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
