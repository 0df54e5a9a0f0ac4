"""Prefect round the steps: a task per step, a narrator per run, and nothing else."""

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.narration import LogNarrator, Narrator

Output = TypeVar("Output")

_OUTSIDE = {"snapshot": 2, "register": 2, "promote": 1, "champion": 2}
"""Retries of the steps that touch the outside world; the rest would fail the same way again."""

_narrator: contextvars.ContextVar[Narrator | None] = contextvars.ContextVar(
    "narrator", default=None
)


def call_as_task(step: Callable[..., Output], *arguments: Any) -> Output:
    """Run a step as a Prefect task of its own.

    NOTE: arguments travel in the closure, not as task parameters: Prefect would walk through
    and hash them. What a step may skip is decided by the run's own ledger, which holds for runs
    without Prefect too, so Prefect's cache stays off.
    """
    name = step.__name__

    @task(
        name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=_OUTSIDE.get(name, 0),
        retry_delay_seconds=2,
    )
    def run_step() -> Output:
        return step(*arguments)

    return run_step()


@contextmanager
def narrated_by(narrator: Narrator) -> Iterator[None]:
    """Let flows started inside talk to `narrator` (besides their own log)."""
    token = _narrator.set(narrator)
    try:
        yield
    finally:
        _narrator.reset(token)


def current_narrator() -> Narrator:
    """Give whoever listens to the current flow run: the terminal, else the run's log."""
    return _narrator.get() or LogNarrator(get_run_logger())
