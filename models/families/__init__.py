"""The families a search may choose from, in the order they are first tried."""

from collections.abc import Mapping

from models.families.constant import Constant
from models.families.extra_trees import ExtraTrees
from models.families.family import Family
from models.families.lightgbm import LightGBM
from models.families.linear import Linear

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (Constant(), Linear(), LightGBM(), ExtraTrees())
}

__all__ = ["FAMILIES", "Family"]
