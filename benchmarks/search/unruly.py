"""Families that behave badly on purpose, and one that takes a known time; workers import this."""

import os
import signal
import time
from collections.abc import Mapping

import numpy as np

from models.families.constant import Constant
from models.families.family import Family, Fit, FitTask, Parameters, Shape
from models.families.lightgbm import LightGBM
from models.families.linear import Linear
from models.space import Space
from models.task import Problem


class _Unruly(Linear):
    """Comes many times in the portfolio, with other parameters each time."""

    relative_cost = 0.0

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        return tuple({"scaling": "standard", "penalty": 1.01**k} for k in range(60))

    def space(self, problem: Problem, shape: Shape) -> Space:
        return {}


class Slow(_Unruly):
    """Takes half a minute a fold."""

    name = "slow"

    def fit(self, task: FitTask) -> Fit:
        """Sleep, then fit."""
        time.sleep(30)
        return super().fit(task)


class Hung(_Unruly):
    """Never ends."""

    name = "hung"

    def fit(self, task: FitTask) -> Fit:
        """Sleep for ever."""
        while True:
            time.sleep(3600)


class Crashing(_Unruly):
    """Takes its process with it."""

    name = "crashing"

    def fit(self, task: FitTask) -> Fit:
        """End the process."""
        os.kill(os.getpid(), signal.SIGSEGV)
        return super().fit(task)


class Eating(_Unruly):
    """Takes 400 MB a second."""

    name = "eating"

    def fit(self, task: FitTask) -> Fit:
        """Take memory until something ends it."""
        eaten = []
        while True:
            eaten.append(np.ones(5_000_000))
            time.sleep(0.1)


class Second(_Unruly):
    """Takes a second a trial, whatever the machine: it sleeps for what is left of it."""

    name = "second"

    def fit(self, task: FitTask) -> Fit:
        """Sleep for a fifth of a second, one of five folds; then fit."""
        time.sleep(1 / 5)
        return super().fit(task)


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (Constant(), Linear(), LightGBM(), Slow(), Hung(), Crashing(), Eating())
}
