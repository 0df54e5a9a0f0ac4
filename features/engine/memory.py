"""How much memory the engine may take, and about how much its parts need."""

import ctypes
import os
from pathlib import Path

import pyarrow as pa

from features.errors import FeatureError
from features.sizes import parse_bytes

SHARE = 0.6
"""Of the machine's memory, where no limit is given."""

CODE = 128 * 10**6
"""Bytes of the compiled kernels, which a process holds once it has computed something."""

LEAST = 128 * 10**6
"""Bytes beside these that any work needs."""

_LIBRARY = ctypes.CDLL(None) if os.name == "posix" else None
_UNLIMITED = 1 << 60
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def machine_memory() -> int:
    """Return the bytes that this process may ever have: the machine's, or its cgroup's."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_cgroup_limits(_OWN_CGROUPS, _CGROUPS)])


def resident_memory() -> int:
    """Return the bytes that this process holds now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_budget(memory_limit: int | str | None) -> int:
    """Return the bytes that may still be taken under a limit for the whole process.

    Parameters
    ----------
    memory_limit
        Bytes or a size; None is `SHARE` of what the machine or its cgroup has.

    Raises
    ------
    FeatureError
        When the process holds so much already that nothing can be done.
    """
    limit = int(machine_memory() * SHARE) if memory_limit is None else parse_bytes(memory_limit)
    held = resident_memory()
    least = held + CODE + LEAST
    if limit < least:
        raise FeatureError(
            f"Expected a memory_limit of at least {_megabytes(least)} MB (the process holds "
            f"{_megabytes(held)} MB already), got {_megabytes(limit)} MB. Raise the limit."
        )
    return limit - held - CODE


def give_back() -> None:
    """Give freed memory back to the system, where that can be asked.

    NOTE: without it the heap keeps what one partition freed, in pieces of other sizes than the
    next one asks for.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(_LIBRARY, "malloc_trim", None)
    if trim is not None:
        trim(0)


def _cgroup_limits(own: Path, root: Path) -> list[int]:
    """List the limits of this process's cgroups (version 1 and 2) and of those above."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    files = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            files += _upward(root / "memory", path, "memory.limit_in_bytes")
        elif not controllers:
            files += _upward(root, path, "memory.max")
    return [limit for file in files if (limit := _read_limit(file)) < _UNLIMITED]


def _upward(root: Path, path: str, name: str) -> list[Path]:
    parts = [part for part in path.split("/") if part]
    return [root.joinpath(*parts[:n], name) for n in range(len(parts) + 1)]


def _read_limit(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return _UNLIMITED


def _megabytes(n_bytes: int) -> int:
    return -(-n_bytes // 10**6)
