"""`perennial`: the commands, thin over the flows.

Heavy imports wait inside the commands: `perennial --help` must answer at once.
"""

import os
import signal

from flows.cli import learning, loop, record, rehearsal, upkeep  # the order of --help
from flows.cli.application import TERMINATED, app
from models.threads import THREADS

__all__ = ["app", "learning", "loop", "main", "record", "rehearsal", "upkeep"]


def main() -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong usage, 130 and 143 interrupted."""
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)  # before anything loads these libraries
    signal.signal(signal.SIGTERM, _terminate)
    # A shell starts background jobs with SIGINT ignored; whoever sends it to us means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    app()


def _terminate(_signal: int, _frame: object) -> None:
    """End like Ctrl-C does: what was started is stopped, and the run can go on later."""
    raise SystemExit(TERMINATED)
