"""Persistence: an ensemble on disk without pickle, whole or not at all, checked when it is read.

The layout and the reading half are in `models.serving`, which travels with every version.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import lightgbm
import numpy as np
import pandas as pd
from skops import io as skops_io

from features.durable import creating_directory, write_text
from features.fingerprint import fingerprint_file
from models.errors import ModelError
from models.metrics import metrics_of
from models.serving import (
    FORMAT,
    MANIFEST,
    EnsembleModel,
    FittedMember,
    ServingError,
    check_trusted,
    load_ensemble,
    render_manifest,
)
from models.serving.decision import HALF
from models.serving.native import NATIVE
from models.task import Problem

_DUMPS: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()


class PersistenceError(ModelError):
    """A model cannot be saved, or what was saved cannot be trusted."""


def save_model(model: EnsembleModel, directory: Path) -> str:
    """Write a model as a directory; afterwards `load_model` predicts the same to the last bit.

    Parameters
    ----------
    directory
        Made whole or not at all; must not exist, unless it holds this very model.

    Returns
    -------
    str
        The model's fingerprint: SHA-256 of its `model.json`, which names every file's hash.

    Raises
    ------
    PersistenceError
        When a member holds types that a loader would refuse, when weights and members do not
        fit, or when the directory holds something else.
    """
    _check(model)
    with creating_directory(directory) as fresh:
        described = [
            _write_member(member, fresh / f"member_{number}")
            for number, member in enumerate(model.members)
        ]
        files = {
            path.relative_to(fresh).as_posix(): fingerprint_file(path)
            for path in sorted(fresh.rglob("*"))
            if path.is_file()
        }
        content = _describe(model) | {"members": described, "files": files}
        write_text(fresh / MANIFEST, render_manifest(content))
        fingerprint = fingerprint_file(fresh / MANIFEST)
    if fingerprint_of(directory) != fingerprint:
        raise PersistenceError(
            f"Expected no other model in {directory}, found one. Save under another name."
        )
    return fingerprint


def load_model(directory: Path, *, fingerprint: str | None = None) -> EnsembleModel:
    """Load a model; every hash is checked first and no code from the files is run.

    Parameters
    ----------
    fingerprint
        What `save_model` returned, when it is known from elsewhere (a version's tag): then a
        model that was replaced as a whole is refused too.

    Raises
    ------
    PersistenceError
        When a file is missing, was changed, or holds types that are not trusted.
    """
    if fingerprint is not None and fingerprint_of(directory) != fingerprint:
        raise PersistenceError(
            f"Expected model {fingerprint[:12]} in {directory}, got "
            f"{fingerprint_of(directory)[:12]}: it is not the one that was registered."
        )
    try:
        model = load_ensemble(directory)
    except ServingError as error:
        raise PersistenceError(str(error)) from error
    saved = model.problem
    if saved.metric not in metrics_of(saved.task):
        return model  # a metric of the caller's own is not stored
    problem = Problem(task=saved.task, metric=saved.metric, classes=saved.classes)
    return replace(model, problem=problem)


def predict(model: EnsembleModel, X: pd.DataFrame) -> np.ndarray:
    """Predict rows as `EnsembleModel.predict` does, refusing bad ones with an error of ours.

    Raises
    ------
    PersistenceError
        When a column is missing or holds what cannot be a number.
    """
    try:
        return model.predict(X)
    except ServingError as error:
        raise PersistenceError(str(error)) from error


def fingerprint_of(directory: Path) -> str:
    """Give the fingerprint of a saved model (SHA-256 of its `model.json`)."""
    try:
        return fingerprint_file(directory / MANIFEST)
    except OSError as error:
        raise PersistenceError(
            f"Expected {MANIFEST} in {directory}, found none: this is not a saved model."
        ) from error


def _check(model: EnsembleModel) -> None:
    if not model.members or len(model.members) != len(model.weights):
        raise PersistenceError(
            f"Expected one weight per member and at least one member, got {len(model.members)} "
            f"members and {len(model.weights)} weights."
        )
    if not np.isfinite(model.weights).all():
        raise PersistenceError(f"Expected finite weights, got {model.weights!r}.")


def _describe(model: EnsembleModel) -> dict[str, Any]:
    problem = model.problem
    finish: dict[str, Any] = {}
    if model.pooling != "mean":
        finish["pooling"] = model.pooling
    if model.calibration is not None:
        finish["calibration"] = asdict(model.calibration)
    if model.decision.threshold != HALF:
        finish["threshold"] = float(model.decision.threshold)
    if model.decision.factors:
        finish["factors"] = list(model.decision.factors)
    return finish | {
        "format": FORMAT,
        "problem": {
            "task": problem.task,
            "metric": problem.metric,
            "classes": [_plain(label) for label in problem.classes],
        },
        "columns": dict(model.columns),
        "weights": [float(weight) for weight in model.weights],
    }


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _write_member(member: FittedMember, directory: Path) -> Mapping[str, Any]:
    directory.mkdir()
    if member.encoder is not None:
        (directory / "encoder.skops").write_bytes(_dump_once(member.encoder))
    if isinstance(member.estimator, lightgbm.Booster):
        text = member.estimator.model_to_string()
        (directory / "booster.txt").write_text(text, encoding="utf-8")
    elif isinstance(member.estimator, NATIVE):
        member.estimator.save(directory)
    else:
        data = _dump(member.estimator, "estimator.skops")
        (directory / "estimator.skops").write_bytes(data)
    described: dict[str, Any] = {
        "family": member.family,
        "output": member.output,
        "columns": list(member.columns),
    }
    if member.matrix is not None:
        described["matrix"] = member.matrix.tolist()
    return described | {"formulas": [formula.to_dict() for formula in member.formulas]}


def _dump_once(encoder: Any) -> bytes:
    """Give an encoder's file, the same bytes whenever it is saved with another estimator."""
    if encoder not in _DUMPS:
        _DUMPS[encoder] = _dump(encoder, "encoder.skops")
    return _DUMPS[encoder]


def _dump(fitted: Any, name: str) -> bytes:
    data: bytes = skops_io.dumps(fitted)
    try:
        check_trusted(f"{type(fitted).__name__} ({name})", data)
    except ServingError as error:
        raise PersistenceError(str(error)) from error
    return data
