"""Serving: load a saved ensemble and predict, with nothing of Perennial around it.

This package travels with every registered version (as `perennial_serving_<hash>`), so it imports
only what a version's requirements install. A saved ensemble is a directory:

    model.json                  problem, columns, members, weights, calibration, threshold, and
                                SHA-256 of every other file
    member_<i>/encoder.skops    scikit-learn transformer from columns to a float matrix, if any
    member_<i>/booster.txt      LightGBM's own text format, or
    member_<i>/booster.ubj      XGBoost's own binary format, or
    member_<i>/booster.cbm      CatBoost's own binary format, or
    member_<i>/estimator.skops  a scikit-learn estimator

Loading checks every hash first and runs no code from the files: skops builds only the types in
`TRUSTED`, which is fixed here and not read from the artefact.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import lightgbm
import numpy as np
import pandas as pd
from skops import io as skops_io

from .calibration import Calibration
from .formulas import Formula, with_formulas
from .native import NATIVE

REQUIREMENTS = ("lightgbm", "numpy", "pandas", "scikit-learn", "skops")
MANIFEST = "model.json"
FORMAT = 1

MAX_ENCODERS = 64
"""Encoders kept once they are loaded: skops takes some 30 ms for each, and an ensemble of six
trials on five folds has thirty, of which most are the same few."""

Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["numeric", "categorical"]

TRUSTED = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list (scikit-learn's estimators, NumPy's arrays) that may be loaded:
arrays and tree nodes, which hold numbers and no code."""


class ServingError(Exception):
    """A saved ensemble, or the rows to predict, are not what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedProblem:
    """The problem as `model.json` has it (`models.task.Problem` without its checks)."""

    task: Task
    metric: str
    classes: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedMember:
    """One fitted model: an encoder from columns to floats and an estimator on top.

    Attributes
    ----------
    encoder
        A fitted scikit-learn transformer; None when all columns are numeric and go in as is.
    estimator
        A `lightgbm.Booster`, a model of `native`, or a scikit-learn estimator fitted on class
        codes or values.
    output
        `probability` of the classes, or a regression's `value`.
    columns
        The columns the encoder takes, in its order.
    formulas
        Columns constructed of these, which the encoder takes after them.
    """

    family: str
    encoder: Any
    estimator: Any
    output: Literal["probability", "value"]
    columns: tuple[str, ...]
    formulas: tuple[Formula, ...] = ()

    def predict(self, X: pd.DataFrame, n_outputs: int | None = None) -> np.ndarray:
        """Predict: P(class 1) shape (n,), probabilities (n, n_classes), or values (n,).

        `n_outputs` is 1 or a multiclass problem's number of classes; by default what was fitted.
        """
        return self.predict_encoded(self.encode(X), n_outputs)

    def encode(self, X: pd.DataFrame) -> np.ndarray:
        """Turn rows into the matrix the estimator takes."""
        rows = with_formulas(X[list(self.columns)], self.formulas)
        encoded = rows.to_numpy(float) if self.encoder is None else self.encoder.transform(rows)
        return np.asarray(encoded)

    def predict_encoded(self, encoded: np.ndarray, n_outputs: int | None = None) -> np.ndarray:
        """Predict rows that the encoder has transformed already (a search keeps them)."""
        if self.output == "value" or isinstance(self.estimator, (lightgbm.Booster, *NATIVE)):
            return np.asarray(self.estimator.predict(encoded), dtype=float)
        probability = np.asarray(self.estimator.predict_proba(encoded), dtype=float)
        # NOTE: a fold may lack a class; the estimator then has fewer columns than the problem.
        codes = np.asarray(self.estimator.classes_).astype(int)
        width = max(n_outputs or 0, int(codes.max()) + 1, 2)
        full = np.zeros((len(probability), width))
        full[:, codes] = probability
        return full[:, 1] if width == 2 and n_outputs != 2 else full


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnsembleModel:
    """A weighted mean of members.

    Attributes
    ----------
    weights
        One per member; they add up to one.
    problem
        A `models.task.Problem`; where Perennial is not installed, a `SavedProblem`.
    columns
        `numeric` or `categorical` by column, in the order of the training matrix.
    calibration
        What the mean's probabilities become; None for what they are.
    threshold
        Above this probability the second of two classes is called.
    """

    members: tuple[FittedMember, ...]
    weights: tuple[float, ...]
    problem: Any
    columns: Mapping[str, Kind]
    calibration: Calibration | None = None
    threshold: float = 0.5

    @property
    def used_columns(self) -> frozenset[str]:
        """Name the columns that any member looks at."""
        return frozenset(name for member in self.members for name in member.columns)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict rows: P(class 1) shape (n,), probabilities (n, n_classes), or values (n,).

        Columns may come in any order, with others; missing values are NaN, None or `pd.NA`.

        Raises
        ------
        ServingError
            When a column is missing or holds what cannot be a number.
        """
        rows = conform(X, self.columns)
        n_outputs = len(self.problem.classes) if self.problem.task == "multiclass" else 1
        parts: dict[int, np.ndarray] = {}
        for numbers in self._by_encoder():
            encoded = self.members[numbers[0]].encode(rows)
            for number in numbers:
                predicted = self.members[number].predict_encoded(encoded, n_outputs)
                parts[number] = predicted * self.weights[number]
        # Added up in the members' order: the last bits do not depend on who shares an encoder.
        mean = np.asarray(sum(parts[number] for number in sorted(parts)), dtype=float)
        return mean if self.calibration is None else self.calibration.apply(mean)

    def call(self, chances: np.ndarray) -> np.ndarray:
        """Give the code of the class that is called, from what `predict` gave."""
        if chances.ndim == 2:
            return np.asarray(chances.argmax(axis=1))
        return (chances > self.threshold).astype(np.intp)

    def _by_encoder(self) -> Iterable[list[int]]:
        """Group members that share an encoder: fold models of several trials mostly do."""
        groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for number, member in enumerate(self.members):
            groups.setdefault((id(member.encoder), member.columns), []).append(number)
        return groups.values()


def columns_of(X: pd.DataFrame) -> dict[str, Kind]:
    """Tell each column's kind: numbers and booleans are numeric, others categorical."""
    return {
        str(name): "numeric" if pd.api.types.is_numeric_dtype(dtype) else "categorical"
        for name, dtype in X.dtypes.items()
    }


def conform(X: pd.DataFrame, columns: Mapping[str, Kind]) -> pd.DataFrame:
    """Bring rows into the shape the members were fitted on: floats, and str or None."""
    missing = [name for name in columns if name not in X.columns]
    if missing:
        shown = ", ".join(map(repr, missing[:5])) + (" …" if len(missing) > 5 else "")
        counted = f"Expected all {len(columns)} columns, {len(missing)} are missing: {shown}."
        raise ServingError(f"{counted} Give NaN or None where a value is unknown.")
    fixed = {
        name: _numbers(X[name]) if kind == "numeric" else _levels(X[name])
        for name, kind in columns.items()
    }
    return pd.DataFrame(fixed, index=X.index)


def _numbers(column: pd.Series) -> np.ndarray:
    try:
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ServingError(f"Expected numbers in column {column.name!r}: {error}.") from error


def _levels(column: pd.Series) -> np.ndarray:
    values = column.astype(object).to_numpy()
    known = ~pd.isna(values)
    levels = np.full(len(values), None, dtype=object)
    levels[known] = [str(value) for value in values[known]]
    return levels


def load_ensemble(directory: Path) -> EnsembleModel:
    """Load a saved ensemble after checking that every file is the one that was saved.

    Raises
    ------
    ServingError
        When a file is missing, was changed, or holds types that are not trusted.
    """
    manifest = read_manifest(directory)
    files = {name: _read(directory / name, sha) for name, sha in manifest["files"].items()}
    members = tuple(
        _build_member(f"member_{number}", described, files)
        for number, described in enumerate(manifest["members"])
    )
    classes = {"classes": tuple(manifest["problem"]["classes"])}
    calibration = manifest.get("calibration")
    return EnsembleModel(
        members=members,
        weights=tuple(manifest["weights"]),
        problem=SavedProblem(**(manifest["problem"] | classes)),
        columns=dict(manifest["columns"]),
        calibration=None if calibration is None else Calibration(**calibration),
        threshold=manifest.get("threshold", 0.5),
    )


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read `model.json` after checking it against its own hash."""
    path = directory / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
        manifest: dict[str, Any] = json.loads(text)
        intact = text == render_manifest(manifest["content"])
    except FileNotFoundError as error:
        raise ServingError(
            f"Expected {MANIFEST} in {directory}, found none: this is not a saved model."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _changed(path) from error
    if not intact:
        raise _changed(path)
    content: dict[str, Any] = manifest["content"]
    if content["format"] != FORMAT:
        raise ServingError(
            f"Expected a model of format {FORMAT}, got {content['format']!r} in {path}. "
            "Load it with the version of Perennial that saved it."
        )
    return content


def packages_of(directory: Path) -> list[str]:
    """Name what a saved ensemble needs: a booster's library only where a member is one."""
    files = {Path(name).name for name in read_manifest(directory)["files"]}
    return [*REQUIREMENTS, *(kind.PACKAGE for kind in NATIVE if kind.FILE in files)]


def render_manifest(content: Mapping[str, Any]) -> str:
    """Write `model.json`: the content beside the hash of its canonical text."""
    sha = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({"content": content, "sha256": sha}, indent=1)


def check_trusted(path: str, data: bytes) -> None:
    """Refuse skops data that holds a type outside skops' own list and `TRUSTED`."""
    refused = sorted(set(skops_io.get_untrusted_types(data=data)) - set(TRUSTED))
    if refused:
        raise ServingError(
            f"Expected only known types in {path}, got {', '.join(refused)}. "
            "Nothing was loaded from it."
        )


def _changed(path: Path) -> ServingError:
    return ServingError(
        f"Expected {path} as it was saved, but its hash differs: the file was changed or cut "
        "off. Nothing was loaded from it; fetch the model again or go back to another version."
    )


def _read(path: Path, expected: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ServingError(f"Expected {path} in the saved model, found none.") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise _changed(path)
    return data


def _build_member(
    name: str, described: Mapping[str, Any], files: Mapping[str, bytes]
) -> FittedMember:
    encoder = f"{name}/encoder.skops"
    return FittedMember(
        family=described["family"],
        encoder=_build_encoder(encoder, files[encoder]) if encoder in files else None,
        estimator=_build_estimator(name, files),
        output=described["output"],
        columns=tuple(described["columns"]),
        formulas=tuple(Formula(**given) for given in described.get("formulas", ())),
    )


def _build_estimator(name: str, files: Mapping[str, bytes]) -> Any:
    if f"{name}/booster.txt" in files:
        return lightgbm.Booster(model_str=files[f"{name}/booster.txt"].decode("utf-8"))
    for kind in NATIVE:
        if f"{name}/{kind.FILE}" in files:
            return kind.load(files[f"{name}/{kind.FILE}"])
    return _from_skops(f"{name}/estimator.skops", files[f"{name}/estimator.skops"])


def _build_encoder(name: str, data: bytes) -> Any:
    """Load an encoder, once for all members that were saved with the same one."""
    return _load_once(_Stored(sha256=hashlib.sha256(data).hexdigest(), name=name, data=data))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """An encoder's file, known by its content."""

    sha256: str
    name: str = field(compare=False)
    data: bytes = field(compare=False)


@lru_cache(maxsize=MAX_ENCODERS)
def _load_once(stored: _Stored) -> Any:
    return _from_skops(stored.name, stored.data)


def _from_skops(name: str, data: bytes) -> Any:
    check_trusted(name, data)
    return skops_io.loads(data, trusted=list(TRUSTED))


class PyfuncModel:
    """What `mlflow.pyfunc` calls: rows in, predictions out.

    Binary: one column `prediction`, the probability of the second class. Multiclass: one column
    of probabilities per class, named by the class. Regression: one column `prediction`.
    """

    def __init__(self, ensemble: EnsembleModel) -> None:
        self.ensemble = ensemble

    def predict(self, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Predict rows given as a frame of the signature's columns."""
        values = self.ensemble.predict(model_input)
        names = (
            ["prediction"] if values.ndim == 1 else list(map(str, self.ensemble.problem.classes))
        )
        return pd.DataFrame(values.reshape(len(values), -1), columns=names, index=model_input.index)


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """Answer MLflow's `loader_module` convention."""
    return PyfuncModel(load_ensemble(Path(data_path)))
