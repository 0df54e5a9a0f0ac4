"""The ten steps of a retrain, in order; each is a plain function of the run and earlier records."""

from flows.steps.data import labels, matrix, serve, snapshot
from flows.steps.evaluation import evaluate
from flows.steps.judging import promote
from flows.steps.learning import search
from flows.steps.planning import plan
from flows.steps.release import materialize, register

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
