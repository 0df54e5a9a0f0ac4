"""Families that misbehave on purpose; worker processes import this file by its bare name."""

import os
import signal
import time

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.families.constant import Constant
from models.families.family import Fit
from models.families.linear import Linear


class _Planted(Linear):
    """Proposes itself once and is not tuned."""

    relative_cost = 0.0

    def portfolio(self, problem, shape):
        return ({"scaling": "standard", "penalty": 1.0},)

    def space(self, problem, shape):
        return {}


class Sleeper(_Planted):
    name = "sleeper"

    def fit(self, task):
        time.sleep(600)


class Crasher(_Planted):
    name = "crasher"

    def fit(self, task):
        os.kill(os.getpid(), signal.SIGSEGV)


class Raiser(_Planted):
    name = "raiser"

    def fit(self, task):
        raise MemoryError("no room for\n  this fit")


class _NotANumber(LogisticRegression):
    def predict_proba(self, X):
        return super().predict_proba(X) * np.nan


class NaNs(_Planted):
    name = "nans"

    def fit(self, task):
        return Fit(estimator=_NotANumber().fit(task.X, task.y))


class Printer(_Planted):
    """Prints a lot where libraries print, then does its work."""

    name = "printer"

    def fit(self, task):
        os.write(1, b"noise " * 50_000)
        print("more noise")
        return super().fit(task)


class RefitSleeper(_Planted):
    """Fits folds, hangs when it is fitted for good."""

    name = "refit_sleeper"

    def fit(self, task):
        if task.X_valid is None:
            time.sleep(600)
        return super().fit(task)


class SlowLinear(_Planted):
    """Takes a second per fold; proposes three penalties."""

    name = "slow"

    def portfolio(self, problem, shape):
        return tuple({"scaling": "standard", "penalty": 10.0**k} for k in range(30))

    def fit(self, task):
        time.sleep(0.2)
        return super().fit(task)


class Eater(_Planted):
    """Takes memory until it is stopped."""

    name = "eater"

    def fit(self, task):
        eaten = []
        while True:
            eaten.append(np.ones(5_000_000))
            time.sleep(0.02)


_BAD = (Crasher(), Raiser(), NaNs(), Printer())
FAMILIES = {family.name: family for family in (Constant(), Linear(), *_BAD)}
