"""Trust: the types that a saved model may hold."""

from skops import io as skops_io

from .errors import ServingError

TRUSTED = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list (scikit-learn's estimators, NumPy's arrays) that may be loaded:
arrays and tree nodes, which hold numbers and no code."""


def check_trusted(path: str, data: bytes) -> None:
    """Refuse skops data that holds a type outside skops' own list and `TRUSTED`."""
    refused = sorted(set(skops_io.get_untrusted_types(data=data)) - set(TRUSTED))
    if refused:
        raise ServingError(
            f"Expected only known types in {path}, got {', '.join(refused)}. "
            "Nothing was loaded from it."
        )
