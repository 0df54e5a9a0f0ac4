"""Where partitions are computed: in this process, or on a Dask cluster."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import numpy.typing as npt

from features.engine.cancellation import Threads, threads
from features.engine.effort import Effort
from features.engine.partition import Partition, compute_partition
from features.errors import FeatureError

Array = npt.NDArray[Any]
Result = tuple[Partition, dict[str, Array]]

LOCAL = "local"
DASK = "dask://"


class Executor(Protocol):
    """Computes partitions."""

    @property
    def n_partitions(self) -> int:
        """How many partitions it wants at least."""

    def run(self, partitions: Sequence[Partition]) -> Iterator[Result]:
        """Yield each partition with its values, in any order."""


def open_executor(effort: Effort) -> AbstractContextManager[Executor]:
    """Open what `effort.executor` names.

    Raises
    ------
    FeatureError
        When the name is unknown, its package is missing, or nobody answers at the address.

    Examples
    --------
    >>> open_executor(Effort(executor="spark"))
    Traceback (most recent call last):
    ...
    features.errors.FeatureError: Expected an executor 'local' or 'dask://HOST:PORT', got 'spark'.
    """
    if effort.executor == LOCAL:
        return _open_local(effort)
    if not effort.executor.startswith(DASK):
        raise FeatureError(
            f"Expected an executor 'local' or 'dask://HOST:PORT', got {effort.executor!r}."
        )
    try:
        from features.engine.cluster import open_cluster
    except ImportError as error:
        raise FeatureError(
            f"Expected the package 'distributed' for the executor {effort.executor!r}, got: "
            f"{error}. Install it with: pip install 'perennial[dask]'"
        ) from error
    return open_cluster(effort.executor.removeprefix(DASK), effort)


@contextmanager
def _open_local(effort: Effort) -> Iterator["_Local"]:
    with threads(effort.n_threads, effort.cancelled) as pool:
        yield _Local(pool)


class _Local:
    """One partition after the other."""

    n_partitions = 1

    def __init__(self, pool: Threads) -> None:
        self._pool = pool

    def run(self, partitions: Sequence[Partition]) -> Iterator[Result]:
        """Yield each partition with its values, in order."""
        for partition in partitions:
            yield partition, compute_partition(partition, self._pool)
