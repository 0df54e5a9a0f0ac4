"""What a computation may take, and who is told of it and may stop it."""

from collections.abc import Callable
from dataclasses import dataclass

from features.engine.cancellation import Question, never
from features.errors import FeatureError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a computation may take; none of it changes a value.

    Attributes
    ----------
    n_threads
        Threads that aggregate side by side, at least 1.
    memory_limit
        Of the whole process: bytes, or a size such as "4GB"; None is 60 % of the machine's (or its
        cgroup's). What does not fit is sorted on disk and computed partition by partition.
    executor
        "local", or the address of a Dask scheduler such as "dask://127.0.0.1:8786"; the limit
        then holds for each task, and workers must read the snapshot under the same path.
    on_progress
        Called with (cells done, cells in all) after each part.
    cancelled
        Asked between jobs; once true, `CancelledError` is raised and nothing is left behind.
    """

    n_threads: int = 2
    memory_limit: int | str | None = None
    executor: str = "local"
    on_progress: Progress | None = None
    cancelled: Question = never

    def __post_init__(self) -> None:
        if self.n_threads < 1:
            raise FeatureError(f"Expected n_threads of at least 1, got {self.n_threads}.")
