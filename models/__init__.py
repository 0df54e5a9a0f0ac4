"""From a feature matrix to a registered model version: search, ensemble, gates, tracking.

`AutoMLClassifier` and `AutoMLRegressor` are loaded when they are first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.estimators import AutoMLClassifier, AutoMLRegressor

__all__ = ["AutoMLClassifier", "AutoMLRegressor"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("models.estimators"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
