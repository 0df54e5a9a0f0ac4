"""What a piece of work costs: processor seconds of all threads, wall seconds, peak memory."""

import importlib.metadata
import multiprocessing
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = ("featuretools", "duckdb", "numba", "numpy", "pandas", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds and bytes of one piece of work.

    Attributes
    ----------
    cpu
        User and system seconds of the process and its children.
    peak
        Bytes of the process at its greatest, imports included.
    """

    cpu: float
    wall: float
    peak: int

    def __str__(self) -> str:
        return f"{self.cpu:9.2f} CPU s {self.wall:9.2f} s wall {self.peak / 1e9:7.2f} GB peak"


def measure(work: Callable[[], Any]) -> tuple[Any, Cost]:
    """Do `work` and say what it took."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    result = work()
    cost = Cost(
        cpu=_cpu_seconds() - cpu,
        wall=time.perf_counter() - wall,
        peak=peak_memory(),
    )
    return result, cost


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Call `work` in a fresh process, so that one piece's memory is not another's peak."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(work, *arguments).result()


def describe_machine(packages: Sequence[str] = PACKAGES) -> str:
    """Say what the figures were measured with."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    n_cores = len(os.sched_getaffinity(0))
    return f"{n_cores} cores, Python {platform.python_version()}, {versions}"


def peak_memory() -> int:
    """Read the most memory this process has held, in bytes."""
    # NOTE: `ru_maxrss` begins with what the process that started this one held.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
