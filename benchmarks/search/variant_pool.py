"""The pool that a portfolio is chosen from: published defaults and zero-shot configurations.

Each as changes of a family's own defaults here; learning rates as factors, because these defaults
follow the data's size. Sources: AutoGluon's presets and zero-shot portfolios of 2023 and 2025
(`autogluon/tabular/configs`), pytabkit's tuned defaults (Holzmüller et al., NeurIPS 2024),
LightAutoML, H2O, TabRepo (arXiv 2311.02971) and TabArena (arXiv 2506.16791).
"""

from collections.abc import Mapping

from models.families.family import Parameters
from models.variants import Variant


def _variant(family: str, changes: Parameters, **factors: float) -> Variant:
    return Variant(family=family, changes=changes, factors=factors)


def _lightgbm(rate: float = 1.0, **changes: float | int | bool) -> Variant:
    return _variant("lightgbm", changes, **({} if rate == 1.0 else {"learning_rate": rate}))


def _xgboost(rate: float = 1.0, **changes: float | int) -> Variant:
    return _variant("xgboost", changes, **({} if rate == 1.0 else {"learning_rate": rate}))


def _linear(penalty: float, **scaling: str) -> Variant:
    return _variant("linear", {"penalty": penalty, **scaling})


def _network(width: int, layers: int, rate: float, decay: float, scaling: str) -> Variant:
    changes = {"width": width, "n_layers": layers, "rate": rate, "decay": decay}
    return _variant("network", changes | {"scaling": scaling})


def _forest(family: str, least: int, fraction: float) -> Variant:
    return _variant(family, {"min_rows_in_leaf": least, "feature_fraction": fraction})


POOL: Mapping[str, Variant] = {
    "linear": _variant("linear", {}),
    "lightgbm": _lightgbm(),
    "extra_trees": _variant("extra_trees", {}),
    "xgboost": _xgboost(),
    "catboost": _variant("catboost", {}),
    "network": _variant("network", {}),
    "support_vectors": _variant("support_vectors", {}),
    "random_forest": _variant("random_forest", {}),
    "histograms": _variant("histograms", {}),
    "neighbours": _variant("neighbours", {}),
    "naive_bayes": _variant("naive_bayes", {}),
    "lightgbm extra": _lightgbm(extra_trees=True),
    "lightgbm bushy": _variant(
        "lightgbm", {"feature_fraction": 0.4, "lambda_l2": 5.0}, num_leaves=2.05
    ),
    "lightgbm shallow": _variant(
        "lightgbm", {"num_leaves": 7, "bagging_fraction": 0.9}, learning_rate=1.4
    ),
    "lightgbm sampled": _variant(
        "lightgbm", {"feature_fraction": 0.3, "bagging_fraction": 0.6}, min_data_in_leaf=5.0
    ),
    "lightgbm ag large": _lightgbm(
        0.75, num_leaves=127, feature_fraction=0.9, min_data_in_leaf=3, bagging_fraction=1.0
    ),
    "lightgbm ag r177": _lightgbm(
        0.45, num_leaves=39, feature_fraction=0.46, bagging_fraction=0.88, extra_trees=True,
        lambda_l1=0.24, lambda_l2=0.36, min_data_in_leaf=3,
    ),
    "lightgbm ag r13": _lightgbm(
        0.5, num_leaves=64, feature_fraction=0.55, bagging_fraction=0.99, extra_trees=True,
        lambda_l1=0.91, lambda_l2=1.9, min_data_in_leaf=28,
    ),
    "lightgbm td class": _lightgbm(
        num_leaves=50, min_data_in_leaf=40, bagging_fraction=0.75, feature_fraction=1.0
    ),
    "lightgbm td value": _lightgbm(
        1.25, num_leaves=100, min_data_in_leaf=3, bagging_fraction=0.7, feature_fraction=1.0
    ),
    "lightgbm lama": _lightgbm(
        0.5, num_leaves=16, feature_fraction=0.7, bagging_fraction=0.7, min_data_in_leaf=20
    ),
    "lightgbm stumpy": _variant(
        "lightgbm", {"bagging_fraction": 0.9, "feature_fraction": 0.5},
        num_leaves=0.27, learning_rate=2.0,
    ),
    "xgboost flat": _xgboost(max_depth=4, colsample_bylevel=0.5, reg_lambda=3.0),
    "xgboost td class": _xgboost(
        1.6, max_depth=6, min_child_weight=1e-3, reg_lambda=1e-3, colsample_bylevel=0.9,
        subsample=0.65,
    ),
    "xgboost h2o": _xgboost(
        max_depth=10, min_child_weight=5.0, subsample=0.6, colsample_bylevel=0.8, reg_alpha=0.1
    ),
    "catboost td": _variant(
        "catboost", {"depth": 7, "l2_leaf_reg": 1e-3, "subsample": 0.9}, learning_rate=1.2
    ),
    "extra_trees fine": _variant(
        "extra_trees", {}, min_rows_in_leaf=0.5, feature_fraction=1.6667
    ),
    "extra_trees smooth": _forest("extra_trees", 10, 0.75),
    "linear free": _linear(0.1),
    "linear mild": _linear(10.0),
    "linear scaled": _linear(1.0, scaling="standard"),
    "linear strict": _linear(100.0, scaling="standard"),
    "network small": _network(64, 1, 3e-3, 1.0, "quantile"),
    "histograms full": _variant(
        "histograms", {"feature_fraction": 1.0, "num_leaves": 31, "min_rows_in_leaf": 20}
    ),
    "support_vectors wide": _variant("support_vectors", {"cost": 10.0, "width": 0.3}),
}  # fmt: skip
"""By a name of its own; those of one word are the families' defaults."""
