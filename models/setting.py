"""Setting: everything a running search is given."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.budget import Clock
from models.course import Course
from models.families.family import Family
from models.ledger import TrialLedger
from models.progress import Listener
from models.sharing import SearchRows
from models.strategies.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """What a session is given.

    Attributes
    ----------
    strategies
        Asked in order; the first that proposes something is followed.
    n_sealed
        How many rows the model will be asked to predict in the end.
    max_latency_ms
        Milliseconds per row that the ensemble may take.
    stop
        Set when trials are to end before their budget does.
    course
        That of an earlier search, which is gone again whatever the clock says now.
    """

    directory: Path
    rows: SearchRows
    families: Mapping[str, Family]
    strategies: Sequence[Strategy]
    ledger: TrialLedger
    clock: Clock
    seed: int
    n_threads: int
    n_sealed: int
    on_event: Listener
    stop: threading.Event
    max_latency_ms: float = float("inf")
    course: Course | None = None
