"""Evaluation: how good predictions are on rows nobody chose by, and how sure one can be."""

from models.evaluation.evaluating import COMPANIONS, evaluate
from models.evaluation.records import (
    Band,
    Bin,
    Curve,
    Decile,
    Evaluation,
    Interval,
    PairedDifference,
    Period,
    SliceScore,
)
from models.evaluation.scores import (
    check_predictions,
    compare,
    constant_prediction,
    paired_difference,
)
from models.evaluation.slicing import score_slices

__all__ = [
    "COMPANIONS",
    "Band",
    "Bin",
    "Curve",
    "Decile",
    "Evaluation",
    "Interval",
    "PairedDifference",
    "Period",
    "SliceScore",
    "check_predictions",
    "compare",
    "constant_prediction",
    "evaluate",
    "paired_difference",
    "score_slices",
]
