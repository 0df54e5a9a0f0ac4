"""What a worker process does: it opens the shared rows and works off requests until told no more.

Run as `python -m models.worker_process DESCRIPTOR PARENT`: the line's file descriptor and the
process id to end with.
"""

import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from models.requests import Message, Request, read_request
from models.sharing import open_shared
from models.trial import Bench, RefitRequest

_ORPHAN_CHECK_SECONDS = 1.0
_MAX_ERROR_LENGTH = 500


def serve(line: Connection) -> None:
    """Work off requests until the other side hangs up."""
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
                answer = work(bench, read_request(message))
        except Exception as error:
            # Any exception of a family is a failed trial; the process goes on to the next one.
            traceback.print_exc()
            answer = {"ok": False, "error": one_line(error)}
        line.send_bytes(json.dumps(answer).encode())


def _open_bench(message: Mapping[str, str]) -> Bench:
    families = importlib.import_module(message["families"]).FAMILIES
    return Bench(open_shared(Path(message["data"])), families)


def work(bench: Bench, request: Request) -> Message:
    """Work off one request and give its answer."""
    start = time.monotonic()
    measured: Message = {}
    if isinstance(request, RefitRequest):
        bench.refit(request)
    else:
        measured = asdict(bench.evaluate(request))
    return measured | {"ok": True, "seconds": time.monotonic() - start}


def one_line(error: BaseException) -> str:
    """Give an exception's type and text, without line breaks."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_MAX_ERROR_LENGTH]


def _end_with(parent: int) -> None:
    """End when the parent is gone, even in the middle of a fit."""

    def watch() -> NoReturn:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="orphan-watch", daemon=True).start()


if __name__ == "__main__":
    _end_with(int(sys.argv[2]))
    serve(Connection(int(sys.argv[1])))
