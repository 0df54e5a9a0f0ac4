"""The families a search may choose from, in the order they are first tried.

The order, and the turn in which each joins (`first_turn`), follow what greedy ensembles chose on
ten development tables of at most 1,500 rows: LightGBM in nine, XGBoost in eight, the network and
the linear model in six, histograms in three, extra trees in two, the others in none.
CatBoost, chosen in five, is searched where it is installed (the extra `catboost`): its wheel has
97 MB, and its trials took several times as long as XGBoost's.
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
