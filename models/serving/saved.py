"""Saved: the files of an ensemble, read after their hashes were checked."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from skops import io as skops_io

from .calibration import read_calibration
from .decision import HALF, Decision
from .ensemble import EnsembleModel, SavedProblem
from .errors import ServingError
from .formulas import Formula
from .member import FittedMember
from .native import NATIVE
from .trust import TRUSTED, check_trusted

REQUIREMENTS = ("lightgbm", "numpy", "pandas", "scikit-learn", "skops")
"""scikit-learn brings threadpoolctl."""
MANIFEST = "model.json"
FORMAT = 1

MAX_ENCODERS = 64
"""Encoders kept once they are loaded: skops takes some 30 ms for each, and an ensemble of six
trials on five folds has thirty, of which most are the same few."""


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
    return EnsembleModel(
        members=members,
        weights=tuple(manifest["weights"]),
        problem=SavedProblem(**(manifest["problem"] | classes)),
        columns=dict(manifest["columns"]),
        pooling=manifest.get("pooling", "mean"),
        calibration=read_calibration(manifest.get("calibration")),
        decision=Decision(
            threshold=manifest.get("threshold", HALF), factors=tuple(manifest.get("factors", ()))
        ),
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
        matrix=np.array(described["matrix"]) if "matrix" in described else None,
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
