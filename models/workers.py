"""Workers: trials run in a process of their own, which may crash, hang or be killed.

A worker is `python -m models.workers`, never a fork or a re-import of the caller's `__main__`:
it can be started from any thread, under pytest and inside a flow run. It is spoken to in JSON
over one socket pair; the rows are files it maps into memory. What libraries print goes to a log.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from models.candidate import Candidate
from models.errors import ModelError, SearchError
from models.sharing import open_shared
from models.threads import THREADS
from models.trial import Bench, RefitRequest, TrialRequest, TrialResult

TIME_LIMIT = "time limit"
_ORPHAN_CHECK_SECONDS = 1.0
_MAX_ERROR_LENGTH = 500

Message = dict[str, Any]


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
    """

    def __init__(self, *, data: Path, families: str, log: Path) -> None:
        self._opening: Message = {"do": "open", "data": str(data), "families": families}
        self._log = log
        self._is_open = False
        self._started = time.monotonic()
        self.startup_seconds = 0.0
        self._process, self._line = self._spawn()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, request: TrialRequest | RefitRequest) -> None:
        """Send a request; it is worked on as soon as the process is up."""
        if not self._is_open:
            self._send(self._opening)
        what = "refit" if isinstance(request, RefitRequest) else "evaluate"
        self._send({"do": what, **_to_message(request)})

    def wait(self, seconds: float, *, within: float) -> Message:
        """Wait for the answer to what was submitted.

        Parameters
        ----------
        seconds
            Limit of the request itself.
        within
            Limit of everything: a new process that comes up first is not counted as the
            request's time, but as this.

        Raises
        ------
        WorkerLostError
            When the process died, or took too long and was killed; another one is coming up.
        TrialFailedError
            When the request raised an exception; the process lives.
        SearchError
            When a process dies while it comes up.
        """
        until = time.monotonic() + within
        if not self._is_open:
            self._open(within)
        answer = self._receive(min(seconds, until - time.monotonic()))
        if answer["ok"]:
            return answer
        raise TrialFailedError(str(answer["error"]))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._line.close()
        _kill(self._process)

    def _open(self, seconds: float) -> None:
        try:
            answer = self._receive(seconds)
        except WorkerLostError as error:
            if str(error) == TIME_LIMIT:
                raise
            raise SearchError.no_worker(f"{error}; {_last_line(self._log)}") from error
        if not answer["ok"]:
            raise SearchError.no_worker(str(answer["error"]))
        self._is_open = True
        self.startup_seconds = time.monotonic() - self._started

    def _send(self, message: Message) -> None:
        try:
            self._line.send_bytes(json.dumps(message).encode())
        except OSError:
            return  # it died meanwhile: whoever waits for the answer is told why

    def _receive(self, seconds: float) -> Message:
        try:
            if self._line.poll(max(0.0, seconds)):
                message: Message = json.loads(self._line.recv_bytes())
                return message
            cause = TIME_LIMIT
        except (EOFError, OSError):
            cause = _how_it_ended(self._process)
        self._replace()
        raise WorkerLostError(cause)

    def _replace(self) -> None:
        self.close()
        self._is_open = False
        self._started = time.monotonic()
        self._process, self._line = self._spawn()

    def _spawn(self) -> tuple["subprocess.Popen[bytes]", Connection]:
        ours, theirs = Pipe(duplex=True)
        descriptor = theirs.fileno()
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and module, no shell)
                [sys.executable, "-W", "ignore", "-m", "models.workers", str(descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        theirs.close()
        return process, ours


def serve(line: Connection) -> None:
    """Work off requests until the other side hangs up (what a worker process does)."""
    bench: Bench | None = None
    while True:
        try:
            message = json.loads(line.recv_bytes())
        except EOFError:
            return
        try:
            if message["do"] == "open":
                bench = _open_bench(message)
                answer: Message = {"ok": True}
            else:
                assert bench is not None
                answer = _work(bench, message)
        except Exception as error:
            # Any exception of a family is a failed trial; the process goes on to the next one.
            traceback.print_exc()
            answer = {"ok": False, "error": _one_line(error)}
        line.send_bytes(json.dumps(answer).encode())


def _open_bench(message: Mapping[str, Any]) -> Bench:
    families = importlib.import_module(message["families"]).FAMILIES
    return Bench(open_shared(Path(message["data"])), families)


def _work(bench: Bench, message: Message) -> Message:
    start = time.monotonic()
    request = _from_message(message)
    result = TrialResult(fold_scores=(), fit_seconds=(), n_rounds=())
    if isinstance(request, RefitRequest):
        bench.refit(request)
    else:
        result = bench.evaluate(request)
    return {
        "ok": True,
        "seconds": time.monotonic() - start,
        "fold_scores": result.fold_scores,
        "fit_seconds": result.fit_seconds,
        "n_rounds": result.n_rounds,
    }


def _to_message(request: TrialRequest | RefitRequest) -> Message:
    fields = {name: getattr(request, name) for name in request.__slots__}
    paths = {name: str(value) for name, value in fields.items() if isinstance(value, Path)}
    return fields | paths | {"candidate": request.candidate.to_dict()}


def _from_message(message: Message) -> TrialRequest | RefitRequest:
    what = message.pop("do")
    message["candidate"] = Candidate(**message["candidate"])
    message["model"] = Path(message["model"])
    if what == "refit":
        return RefitRequest(**message)
    return TrialRequest(**message | {"oof": Path(message["oof"])})


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


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_MAX_ERROR_LENGTH]


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:_MAX_ERROR_LENGTH] if lines else "it printed nothing"


def _end_with_parent() -> None:
    """End when the parent is gone, even in the middle of a fit."""
    parent = os.getppid()

    def watch() -> NoReturn:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="orphan-watch", daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    serve(Connection(int(sys.argv[1])))
