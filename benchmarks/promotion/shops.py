"""Small projects with versions, for the benchmarks of trust."""

import logging
import os
import warnings
from pathlib import Path

import pandas as pd

from flows.settings import Settings
from flows.workspace import Workspace, open_workspace
from tests.flows.shop import SPEC, write_shop

FIRST = pd.Timestamp("2024-05-20")
BY_TRIALS = "search: {max_seconds: 120, max_trials: 4, seed: 0}"
BY_CLOCK = "search: {max_seconds: 25, seed: 0}"


def make_shop(
    folder: Path, *, seed: int = 0, n_customers: int = 60, by_clock: bool = False
) -> Path:
    """Write a shop; its searches end by the number of trials, or by the clock."""
    write_shop(folder, n_customers=n_customers, seed=seed)
    if by_clock:
        spec = folder / "perennial.yaml"
        spec.write_text(SPEC.replace(BY_TRIALS, BY_CLOCK))
    return folder


def open_shop(folder: Path) -> Workspace:
    """Open a shop without an orchestrator and without noise."""
    os.environ["PERENNIAL_ORCHESTRATOR"] = "none"
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    return open_workspace(folder, Settings(orchestrator="none"))
