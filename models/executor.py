"""Executor: where the trials of a search run."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import SearchError
from models.inline import Inline
from models.options import SearchOptions
from models.pool import Pool, open_pool

if TYPE_CHECKING:
    from models.cluster import Cluster


def open_executor(
    directory: Path, options: SearchOptions, n_workers: int
) -> AbstractContextManager["Pool | Inline | Cluster"]:
    """Open the workers of a search: processes, this process, or a Dask cluster.

    Raises
    ------
    SearchError
        When no worker can be started, or the cluster does not answer.
    """
    if options.executor != "local":
        try:
            from models.cluster import open_cluster  # distributed is a heavy import
        except ImportError as error:
            raise SearchError(
                f"Expected the package 'distributed' for the executor {options.executor!r}, got: "
                f"{error}. Install it with: pip install 'perennial[dask]'"
            ) from error
        return open_cluster(
            options.executor.removeprefix("dask://"),
            directory,
            families=options.families,
            max_worker_bytes=options.max_worker_bytes,
        )
    if not options.isolated:
        return nullcontext(Inline(directory / "data", options.families))
    return open_pool(
        directory,
        families=options.families,
        n_workers=n_workers,
        max_worker_bytes=options.max_worker_bytes,
    )
