"""Inline trials: in this process, one after another, with no limits and no protection."""

import importlib
import threading
import warnings
from pathlib import Path

from models.pool import Ended
from models.requests import Request
from models.sharing import open_shared
from models.trial import Bench
from models.worker_process import one_line, work


class Inline:
    """Stands where a `Pool` does, and works off a request when its answer is waited for.

    For tiny data and for debugging: a fit costs no process, but one that hangs or crashes takes
    the caller with it, and limits of time and memory are not kept.

    Parameters
    ----------
    data
        Directory written by `models.sharing.share`; may be written later.
    families
        Module that holds `FAMILIES`.
    """

    n_workers = 1
    startup_seconds = 0.0

    def __init__(self, data: Path, families: str) -> None:
        self._data = data
        self._families = families
        self._bench: Bench | None = None
        self._waiting: tuple[int, Request] | None = None

    @property
    def has_idle(self) -> bool:
        """Whether nothing is waiting to be worked off."""
        return self._waiting is None

    @property
    def is_busy(self) -> bool:
        """Whether something is waiting to be worked off."""
        return self._waiting is not None

    def start(self, number: int, request: Request, *, seconds: float, within: float) -> None:
        """Take a request; its limits are not kept."""
        self._waiting = number, request

    def wait(self, stop: threading.Event | None = None) -> Ended | None:
        """Work off the request; None when `stop` is set before."""
        if stop is not None and stop.is_set():
            return None
        assert self._waiting is not None, "nothing was started"
        number, request = self._waiting
        self._waiting = None
        if self._bench is None:
            families = importlib.import_module(self._families).FAMILIES
            self._bench = Bench(open_shared(self._data), families)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as in a worker
                return Ended(number=number, answer=work(self._bench, request))
        except Exception as error:
            # As in a worker: any exception of a family is a failed trial.
            return Ended(number=number, error=one_line(error))

    def abandon(self) -> None:
        """Forget the request."""
        self._waiting = None
