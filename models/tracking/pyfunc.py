"""The MLflow model of a saved ensemble: signature, example, pinned requirements, serving code."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema

import models.serving
from features.fingerprint import fingerprint, fingerprint_file
from features.seals import seal
from models.serving import call_name, packages_of, read_manifest

DATA = "model"
"""Folder of the saved ensemble within the MLflow model's `data/`."""

N_EXAMPLE_ROWS = 5

_KINDS: Mapping[type, str] = {bool: "boolean", int: "long", str: "string"}
"""MLflow's types of the classes' names."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VersionContent:
    """What a version in the registry is made of.

    Attributes
    ----------
    name
        The registered model.
    key
        Names this version once and for all: registering the same key again gives the same
        version.
    model
        Directory written by `models.persistence.save_model`.
    example
        Rows with the model's columns; the first few are kept as the input example.
    tags
        Where it comes from: `perennial.snapshot`, `perennial.plan`, `feast.feature_service` …
    """

    name: str
    key: str
    model: Path
    example: pd.DataFrame
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


def write_pyfunc(content: VersionContent, path: Path, *, run_id: str, model_id: str) -> str:
    """Write the MLflow model to a directory, sealed and ready to be stored.

    It is loaded by its own copy of `models.serving`, whose module name ends in a hash of its
    code, so that versions with different serving code can be loaded in one process.

    Returns
    -------
    str
        SHA-256 of its seal, which names the hash of every file: code, example and signature too.
    """
    code = sorted(Path(models.serving.__file__).parent.glob("*.py"))
    digest = fingerprint({file.name: fingerprint_file(file) for file in code})[:8]
    module = f"perennial_serving_{digest}"
    sources = path.with_name(f"{path.name}_sources")
    (sources / module).mkdir(parents=True)
    for file in code:
        shutil.copy(file, sources / module)
    shutil.copytree(content.model, sources / DATA)
    manifest = read_manifest(content.model)
    mlflow.pyfunc.save_model(
        str(path),
        loader_module=module,
        data_path=str(sources / DATA),
        code_paths=[str(sources / module)],
        mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
        signature=signature_of(manifest),
        input_example=content.example.head(N_EXAMPLE_ROWS)[list(manifest["columns"])],
        pip_requirements=[f"{name}=={version(name)}" for name in packages_of(content.model)],
    )
    for cache in list(path.rglob("__pycache__")):
        shutil.rmtree(cache)
    return seal(path)


def signature_of(manifest: Mapping[str, Any]) -> ModelSignature:
    """Give the signature of a saved ensemble.

    Numeric columns are doubles and categorical ones strings, all optional: a missing value is
    NaN, None or JSON's null. Binary and regression models answer with one column `prediction`,
    multiclass ones with a column per class; the class that is called comes last, as what it is.
    """
    inputs = [
        ColSpec("double" if kind == "numeric" else "string", name, required=False)
        for name, kind in manifest["columns"].items()
    ]
    problem = manifest["problem"]
    classes = problem["classes"] or [0, 1]
    names = list(map(str, classes)) if problem["task"] == "multiclass" else ["prediction"]
    outputs = [ColSpec("double", name) for name in names]
    if problem["task"] != "regression":
        outputs.append(ColSpec(_KINDS[type(classes[0])], call_name(names)))
    return ModelSignature(Schema(inputs), Schema(outputs))
