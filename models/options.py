"""Options: how a search goes about it, apart from data, problem, budget and seed."""

import re
from dataclasses import dataclass, field

from models.course import Course
from models.errors import OptionError

STRATEGIES = ("grid", "random", "tpe", "gp_ei", "gp_ucb", "forest", "evolution", "nsga2")
"""Names of `models.strategies.SAMPLERS`, which is slower to import."""


HALVINGS = ("asha", "hyperband", "none")
"""Kinds of `models.halving.Halving`."""


_LEDGER = re.compile(r"postgresql(\+psycopg)?://.+")
_ADDRESS = re.compile(r"dask://.+:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How candidates are found and tried.

    Parameters
    ----------
    families
        Module whose `FAMILIES` are searched; worker processes import it by this name.
    n_jobs
        Cores to use; None for all that this process may use. In trial-budget mode the
        leaderboard is the same for 1 and 2.
    max_worker_bytes
        Memory one worker process may take before its trial is ended as failed; None for an
        equal share of what is free.
    finish_on_interrupt
        Whether Ctrl-C or SIGTERM ends the trials and gives the best ensemble so far, instead of
        ending the search; the second one ends it in any case.
    holdout_share
        Share of the rows that is sealed, 0 to below 1; 0 seals none, and all rows are searched.
    strategy
        One of `STRATEGIES`: how the portfolio is followed up.
    max_latency_ms
        Milliseconds per row, in batches of 1,000, that the ensemble may take on this machine;
        None for any. It chooses among trials and changes none of them.
    halving
        One of `HALVINGS`: whether tuned candidates that are behind after some folds are stopped.
        Not where folds are chained in time, whose first rows are the oldest, and not for a metric
        of the caller's own.
    executor
        `local`, or `dask://HOST:PORT`: trials run on the workers of a Dask cluster, one for each of
        their threads, which all see the search directory under the same path.
    ledger
        URL of the PostgreSQL database (`postgresql://USER@HOST:PORT/DATABASE`) that keeps the
        trials; many searches may share it. None for SQLite in the search directory. Another ledger
        than before begins the search again. Its password shows in no message.
    isolated
        Whether trials run in processes of their own. False saves their start where rows are few,
        and lets a debugger in; no limit of time or memory is kept then, and what crashes takes
        the caller with it.
    course
        What the clock decided at the end of an earlier search, to be followed (`models.retracing`).

    Raises
    ------
    OptionError
        When a number is too small, or the strategy or halving unknown.
    """

    families: str = "models.families"
    n_jobs: int | None = None
    max_worker_bytes: int | None = None
    finish_on_interrupt: bool = False
    holdout_share: float = 0.15
    strategy: str = "tpe"
    halving: str = "asha"
    executor: str = "local"
    max_latency_ms: float | None = None
    ledger: str | None = field(default=None, repr=False)
    isolated: bool = True
    course: Course | None = None

    def __post_init__(self) -> None:
        """Refuse less than one core or byte, no time at all, and an unknown strategy."""
        if self.max_latency_ms is not None and not self.max_latency_ms > 0:
            raise OptionError(
                f"Expected max_latency_ms above 0 or None, got {self.max_latency_ms}."
            )
        if self.strategy not in STRATEGIES:
            raise OptionError.unknown_strategy(self.strategy, STRATEGIES)
        if self.halving not in HALVINGS:
            raise OptionError(f"Expected halving of {', '.join(HALVINGS)}, got {self.halving!r}.")
        if self.executor != "local" and not _ADDRESS.fullmatch(str(self.executor)):
            raise OptionError(
                f"Expected executor 'local' or 'dask://HOST:PORT', got {self.executor!r}."
            )
        if self.ledger is not None and not _LEDGER.fullmatch(self.ledger):
            raise OptionError(
                "Expected ledger as postgresql://USER@HOST:PORT/DATABASE or None, got another "
                "kind of text."
            )
        for name in ("n_jobs", "max_worker_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"Expected {name} of at least 1 or None, got {value}.")
