"""The families a search may choose from; in which order, the learned list says.

See `models.variants`. CatBoost is searched where it is installed (the extra `catboost`): its wheel
has 97 MB.
"""

from collections.abc import Mapping
from importlib.util import find_spec

from models.families.catboost import CatBoost
from models.families.constant import Constant
from models.families.extra_trees import ExtraTrees
from models.families.family import Family
from models.families.histograms import Histograms
from models.families.lightgbm import LightGBM
from models.families.linear import Linear
from models.families.naive_bayes import NaiveBayes
from models.families.neighbours import Neighbours
from models.families.network import Network
from models.families.random_forest import RandomForest
from models.families.support_vectors import SupportVectors
from models.families.xgboost import XGBoost

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Constant(),
        Linear(),
        LightGBM(),
        ExtraTrees(),
        XGBoost(),
        *((CatBoost(),) if find_spec("catboost") else ()),
        Network(),
        SupportVectors(),
        RandomForest(),
        Histograms(),
        Neighbours(),
        NaiveBayes(),
    )
}

__all__ = ["FAMILIES", "Family"]
