"""Boosters of XGBoost and CatBoost: one way to predict, and a file in each library's own format.

Neither is imported before a model of its kind is fitted, loaded or asked: an installation, and
the requirements of a version, have a library only where a member needs it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class XGBoostModel:
    """An `xgboost.Booster` that takes codes of levels as the `ordinal` encoding gives them."""

    FILE: ClassVar = "booster.ubj"
    # NOTE: no wheel of xgboost-cpu exists for macOS, where the plain one has no CUDA library.
    PACKAGE: ClassVar = "xgboost" if sys.platform == "darwin" else "xgboost-cpu"

    booster: Any

    def predict(self, encoded: np.ndarray) -> np.ndarray:
        """Predict P(class 1) shape (n,), probabilities (n, n_classes), or values (n,)."""
        types = self.booster.feature_types or ()
        categorical = [position for position, kind in enumerate(types) if kind == "c"]
        rows = known_levels(encoded, categorical)
        return np.asarray(self.booster.inplace_predict(rows), dtype=float)

    def save(self, directory: Path) -> None:
        """Write the booster as universal binary JSON."""
        (directory / self.FILE).write_bytes(self.booster.save_raw("ubj"))

    @classmethod
    def load(cls, data: bytes) -> "XGBoostModel":
        """Read what `save` wrote; it answers from one thread, which suits small batches."""
        import xgboost

        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(bytearray(data))
        return cls(booster)


def known_levels(encoded: np.ndarray, categorical: list[int]) -> np.ndarray:
    """Make levels never seen (negative codes) missing: XGBoost knows no other way."""
    rows = np.array(encoded, dtype=np.float32)
    if categorical:
        codes = rows[:, categorical]
        rows[:, categorical] = np.where(codes < 0, np.nan, codes)
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class CatBoostModel:
    """A `catboost.CatBoost` that takes codes of levels as the `ordinal` encoding gives them."""

    FILE: ClassVar = "booster.cbm"
    PACKAGE: ClassVar = "catboost"

    booster: Any

    def predict(self, encoded: np.ndarray) -> np.ndarray:
        """Predict P(class 1) shape (n,), probabilities (n, n_classes), or values (n,)."""
        rows = with_whole_levels(encoded, self.booster.get_cat_feature_indices())
        losses = {"Logloss": "Probability", "MultiClass": "Probability"}
        loss = self.booster.get_all_params()["loss_function"]
        kind = losses.get(loss, "RawFormulaVal")
        values = np.asarray(
            self.booster.predict(rows, prediction_type=kind, thread_count=1), dtype=float
        )
        return values[:, 1] if loss == "Logloss" else values

    def save(self, directory: Path) -> None:
        """Write the booster in CatBoost's binary format."""
        self.booster.save_model(str(directory / self.FILE), format="cbm")

    @classmethod
    def load(cls, data: bytes) -> "CatBoostModel":
        """Read what `save` wrote."""
        from catboost import CatBoost

        return cls(CatBoost().load_model(blob=data))


def with_whole_levels(encoded: np.ndarray, categorical: list[int]) -> pd.DataFrame:
    """Give rows whose codes of levels are whole numbers, as CatBoost wants its categories."""
    rows = pd.DataFrame(np.asarray(encoded, dtype=np.float32))
    return rows.astype(dict.fromkeys(categorical, int))


NATIVE: tuple[type[XGBoostModel] | type[CatBoostModel], ...] = (XGBoostModel, CatBoostModel)
