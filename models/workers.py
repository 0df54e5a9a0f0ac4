"""Workers: trials run in processes of their own, which may crash, hang, swell or be killed.

A worker is `python -m models.worker_process`, never a fork or a re-import of the caller's
`__main__`: it can be started from any thread, under pytest and inside a flow run. It is spoken to
in JSON over one socket pair; the rows are files it maps into memory. What libraries print goes to
a log.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_lines
from pathlib import Path

import psutil

from models.errors import ModelError, SearchError
from models.requests import Message, Request, write_request
from models.threads import THREADS

TIME_LIMIT = "time limit"
MEMORY_LIMIT = "memory limit"
_MEMORY_CHECK_SECONDS = 0.25
_MAX_ERROR_LENGTH = 500


class WorkerLostError(ModelError):
    """A worker ended or was killed before it answered; its text is the cause."""


class TrialFailedError(ModelError):
    """A worker answered that a trial failed; its text is the exception's."""


class Worker:
    """One worker process and the line to it; use it as a context manager.

    `startup_seconds` is how long the newest process took to come up; 0 before the first did.

    Parameters
    ----------
    data
        Directory written by `models.sharing.share`; may be written after the worker is started.
    families
        Module that holds `FAMILIES`.
    log
        Takes what the process prints.
    max_bytes
        Memory the process may take of its own, mapped files not counted, before it is killed.
    """

    def __init__(
        self, *, data: Path, families: str, log: Path, max_bytes: float = float("inf")
    ) -> None:
        self._opening: Message = {"do": "open", "data": str(data), "families": families}
        self._log = log
        self._max_bytes = max_bytes
        self._is_open = False
        self._outcome: Message | Exception | None = None
        self._seconds = self._until = self._begun = 0.0
        self._started = time.monotonic()
        self.is_busy = False
        self.startup_seconds = 0.0
        self._process, self.line = self._spawn()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process now behind the line."""
        return self._process.pid

    def submit(self, request: Request, *, seconds: float, within: float) -> None:
        """Send a request; it is worked on as soon as the process is up.

        Parameters
        ----------
        seconds
            Limit of the request itself.
        within
            Limit of everything: a new process that comes up first is not counted as the
            request's time, but as this.
        """
        self._outcome, self.is_busy = None, True
        self._begun = time.monotonic()
        self._seconds, self._until = seconds, self._begun + within
        if not self._is_open:
            self._send(self._opening)
        self._send(write_request(request))

    def wait(self) -> Message:
        """Wait for the answer to what was submitted; see `take`."""
        wait_for_any([self])
        return self.take()

    def take(self) -> Message:
        """Take the answer that `wait_for_any` found here.

        Raises
        ------
        WorkerLostError
            When the process died, or took too much time or memory and was killed; another one
            is coming up.
        TrialFailedError
            When the request raised an exception; the process lives.
        SearchError
            When a process dies while it comes up.
        """
        outcome, self._outcome = self._outcome, None
        assert outcome is not None, "nothing was waited for"
        self.is_busy = False
        if isinstance(outcome, Exception):
            raise outcome
        if not outcome["ok"]:
            raise TrialFailedError(str(outcome["error"]))
        return outcome

    @property
    def is_ready(self) -> bool:
        """Whether an answer, or the news that none will come, can be taken."""
        return self._outcome is not None

    @property
    def deadline(self) -> float:
        """When the request is given up, by `time.monotonic`."""
        return min(self._until, self._begun + self._seconds) if self._is_open else self._until

    def read(self) -> None:
        """Read the line: an answer, the news that the process is up, or that it is gone."""
        try:
            message: Message = json.loads(self.line.recv_bytes())
        except (EOFError, OSError):
            self._lose(_how_it_ended(self._process))
            return
        if self._is_open:
            self._outcome = message
        elif message["ok"]:
            self._is_open, self._begun = True, time.monotonic()
            self.startup_seconds = self._begun - self._started
        else:
            self._outcome = SearchError.no_worker(str(message["error"]))

    def check(self) -> None:
        """Kill the process when it is over one of its limits."""
        if time.monotonic() >= self.deadline:
            self._lose(TIME_LIMIT)
        elif self._max_bytes < float("inf") and (taken := _own_bytes(self.pid)) > self._max_bytes:
            self._lose(f"{MEMORY_LIMIT}: {taken / 1e6:,.0f} of {self._max_bytes / 1e6:,.0f} MB")

    def abandon(self) -> None:
        """End what it is at; another process comes up."""
        self._replace()
        self._outcome, self.is_busy = None, False

    def close(self) -> None:
        """End the process, whatever it does."""
        self.line.close()
        _kill(self._process)

    def _send(self, message: Message) -> None:
        try:
            self.line.send_bytes(json.dumps(message).encode())
        except OSError:
            return  # it died meanwhile: whoever waits for the answer is told why

    def _lose(self, cause: str) -> None:
        dies_early = not self._is_open and not cause.startswith((TIME_LIMIT, MEMORY_LIMIT))
        self._outcome = (
            SearchError.no_worker(f"{cause}; {_last_line(self._log)}")
            if dies_early
            else WorkerLostError(cause)
        )
        self._replace()

    def _replace(self) -> None:
        self.close()
        self._is_open = False
        self._started = time.monotonic()
        self._process, self.line = self._spawn()

    def _spawn(self) -> tuple["subprocess.Popen[bytes]", Connection]:
        ours, theirs = Pipe(duplex=True)
        descriptor = theirs.fileno()
        told = [str(descriptor), str(os.getpid())]
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and module, no shell)
                [sys.executable, "-W", "ignore", "-m", "models.worker_process", *told],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        theirs.close()
        return process, ours


def wait_for_any(workers: Sequence[Worker], stop: threading.Event | None = None) -> Worker | None:
    """Wait until one of the busy workers can be taken from; their limits are watched meanwhile.

    None when `stop` is set before.
    """
    while stop is None or not stop.is_set():
        ready = next((worker for worker in workers if worker.is_ready), None)
        if ready is not None:
            return ready
        nearest = min(worker.deadline for worker in workers)
        patience = max(0.0, min(_MEMORY_CHECK_SECONDS, nearest - time.monotonic()))
        readable = wait_for_lines([worker.line for worker in workers], patience)
        for worker in workers:
            if worker.line in readable:
                worker.read()
            else:
                worker.check()
    return None


def _own_bytes(pid: int) -> int:
    """Give the memory a process takes, without files it shares with others."""
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))


def _environment() -> dict[str, str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, **THREADS, "PYTHONPATH": path}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):  # its own session: nothing else is in the group
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _how_it_ended(process: "subprocess.Popen[bytes]") -> str:
    try:
        code = process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        return "closed its line"
    return f"crashed with signal {-code}" if code < 0 else f"exited with code {code}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:_MAX_ERROR_LENGTH] if lines else "it printed nothing"
