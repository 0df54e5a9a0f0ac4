"""Threads of native libraries: settings that keep them from spinning, read when they are loaded.

`OMP_WAIT_POLICY=PASSIVE`: LightGBM's threads spin while they wait. On two cores shared with other
work, 40 rounds on 80,000 × 100 took 32 s and 12.6 CPU seconds with spinning, 3.4 s and 1.7 CPU
seconds without. `OPENBLAS_NUM_THREADS=1`: OpenBLAS spins whatever the policy. A logistic regression
on 2,500 × 200 took 12 s with two threads there, 0.1 s with one.
"""

from collections.abc import Mapping
from types import MappingProxyType

THREADS: Mapping[str, str] = MappingProxyType(
    {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
)
