"""A collection: what every variant of a pool predicts on every development dataset.

One folder per dataset: `rows.npz` (labels of the validation blocks and of the sealed rows),
`about.json` (problem, shape, meta-features) and one file per variant, so that collecting goes on
where it stopped. Costs are processor seconds of this process: other work does not count.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.stats import skew

from benchmarks.search.sources import Sample, sample
from models.dataset import Dataset
from models.ensemble import OutOfFold
from models.families import FAMILIES
from models.families.family import Shape
from models.persistence import load_model
from models.sharing import SearchRows
from models.splits import make_folds
from models.task import Problem
from models.trial import Bench, TrialRequest
from models.variants import Variant

MAX_SECONDS = 6.0
"""Of processor time per trial: what can stop early does then."""

N_FOLDS = 3
CELLS_PER_ROW = 60
"""Of rows times columns times outputs: wide tables and those of many classes get fewer rows."""


@dataclass(frozen=True)
class Tried:
    """What one variant did.

    Attributes
    ----------
    seconds
        Processor seconds of all folds.
    validated, sealed
        Predictions of the validation blocks, in the folds' order, and of the sealed rows.
    """

    seconds: float
    validated: np.ndarray
    sealed: np.ndarray


@dataclass(frozen=True)
class Table:
    """All that was collected on one dataset."""

    name: str
    problem: Problem
    shape: Shape
    features: Mapping[str, float]
    rows: OutOfFold
    sealed_rows: OutOfFold
    tried: Mapping[str, Tried]

    @cached_property
    def losses(self) -> dict[str, float]:
        """Loss of each variant on the sealed rows; less is better."""
        return {name: self.sealed_loss(one.sealed) for name, one in self.tried.items()}

    def sealed_loss(self, prediction: np.ndarray) -> float:
        """Give the loss on the sealed rows."""
        metric = self.problem.scoring
        return -metric.gain(self.sealed_rows.score(metric, prediction))

    def validated_loss(self, prediction: np.ndarray) -> float:
        """Give the loss on the validation blocks."""
        metric = self.problem.scoring
        return -metric.gain(self.rows.score(metric, prediction))


def collect(data: Path, name: str, pool: Mapping[str, Variant], folder: Path, max_rows: int) -> int:
    """Train what is missing of a pool on one dataset; count what was trained."""
    own = folder / name
    missing = [label for label, one in pool.items() if not _is_done(own, label, one)]
    if not missing:
        return 0
    drawn = sample(data, name, max_rows=max_rows, max_cells=CELLS_PER_ROW * max_rows)
    folds = make_folds(drawn.searched, N_FOLDS)
    rows = SearchRows(
        X=drawn.searched.X, y=drawn.searched.y, folds=folds, problem=drawn.problem, bagged=True
    )
    bench, n_trained = Bench(rows, FAMILIES), 0
    own.mkdir(parents=True, exist_ok=True)
    _describe(own, drawn, rows.out_of_fold)
    for label in missing:
        n_trained += _collect_one(bench, drawn.sealed, own, (label, pool[label]))
    return n_trained


def _is_done(own: Path, label: str, variant: Variant) -> bool:
    return variant.family not in FAMILIES or (own / f"{label}.npz").exists()


def _collect_one(bench: Bench, sealed: Dataset, own: Path, labelled: tuple[str, Variant]) -> bool:
    label, variant = labelled
    problem, shape = bench.rows.problem, bench.shape
    defaults = FAMILIES[variant.family].portfolio(problem, shape)
    if not defaults:
        return False
    space = FAMILIES[variant.family].space(problem, shape)
    candidate = variant.candidate(defaults[0], space)
    with tempfile.TemporaryDirectory() as scratch:
        oof, model = Path(scratch) / "oof.npy", Path(scratch) / "model"
        request = TrialRequest(
            candidate=candidate, seed=0, n_threads=1, seconds=MAX_SECONDS, oof=oof, model=model
        )
        start = time.process_time()
        try:
            # What else the machine does must not decide when boosting stops.
            with patch.object(time, "monotonic", time.process_time):
                result = bench.evaluate(request)
        except Exception as error:
            print(f"{own.name}: {label} failed: {error}", flush=True)
            return False
        seconds = time.process_time() - start
        predicted = load_model(model).predict(sealed.X)
        np.savez_compressed(
            own / f"{label}.tmp.npz",
            validated=np.load(oof).astype(np.float32),
            sealed=predicted.astype(np.float32),
            seconds=seconds,
            n_rounds=np.array(result.n_rounds),
        )
        (own / f"{label}.tmp.npz").rename(own / f"{label}.npz")
    return True


def _describe(own: Path, drawn: Sample, rows: OutOfFold) -> None:
    shape = Shape.of(drawn.searched.X)
    about = {
        "problem": drawn.problem.to_dict(),
        "shape": asdict(shape),
        "features": describe(drawn.searched, drawn.problem),
    }
    path = own / "about.json"
    if path.exists() and json.loads(path.read_text())["shape"] != about["shape"]:
        raise SystemExit(f"Expected the --rows that {own} was collected with, got others.")
    path.write_text(json.dumps(about, indent=1))
    np.savez_compressed(
        own / "rows.npz", y=rows.y, sizes=np.array(rows.sizes), sealed=drawn.sealed.y
    )


def describe(data: Dataset, problem: Problem) -> dict[str, float]:
    """Give the meta-features: few, cheap, and not moved by a handful of rows."""
    X, y = data.X, data.y
    is_level = [not pd.api.types.is_float_dtype(dtype) for dtype in X.dtypes]
    if problem.is_classification:
        unevenness = float(np.bincount(y.astype(int)).max() / len(y))
    else:
        unevenness = float(np.tanh(skew(y) / 3))
    return {
        "rows": float(np.log10(len(X))),
        "columns": float(np.log10(X.shape[1])),
        "levels": float(np.mean(is_level)),
        "missing": float(X.isna().to_numpy().mean()),
        "outputs": float(np.log10(problem.n_outputs)),
        "unevenness": unevenness,
    }


def load_tables(folder: Path, *, least: int = 1) -> list[Table]:
    """Read every dataset of which at least so many variants were collected."""
    found = [_load(path.parent) for path in sorted(folder.glob("*/about.json"))]
    return [table for table in found if len(table.tried) >= least]


def _load(own: Path) -> Table:
    about = json.loads((own / "about.json").read_text())
    rows, given = np.load(own / "rows.npz"), about["problem"]
    tried = {}
    for path in sorted(own.glob("*.npz")):
        if path.stem == "rows" or path.stem.endswith(".tmp"):
            continue
        with np.load(path) as one:
            tried[path.stem] = Tried(
                seconds=float(one["seconds"]),
                validated=one["validated"].astype(float),
                sealed=one["sealed"].astype(float),
            )
    return Table(
        name=own.name,
        problem=Problem(
            task=given["task"], metric=given["metric"], classes=tuple(given["classes"])
        ),
        shape=Shape(**about["shape"]),
        features=about["features"],
        rows=OutOfFold(y=rows["y"], sizes=tuple(rows["sizes"].tolist())),
        sealed_rows=OutOfFold(y=rows["sealed"], sizes=(len(rows["sealed"]),)),
        tried=tried,
    )
