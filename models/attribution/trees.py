"""Trees: exact Shapley values of boosted trees on their own scale, by the libraries themselves.

LightGBM, XGBoost and CatBoost each give the contributions of every encoded column to the log odds
(a regression: the value) of every row, and what is expected without any column.

References
----------
Lundberg et al.: From local explanations to global understanding with explainable AI for trees
(Nature Machine Intelligence 2020), "path-dependent" TreeSHAP.
"""

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np

from models.serving import FittedMember
from models.serving.native import CatBoostModel, XGBoostModel, known_levels, with_whole_levels


def columns_behind(member: FittedMember) -> list[str] | None:
    """Name the column behind each encoded one; None where that is not one to one."""
    named = [*member.columns, *(formula.name for formula in member.formulas)]
    if member.encoder is None:
        return named
    behind: dict[int, str] = {}
    places: Mapping[str, slice] = getattr(member.encoder, "output_indices_", {})
    for name, _, columns in getattr(member.encoder, "transformers_", ()):
        taken = range(places[name].start, places[name].stop)
        given = list(columns) if len(taken) else []
        if len(given) != len(taken) or not all(isinstance(each, str) for each in given):
            return None
        behind |= dict(zip(taken, map(str, given), strict=True))
    return [behind[place] for place in sorted(behind)] or None


def has_contributions(member: FittedMember) -> bool:
    """Say whether a member is of trees whose library gives Shapley values."""
    boosted = (lightgbm.Booster, XGBoostModel, CatBoostModel)
    return isinstance(member.estimator, boosted) and columns_behind(member) is not None


def contributions(member: FittedMember, encoded: np.ndarray) -> np.ndarray:
    """Give `(n_rows, n_encoded + 1)` contributions, what is expected last; they add up.

    NOTE: on one thread each: with others on the cores, OpenMP's threads wait for one another.
    """
    estimator: Any = member.estimator
    if isinstance(estimator, lightgbm.Booster):
        found = estimator.predict(encoded, pred_contrib=True, num_threads=1)
    elif isinstance(estimator, XGBoostModel):
        found = _of_xgboost(estimator.booster, encoded)
    else:
        found = _of_catboost(estimator.booster, encoded)
    return np.asarray(found, dtype=float)


def _of_xgboost(booster: Any, encoded: np.ndarray) -> Any:
    import xgboost

    types = list(booster.feature_types or ())
    categorical = [position for position, kind in enumerate(types) if kind == "c"]
    rows = xgboost.DMatrix(
        known_levels(encoded, categorical),
        feature_types=types or None,
        enable_categorical=True,
        nthread=1,
    )
    return booster.predict(rows, pred_contribs=True, validate_features=False)


def _of_catboost(booster: Any, encoded: np.ndarray) -> Any:
    from catboost import Pool

    categorical = booster.get_cat_feature_indices()
    rows = Pool(with_whole_levels(encoded, categorical), cat_features=categorical)
    return booster.get_feature_importance(rows, type="ShapValues", thread_count=1)
