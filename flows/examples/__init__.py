"""Example projects that `perennial init --example NAME` writes: a spec and its data."""

from collections.abc import Callable, Mapping
from pathlib import Path

from flows.examples.flights import write_flights

EXAMPLES: Mapping[str, Callable[[Path], None]] = {"flights": write_flights}
