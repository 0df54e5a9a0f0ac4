"""The ten steps of a retrain, in order; each is a plain function of the run and earlier records."""

from flows.steps.data import labels, matrix, serve, snapshot
from flows.steps.learning import evaluate, search
from flows.steps.planning import plan
from flows.steps.release import materialize, promote, register

__all__ = [
    "evaluate",
    "labels",
    "materialize",
    "matrix",
    "plan",
    "promote",
    "register",
    "search",
    "serve",
    "snapshot",
]
