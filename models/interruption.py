"""Interruption: Ctrl-C and SIGTERM as a wish to end with what there is, heard at a safe moment."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def hearing(*, enabled: bool = True) -> Iterator[threading.Event]:
    """Set an event at the first SIGINT or SIGTERM; the next one does what it did before.

    In another thread than the main one, which alone gets signals, the event is never set.
    """
    heard = threading.Event()
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield heard
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def hear(number: int, frame: FrameType | None) -> None:
        heard.set()
        _restore(before)

    for number in _SIGNALS:
        signal.signal(number, hear)
    try:
        yield heard
    finally:
        _restore(before)


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        # NOTE: None stands for a handler that was not set from Python, which cannot be set again.
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
