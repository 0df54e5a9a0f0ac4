"""Python's collector of reference cycles, put off while a matrix is computed in one piece.

The engine makes next to no cycles, but many small objects, and those set off full collections of
all that featuretools and numba hold: 0.14 of 0.26 CPU seconds for 12,000 rows × 158 features.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Start no collection inside; where the caller has switched it off, it stays off after."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
