"""Attribution: how much each column moves each prediction of an ensemble (Shapley values)."""

from models.attribution.attributing import Attribution, attribute
from models.attribution.rollup import SourceShare, roll_up

__all__ = ["Attribution", "SourceShare", "attribute", "roll_up"]
