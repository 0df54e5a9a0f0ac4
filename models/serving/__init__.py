"""Serving: load a saved ensemble and predict, with nothing of Perennial around it.

This package travels with every registered version (as `perennial_serving_<hash>`), so it imports
only what a version's requirements install. A saved ensemble is a directory:

    model.json                  problem, columns, members, weights, pooling, calibration, decision,
                                and SHA-256 of every other file
    member_<i>/encoder.skops    scikit-learn transformer from columns to a float matrix, if any
    member_<i>/booster.txt      LightGBM's own text format, or
    member_<i>/booster.ubj      XGBoost's own binary format, or
    member_<i>/booster.cbm      CatBoost's own binary format, or
    member_<i>/estimator.skops  a scikit-learn estimator

Loading checks every hash first and runs no code from the files: skops builds only the types in
`TRUSTED`, which is fixed here and not read from the artefact.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from .decision import call_name
from .ensemble import EnsembleModel, SavedProblem
from .errors import ServingError
from .member import FittedMember, predict_booster
from .rows import Kind, columns_of, conform
from .saved import (
    FORMAT,
    MANIFEST,
    load_ensemble,
    packages_of,
    read_manifest,
    render_manifest,
)
from .trust import TRUSTED, check_trusted

__all__ = [
    "FORMAT",
    "MANIFEST",
    "TRUSTED",
    "EnsembleModel",
    "FittedMember",
    "Kind",
    "PyfuncModel",
    "SavedProblem",
    "ServingError",
    "call_name",
    "check_trusted",
    "columns_of",
    "conform",
    "load_ensemble",
    "packages_of",
    "predict_booster",
    "read_manifest",
    "render_manifest",
]


class PyfuncModel:
    """What `mlflow.pyfunc` calls: rows in, predictions out.

    Binary: one column `prediction`, the probability of the second class. Multiclass: one column
    of probabilities per class, named by the class. Both with a column `decision`: the class that
    is called. Regression: one column `prediction`.
    """

    def __init__(self, ensemble: EnsembleModel) -> None:
        self.ensemble = ensemble

    def predict(self, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict rows given as a frame of the signature's columns."""
        values = self.ensemble.predict(model_input)
        names = (
            ["prediction"] if values.ndim == 1 else list(map(str, self.ensemble.problem.classes))
        )
        told = pd.DataFrame(values.reshape(len(values), -1), columns=names, index=model_input.index)
        if self.ensemble.problem.task != "regression":
            told[call_name(names)] = self.ensemble.name_calls(values)
        return told


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """Answer MLflow's `loader_module` convention."""
    return PyfuncModel(load_ensemble(Path(data_path)))
